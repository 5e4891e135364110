"""Which lanes a picture has, in which order, and what each is called.

Tasks stand in spawn order, children under their parents. Callbacks and work in threads are no tasks
and have sections of their own. Chefs stand on top where there is more than one.
"""

from __future__ import annotations

import enum
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from helpers import text as words
from helpers.trace import LaneKind, Step, Task, Trace

Wanted = Sequence[str | int] | str | int

DEEPEST = 6  # a lane further down in the tree is not moved further to the right
MOST_CHEFS = 12


class Section(enum.StrEnum):
    """The parts of a picture, from top to bottom; each value is the part's title."""

    CHEFS = "chefs"
    TASKS = "tasks"
    CALLBACKS = "callbacks, called by the loop"
    THREADS = "work in threads"


SECTION_OF = {
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


def rows(trace: Trace, lanes: Sequence[Task] | None = None) -> list[Row]:
    """The rows of a picture from top to bottom; with `lanes`, these lanes alone.

    Titles of sections are there when there is more than one section.
    """
    made = chefs(trace) if lanes is None else []
    chosen = trace.lanes if lanes is None else lanes
    made += _tree([lane for lane in chosen if SECTION_OF[lane.kind] is Section.TASKS])
    for section in (Section.CALLBACKS, Section.THREADS):
        made += [
            Row(lane.name, section, 0, lane) for lane in chosen if SECTION_OF[lane.kind] is section
        ]
    present = list(dict.fromkeys(row.section for row in made))
    if len(present) < 2 and present != [Section.CALLBACKS] and present != [Section.THREADS]:
        return made
    titled: list[Row] = []
    for section in present:
        titled.append(Row(str(section), section))
        titled += [row for row in made if row.section is section]
    return titled


def pick(trace: Trace, wanted: Wanted) -> list[Task]:
    """The lanes of these names or ids, in the trace's order; an unknown one is a KeyError.

    A name that several lanes bear stands for each of them.
    """
    names = [wanted] if isinstance(wanted, str | int) else list(wanted)
    by_name: dict[str, list[int]] = defaultdict(list)
    for lane in trace.lanes:
        by_name[lane.name].append(lane.id)
    ids: set[int] = set()
    for name in names:
        found = by_name.get(name, []) if isinstance(name, str) else [name]
        if not found or found[0] not in trace.by_id:
            known = words.listing([lane.name for lane in trace.lanes], 20)
            raise KeyError(f"no lane {name!r} in this trace; it has {known or 'none'}")
        ids.update(found)
    return [lane for lane in trace.lanes if lane.id in ids]


def chefs(trace: Trace) -> list[Row]:
    """A row for each chef, if there is more than one to tell apart."""
    threads = team(trace)
    if len(threads) < 2:
        return []
    shown = threads if len(threads) <= MOST_CHEFS else threads[: MOST_CHEFS - 1]
    made = [Row(thread, Section.CHEFS, threads=(thread,)) for thread in shown]
    if rest := tuple(threads[len(shown) :]):
        made.append(Row(f"{len(rest)} others", Section.CHEFS, threads=rest))
    return made


def team(trace: Trace) -> list[str]:
    """The names of the chefs: who polled something, and workers that found nothing to do."""
    names = set(trace.threads())
    if trace.workers > 1:
        names |= {f"worker-{n + 1}" for n in range(trace.workers)}
    return sorted(names, key=lambda name: (len(name), name))


def work_of(trace: Trace, row: Row) -> list[tuple[Step, Task]]:
    """What the chef of a row did, in order of time: each step with its lane.

    A branch is polled inside its parent's step, and so is no work of its own.
    """
    done = [
        (step, lane)
        for lane in trace.lanes
        if lane.kind is not LaneKind.BRANCH
        for step in lane.steps
        if step.thread in row.threads
    ]
    return sorted(done, key=lambda work: (work[0].start, work[0].end))


def _tree(lanes: list[Task]) -> list[Row]:
    """Tasks and branches, children under their parents, each generation in spawn order."""
    known = {lane.id for lane in lanes}
    children: dict[int | None, list[Task]] = defaultdict(list)
    for lane in lanes:
        above = lane.parent if lane.parent in known and lane.parent != lane.id else None
        children[above].append(lane)
    made: list[Row] = []
    todo = [(lane, 0) for lane in reversed(children[None])]
    while todo:  # no recursion: a chain of tasks may be deeper than Python's stack
        lane, depth = todo.pop()
        made.append(Row(lane.name, Section.TASKS, depth, lane))
        todo += [(child, depth + 1) for child in reversed(children[lane.id])]
    return made
