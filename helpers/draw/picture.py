"""Everything that one picture of a run shows, computed once: figure, film and text read it.

Times are seconds of the run and places are rows of the picture; pixels are the renderers' concern.
"""

import heapq
import itertools
import math
import operator
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import NamedTuple

from helpers import text as words
from helpers.draw import title as titles
from helpers.draw.theme import STEPS, TimeUnit, time_unit
from helpers.task import DEADLINE
from helpers.trace import LaneKind, Mark, Outcome, Span, Task, TaskState, Trace, expect_trace

Wanted = Sequence[str | int] | str | int

_DEEPEST = 6  # a lane further down in the tree is not moved further to the right
# A figure of more lanes is the number of tasks in each state, with the lanes of the slowest tasks;
# a film's too, which is lower.
MOST_LANES, MOST_FILMED = 1000, 200
MANY = 40  # rows
SLOWEST = 8
_LONGEST_TITLE = 300  # characters
BINS = 400
# A figure draws so many steps one by one, of a row so many. More would hide each other, and each
# that takes a microsecond look as long as a pixel: the row is crowded, and drawn in so many parts.
_MOST_STEPS, _MOST_STEPS_OF_A_ROW = 12_000, 200
_MOST_PARTS, _MOST_PARTS_OF_A_ROW = 6_000, 400


class Row(NamedTuple):
    """One line of a picture: a lane, a chef, or the title of a section."""

    name: str
    depth: int = 0  # how many parents stand above it, at most `_DEEPEST`
    lane: Task | None = None
    thread: str | None = None  # the chef's, on a chef's row

    @property
    def is_title(self) -> bool:
        """Whether it is the title of a section."""
        return self.lane is None and self.thread is None


class Bar(NamedTuple):
    """A span on a row. The tick of a step stands `shift` places beside the first of its moment.

    On a crowded row it is the part of a state in a stretch of the run, above those of the others.
    """

    row: int
    span: Span
    shift: int = 0
    share: float = 1.0
    below: float = 0.0  # the share of the others


