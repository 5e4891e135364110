"""Everything that one picture of a run shows, computed once: figure, live panel and text read it.

Times are seconds of the run and places are rows of the picture; pixels are the renderers' concern.
"""

from __future__ import annotations

import dataclasses
import heapq
import itertools
import operator
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from helpers import text as words
from helpers.draw import title as titles
from helpers.draw.theme import STEPS, TimeUnit, time_unit
from helpers.task import DEADLINE, Waker
from helpers.trace import LaneKind, Outcome, Span, Step, Task, TaskState, Trace

Wanted = Sequence[str | int] | str | int

_DEEPEST = 6  # a lane further down in the tree is not moved further to the right
# A figure of more lanes is the number of tasks in each state, with the lanes of the slowest tasks;
# a live one too, for a browser redraws 200 lanes in a quarter of a second, 1000 in 2 s.
MOST_LANES, MOST_LIVE_LANES = 1000, 200
MANY = 40  # rows
SLOWEST = 8
_LONGEST_TITLE = 300  # characters
BINS = 400
_PAUSE = 0.02  # the loop's own time is marked from this share of the run on
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
    """A span on a row. `woken_by` is who made the lane ready: before, or at its end.

    On a crowded row it is the part of a state in a stretch of the run, above those of the others.
    """

    row: int
    span: Span
    woken_by: Waker
    share: float = 1.0
    below: float = 0.0  # the share of the others


