"""Everything that one picture of a run shows, computed once: figure, live panel and text read it.

Times are seconds of the run and places are rows of the picture; pixels are the renderers' concern.
"""

from __future__ import annotations

import dataclasses
import heapq
import itertools
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from helpers.draw import title as titles
from helpers.draw.rows import Row, Wanted, in_order, no_time_passes, pick, rows_of
from helpers.draw.title import who
from helpers.draw.units import STEPS, TimeUnit, time_unit
from helpers.task import DEADLINE, Waker
from helpers.trace import CancelRequest, LaneKind, Outcome, Span, Step, Task, TaskState, Trace

# A figure of more lanes is the number of tasks in each state, with the lanes of the slowest tasks.
MOST_LANES = 1000
# The same for a live figure. A browser redraws 200 lanes in a quarter of a second, 1000 in 2 s.
MOST_LIVE_LANES = 200
SLOWEST = 8


class Bar(NamedTuple):
    """A span that takes time. `woken_by` is who made the lane ready: before, or at its end."""

    row: int
    span: Span
    woken_by: Waker


class Work(NamedTuple):
    """A step on the row of the chef who took it, and whose step it was."""

    row: int
    step: Step
    lane: Task


class Tick(NamedTuple):
    """One poll on a row. Of polls at one moment each stands `shift` places beside the first."""

    row: int
    step: Step
    shift: int


class End(NamedTuple):
    """How a lane ended. `ticks` is how many ticks stand to the right of the moment of its end."""

    row: int
    lane: Task
    ticks: int


class Event(NamedTuple):
    """Something that happened at a moment: a mark of the program, or a request to stop."""

    time: float
    row: int | None
    text: str


@dataclass(frozen=True, kw_only=True)
class Picture:
    """What is drawn of a run. `picture_of` makes it from a trace."""

    run: Trace  # as it was recorded
    trace: Trace  # as it is drawn: the same, or step by step where no time passes
    unit: TimeUnit  # of the run's times, in sentences and tables
    axis: TimeUnit  # of the drawn trace's times
    rows: Sequence[Row]
    title: str
    subtitle: str
    longest_wait: Span | None = None
    height: int | None = None  # in pixels; without one, as high as its rows need
    chosen: bool = False  # whether somebody chose the lanes
    dense: bool = False  # whether the number of tasks in each state stands above the rows

    @property
    def by_step(self) -> bool:
        """Whether no time passes, so that every step has a place of its own instead."""
        return self.axis is STEPS

    @cached_property
    def many_threads(self) -> bool:
        """Whether more than one thread polled something."""
        return len(self.run.threads()) > 1

    @cached_property
    def lanes(self) -> list[tuple[int, Task]]:
        """The rows that are lanes, with their numbers."""
        return [(n, row.lane) for n, row in enumerate(self.rows) if row.lane is not None]

    @cached_property
    def bars(self) -> list[Bar]:
        """Every span that takes time, row by row. Where no time passes nobody waits."""
        return [
            Bar(row, span, woken_by)
            for row, lane in self.lanes
            for span, woken_by in spans(lane)
            if span.end > span.start and not (self.by_step and span.state is not TaskState.RUNNING)
        ]

    @cached_property
    def works(self) -> list[Work]:
        """Every step on its chef's row, in order of time, where chefs have rows.

        A branch is polled inside its parent's step, and so is no work of its own.
        """
        row_of = {thread: n for n, row in enumerate(self.rows) for thread in row.threads}
        works = [
            Work(row_of[step.thread], step, lane)
            for lane in (self.trace.lanes if row_of else ())
            if lane.kind is not LaneKind.BRANCH
            for step in lane.steps
            if step.thread in row_of
        ]
        return sorted(works, key=lambda work: (work.row, work.step.start, work.step.end))

    @cached_property
    def ticks(self) -> list[Tick]:
        """Every poll, row by row."""
        return [Tick(row, *tick) for row, lane in self.lanes for tick in _side_by_side(lane)]

    @cached_property
    def cuts(self) -> list[tuple[int, float]]:
        """Rows and moments at which a step follows another, so that they would look like one."""
        return [
            (row, after.start)
            for row, lane in self.lanes
            for before, after in itertools.pairwise(lane.steps)
            if before.end == after.start and (before.start < before.end or after.end > after.start)
        ]

    @cached_property
    def ends(self) -> list[End]:
        """How each lane ended. A callback has no end of its own: the loop may call it again."""
        last: dict[int, int] = defaultdict(int)
        lanes = {row: lane for row, lane in self.lanes if lane.kind is not LaneKind.CALLBACK}
        for row, step, shift in self.ticks:
            if row in lanes and step.start == lanes[row].end:
                last[row] = max(last[row], shift)
        return [End(row, lane, last[row]) for row, lane in lanes.items()]

    @cached_property
    def events(self) -> list[Event]:
        """The program's marks and the requests to stop, in order of the run's time.

        A task that was asked to stop and stopped at once says so at its end, and not here.
        """
        at = {lane.id: row for row, lane in self.lanes}
        events = [
            Event(mark.time, None if mark.task is None else at.get(mark.task), mark.text)
            for mark in self.run.marks
            if mark.task is None or mark.task in at
        ]
        for number, row in at.items():
            lane = self.run.by_id[number]
            events += [
                Event(request.time, row, self._asked(request))
                for request in lane.cancels
                if not self._stopped_at_once(lane, request)
            ]
        return sorted(
            events, key=lambda event: (event.time, -1 if event.row is None else event.row)
        )

    def _stopped_at_once(self, lane: Task, request: CancelRequest) -> bool:
        if lane.outcome is not Outcome.CANCELLED or lane.ended is None:
            return False
        soon = 0.005 * self.run.duration
        return request is lane.cancels[-1] and lane.ended - request.time <= soon

    def _asked(self, request: CancelRequest) -> str:
        if request.by == DEADLINE:
            return "deadline: time is up"
        return f"asked to stop by {who(self.run, request.by)}"

    @property
    def placed_events(self) -> list[Event]:
        """The events that have a place on the axis: where no time passes, none has."""
        return [] if self.by_step else self.events

    def of_slowest(self) -> Picture:
        """The same picture with the rows of the slowest tasks alone."""
        lanes = slowest(self.run, self.longest_wait)
        return dataclasses.replace(self, rows=_rows(self.trace, lanes))


