"""Which lanes a picture has, in which order, and what each is called.

Tasks stand in spawn order, children under their parents. Callbacks and work in threads are no tasks
and have sections of their own. Chefs stand on top where there is more than one.
"""

from __future__ import annotations

import dataclasses
import enum
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from helpers import text as words
from helpers.trace import LaneKind, Task, Trace

Wanted = Sequence[str | int] | str | int

DEEPEST = 6  # a lane further down in the tree is not moved further to the right
_MOST_CHEFS = 12


class Section(enum.StrEnum):
    """The parts of a picture, from top to bottom; each value is the part's title."""

    CHEFS = "chefs"
    TASKS = "tasks"
    CALLBACKS = "callbacks, called by the loop"
    THREADS = "work in threads"


_SECTION_OF = {
    LaneKind.TASK: Section.TASKS,
    LaneKind.BRANCH: Section.TASKS,
    LaneKind.CALLBACK: Section.CALLBACKS,
    LaneKind.THREAD: Section.THREADS,
}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a picture: a lane, a chef (`threads` are the threads it stands for), or a title.

    `name` is the whole name; `depth` says how many parents stand above it in the picture.
    """

    name: str
    section: Section
    depth: int = 0
    lane: Task | None = None
    threads: tuple[str, ...] = ()

    @property
    def is_title(self) -> bool:
        """Whether it is the title of a section."""
        return self.lane is None and not self.threads


def rows_of(trace: Trace, lanes: Sequence[Task] | None = None) -> list[Row]:
    """The rows of a picture from top to bottom; with `lanes`, these lanes alone.

    Titles of sections are there when there is more than one section.
    """
    untitled = _chefs(trace) if lanes is None else []
    lanes = trace.lanes if lanes is None else lanes
    untitled += _tree([lane for lane in lanes if _SECTION_OF[lane.kind] is Section.TASKS])
    for section in (Section.CALLBACKS, Section.THREADS):
        same = [lane for lane in lanes if _SECTION_OF[lane.kind] is section]
        untitled += [Row(lane.name, section, 0, lane) for lane in same]
    sections = list(dict.fromkeys(row.section for row in untitled))
    if sections in ([], [Section.CHEFS], [Section.TASKS]):
        return untitled
    titled: list[Row] = []
    for section in sections:
        titled.append(Row(str(section), section))
        titled += [row for row in untitled if row.section is section]
    return titled


def pick(trace: Trace, wanted: Wanted) -> list[Task]:
    """The lanes of these names or ids, in the trace's order; an unknown one is a KeyError.

    A name that several lanes bear stands for each of them.
    """
    by_name: dict[str, list[int]] = defaultdict(list)
    for lane in trace.lanes:
        by_name[lane.name].append(lane.id)
    ids: set[int] = set()
    for name in [wanted] if isinstance(wanted, str | int) else wanted:
        same = by_name.get(name, []) if isinstance(name, str) else [name]
        if not same or same[0] not in trace.by_id:
            known = words.listing([lane.name for lane in trace.lanes], 20)
            raise KeyError(f"no lane {name!r} in this trace; it has {known or 'none'}")
        ids.update(same)
    return [lane for lane in trace.lanes if lane.id in ids]


def workers(trace: Trace) -> list[str]:
    """The names of the chefs: who polled something, and workers that found nothing to do."""
    names = set(trace.threads())
    if trace.workers > 1:
        names |= {f"worker-{n + 1}" for n in range(trace.workers)}
    return sorted(names, key=lambda name: (len(name), name))


def _chefs(trace: Trace) -> list[Row]:
    """A row for each chef, if there is more than one to tell apart."""
    names = workers(trace)
    if len(names) < 2:
        return []
    alone = names if len(names) <= _MOST_CHEFS else names[: _MOST_CHEFS - 1]
    chefs = [Row(name, Section.CHEFS, threads=(name,)) for name in alone]
    if rest := tuple(names[len(alone) :]):
        chefs.append(Row(f"{len(rest)} others", Section.CHEFS, threads=rest))
    return chefs


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
        tree.append(Row(lane.name, Section.TASKS, depth, lane))
        todo += [(child, depth + 1) for child in reversed(children[lane.id])]
    return tree


def no_time_passes(trace: Trace) -> bool:
    """Whether all steps fall on one moment, as under the virtual clock without timer or `busy`."""
    return trace.duration == 0 and any(lane.steps for lane in trace.lanes)


def in_order(trace: Trace) -> Trace:
    """The same lanes, with each step's index in the run (0, 1, 2 ...) as its time.

    A lane begins with its first step and ends with its last.
    """
    index = {place: n for n, place in enumerate(trace.steps_in_order)}
    lanes = []
    for lane in trace.lanes:
        at = [float(index[lane.id, n]) for n in range(lane.polls)] or [float(len(index))]
        steps = tuple(
            step._replace(ready=start, start=start, end=start + 1)
            for step, start in zip(lane.steps, at, strict=False)
        )
        end = at[-1] + bool(steps)
        ended = None if lane.ended is None else end
        lanes.append(dataclasses.replace(lane, spawned=at[0], ended=ended, end=end, steps=steps))
    return dataclasses.replace(trace, lanes=tuple(lanes), duration=float(len(index)))