class Poll(NamedTuple):
    """A step on the row of its lane, or on that of the chef who took it.

    Of polls at one moment each stands `shift` places beside the first.
    """

    row: int
    step: Step
    lane: Task
    shift: int = 0


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
    height: int | None = None  # in pixels; without one, as high as its rows need
    chosen: bool = False  # whether somebody chose the lanes
    dense: bool = False  # whether the number of tasks in each state stands above the rows
    reasons: Sequence[str] = ()  # said below a figure, in place of the run's findings

    @property
    def by_step(self) -> bool:
        """Whether no time passes, so that every step has a place of its own instead."""
        return self.axis is STEPS

    @cached_property
    def polls(self) -> Counter[str]:
        """How many steps each thread took."""
        return Counter(step.thread for lane in _whole(self.trace) for step in lane.steps)

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
        polls = [row.lane.polls if row.lane else self.polls[row.thread or ""] for row in self.rows]
        crowded = [n for n, count in enumerate(polls) if count > most]
        return {n: self.counts(parts, self.rows[n]) for n in crowded}

    def counts(self, bins: int = BINS, row: Row | None = None) -> Counts:
        """What happens over time, in all or on a row. Where no time passes nobody waits."""
        return counts(self.trace, bins, row, waits=not self.by_step)

    @cached_property
    def density(self) -> Counts | None:
        """The tasks in each state over time, if that is drawn."""
        return self.counts() if self.dense else None

    @cached_property
    def bars(self) -> list[Bar]:
        """Every span of a lane that is not crowded. Where no time passes nobody waits."""
        return [
            Bar(row, span, woken_by)
            for row, lane in self.lanes
            if row not in self.crowded
            for span, woken_by in spans(lane)
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
                        parts.append(Bar(row, span, None, share, low))
                below = list(map(operator.add, below, levels))
        return parts

    @cached_property
    def works(self) -> list[Poll]:
        """Every step on its chef's row, in order of time, where that is not crowded."""
        chefs = {row.thread: n for n, row in enumerate(self.rows) if n not in self.crowded}
        works = [
            Poll(chefs[step.thread], step, lane)
            for lane in (_whole(self.trace) if any(chefs) else ())
            for step in lane.steps
            if step.thread in chefs
        ]
        return sorted(works, key=lambda work: (work.row, work.step.start, work.step.end))

    @cached_property
    def ticks(self) -> list[Poll]:
        """Every step on its lane's row, row by row, but on crowded ones."""
        ticks: list[Poll] = []
        for row, lane in (one for one in self.lanes if one[0] not in self.crowded):
            for moment, group in itertools.groupby(lane.steps, key=lambda step: step.start):
                steps = list(group)
                # At a lane's end they stand to the left, so that the mark of its end has its place.
                left = len(steps) - 1 if lane.spawned < moment == lane.end else 0
                ticks += [Poll(row, step, lane, n - left) for n, step in enumerate(steps)]
        return ticks

    @cached_property
    def ends(self) -> list[End]:
        """How each lane ended. A callback has no end of its own: the loop may call it again."""
        called = LaneKind.CALLBACK, Outcome.RETURNED
        return [
            End(row, lane, len(lane.steps[1:]) if lane.spawned == lane.end else 0)
            for row, lane in self.lanes
            if (lane.kind, lane.outcome) != called
        ]

    @cached_property
    def events(self) -> list[Event]:
        """The program's marks and the requests to stop, in order of the run's time.

        A task that was asked to stop and stopped at once says so at its end, and not here.
        """
        row_of: dict[int | None, int] = {lane.id: row for row, lane in self.lanes}
        marks = (mark for mark in self.run.marks if mark.task is None or mark.task in row_of)
        events = [Event(time, row_of.get(task), text) for time, task, text in marks]
        for start, end, whose in self.run.pauses:
            if end - start >= _PAUSE * self.run.duration:
                events.append(Event(start, None, f"{self.unit.long(end - start)} of the {whose}"))
        for row, drawn in self.lanes:
            lane = self.run.by_id[drawn.id]
            for time, by, *_ in lane.cancels:
                soon = lane.end - time <= 0.005 * self.run.duration
                if lane.outcome is not Outcome.CANCELLED or not soon:
                    asked = f"asked to stop by {titles.who(self.run, by)}"
                    asked = "deadline: time is up" if by == DEADLINE else asked
                    events.append(Event(time, row, asked))
        return sorted(events, key=lambda one: (one.time, -1 if one.row is None else one.row))

    @property
    def placed_events(self) -> list[Event]:
        """The events that have a place on the axis: where no time passes, none has."""
        return [] if self.by_step else self.events


def picture_of(
    trace: Trace,
    *,
    title: str | None = None,
    lanes: Wanted | None = None,
    unit: str | None = None,
    height: int | None = None,
) -> Picture:
    """The picture of a trace; the arguments are those of `timeline`.

    `height` in pixels is that of a live figure. It shows the density above 200 lanes already.
    """
    time, polls = time_unit(trace, unit), [lane.polls for lane in trace.lanes]
    by_step = trace.duration == 0 and any(polls)
    drawn = in_order(trace) if by_step else trace
    dense = len(polls) > (MOST_LIVE_LANES if height else MOST_LANES)
    dense |= len(polls) > MANY and sum(polls) > _MOST_STEPS
    chosen = pick(trace, lanes) if lanes is not None else slowest(trace) if dense else None
    # For how much of the run a chef worked is not seen in a crowd, and so is said.
    crowd = dense or any(count > _MOST_STEPS_OF_A_ROW for count in polls)
    if title is None:
        title = next(titles.sentences(trace, time))
    return Picture(
        run=trace,
        trace=drawn,
        unit=time,
        axis=STEPS if by_step else time,
        rows=rows_of(drawn, chosen, share=crowd and lanes is None and not by_step),
        title=words.shorten(title, _LONGEST_TITLE),
        subtitle=words.shorten(titles.subtitle(trace, time), _LONGEST_TITLE),
        height=height,
        chosen=lanes is not None,
        dense=dense,
    )


def slowest(trace: Trace, most: int = SLOWEST) -> list[Task]:
    """The tasks of the longest wait, those that were ready longest, then those that ended last."""
    wait = trace.longest_wait
    named = [trace.by_id[wait.task], *titles.holders(trace, wait)] if wait else []
    ready = heapq.nlargest(most // 2, trace.tasks, lambda task: task.scheduled)
    late = heapq.nlargest(most, trace.tasks, lambda task: task.end)
    ranked = [*named, *(task for task in ready if task.scheduled), *late]
    ids = list(dict.fromkeys(t.id for t in ranked if t.kind is LaneKind.TASK))[:most]
    return [task for task in trace.tasks if task.id in ids]


def spans(lane: Task) -> list[tuple[Span, Waker]]:
    """The spans of a lane that are drawn, each with who woke the lane before it or at its end.

    A callback lives only while it is called: between two calls nothing of it waits.
    """
    wakers = [None, *(step.woken_by for step in reversed(lane.steps))]
    drawn: list[tuple[Span, Waker]] = []
    for span in lane.spans:
        woken_by = wakers.pop() if span.state is TaskState.RUNNING else wakers[-1]
        if span.state is not TaskState.IDLE or lane.kind is not LaneKind.CALLBACK:
            drawn.append((span, woken_by))
    return drawn


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
        "tasks": _tree(of[LaneKind.TASK]),
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
        if not any(name in (lane.name, lane.id) for lane in trace.lanes):
            listed = words.listing([lane.name for lane in trace.lanes], 20)
            raise KeyError(f"no lane {name!r} in this trace; it has {listed or 'none'}")
    return [lane for lane in trace.lanes if lane.name in names or lane.id in names]


def workers(trace: Trace) -> dict[str, float]:
    """The chefs, each with the seconds of work; also workers that found nothing to do."""
    busy = {f"worker-{n + 1}": 0.0 for n in range(trace.workers) if trace.workers > 1}
    for lane in _whole(trace):
        for step in lane.steps:
            busy[step.thread] = busy.get(step.thread, 0.0) + step.end - step.start
    return dict(sorted(busy.items(), key=lambda chef: (len(chef[0]), chef[0])))


def _chefs(trace: Trace, *, share: bool) -> list[Row]:
    """A row for each chef, if there is more than one to tell apart or a share is to be told."""
    chefs = workers(trace)
    if share and any(chefs.values()):
        percent = {name: 100 * busy / trace.duration for name, busy in chefs.items()}
        told = {name: words.number(of, 1 if of >= 0.1 else 3) for name, of in percent.items()}
        return [Row(f"{name} {told[name]} %", thread=name) for name in chefs]
    return [Row(name, thread=name) for name in chefs] if len(chefs) > 1 else []


def _whole(trace: Trace) -> Iterator[Task]:
    """The lanes but for branches, which are polled inside their parents' steps."""
    return (lane for lane in trace.lanes if lane.kind is not LaneKind.BRANCH)


def _tree(lanes: Sequence[Task]) -> list[Row]:
    """Tasks and branches, children under their parents, each generation in spawn order."""
    known = {lane.id for lane in lanes}
    children: dict[int | None, list[Task]] = defaultdict(list)
    for lane in lanes:
        parent = lane.parent if lane.parent in known and lane.parent != lane.id else None
        children[parent].append(lane)
    tree: list[Row] = []
    todo = [(lane, 0) for lane in reversed(children[None])]
    while todo:  # no recursion: a chain of tasks may be deeper than Python's stack
        lane, depth = todo.pop()
        tree.append(Row(lane.name, depth, lane))
        todo += [(child, min(depth + 1, _DEEPEST)) for child in reversed(children[lane.id])]
    return tree


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
        lanes.append(dataclasses.replace(lane, spawned=spawned, ended=ended, end=end, steps=steps))
    return dataclasses.replace(trace, lanes=tuple(lanes), duration=last)


class Counts(NamedTuple):
    """What happens in each bin of a run."""

    width: float  # of a bin, in seconds
    of: dict[TaskState, list[float]]  # how many lanes are in a state, on average over the bin
    polls: list[int]  # how many steps start in the bin, also those that take no time


def counts(trace: Trace, bins: int = BINS, row: Row | None = None, *, waits: bool = True) -> Counts:
    """Tasks, and work in threads, in each state over time, or what happens on one row.

    A branch is a part of its task. Of chefs and callbacks, or without `waits`, no waiting is told.
    """
    _, _, lane, thread = row or Row("all")
    whole_run = (one for one in _whole(trace) if thread or one.kind is not LaneKind.CALLBACK)
    lanes = [lane] if lane else whole_run
    waits &= thread is None and (lane is None or lane.kind is not LaneKind.CALLBACK)
    width = trace.duration / bins if trace.duration else 1.0
    per_second = 1 / width
    # One bin more, for what happens at the very end.
    parts = {state: [0.0] * (bins + 1) for state in reversed(TaskState)}  # in seconds
    whole = {state: [0] * (bins + 2) for state in parts}  # +1 from here on, -1 from there on
    running, scheduled, idle = parts.values()
    polls = [0] * (bins + 1)

    def add(state: TaskState, start: float, end: float) -> None:
        a, b = int(start * per_second), int(end * per_second)
        parts[state][a] += (a + 1) * width - start
        parts[state][b] -= (b + 1) * width - end
        whole[state][a + 1] += 1
        whole[state][b + 1] -= 1

    for lane in lanes:
        steps = [one for one in lane.steps if one.thread == thread] if thread else lane.steps
        at, here, here_ends = lane.spawned, 0, 0.0
        for ready, start, end, *_ in steps:
            since = ready if ready > at else at  # noqa: FURB136 - of a million steps
            if end < here_ends:  # most of very many steps are in the bin of the one before
                polls[here] += 1
                idle[here] += since - at
                scheduled[here] += start - since
                running[here] += end - start
            else:
                here = int(end * per_second)
                here_ends = (here + 1) * width
                polls[int(start * per_second)] += 1
                add(TaskState.RUNNING, start, end)
                if waits and at < since:
                    add(TaskState.IDLE, at, since)
                if waits and since < start:
                    add(TaskState.SCHEDULED, since, start)
            at = end
        if waits:
            add(TaskState.IDLE if lane.steps else TaskState.SCHEDULED, at, max(lane.end, at))
    polls[bins - 1] += polls.pop()
    of = {}
    for state, seconds in parts.items():
        levels = zip(itertools.accumulate(whole[state]), seconds, strict=False)
        seen = waits or state is TaskState.RUNNING
        of[state] = [seen * (n + part * per_second) for n, part in levels][:bins]
    return Counts(width, of, polls)
