"""A trace as Chrome's trace events, which Perfetto (ui.perfetto.dev) and chrome://tracing open.

Two groups of rows: `tasks` with the states they went through, and `chefs`, the threads, with what
they polled. Arrows lead from the step that woke a task to its next one. Times are microseconds.
"""

import json
from bisect import bisect_right
from collections.abc import Iterator
from typing import Any

from helpers.task import LaneKind, Task, TaskState

# A group of rows is a process to Perfetto. A process has a first thread of the same number, so a
# group bears the number of its first row.
_TASKS = 1
_Event = dict[str, Any]
_Row = tuple[int, int]  # the numbers of its group and of itself
_Poll = tuple[int, int]  # when a step is drawn, from and to, in nanoseconds


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
        for step, poll in zip(lane.steps, polls[lane.id], strict=True):
            if lane.kind is not LaneKind.BRANCH:
                yield _slice(lane.name, chefs[step.thread], poll, {"task": lane.id})
    yield from _arrows(trace, rows, polls)
    for lane in trace.lanes:
        # How it ended; also what shows a row at all where a task was dropped without a poll.
        yield _event("i", lane.outcome, rows[lane.id], ts=_nanos(lane.end) / 1000, s="t")
    for mark in trace.marks:
        row = rows.get(mark.task, (_TASKS, _TASKS))
        yield _event("i", mark.text, row, ts=_nanos(mark.time) / 1000, s="t")


def _polls(trace: Any) -> dict[int, list[_Poll]]:
    """When each lane's steps are drawn.

    A step takes a nanosecond at least, else it would not be seen and no arrow could bind to it, and
    steps of one instant begin one after the other.
    """
    polls: dict[int, list[_Poll]] = {lane.id: [] for lane in trace.lanes}
    last: dict[str, int] = {}  # when a thread's last step began
    for number, n in trace.steps_in_order:
        step = trace.by_id[number].steps[n]
        start = max(_nanos(step.start), last.get(step.thread, -1) + 1)
        polls[number].append((start, max(_nanos(step.end), start + 1)))
        last[step.thread] = start
    return polls


def _states(trace: Any, lane: Task, row: _Row, polls: list[_Poll]) -> Iterator[_Event]:
    """The stretches that a lane spent in one state, with who woke it for its next step."""
    at, done = _nanos(lane.spawned), 0
    for span in lane.spans:
        args: _Event = {"task": lane.id}
        if span.state is not TaskState.IDLE and done < len(polls):
            args["woken by"] = trace.name_of(lane.steps[done].woken_by)
        if span.state is TaskState.RUNNING:
            args["chef"] = span.thread
            at, until = polls[done]
            done += 1
        else:
            until = _nanos(span.end)
        if until > at:
            yield _slice(span.state, row, (at, until), args)
            at = until


def _arrows(trace: Any, rows: dict[int, _Row], polls: dict[int, list[_Poll]]) -> Iterator[_Event]:
    """From each step that woke a lane to the lane's next step, where the waker is known."""
    woken = (
        (step, lane, poll)
        for lane in trace.lanes
        for step, poll in zip(lane.steps, polls[lane.id], strict=True)
        if step.woken_by in rows
    )
    for number, (step, lane, poll) in enumerate(woken):
        waker = trace.by_id[step.woken_by]
        n = bisect_right(waker.steps, step.ready, key=lambda one: one.start) - 1
        if n >= 0 and step.ready <= waker.steps[n].end and polls[waker.id][n] < poll:
            more = {"id": number, "cat": "wake"}
            yield _event("s", "wake", rows[waker.id], ts=polls[waker.id][n][0] / 1000, **more)
            yield _event("f", "wake", rows[lane.id], ts=poll[0] / 1000, bp="e", **more)


def _slice(name: str, row: _Row, drawn: _Poll, args: _Event) -> _Event:
    start, end = drawn
    return _event("X", name, row, ts=start / 1000, dur=(end - start) / 1000, args=args)


def _event(phase: str, name: str, row: _Row, **more: Any) -> _Event:
    return {"ph": phase, "name": name, "pid": row[0], "tid": row[1], **more}


def _nanos(seconds: float) -> int:
    return round(seconds * 1e9)
