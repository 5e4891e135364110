"""Which lanes of two runs are the same job, and what about a lane is not the same in both."""

from __future__ import annotations

import functools
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence

from helpers import text as words
from helpers.trace import LaneKind, Outcome, Step, Task, Trace

_SLACK = 0.005  # seconds by which two measured moments that are one may differ
_NOISE = 0.01, 0.05  # seconds, and a share of the run, by which an order may change by chance

# What is not the same for a lane: a word, or a poll that only one side ("asyncio" or "tokio") has,
# as the side and the step's number.
Fact = str | tuple[str, int]
ENDING = frozenset({"outcome", "error", "end", "polls"})


class Runs:
    """A run of asyncio and a recording of Tokio, with their lanes matched by name.

    `asyncio` and `tokio` hold the lanes by the names that they are matched by, `names` for both
    sides these names by the lanes' ids. `pairs` are the lanes that both have, in the recording's
    order. Where both clocks are virtual (`exact`), times are compared, else only their order.
    """

    def __init__(self, trace: Trace, recording: Trace) -> None:
        """Match the lanes."""
        self.trace, self.recording = trace, recording
        self.exact = trace.clock == recording.clock == "virtual"
        self.asyncio, self.tokio = _by_name(trace), _by_name(recording)
        self.names: dict[str, dict[int | str | None, str]] = {
            "asyncio": {lane.id: name for name, lane in self.asyncio.items()},
            "tokio": {lane.id: name for name, lane in self.tokio.items()},
        }
        both = [name for name in self.tokio if name in self.asyncio]
        self.pairs = [Pair(self, name) for name in both]

    @functools.cached_property
    def apart(self) -> frozenset[str]:
        """The names of lanes that end at another moment or in another way."""
        return frozenset(pair.name for pair in self.pairs if {"outcome", "end"} & pair.facts)

    @functools.cached_property
    def arms(self) -> set[int]:
        """The ids of asyncio's tasks that stand for futures which Tokio polls in their parents.

        Such a future has a lane of the same name, or none: then the task is one of several
        siblings, spawned at one moment, of which one returned and their parent cancelled another.
        """
        arms = {pair.asyncio.id for pair in self.pairs if pair.tokio.kind is LaneKind.BRANCH}
        alone = [lane for name, lane in self.asyncio.items() if name not in self.tokio]
        won = {(lane.parent, lane.spawned) for lane in alone if lane.outcome is Outcome.RETURNED}
        lost = {(lane.parent, lane.spawned) for lane in alone if lane.cancelled_by == lane.parent}
        races = won & lost
        return arms | {lane.id for lane in alone if (lane.parent, lane.spawned) in races}

    def same(self, one: float, other: float) -> bool:
        """Whether two moments are one, as far as the clocks can tell."""
        return abs(one - other) <= (0 if self.exact else _SLACK)

    def at(self, seconds: float) -> str:
        """A moment or a duration in words."""
        return words.seconds(seconds, exact=self.exact)

    def swapped(self, what: str) -> tuple[Pair, Pair] | None:
        """Two lanes that "start" or "end" in one order in asyncio and in the other in Tokio."""

        def moment(lane: Task) -> float:
            return lane.end if what == "end" else lane.steps[0].start

        early, late = _noise(self.trace), _noise(self.recording)
        polled = [pair for pair in self.pairs if pair.asyncio.steps and pair.tokio.steps]
        ordered = sorted(polled, key=lambda pair: moment(pair.asyncio))
        waiting = deque(ordered)
        latest: Pair | None = None  # in Tokio, of those that asyncio has before `pair`
        for pair in ordered:
            while moment(waiting[0].asyncio) < moment(pair.asyncio) - early:
                before = waiting.popleft()
                if latest is None or moment(before.tokio) > moment(latest.tokio):
                    latest = before
            if latest is not None and moment(pair.tokio) < moment(latest.tokio) - late:
                return latest, pair
        return None


class Pair:
    """One lane of both runs, and the facts about it that are not the same.

    Rules take away from `unexplained` what they explain.
    """

    def __init__(self, runs: Runs, name: str) -> None:
        """Find what is not the same."""
        self.runs, self.name = runs, name
        self.asyncio, self.tokio = runs.asyncio[name], runs.tokio[name]
        self.facts = frozenset(self._facts())
        self.unexplained = set(self.facts)

    def _facts(self) -> Iterator[Fact]:
        one, other, runs = self.asyncio, self.tokio, self.runs
        here, there = (runs.names[side] for side in ("asyncio", "tokio"))
        same: dict[Fact, bool] = {
            "kind": one.kind is other.kind,
            "outcome": one.outcome is other.outcome,
            "error": one.error == other.error,
            "parent": here.get(one.parent) == there.get(other.parent),
        }
        if runs.exact:
            same["end"] = runs.same(one.end, other.end)
            same["spawn"] = runs.same(one.spawned, other.spawned)
            yield from (("asyncio", n) for n in _unmatched(one.steps, other.steps))
            yield from (("tokio", n) for n in _unmatched(other.steps, one.steps))
        else:
            same["polls"] = one.polls == other.polls
        yield from (fact for fact, agrees in same.items() if not agrees)

    def steps(self, side: str, which: Callable[[Step], bool] = bool) -> dict[Fact, Step]:
        """The unexplained polls that only one side has and for which `which` is true; or all."""
        lane = self.asyncio if side == "asyncio" else self.tokio
        numbers = [n for n in range(lane.polls) if (side, n) in self.unexplained]
        return {(side, n): lane.steps[n] for n in numbers if which(lane.steps[n])}

    def __str__(self) -> str:
        """The name as it is written in a sentence."""
        return f"`{self.name}`"


def _unmatched(steps: Sequence[Step], others: Sequence[Step]) -> Iterator[int]:
    """The numbers of the steps that have no step of the same times among the others."""
    free = Counter(step[:3] for step in others)
    for n, step in enumerate(steps):
        free[step[:3]] -= 1
        if free[step[:3]] < 0:
            yield n


def _by_name(trace: Trace) -> dict[str, Task]:
    """The lanes by name: the root is "main" whatever its coroutine is called; no callbacks.

    Of lanes with one name the first has it, the others are numbered.
    """
    main = next((lane for lane in trace.tasks if lane.parent is None), None)
    seen: Counter[str] = Counter()
    lanes: dict[str, Task] = {}
    for lane in trace.lanes:
        if lane.kind is not LaneKind.CALLBACK:
            name = "main" if lane is main else lane.name
            seen[name] += 1
            lanes[name if seen[name] == 1 else f"{name} ({seen[name]})"] = lane
    return lanes


def _noise(trace: Trace) -> float:
    """Seconds by which two moments of a run must differ to have an order."""
    seconds, share = _NOISE
    return 0 if trace.clock == "virtual" else seconds + share * trace.duration