def picture_of(
    trace: Trace,
    *,
    title: str | None = None,
    lanes: Wanted | None = None,
    unit: str | None = None,
    height: int | None = None,
) -> Picture:
    """The picture of a trace; the arguments are those of `figure_dict`."""
    time = time_unit(trace, unit)
    wait = titles.longest_wait(trace)
    by_step = no_time_passes(trace)
    drawn = in_order(trace) if by_step else trace
    dense = len(trace.lanes) > (MOST_LIVE_LANES if height else MOST_LANES)
    chosen = pick(trace, lanes) if lanes is not None else slowest(trace, wait) if dense else None
    return Picture(
        run=trace,
        trace=drawn,
        unit=time,
        axis=STEPS if by_step else time,
        rows=_rows(drawn, chosen),
        title=title if title is not None else titles.headline(trace, time, wait),
        subtitle=titles.subtitle(trace, time),
        longest_wait=wait,
        height=height,
        chosen=lanes is not None,
        dense=dense,
    )


def _rows(trace: Trace, lanes: Sequence[Task] | None) -> list[Row]:
    return rows_of(trace, None if lanes is None else [trace.by_id[lane.id] for lane in lanes])


def slowest(trace: Trace, wait: Span | None, most: int = SLOWEST) -> list[Task]:
    """The tasks of the longest wait, those that were ready longest, then those that ended last."""
    ready = dict.fromkeys((task.id for task in trace.tasks), 0.0)
    for span in trace.spans:
        if span.state is TaskState.SCHEDULED and span.task in ready:
            ready[span.task] += span.seconds
    holder = titles.holder(trace, wait) if wait else None
    ids = [wait.task] if wait else []
    ids += [holder.id] if holder else []
    ids += [
        number for number in heapq.nlargest(most // 2, ready, ready.__getitem__) if ready[number]
    ]
    ids += [task.id for task in heapq.nlargest(most, trace.tasks, lambda task: task.end)]
    chosen = list(dict.fromkeys(number for number in ids if number in ready))[:most]
    return [task for task in trace.tasks if task.id in chosen]


def spans(lane: Task) -> list[tuple[Span, Waker]]:
    """The spans of a lane that are drawn, each with who woke the lane before it or at its end.

    A callback lives only while it is called: between two calls nothing of it waits.
    """
    wakers = iter([step.woken_by for step in lane.steps])
    woken_by = next(wakers, None)
    drawn: list[tuple[Span, Waker]] = []
    for span in lane.spans:
        if span.state is not TaskState.IDLE or lane.kind is not LaneKind.CALLBACK:
            drawn.append((span, woken_by))
        if span.state is TaskState.RUNNING:
            woken_by = next(wakers, None)
    return drawn


def _side_by_side(lane: Task) -> Iterator[tuple[Step, int]]:
    """Steps with their places beside the first of their moment."""
    for moment, group in itertools.groupby(lane.steps, key=lambda step: step.start):
        steps = list(group)
        # At a lane's end they stand to the left, so that the mark of its end has its place.
        left = len(steps) - 1 if moment == lane.end and moment > lane.spawned else 0
        yield from ((step, n - left) for n, step in enumerate(steps))
