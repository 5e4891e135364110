"""What is drawn on each lane, before any drawing: bars, ticks, endings and events.

Everything here is counted in seconds of the run and in rows of the picture, so that the figure, the
live panel and the text twin show the same.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from helpers.draw.rows import Row
from helpers.trace import CancelRequest, LaneKind, Outcome, Span, Step, Task, TaskState, Trace

Who = int | str | None


class Bar(NamedTuple):
    """One span on a row. `woken_by` is who made the lane ready: before, or at the span's end."""

    row: int
    span: Span
    woken_by: Who


class Tick(NamedTuple):
    """One poll on a row. Of polls at one moment each stands `shift` places beside the first."""

    row: int
    step: Step
    shift: int


class End(NamedTuple):
    """How a lane ended; `beside` places are taken by ticks that stand to the right of its end."""

    row: int
    lane: Task
    beside: int


class Event(NamedTuple):
    """Something that happened at a moment: a mark of the program, or a request to stop."""

    time: float
    row: int | None
    text: str


def spans(lane: Task) -> list[tuple[Span, Who]]:
    """The spans of a lane that are drawn, each with who woke the lane before it or at its end.

    A callback lives only while it is called: between two calls nothing of it waits.
    """
    steps = iter(lane.steps)
    step = next(steps, None)
    made: list[tuple[Span, Who]] = []
    for span in lane.spans:
        if span.state is not TaskState.IDLE or lane.kind is not LaneKind.CALLBACK:
            made.append((span, step.woken_by if step else None))
        if span.state is TaskState.RUNNING:
            step = next(steps, None)
    return made


_WORDS = {
    "start": "the start of the run",
    "timer": "a timer",
    "io": "I/O",
    "thread": "a thread",
    "deadline": "a deadline",
    "stop": "Stop",
}


def who(trace: Trace, by: Who) -> str:
    """Who woke or cancelled a lane, as it is said behind "by"."""
    name = trace.name_of(by)
    return _WORDS.get(name, name) if isinstance(by, str) else name


def waited(lane: Task) -> tuple[float, float]:
    """Seconds in which a lane was scheduled, and idle: the record's own, in one quick pass."""
    scheduled = idle = 0.0
    at = lane.spawned
    for ready, start, end, *_ in lane.steps:
        if ready > at:
            idle += ready - at
            at = ready
        if start > at:
            scheduled += start - at
        at = end
    rest = max(0.0, lane.end - at)
    return (scheduled, idle + rest) if lane.steps else (rest, idle)


def bars(rows: Sequence[Row]) -> Iterator[Bar]:
    """Every span of every lane, row by row."""
    for n, row in enumerate(rows):
        if row.lane is not None:
            for span, woken_by in spans(row.lane):
                yield Bar(n, span, woken_by)


def ticks(rows: Sequence[Row]) -> Iterator[Tick]:
    """Every poll of every lane, row by row."""
    for n, row in enumerate(rows):
        if row.lane is not None:
            yield from _ticks(n, row.lane)


def _ticks(n: int, lane: Task) -> Iterator[Tick]:
    for moment, same in itertools.groupby(lane.steps, key=lambda step: step.start):
        group = list(same)
        # At a lane's end they stand to the left, so that the mark of its end has its place.
        last = len(group) - 1
        left = moment == lane.end and moment > lane.spawned
        for k, step in enumerate(group):
            yield Tick(n, step, k - last if left else k)


def cuts(rows: Sequence[Row]) -> Iterator[tuple[int, float]]:
    """Where one step follows another without a gap, so that they would look like one."""
    for n, row in enumerate(rows):
        steps = row.lane.steps if row.lane is not None else ()
        for before, after in itertools.pairwise(steps):
            if before.end == after.start and (before.start < before.end or after.end > after.start):
                yield n, after.start


def ends(rows: Sequence[Row]) -> Iterator[End]:
    """How each lane ended. A callback has no end of its own: the loop may call it again."""
    for n, row in enumerate(rows):
        lane = row.lane
        if lane is not None and lane.kind is not LaneKind.CALLBACK:
            shifts = [tick.shift for tick in _ticks(n, lane) if tick.step.start == lane.end]
            yield End(n, lane, max([0, *shifts]))


def how_it_ended(trace: Trace, lane: Task, *, whole: bool = False) -> str:
    """The outcome in words: "returned", "raised ValueError", "cancelled by main".

    With `whole`, an exception's message too: "raised ValueError: burnt".
    """
    if lane.kind is LaneKind.CALLBACK:
        return "called"
    if lane.outcome is Outcome.RAISED:
        return f"raised {lane.error if whole else lane.error.partition(':')[0]}".rstrip()
    if lane.outcome is Outcome.CANCELLED and lane.cancelled_by is not None:
        return f"cancelled by {who(trace, lane.cancelled_by)}"
    if lane.outcome is not Outcome.PENDING:
        return str(lane.outcome)
    lost = any(one.kind == "vanished" and one.task == lane.id for one in trace.findings)
    return "vanished" if lost else "still pending"


def events(trace: Trace, rows: Sequence[Row]) -> list[Event]:
    """The program's marks, and the requests to stop, in order of time.

    A task that was asked to stop and stopped at once says so at its end, and not here.
    """
    at = {row.lane.id: n for n, row in enumerate(rows) if row.lane is not None}
    found = [
        Event(mark.time, None if mark.task is None else at.get(mark.task), mark.text)
        for mark in trace.marks
        if mark.task is None or mark.task in at
    ]
    for n, row in enumerate(rows):
        for request in row.lane.cancels if row.lane is not None else ():
            if not _at_once(trace, row.lane, request):
                found.append(Event(request.time, n, _asked(trace, request)))
    return sorted(found, key=lambda event: (event.time, -1 if event.row is None else event.row))


def _at_once(trace: Trace, lane: Task | None, request: CancelRequest) -> bool:
    if lane is None or lane.outcome is not Outcome.CANCELLED or lane.ended is None:
        return False
    return request is lane.cancels[-1] and lane.ended - request.time <= 0.005 * trace.duration


def _asked(trace: Trace, request: CancelRequest) -> str:
    if request.by == "deadline":
        return "deadline: time is up"
    return f"asked to stop by {who(trace, request.by)}"
