"""What a run of the scheduler looked like: lanes, the steps in them, and the numbers that follow.

One `Trace` serves asyncio's runs and Tokio's recordings alike. Times are seconds from the start of
the run. The words (idle, scheduled, running, polls, busy) are those of tokio-console.
"""

from __future__ import annotations

import enum
import functools
import itertools
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple


class TaskState(enum.StrEnum):
    """The four states of a task; the legend of every figure."""

    IDLE = "idle"  # waits for something else than a chef: a timer, a lock, another task
    SCHEDULED = "scheduled"  # ready to go on, but no chef is free
    RUNNING = "running"  # a chef is on it: one poll, from one await to the next
    COMPLETED = "completed"  # over: it returned, raised or was cancelled


class Outcome(enum.StrEnum):
    """How a task ended."""

    RETURNED = "returned"
    RAISED = "raised"
    CANCELLED = "cancelled"
    PENDING = "pending"  # had not ended when the run was over


class LaneKind(enum.StrEnum):
    """What a lane stands for. Only tasks are scheduled by the runtime as tasks."""

    TASK = "task"
    BRANCH = "branch"  # a future polled inside its parent's task: an arm of Tokio's select!
    CALLBACK = "callback"  # a plain function that the loop called: call_soon, call_later
    THREAD = "thread"  # work handed to a thread: to_thread, spawn_blocking


class Step(NamedTuple):
    """One poll: a chef takes the card, and works until the next await or the end.

    `ready`, `start`, `end` in seconds; `woken_by` is the id of a lane, or a word: "start", "timer",
    "io", "thread", "deadline", "stop", or None where it is not known.
    """

    ready: float
    start: float
    end: float
    thread: str
    woken_by: int | str | None


class Span(NamedTuple):
    """A stretch of one lane in one state. `task` is its id; `thread` is set while running."""

    task: int
    state: TaskState
    start: float
    end: float
    thread: str | None

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.end - self.start


class Mark(NamedTuple):
    """A word that the program left at a moment of the run."""

    time: float
    task: int | None
    text: str


class CancelRequest(NamedTuple):
    """Somebody asked a task to stop: at `time`, by a lane's id or a word ("deadline", "stop")."""

    time: float
    by: int | str | None


class Finding(str):
    """A whole sentence on something that went wrong, with its kind and the task's lane id.

    Kinds: "blocked", "never_yielded", "never_awaited", "left_running", "never_retrieved",
    "refused_cancel", "vanished", "really_blocked".
    """

    kind: str
    task: int | None

    def __new__(cls, sentence: str, *, kind: str, task: int | None = None) -> Finding:
        """Make the sentence a finding."""
        made = super().__new__(cls, sentence)
        made.kind, made.task = kind, task
        return made

    def __getnewargs_ex__(self) -> tuple[tuple[str], dict[str, Any]]:
        """Keep kind and task through pickle and copy."""
        return (str(self),), {"kind": self.kind, "task": self.task}


@dataclass(frozen=True, slots=True)
class Task:
    """The life of one lane: a task, or a callback or a thread's work that has a lane of its own.

    `spawned`, `ended` in seconds from the start of the run; `ended` is None while `outcome` is
    "pending". `over` is where the lane stops: `ended`, or the end of the run. `idle`, `scheduled`
    and `busy` add up to `over - spawned`.
    """

    id: int
    name: str
    parent: int | None
    spawned: float
    ended: float | None
    outcome: Outcome
    end: float
    steps: tuple[Step, ...]
    kind: LaneKind = LaneKind.TASK
    place: str = ""  # where its code stands: "kitchen.py:12"
    error: str = ""  # the exception, as "ValueError: burnt", when the outcome is "raised"
    cancels: tuple[CancelRequest, ...] = ()
    waits_at: str = ""  # the line it waited at when the run was over, if it had not ended

    @property
    def polls(self) -> int:
        """How many times a chef took it up."""
        return len(self.steps)

    @property
    def wakes(self) -> int:
        """How many times something made it ready again after its spawn."""
        return max(0, len(self.steps) - 1)

    @property
    def busy(self) -> float:
        """Seconds in which a chef was on it."""
        return sum(step.end - step.start for step in self.steps)

    @property
    def scheduled(self) -> float:
        """Seconds in which it was ready and no chef was free."""
        return sum(span.seconds for span in self.spans if span.state is TaskState.SCHEDULED)

    @property
    def idle(self) -> float:
        """Seconds in which it waited for something else than a chef."""
        return sum(span.seconds for span in self.spans if span.state is TaskState.IDLE)

    @property
    def cancelled_by(self) -> int | str | None:
        """Who asked for the end of a task that was cancelled: a lane's id, or a word."""
        ask = self.outcome is Outcome.CANCELLED and self.cancels
        return self.cancels[-1].by if ask else None

    @property
    def spans(self) -> list[Span]:
        """The lane's life, split into the stretches spent in one state.

        They touch and never overlap, from `spawned` to `over`. Every step has a running span, even
        one of no width (a step under the virtual clock takes no time at all).
        """
        spans: list[Span] = []
        at = self.spawned
        for ready, start, end, thread, _ in self.steps:
            if ready > at:
                spans.append(Span(self.id, TaskState.IDLE, at, ready, None))
                at = ready
            if start > at:
                spans.append(Span(self.id, TaskState.SCHEDULED, at, start, None))
            spans.append(Span(self.id, TaskState.RUNNING, start, end, thread))
            at = end
        if self.end > at:
            waiting = TaskState.IDLE if self.steps else TaskState.SCHEDULED
            spans.append(Span(self.id, waiting, at, self.end, None))
        return spans


