"""A trace as Chrome's trace events, which Perfetto (ui.perfetto.dev) and chrome://tracing open.

Two groups of rows: `tasks` with the states they went through, and `chefs`, the threads, with what
they polled. Arrows lead from the step that woke a task to its next one. Times are microseconds.
"""

import json
from bisect import bisect_right
from collections.abc import Iterator
from typing import Any

from helpers.task import LaneKind, Step, Task, TaskState, Waker

# A group of rows is a process to Perfetto. A process has a first thread of the same number, so a
# group bears the number of its first row.
_TASKS = 1
_Event = dict[str, Any]
_Row = tuple[int, int]  # the numbers of its group and of itself
_Poll = tuple[int, int, Step]  # when a step is drawn, from and to, in nanoseconds
_Polls = dict[Waker, list[_Poll]]


def text(trace: Any) -> str:
    """A `Trace` as one JSON object; `helpers.trace` imports this module, so it is Any here."""
    about = {key: str(value) for key, value in trace.about.items()}
    about |= {"source": trace.source, "clock": trace.clock, "unit": trace.unit}
    whole = {"traceEvents": list(_events(trace)), "displayTimeUnit": "ms", "otherData": about}
    return json.dumps(whole, separators=(",", ":"), allow_nan=False)


def _events(trace: Any) -> Iterator[_Event]:
    """Names first, then slices, then what binds to slices: arrows and instants."""
    polls = _polls(trace)
    rows = {lane.id: (_TASKS, n) for n, lane in enumerate(trace.lanes, _TASKS)}
    group = _TASKS + len(rows)
    chefs = {thread: (group, n) for n, thread in enumerate(trace.threads(), group)}
    for name, first in (("tasks", _TASKS), ("chefs", group)):
        yield _event("M", "process_name", (first, first), args={"name": name})
    names = [(rows[lane.id], lane.name) for lane in trace.lanes]
    for row, name in [*names, *((row, thread) for thread, row in chefs.items())]:
        yield _event("M", "thread_name", row, args={"name": name})
    for lane in trace.lanes:
        yield from _states(trace, lane, rows[lane.id], polls[lane.id])
        # A branch is polled inside its parent's step, which is on the chef's row already.
        for start, end, step in polls[lane.id] if lane.kind is not LaneKind.BRANCH else ():
            more = {"dur": (end - start) / 1000, "args": {"task": lane.id}}
            yield _event("X", lane.name, chefs[step.thread], start, **more)
    yield from _arrows(trace, rows, polls)
    # How each ended; also what shows a row at all where a task was dropped without a poll.
    instants = [(lane.end, lane.outcome, rows[lane.id]) for lane in trace.lanes]
    instants += [(time, text, rows.get(of, (_TASKS, _TASKS))) for time, of, text in trace.marks]
    for time, name, row in instants:
        yield _event("i", name, row, _nanos(time), s="t")


def _polls(trace: Any) -> _Polls:
    # A step takes a nanosecond at least, else it would not be seen and no arrow could bind to it,
    # and steps of one instant begin one after the other.
    polls: _Polls = {lane.id: [] for lane in trace.lanes}
    last: dict[str, int] = {}  # when a thread's last step began
    for number, n in trace.steps_in_order:
        step = trace.by_id[number].steps[n]
        last[step.thread] = start = max(_nanos(step.start), last.get(step.thread, -1) + 1)
        polls[number].append((start, max(_nanos(step.end), start + 1), step))
    return polls


def _states(trace: Any, lane: Task, row: _Row, polls: list[_Poll]) -> Iterator[_Event]:
    """The stretches that a lane spent in one state, with who woke it for its next step."""
    at, done = _nanos(lane.spawned), 0
    for span in lane.spans:
        args: _Event = {"task": lane.id}
        if span.state is not TaskState.IDLE and done < len(polls):
            args["woken by"] = trace.name_of(lane.steps[done].woken_by)
        until = _nanos(span.end)
        if span.state is TaskState.RUNNING:
            args["chef"] = span.thread
            at, until, _ = polls[done]
            done += 1
        if until > at:
            yield _event("X", span.state, row, at, dur=(until - at) / 1000, args=args)
            at = until


def _arrows(trace: Any, rows: dict[Waker, _Row], polls: _Polls) -> Iterator[_Event]:
    """From each step that woke a lane to the lane's next step, where the waker is known."""
    steps = ((lane, *poll) for lane in trace.lanes for poll in polls[lane.id])
    for number, (lane, start, end, step) in enumerate(steps):
        waker = polls.get(step.woken_by, [])
        n = bisect_right(waker, step.ready, key=lambda poll: poll[2].start) - 1
        if n >= 0 and step.ready <= waker[n][2].end and waker[n][:2] < (start, end):
            more = {"id": number, "cat": "wake"}
            yield _event("s", "wake", rows[step.woken_by], waker[n][0], **more)
            yield _event("f", "wake", rows[lane.id], start, bp="e", **more)


def _event(phase: str, name: str, row: _Row, at: int | None = None, **more: Any) -> _Event:
    time = {} if at is None else {"ts": at / 1000}
    return {"ph": phase, "name": name, "pid": row[0], "tid": row[1], **time, **more}


def _nanos(seconds: float) -> int:
    return round(seconds * 1e9)
