"""Two runs of one program, lane by lane: what is told of a lane here and there, and what is not the
same."""

from __future__ import annotations

import functools
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from helpers import text as words
from helpers.trace import LaneKind, Outcome, Step, Task, Trace

_EXACT = 1e-6  # seconds; virtual times are sums of floats
_SLACK = 0.005  # seconds in which a measured moment may lie beside another


class Pair(NamedTuple):
    """One lane of both runs."""

    name: str
    here: Task
    there: Task


@dataclass(frozen=True)
class Both:
    """A run of asyncio and a recording of Tokio, with their lanes matched by name.

    `exact`: both on the virtual clock, so that times are compared; else relations are.
    """

    trace: Trace
    recording: Trace

    @functools.cached_property
    def exact(self) -> bool:
        """Whether times are to be the same."""
        return self.trace.clock == self.recording.clock == "virtual"

    @functools.cached_property
    def here(self) -> dict[str, Task]:
        """The lanes of the run by the names that they are matched by."""
        return named(self.trace)

    @functools.cached_property
    def there(self) -> dict[str, Task]:
        """The lanes of the recording by the names that they are matched by."""
        return named(self.recording)

    @functools.cached_property
    def names(self) -> dict[str, dict[int | None, str]]:
        """Here and there: by its id, the name that a lane is matched by."""
        sides = {"here": self.here, "there": self.there}
        return {
            side: {lane.id: name for name, lane in lanes.items()} for side, lanes in sides.items()
        }

    @functools.cached_property
    def pairs(self) -> tuple[Pair, ...]:
        """The lanes that both have, in the recording's order."""
        here = self.here
        return tuple(
            Pair(name, here[name], lane) for name, lane in self.there.items() if name in here
        )

    @functools.cached_property
    def twin_of(self) -> dict[int, Task]:
        """For the id of a lane of the run: the same lane in the recording."""
        return {pair.here.id: pair.there for pair in self.pairs}

    @functools.cached_property
    def moved(self) -> dict[str, frozenset[int]]:
        """The ids, here and there, of lanes that do not end at the same moment in the same way."""
        apart = [
            pair
            for pair in self.pairs
            if pair.here.outcome is not pair.there.outcome
            or not self.same(pair.here.end, pair.there.end)
        ]
        return {
            "here": frozenset(pair.here.id for pair in apart),
            "there": frozenset(pair.there.id for pair in apart),
        }

    @functools.cached_property
    def races(self) -> frozenset[int]:
        """Ids of lanes that only the run has, and that raced: asyncio's tasks for select!'s arms.

        Brothers spawned at one moment; one ended by itself, and their parent cancelled the rest.
        """
        arms: dict[tuple[int | None, float], list[Task]] = defaultdict(list)
        for name, lane in self.here.items():
            if name not in self.there and lane.kind is LaneKind.TASK:
                arms[lane.parent, lane.spawned].append(lane)
        found: set[int] = set()
        for (parent, _), lanes in arms.items():
            ended = [lane.outcome for lane in lanes]
            lost = [lane for lane in lanes if lane.outcome is Outcome.CANCELLED]
            if (
                lost
                and Outcome.RETURNED in ended
                and all(lane.cancelled_by == parent for lane in lost)
            ):
                found.update(lane.id for lane in lanes)
        return frozenset(found)

    def same(self, one: float, other: float) -> bool:
        """Whether two moments are one, as far as the clocks can tell."""
        return abs(one - other) <= (_EXACT if self.exact else _SLACK)

    def at(self, seconds: float) -> str:
        """A moment or a duration in words."""
        return words.seconds(seconds, exact=self.exact)


def root_of(trace: Trace) -> Task | None:
    """The lane of the program itself, which nobody spawned."""
    return next((lane for lane in trace.tasks if lane.parent is None), None)


def named(trace: Trace) -> dict[str, Task]:
    """The lanes by name: the root is "main" whatever its coroutine is called; no callbacks.

    Of lanes with one name the first has it, the others bear a number.
    """
    root = root_of(trace)
    seen: Counter[str] = Counter()
    found: dict[str, Task] = {}
    for lane in trace.lanes:
        if lane.kind is LaneKind.CALLBACK:
            continue
        name = "main" if lane is root else lane.name
        seen[name] += 1
        found[name if seen[name] == 1 else f"{name} ({seen[name]})"] = lane
    return found


def left_over(both: Both, mine: Sequence[Step], yours: Sequence[Step]) -> list[int]:
    """The places of the steps in `mine` that have no step of the same times in `yours`."""
    free = Counter(_times(step) for step in yours)
    left = []
    for n, step in enumerate(mine):
        key = _times(step)
        if free[key]:
            free[key] -= 1
        else:
            left.append(n)
    return left


def alike(both: Both, pair: Pair) -> Iterator[tuple[int, Step, Step]]:
    """The steps here and there that have the same times, with their places here."""
    free: Mapping[tuple[float, float], list[Step]] = defaultdict(list)
    for step in reversed(pair.there.steps):
        free[_times(step)].append(step)
    for n, step in enumerate(pair.here.steps):
        if free[_times(step)]:
            yield n, step, free[_times(step)].pop()


def _times(step: Step) -> tuple[float, float]:
    return round(step.start, 6), round(step.end, 6)