def in_time(ran: Sequence[int], lanes: Sequence[Task]) -> tuple[int, ...]:
    """Ids of lanes, one a step, sorted by the steps' starts; within an instant they stay."""
    steps = {lane.id: iter(lane.steps) for lane in lanes}
    timed = [(next(steps[number]).start, number) for number in ran]
    return tuple(number for _, number in sorted(timed, key=lambda one: one[0]))


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
    findings: tuple[Finding, ...] = ()
    marks: tuple[Mark, ...] = ()
    about: Mapping[str, Any] = field(default_factory=dict)  # scenario, versions, date, cores
    sequence: tuple[int, ...] = ()  # whose step it was, step by step: ids of lanes

    @functools.cached_property
    def places(self) -> tuple[tuple[int, int], ...]:
        """Every step of the run in order: the id of its lane, and its number in there, from 0.

        Steps of one instant stand in the order in which they ran, which `sequence` keeps. A trace
        that has none, or another's, has them in the order of its lanes.
        """
        done = dict.fromkeys(self.by_id, 0)
        found = []
        for number in self.sequence:
            found.append((number, done.get(number, 0)))
            done[number] = done.get(number, 0) + 1
        if done == {lane.id: len(lane.steps) for lane in self.lanes}:
            return tuple(found)
        steps = (
            (lane.id, n, step.start) for lane in self.lanes for n, step in enumerate(lane.steps)
        )
        return tuple((number, n) for number, n, _ in sorted(steps, key=lambda one: one[2]))

    @functools.cached_property
    def tasks(self) -> tuple[Task, ...]:
        """The tasks, in spawn order."""
        return tuple(lane for lane in self.lanes if lane.kind is LaneKind.TASK)

    @functools.cached_property
    def spans(self) -> tuple[Span, ...]:
        """Every span of every lane, lane by lane."""
        return tuple(span for lane in self.lanes for span in lane.spans)

    @functools.cached_property
    def by_id(self) -> dict[int, Task]:
        """The lanes by their id."""
        return {lane.id: lane for lane in self.lanes}

    def task(self, name: str) -> Task:
        """The lane of that name. An unknown name is a KeyError that lists the known ones."""
        for lane in self.lanes:
            if lane.name == name:
                return lane
        known = ", ".join(lane.name for lane in self.lanes[:20])
        more = f" and {len(self.lanes) - 20} more" if len(self.lanes) > 20 else ""
        raise KeyError(f"no task named {name!r} in this trace; it has {known}{more}")

    def name_of(self, who: int | str | None) -> str:
        """A waker or canceller in words: the lane's name, or the word itself."""
        if isinstance(who, int):
            return self.by_id[who].name if who in self.by_id else f"task {who}"
        return who or "nobody known"

    def threads(self) -> list[str]:
        """The threads that polled something, in order of their first step: the chefs."""
        first: dict[str, float] = {}
        for lane in self.lanes:
            for step in lane.steps:
                first[step.thread] = min(step.start, first.get(step.thread, step.start))
        return sorted(first, key=lambda name: (first[name], name))

    def children(self, of: int | None) -> Iterator[Task]:
        """The lanes that `of` spawned, in spawn order."""
        return iter(self._families.get(of, ()))

    @functools.cached_property
    def _families(self) -> dict[int | None, list[Task]]:
        found: dict[int | None, list[Task]] = {}
        for lane in self.lanes:
            found.setdefault(lane.parent, []).append(lane)
        return found

    # Drawing, text and files are other modules' concerns; each is loaded when it is first needed,
    # so that a trace can be made and read where neither plotly nor gzip is.
    def __str__(self) -> str:
        """The text twin of the timeline: same lanes, same facts."""
        from helpers.draw import text as twin

        return twin.text(self)

    def __repr__(self) -> str:
        """One line: how many tasks, how long, on which clock."""
        return f"<Trace of {len(self.tasks)} tasks, {self.duration:g} s, {self.clock} clock>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        """The timeline for a notebook, with the text twin as its plain text."""
        from helpers.draw import mimebundle

        return mimebundle(self)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the trace as JSON Lines, gzipped when the name ends in ".gz"; returns the path."""
        from helpers.tokio import files

        return files.save(self, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Trace:
        """Read a trace that `save` wrote. A file that is none is a ValueError in a sentence."""
        from helpers.tokio import files

        return files.load(path)


def moved(trace: Trace) -> list[Task]:
    """The tasks that were polled on more than one thread."""
    return [task for task in trace.tasks if len({step.thread for step in task.steps}) > 1]


def longest_silence(task: Task) -> float:
    """The longest time between the starts of two polls of a task that should tick."""
    starts = [step.start for step in task.steps]
    return max((b - a for a, b in itertools.pairwise(starts)), default=0.0)


def stolen(trace: Trace, parent: Task) -> list[Task]:
    """Children that another chef took up while the one who wrote their cards was still at it."""
    writing = parent.steps[0]
    return [
        child
        for child in trace.children(parent.id)
        if child.steps[0].thread != writing.thread and child.steps[0].start < writing.end
    ]
