"""A trace as Chrome's trace events, which Perfetto (ui.perfetto.dev) and chrome://tracing open.

A row a lane with the states it went through; a step says which chef took it. Arrows lead from the
step that woke a task to its next one. Times are microseconds.
"""

import json
from bisect import bisect_right
from collections.abc import Iterator
from typing import Any

from helpers.task import Step, Task, TaskState, Waker

_Event = dict[str, Any]
_Rows = dict[Waker, int]  # the numbers of the lanes' rows, from 1
_Poll = tuple[int, int, Step]  # when a step is drawn, from and to, in nanoseconds
_Polls = dict[Waker, list[_Poll]]


def text(trace: Any) -> str:
    """A `Trace` as one JSON object; `helpers.trace` imports this module, so it is Any here."""
    about = {key: str(value) for key, value in trace.about.items()}
    about |= {"source": trace.source, "clock": trace.clock, "unit": trace.unit}
    whole = {"traceEvents": list(_events(trace)), "displayTimeUnit": "ms", "otherData": about}
    return json.dumps(whole, separators=(",", ":"), allow_nan=False)


def _events(trace: Any) -> Iterator[_Event]:
    """Names and slices, then what binds to slices: arrows and instants."""
    polls = _polls(trace)
    rows: _Rows = {lane.id: n for n, lane in enumerate(trace.lanes, 1)}
    for lane in trace.lanes:
        yield _event("M", "thread_name", rows[lane.id], args={"name": lane.name})
        yield from _states(trace, lane, rows[lane.id], polls[lane.id])
    yield from _arrows(trace, rows, polls)
    # How each ended; also what shows a row at all where a task was dropped without a poll.
    instants = [(lane.end, lane.outcome, rows[lane.id]) for lane in trace.lanes]
    instants += [(time, text, rows.get(of, 1)) for time, of, text in trace.marks]
    for time, name, row in instants:
        yield _event("i", name, row, ts=_nanos(time) / 1000, s="t")


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


def _states(trace: Any, lane: Task, row: int, polls: list[_Poll]) -> Iterator[_Event]:
    """The stretches that a lane spent in one state, with who woke it before or at their end."""
    at, left = _nanos(lane.spawned), iter(polls)
    for span in lane.spans:
        until, args = _nanos(span.end), {"task": lane.id, "woken by": trace.name_of(span.woken_by)}
        if span.state is TaskState.RUNNING:
            args["chef"] = span.thread
            at, until, _ = next(left)
        if until > at:
            yield _event("X", span.state, row, ts=at / 1000, dur=(until - at) / 1000, args=args)
            at = until


def _arrows(trace: Any, rows: _Rows, polls: _Polls) -> Iterator[_Event]:
    """From each step that woke a lane to the lane's next step, where the waker is known."""
    steps = ((lane, *poll) for lane in trace.lanes for poll in polls[lane.id])
    for number, (lane, start, end, step) in enumerate(steps):
        waker = polls.get(step.woken_by, [])
        n = bisect_right(waker, step.ready, key=lambda poll: poll[2].start) - 1
        if n >= 0 and step.ready <= waker[n][2].end and waker[n][:2] < (start, end):
            more = {"id": number, "cat": "wake"}
            yield _event("s", "wake", rows[step.woken_by], ts=waker[n][0] / 1000, **more)
            yield _event("f", "wake", rows[lane.id], ts=start / 1000, bp="e", **more)


def _event(phase: str, name: str, row: int, **more: Any) -> _Event:
    return {"ph": phase, "name": name, "pid": 1, "tid": row, **more}


def _nanos(seconds: float) -> int:
    return round(seconds * 1e9)