class Counts(NamedTuple):
    """What happens in each bin of a run."""

    width: float  # of a bin, in seconds
    of: dict[TaskState, list[float]]  # how many lanes are in a state, on average over the bin
    polls: list[int]  # how many steps start in the bin, also those that take no time


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
    by_step: bool = False  # whether no time passes, and every step has a place of its own instead
    chosen: bool = False  # whether somebody chose the lanes
    density: Counts | None = None  # the tasks in each state over time, if that is drawn above
    reasons: Sequence[str] = ()  # said below a figure, in place of the run's findings

    @cached_property
    def lanes(self) -> list[tuple[int, Task]]:
        """The rows that are lanes, with their numbers."""
        return [(n, row.lane) for n, row in enumerate(self.rows) if row.lane is not None]

    @cached_property
    def crowded(self) -> dict[int, Counts]:
        """The rows of too many steps to be drawn one by one, and what happens on them."""
        count = max(len(self.rows), 1)
        most = min(max(_MOST_STEPS // count, SLOWEST), _MOST_STEPS_OF_A_ROW)
        parts = min(max(_MOST_PARTS // count, 1), _MOST_PARTS_OF_A_ROW)
        chefs, above = self.trace.by_chef, self.density
        steps = (x.lane.steps if x.lane else chefs.get(x.thread or "", ()) for x in self.rows)
        crowded = [n for n, taken in enumerate(steps) if len(taken) > most]
        # The only chef of a run without callbacks does what is counted above already.
        same = above if above and len(above.polls) == parts else None
        return {
            n: same._replace(of={TaskState.RUNNING: same.of[TaskState.RUNNING]})
            if same and chefs.get(self.rows[n].thread or "") is self.trace.turns
            else counts(self.trace, parts, self.rows[n], waits=not self.by_step)
            for n in crowded
        }

    @cached_property
    def bars(self) -> list[Bar]:
        """Every span of a lane that is not crowded. Where no time passes nobody waits."""
        return [
            Bar(row, span)
            for row, lane in self.lanes
            if row not in self.crowded
            for span in lane.spans
            if span.state is TaskState.RUNNING or not self.by_step
        ]

    @cached_property
    def parts(self) -> list[Bar]:
        """What is drawn of the crowded rows: the share of each state in each part of the run."""
        parts: list[Bar] = []
        for row, (width, of, polls) in self.crowded.items():
            below = [0.0] * len(polls)
            for state, levels in of.items():
                looks = [(round(x, 3), round(y, 3)) for x, y in zip(levels, below, strict=True)]
                end = 0
                for (share, low), alike in itertools.groupby(looks):
                    start, end = end, end + len(list(alike))
                    if share:
                        span = Span(-1, state, start * width, end * width, None)
                        parts.append(Bar(row, span, 0, share, low))
                below = list(map(operator.add, below, levels))
        return parts

    @cached_property
    def works(self) -> list[Bar]:
        """Every step on its chef's row, in order of time, where that is not crowded."""
        rows = enumerate(self.rows)
        chefs = {row.thread: n for n, row in rows if row.thread and n not in self.crowded}
        works = [
            Bar(chefs[step.thread], Span(lane.id, TaskState.RUNNING, *step[1:5]))
            for lane in (self.trace.lanes if chefs else ())
            if lane.kind is not LaneKind.BRANCH  # which is polled inside its parent's steps
            for step in lane.steps
            if step.thread in chefs
        ]
        return sorted(works, key=lambda work: (work.row, work.span.start, work.span.end))

    @cached_property
    def ticks(self) -> list[Bar]:
        """Every step on its lane's row, row by row, but on crowded ones."""
        ticks: list[Bar] = []
        steps = (bar for bar in self.bars if bar.span.state is TaskState.RUNNING)
        for (_, moment), group in itertools.groupby(steps, lambda bar: (bar.row, bar.span.start)):
            bars = list(group)
            lane = self.trace.by_id[bars[0].span.task]
            # At a lane's end they stand to the left, so that the mark of its end has its place.
            left = len(bars) - 1 if lane.spawned < moment == lane.end else 0
            ticks += [bar._replace(shift=n - left) for n, bar in enumerate(bars)]
        return ticks

    @cached_property
    def ends(self) -> list[tuple[int, Task]]:
        """The lanes whose ends are marked. A callback has none: the loop may call it again."""
        called = LaneKind.CALLBACK, Outcome.RETURNED
        return [(row, lane) for row, lane in self.lanes if (lane.kind, lane.outcome) != called]

    @cached_property
    def row_of(self) -> dict[int | None, int]:
        """The number of the row of each lane, by its id."""
        return {lane.id: row for row, lane in self.lanes}

    @cached_property
    def events(self) -> list[Mark]:
        """The program's marks, pauses and requests to stop, in order of the run's time.

        A task that was asked to stop and stopped at once says so at its end, and not here.
        """
        run, rows = self.run, self.row_of
        events = [mark for mark in run.marks if mark.task is None or mark.task in rows]
        for start, end, whose in run.pauses:
            if end - start >= 0.02 * run.duration:
                events.append(Mark(start, None, f"{self.unit.long(end - start)} of the {whose}"))
        for lane in (run.by_id[drawn.id] for _, drawn in self.lanes):
            for time, by, *_ in lane.cancels:
                soon = lane.end - time <= 0.005 * run.duration
                if lane.outcome is not Outcome.CANCELLED or not soon:
                    asked = f"asked to stop by {titles.who(run, by)}"
                    asked = "deadline: time is up" if by == DEADLINE else asked
                    events.append(Mark(time, lane.id, asked))
        return sorted(events, key=lambda one: (one.time, rows.get(one.task, -1)))

    @property
    def placed_events(self) -> list[Mark]:
        """The events that have a place on the axis: where no time passes, none has."""
        return [] if self.by_step else self.events


def picture_of(
    trace: Trace,
    *,
    title: str | None = None,
    lanes: Wanted | None = None,
    unit: str | None = None,
    most: int = MOST_LANES,
) -> Picture:
    """The picture of a trace; the arguments are those of `timeline`.

    Of more lanes than `most`, the slowest are drawn, under the density.
    """
    expect_trace(trace)
    time, polls = time_unit(trace, unit), [lane.polls for lane in trace.lanes]
    by_step = trace.duration == 0 and any(polls)
    drawn = in_order(trace) if by_step else trace
    dense = len(polls) > most or (len(polls) > MANY and sum(polls) > _MOST_STEPS)
    chosen = pick(trace, lanes) if lanes is not None else slowest(trace) if dense else None
    # For how much of the run a chef worked is not seen in a crowd, and so is said.
    crowd = dense or any(count > _MOST_STEPS_OF_A_ROW for count in polls)
    message = next(titles.sentences(trace, time)) if title is None else title
    return Picture(
        run=trace,
        trace=drawn,
        unit=time,
        axis=STEPS if by_step else time,
        by_step=by_step,
        rows=rows_of(drawn, chosen, share=crowd and lanes is None and not by_step),
        title=words.shorten(message, _LONGEST_TITLE),
        subtitle=words.shorten(titles.subtitle(trace, time), _LONGEST_TITLE),
        chosen=lanes is not None,
        density=counts(drawn, waits=not by_step) if dense else None,
    )


def slowest(trace: Trace, most: int = SLOWEST) -> list[Task]:
    """The tasks of the longest wait, those that were ready longest, then those that ended last."""
    wait = trace.longest_wait
    named = [trace.by_id[wait.task], *trace.holders] if wait else []
    ready = heapq.nlargest(most // 2, trace.tasks, lambda task: trace.waits[task.id][0])
    late = heapq.nlargest(most, trace.tasks, lambda task: task.end)
    ranked = [*named, *(task for task in ready if trace.waits[task.id][0]), *late]
    ids = list(dict.fromkeys(t.id for t in ranked if t.kind is LaneKind.TASK))[:most]
    return [task for task in trace.tasks if task.id in ids]


def rows_of(trace: Trace, lanes: Sequence[Task] | None = None, *, share: bool = False) -> list[Row]:
    """The rows of a picture from top to bottom; with `lanes`, the lanes of their ids alone.

    With `share`, each chef's row says what share of the run that chef worked, if any.
    Sections have titles when there is another one than that of the tasks, or of the chefs.
    """
    of: dict[LaneKind, list[Task]] = {kind: [] for kind in LaneKind}
    for lane in trace.lanes if lanes is None else [trace.by_id[lane.id] for lane in lanes]:
        of[LaneKind.TASK if lane.kind is LaneKind.BRANCH else lane.kind].append(lane)
    sections = {
        "chefs": _chefs(trace, share=share) if lanes is None or share else [],
        "tasks": [*_tree(of[LaneKind.TASK])],
        "callbacks, called by the loop": [Row(x.name, lane=x) for x in of[LaneKind.CALLBACK]],
        "work in threads": [Row(x.name, lane=x) for x in of[LaneKind.THREAD]],
    }
    filled = {title: rows for title, rows in sections.items() if rows}
    if list(filled) in ([], ["chefs"], ["tasks"]):
        return [*sections["chefs"], *sections["tasks"]]
    return [row for title, rows in filled.items() for row in (Row(title), *rows)]


def pick(trace: Trace, wanted: Wanted) -> list[Task]:
    """The lanes of these names or ids, in the trace's order; an unknown one is a KeyError."""
    names = [wanted] if isinstance(wanted, str | int) else wanted
    for name in names:
        if name not in trace.by_id:
            trace.task(name)  # refuses it, unless it is a name
    return [lane for lane in trace.lanes if lane.name in names or lane.id in names]


def _chefs(trace: Trace, *, share: bool) -> list[Row]:
    """A row for each chef, if there is more than one to tell apart or a share is to be told."""
    chefs = trace.by_chef
    ends = {name: math.fsum(trace.moments(chefs[name], "end")) for name in chefs if share}
    busy = {name: at - math.fsum(trace.moments(chefs[name], "start")) for name, at in ends.items()}
    if any(busy.values()):
        percent = {name: 100 * seconds / trace.duration for name, seconds in busy.items()}
        told = {name: words.number(of, 1 if of >= 0.1 else 3) for name, of in percent.items()}
        return [Row(f"{name} {told[name]} %", thread=name) for name in chefs]
    return [Row(name, thread=name) for name in chefs] if len(chefs) > 1 else []


def _tree(lanes: Sequence[Task]) -> Iterator[Row]:
    """Tasks and branches, children under their parents, each generation in spawn order."""
    known = {lane.id for lane in lanes}
    children: dict[int | None, list[Task]] = defaultdict(list)
    for lane in lanes:
        parent = lane.parent if lane.parent in known and lane.parent != lane.id else None
        children[parent].append(lane)
    todo = [(lane, 0) for lane in reversed(children[None])]
    while todo:  # no recursion: a chain of tasks may be deeper than Python's stack
        lane, depth = todo.pop()
        yield Row(lane.name, depth, lane)
        todo += [(child, min(depth + 1, _DEEPEST)) for child in reversed(children[lane.id])]


def in_order(trace: Trace) -> Trace:
    """The same lanes, with each step's index in the run (0, 1, 2 ...) as its time."""
    index = {place: float(n) for n, place in enumerate(trace.steps_in_order)}
    last = float(len(index))
    lanes = []
    for lane in trace.lanes:
        places = [(index[lane.id, n], step) for n, step in enumerate(lane.steps)]
        steps = tuple(step._replace(ready=at, start=at, end=at + 1) for at, step in places)
        spawned, end = (steps[0].start, steps[-1].end) if steps else (last, last)
        ended = None if lane.ended is None else end
        lanes.append(replace(lane, spawned=spawned, ended=ended, end=end, steps=steps))
    return replace(trace, lanes=tuple(lanes), duration=last)


def counts(trace: Trace, bins: int = BINS, row: Row | None = None, *, waits: bool = True) -> Counts:
    """Tasks, and work in threads, in each state over time, or what happens on one row.

    A branch is a part of its task. Of chefs and callbacks, or without `waits`, no waiting is told.
    """
    lane, chef = (row.lane, row.thread) if row else (None, None)
    lanes = [lane] if lane else [] if chef else trace.counted
    turns = lane.turns if lane else trace.by_chef[chef] if chef else trace.turns
    width = trace.duration / bins if trace.duration else 1.0
    so_far = partial(_so_far, bins=bins, per_second=1 / width)
    polls, begun = so_far(trace.moments(turns, "start"))
    never, _ = so_far(sorted(one.end for one in lanes if not one.steps))
    _, over = so_far(trace.moments(turns, "end"))
    of = {TaskState.RUNNING: list(map(operator.sub, begun, over))}
    if waits and not chef and (lane is None or lane.kind is not LaneKind.CALLBACK):
        _, ready = so_far(trace.moments(turns, "ready"))
        _, spawned = so_far(sorted(one.spawned for one in lanes))
        _, gone = so_far(sorted(max(one.end, one.turns[-1].end) for one in lanes))
        of[TaskState.SCHEDULED] = list(map(operator.sub, ready, begun))
        lives = zip(spawned, ready, over, gone, strict=True)
        # What is left of rounded numbers may be less than nothing.
        of[TaskState.IDLE] = [max(0.0, a - b + c - d) for a, b, c, d in lives]
    return Counts(width, of, list(map(operator.sub, polls, never)))


def _so_far(moments: list[float], *, bins: int, per_second: float) -> tuple[list[int], list[float]]:
    """Of sorted moments, how many are in each bin, and have passed on average over the bin."""
    at = per_second.__mul__
    edges = [bisect_left(moments, float(n), key=at) for n in range(1, bins)]
    bounds = list(enumerate(itertools.pairwise([0, *edges, len(moments)]), 1))
    passed = [a + n * (b - a) - at(math.fsum(moments[a:b])) for n, (a, b) in bounds]
    return [b - a for _, (a, b) in bounds], passed
