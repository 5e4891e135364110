"""What a run of the scheduler looked like: lanes, the steps in them, and the numbers that follow.

One `Trace` serves asyncio's runs and Tokio's recordings alike. Times are seconds from the start of
the run. The words (idle, scheduled, running, polls, busy) are those of tokio-console.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from helpers.states import (
    CancelRequest,
    Finding,
    LaneKind,
    Mark,
    Outcome,
    Span,
    Step,
    TaskState,
)

__all__ = [
    "CancelRequest",
    "Finding",
    "LaneKind",
    "Mark",
    "Outcome",
    "Span",
    "Step",
    "TaskRecord",
    "TaskState",
    "Trace",
]


@dataclass(frozen=True, slots=True)
class TaskRecord:
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
    over: float
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
        if self.over > at:
            waiting = TaskState.IDLE if self.steps else TaskState.SCHEDULED
            spans.append(Span(self.id, waiting, at, self.over, None))
        return spans


def in_time(ran: Sequence[int], lanes: Sequence[TaskRecord]) -> tuple[int, ...]:
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

    lanes: tuple[TaskRecord, ...]
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
    def tasks(self) -> tuple[TaskRecord, ...]:
        """The tasks, in spawn order."""
        return tuple(lane for lane in self.lanes if lane.kind is LaneKind.TASK)

    @functools.cached_property
    def spans(self) -> tuple[Span, ...]:
        """Every span of every lane, lane by lane."""
        return tuple(span for lane in self.lanes for span in lane.spans)

    @functools.cached_property
    def by_id(self) -> dict[int, TaskRecord]:
        """The lanes by their id."""
        return {lane.id: lane for lane in self.lanes}

    def task(self, name: str) -> TaskRecord:
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

    def children(self, of: int | None) -> Iterator[TaskRecord]:
        """The lanes that `of` spawned, in spawn order."""
        return iter(self._families.get(of, ()))

    @functools.cached_property
    def _families(self) -> dict[int | None, list[TaskRecord]]:
        found: dict[int | None, list[TaskRecord]] = {}
        for lane in self.lanes:
            found.setdefault(lane.parent, []).append(lane)
        return found

    # Drawing, text and files are other modules' concerns; each is loaded when it is first needed,
    # so that a trace can be made and read where neither plotly nor gzip is.
    def __str__(self) -> str:
        """The text twin of the timeline: same lanes, same facts."""
        from helpers.drawing import twin

        return twin.text(self)

    def __repr__(self) -> str:
        """One line: how many tasks, how long, on which clock."""
        return f"<Trace of {len(self.tasks)} tasks, {self.duration:g} s, {self.clock} clock>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        """The timeline for a notebook, with the text twin as its plain text."""
        from helpers.timeline import mimebundle

        return mimebundle(self)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the trace as JSON Lines, gzipped when the name ends in ".gz"; returns the path."""
        from helpers.recordings import files

        return files.save(self, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Trace:
        """Read a trace that `save` wrote. A file that is none is a ValueError in a sentence."""
        from helpers.recordings import files

        return files.load(path)
