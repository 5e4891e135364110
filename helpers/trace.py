"""What a run of the scheduler looked like: its tasks, their steps, and the numbers that follow.

One `Trace` serves asyncio's runs, Tokio's recordings and the model alike.
"""

import functools
import gc
import heapq
import itertools
import os
import threading
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from helpers import files
from helpers.task import Finding, LaneKind, Mark, Outcome, Span, Step, Task, TaskState, Visit, Waker
from helpers.text import listing

__all__ = ["Finding", "LaneKind", "Mark", "Outcome", "Span", "Step", "Task", "TaskState", "Trace"]
__all__ += ["Visit", "Waker", "longest_silence", "moved", "starts_early", "stolen"]

_lock = threading.RLock()  # one for all: the findings ask for the lanes


@contextmanager
def no_collection() -> Iterator[None]:
    """Keep the garbage collector off for a while, if it is on."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


@dataclass(frozen=True, eq=False)
class Trace:
    """What happened in one run, for every task: a timeline, its numbers, and what went wrong.

    `lanes` holds tasks, callbacks and threads' work in spawn order, children after their parents;
    `tasks` only the tasks. In a cell it shows as a timeline, in a terminal as `str(trace)`.
    """

    lanes: tuple[Task, ...]
    duration: float
    clock: str = "virtual"  # "virtual" or "real"
    unit: str = "seconds"  # what a second of the clock stands for: "seconds" or "minutes"
    source: str = "asyncio"  # or "tokio", or "model"
    workers: int = 1
    result: Any = None
    findings: tuple[Finding, ...] = field(default_factory=tuple)
    marks: tuple[Mark, ...] = ()
    about: Mapping[str, Any] = field(default_factory=dict)  # scenario, versions, date, cores
    # Whose steps they were, in the order in which they began.
    sequence: tuple[int, ...] = field(default_factory=tuple)
    # What went wrong with no task: the kind of its finding, of what, and the line in words or "".
    noticed: tuple[tuple[str, str, str], ...] = ()
    # The time that the loop took for itself, or the garbage collector: start, end, and which.
    pauses: tuple[tuple[float, float, str], ...] = field(default_factory=tuple)
    code: tuple[tuple[str, str], ...] = ()  # files whose lines were recorded: name and text
    # Those lines, in the order in which the run came to them.
    visits: tuple[Visit, ...] = field(default_factory=tuple)
    ended_by: str = ""  # the error that ended the run before main was over, in words

    @classmethod
    def read_later(cls, readers: Mapping[str, Callable[..., Any]], n: int, **known: Any) -> Self:
        """A trace of n tasks, of which some fields are computed when they are first asked for."""
        trace = cls((), **known)
        vars(trace).update(_readers=dict(readers), _n_tasks=n)
        for name in readers:
            del vars(trace)[name]
        return trace

    if not TYPE_CHECKING:  # else mypy would take any name for a field

        def __getattr__(self, name: str) -> Any:
            with _lock:
                readers = vars(self).get("_readers", {})
                if name in readers:
                    with no_collection():  # of many small objects, none of which is garbage
                        vars(self)[name] = readers[name](self)
                    del readers[name]  # not sooner: a kernel's Stop may come meanwhile
            return object.__getattribute__(self, name)

    def __getstate__(self) -> dict[str, Any]:
        """All fields, computed by now, for a copy or a pickle."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    @functools.cached_property
    def steps_in_order(self) -> tuple[tuple[int, int], ...]:
        """Every step in order of its start: the id of its lane, and its number in there, from 0.

        Those of one instant stand as in `sequence`; without a fitting one, lane by lane.
        """
        counted = {lane.id: itertools.count() for lane in self.lanes}
        by_lane = [(lane.id, n) for lane in self.lanes for n in range(len(lane.steps))]
        as_run = [(id_, next(counted[id_])) for id_ in self.sequence if id_ in counted]
        steps = as_run if sorted(as_run) == sorted(by_lane) else by_lane
        return tuple(sorted(steps, key=lambda step: self.by_id[step[0]].steps[step[1]].start))

    @functools.cached_property
    def tasks(self) -> tuple[Task, ...]:
        """The tasks, in spawn order."""
        return tuple(lane for lane in self.lanes if lane.kind is LaneKind.TASK)

    @functools.cached_property
    def spans(self) -> tuple[Span, ...]:
        """Every span of every lane, lane by lane."""
        return tuple(span for lane in self.lanes for span in lane.spans)

    @functools.cached_property
    def waits(self) -> dict[int, tuple[float, float]]:
        """For how long each lane was ready and had no chef: in all, and at the longest."""
        waits = ((x.id, [turn.start - turn.ready for turn in x.turns]) for x in self.lanes)
        return {lane: (sum(seconds), max(seconds)) for lane, seconds in waits}

    @functools.cached_property
    def longest_wait(self) -> Span | None:
        """The longest span in which a lane was ready and no chef was free; the first of equals."""
        lanes = (lane for lane in self.lanes if lane.kind is not LaneKind.THREAD)  # or for a thread
        lane = max(lanes, key=lambda lane: self.waits[lane.id][1], default=None)
        if lane is None or self.waits[lane.id][1] <= 0:
            return None
        turn = max(lane.turns, key=lambda turn: turn.start - turn.ready)
        return Span(lane.id, TaskState.SCHEDULED, turn.ready, turn.start, None, turn.woken_by)

    @functools.cached_property
    def holders(self) -> list[Task]:
        """The few whose steps filled three quarters of the longest wait, the longest first."""
        if not (wait := self.longest_wait):
            return []
        held: dict[int, float] = defaultdict(float)
        for lane in self.lanes:
            if lane.kind in (LaneKind.TASK, LaneKind.CALLBACK) and lane.id != wait.task:
                first = bisect_right(lane.steps, wait.start, key=attrgetter("end"))
                for _, start, end, *_ in itertools.islice(lane.steps, first, None):
                    if start >= wait.end:
                        break
                    held[lane.id] += min(end, wait.end) - max(start, wait.start)
        ranked = heapq.nlargest(3, held, key=held.__getitem__)
        filled = itertools.accumulate(held[n] for n in ranked)
        needed = 1 + sum(part <= 0.75 * wait.seconds for part in filled)
        return [self.by_id[n] for n in ranked[:needed]] if needed <= len(ranked) else []

    @functools.cached_property
    def by_chef(self) -> Mapping[str, list[Step]]:
        """By name, each chef's steps in order of time, or none. A branch is in its parent's."""
        chefs = {f"worker-{n + 1}": list[Step]() for n in range(self.workers) if self.workers > 1}
        whole = (lane.steps for lane in self.lanes if lane.kind is not LaneKind.BRANCH)
        steps = sorted(itertools.chain.from_iterable(whole), key=attrgetter("start"))
        for chef, taken in itertools.groupby(steps, attrgetter("thread")):
            chefs.setdefault(chef, []).extend(taken)
        return dict(sorted(chefs.items(), key=lambda chef: (len(chef[0]), chef[0])))

    @functools.cached_property
    def counted(self) -> list[Task]:
        """The lanes that are counted over time: tasks (a branch is a part of one), and threads'."""
        return [lane for lane in self.lanes if lane.kind in (LaneKind.TASK, LaneKind.THREAD)]

    @functools.cached_property
    def turns(self) -> Sequence[Step]:
        """The turns of the lanes that are counted; of one chef alone, that chef's very steps."""
        calls = {id(x) for one in self.lanes if one.kind is LaneKind.CALLBACK for x in one.steps}
        unseen = [lane.turns[0] for lane in self.counted if not lane.steps]
        steps, *others = self.by_chef.values() or ((),)
        if not (calls or unseen or others):
            return steps
        return [x for x in itertools.chain(steps, *others, unseen) if id(x) not in calls]

    def moments(self, steps: Sequence[Step], of: str) -> list[float]:
        """Every "ready", "start" or "end" of steps that the trace keeps: sorted once, in order."""
        if len(steps) < 2:  # of a lane without steps, it is made for this question alone
            return [getattr(step, of) for step in steps]
        # With the steps, so that no others get their identity.
        known: dict[tuple[int, str], tuple[Any, list[float]]] = vars(self).setdefault("_known", {})
        if (id(steps), of) not in known:
            known[id(steps), of] = steps, sorted(map(attrgetter(of), steps))
        return known[id(steps), of][1]

    @functools.cached_property
    def by_id(self) -> dict[Waker, Task]:
        """The lanes by their id: of all that a waker or a parent may be, those that are lanes."""
        return {lane.id: lane for lane in self.lanes}

    def task(self, name: str | int) -> Task:
        """The lane of that name. An unknown one is a KeyError that lists the known ones."""
        for lane in self.lanes:
            if lane.name == name:
                return lane
        known = listing([lane.name for lane in self.lanes], most=20)
        raise KeyError(f"no task named {name!r} in this trace; it has {known}")

    def name_of(self, who: Waker) -> str:
        """A waker or canceller in words: the lane's name, or the word itself."""
        if isinstance(who, int):
            return self.by_id[who].name if who in self.by_id else f"task {who}"
        return who or "nobody known"

    def threads(self) -> list[str]:
        """The threads that polled something, by name: the chefs."""
        return [chef for chef, steps in self.by_chef.items() if steps]

    def children(self, of: int | None) -> Iterator[Task]:
        """The lanes that `of` spawned, in spawn order."""
        return (lane for lane in self.lanes if lane.parent == of)

    def __str__(self) -> str:
        """The text twin of the timeline: same lanes, same facts."""
        from helpers.draw import picture, text

        return text.text_of(picture.picture_of(self))

    def __repr__(self) -> str:
        """One line: how many tasks, how long, on which clock. `asyncio.run` asks for it."""
        n_tasks = vars(self).get("_n_tasks") or len(self.tasks)
        return f"<Trace of {n_tasks} tasks, {self.duration:g} s, {self.clock} clock>"

    @no_collection()
    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        """The timeline for a notebook, with the text twin as its plain text."""
        from helpers.draw import mimebundle, picture

        return mimebundle(picture.picture_of(self))

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the trace, gzipped when the name ends in ".gz"; returns the path.

        A name that ends in ".html" is written as a page that plays its film, one in
        ".perfetto.json" for Perfetto: neither can be loaded.
        """
        from helpers.draw.film import page_of

        is_page = (path := Path(path)).suffix == ".html"
        path.write_bytes(page_of(self).encode() if is_page else files.packed(self, path.name))
        return path

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a trace that `save` wrote. A file in another format is a ValueError."""
        return cls(**files.load(path))


def expect_trace(given: Any) -> None:
    """Refuse what is no trace with a TypeError: a `record(...)` that nobody awaits, say."""
    if not isinstance(given, Trace):
        raise TypeError(f"expected a trace, as `await record(...)` gives, got {given!r}")


def moved(trace: Trace) -> list[Task]:
    """The tasks that were polled on more than one thread."""
    return [task for task in trace.tasks if len({step.thread for step in task.steps}) > 1]


def longest_silence(task: Task) -> float:
    """The longest time between the starts of two polls of a task that should tick."""
    starts = [step.start for step in task.steps]
    return max((b - a for a, b in itertools.pairwise(starts)), default=0.0)


def stolen(trace: Trace, parent: Task) -> list[Task]:
    """Children that another chef took up while the one who wrote their cards was still at it."""
    return [child for child in trace.children(parent.id) if starts_early(trace, child)]


def starts_early(trace: Trace, task: Task) -> bool:
    """Whether a task is first polled while its parent is in the step that spawned it."""
    parents = trace.by_id[task.parent].steps if task.parent is not None and task.steps else ()
    return any(step.start <= task.spawned <= task.steps[0].start < step.end for step in parents)
