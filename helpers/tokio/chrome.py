"""A trace as Chrome's trace events, which Perfetto (ui.perfetto.dev) and chrome://tracing open.

Two groups of rows: `tasks`, a row a lane with the states it went through, and `chefs`, a row a
thread with what it polled. Marks and ends are instants. Times are microseconds from the start of
the run.
"""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from helpers.trace import Task, TaskState, Trace

# A group of rows is a process to Perfetto. A process has a first thread of the same number, so a
# group bears the number of its first row.
_TASKS = 1
_Event = dict[str, Any]
# Names from Chrome's own list of colours.
_COLOURS = {
    TaskState.RUNNING: "thread_state_running",
    TaskState.SCHEDULED: "thread_state_runnable",
    TaskState.IDLE: "thread_state_sleeping",
}


def export(trace: Trace, path: str | os.PathLike[str]) -> Path:
    """Write the trace for Perfetto, gzipped when the name ends in ".gz"; returns the path."""
    path = Path(path)
    about = {key: str(value) for key, value in trace.about.items()}
    whole = {
        "traceEvents": list(events(trace)),
        "displayTimeUnit": "ms",
        "otherData": {"source": trace.source, "clock": trace.clock, "unit": trace.unit, **about},
    }
    text = json.dumps(whole, separators=(",", ":"), allow_nan=False).encode()
    path.write_bytes(gzip.compress(text, mtime=0) if path.name.endswith(".gz") else text)
    return path


def events(trace: Trace) -> Iterator[_Event]:
    """The trace's events in Chrome's format: names first, then each row's in the order of time."""
    rows = {lane.id: number for number, lane in enumerate(trace.lanes, start=1)}
    first = len(rows) + 1
    chefs = {thread: number for number, thread in enumerate(trace.threads(), start=first)}
    yield _event("M", "process_name", _TASKS, _TASKS, args={"name": "tasks"})
    if chefs:
        yield _event("M", "process_name", first, first, args={"name": "chefs"})
    for lane in trace.lanes:
        yield from _row(_TASKS, rows[lane.id], lane.name)
    for thread, row in chefs.items():
        yield from _row(first, row, thread)
    for lane in trace.lanes:
        yield from _states(trace, lane, rows[lane.id])
    yield from _polls(trace, chefs)
    for mark in trace.marks:
        where = 1 if mark.task is None else rows.get(mark.task, 1)
        yield _event("i", mark.text, _TASKS, where, ts=_nanos(mark.time) / 1000, s="t")


def _row(process: int, row: int, name: str) -> Iterator[_Event]:
    """A row's name and place. Rows count from 1, and on through both groups: 0 is taken."""
    yield _event("M", "thread_name", process, row, args={"name": name})
    yield _event("M", "thread_sort_index", process, row, args={"sort_index": row})


def _states(trace: Trace, lane: Task, row: int) -> Iterator[_Event]:
    """The stretches that a lane spent in one state, with what the next step says of it; its end."""
    steps = iter(lane.steps)
    step = next(steps, None)
    for span in lane.spans:
        args: dict[str, Any] = {"task": lane.id}
        if span.state is not TaskState.IDLE and step is not None:
            args["woken by"] = trace.name_of(step.woken_by)
        if span.state is TaskState.RUNNING:
            args["chef"] = span.thread
            step = next(steps, None)
        more = _between(span.start, span.end) | {"cname": _COLOURS[span.state], "args": args}
        yield _event("X", span.state.value, _TASKS, row, **more)
    # How it ended; also what shows a row at all where a task was dropped without a poll.
    yield _event("i", lane.outcome.value, _TASKS, row, ts=_nanos(lane.end) / 1000, s="t")


def _polls(trace: Trace, chefs: dict[str, int]) -> Iterator[_Event]:
    """What each chef polled; a branch's poll lies within its parent's."""
    polls = [(step, lane) for lane in trace.lanes for step in lane.steps]
    # Of two that start together, the longer one is the outer one; then the parent, made earlier.
    polls.sort(key=lambda poll: (poll[0].start, -poll[0].end))
    for step, lane in polls:
        args = {"task": lane.id, "outcome": lane.outcome.value}
        more = _between(step.start, step.end) | {"args": args}
        yield _event("X", lane.name, min(chefs.values()), chefs[step.thread], **more)


def _event(phase: str, name: str, process: int, row: int, **more: Any) -> _Event:
    return {"ph": phase, "name": name, "pid": process, "tid": row, **more}


def _between(start: float, end: float) -> _Event:
    """From when, and for how long. Whole nanoseconds first, so that what lay within still does."""
    return {"ts": _nanos(start) / 1000, "dur": (_nanos(end) - _nanos(start)) / 1000}


def _nanos(seconds: float) -> int:
    return round(seconds * 1e9)
