"""Which lanes of two runs are the same job, and what about a lane is not the same in both."""

import itertools
from collections import Counter

from helpers import text as words
from helpers.trace import LaneKind, Step, Task, Trace, Waker

ENDING = frozenset({"outcome", "error", "end", "polls"})  # facts that may follow from a cancel


class Runs:
    """A run of asyncio and a recording of Tokio, with their lanes matched by name.

    `asyncio` and `tokio` hold the lanes by the names that they are matched by, `names` these names
    by the lanes' ids: "here" in asyncio, "there" in Tokio. Where both clocks are virtual (`exact`),
    times are compared, else only their order.
    """

    def __init__(self, trace: Trace, recording: Trace) -> None:
        self.trace, self.recording = trace, recording
        self.exact = trace.clock == recording.clock == "virtual"
        self.asyncio, self.tokio = _by_name(trace), _by_name(recording)
        self.names: dict[str, dict[Waker, str]] = {
            "here": {lane.id: name for name, lane in self.asyncio.items()},
            "there": {lane.id: name for name, lane in self.tokio.items()},
        }
        # The moments at which Tokio has tasks that yielded ready again.
        steps = ((lane.id, step) for lane in recording.tasks for step in lane.steps)
        self.yields = {step.ready for lane, step in steps if step.woken_by == lane}
        # The lanes that both have, in the recording's order, and those that end in two ways.
        self.pairs = [Pair(self, name) for name in self.tokio if name in self.asyncio]
        self.apart = {pair.name for pair in self.pairs if {"outcome", "end"} & pair.facts}
        # The ids of asyncio's tasks that are futures in Tokio, or have no lane there.
        tasks = {name for name, lane in self.tokio.items() if lane.kind is LaneKind.TASK}
        self.arms = {lane.id for name, lane in self.asyncio.items() if name not in tasks}

    def at(self, seconds: float) -> str:
        """A moment or a duration in words."""
        return words.seconds(seconds, exact=self.exact)

    def swapped(self, what: str) -> "tuple[Pair, Pair] | None":
        """Two lanes that "start" or "end" in one order in asyncio and in the other in Tokio."""

        def moment(lane: Task) -> float:
            return lane.end if what == "end" else lane.steps[0].start

        pairs = [pair for pair in self.pairs if pair.asyncio.steps and pair.tokio.steps]
        pairs.sort(key=lambda pair: (moment(pair.asyncio), moment(pair.tokio)))
        latest = pairs[0]  # in Tokio, of the pairs up to this one
        for pair in pairs:
            here = moment(pair.asyncio) - moment(latest.asyncio)
            there = moment(pair.tokio) - moment(latest.tokio)
            if here > noise(self.trace) and there < -noise(self.recording):
                return latest, pair
            latest = pair if there > 0 else latest
        return None


class Pair:
    """One lane of both runs, and in words the facts about it that are not the same.

    Where times are compared, `odd_poll` is the first poll that only `odd_side` has, at `odd_at`.
    Rules take away from `unexplained` what they explain.
    """

    def __init__(self, runs: Runs, name: str) -> None:
        self.runs, self.name, names = runs, name, runs.names
        self.asyncio, self.tokio = one, other = runs.asyncio[name], runs.tokio[name]
        self.as_often = one.polls == other.polls
        self.odd_side, self.odd_poll = self._first_odd_poll() if runs.exact else ("", None)
        self.odd_at = f"{runs.at(self.odd_poll.start)} {self.odd_side}" if self.odd_poll else ""
        same = {
            "kind": one.kind is other.kind,
            "outcome": one.outcome is other.outcome,
            # Without its type: Python raises a RuntimeError where Rust panics.
            "error": one.error.partition(": ")[2] == other.error.partition(": ")[2],
            "parent": names["here"].get(one.parent) == names["there"].get(other.parent),
            "polls": self.as_often and self.odd_poll is None,
            "end": one.end == other.end or not runs.exact,
            "spawn": one.spawned == other.spawned or not runs.exact,
        }
        self.facts = frozenset(fact for fact, agrees in same.items() if not agrees)
        self.unexplained = set(self.facts)

    def _first_odd_poll(self) -> tuple[str, Step | None]:
        for here, there in itertools.zip_longest(self.asyncio.steps, self.tokio.steps):
            if here is None or there is None or here[:3] != there[:3]:
                first_here = there is None or (here is not None and here.start <= there.start)
                return ("here", here) if first_here else ("there", there)
        return "", None

    def alike_until(self, moment: float) -> bool:
        """Whether no poll before that moment is known to be on one side only."""
        return self.odd_poll is None or self.odd_poll.start >= moment

    def __str__(self) -> str:
        """The name as it is written in a sentence."""
        return f"`{self.name}`"


def _by_name(trace: Trace) -> dict[str, Task]:
    """The lanes by name, without callbacks. The root is "main"; of one name, the second has a 2."""
    main = next((lane for lane in trace.tasks if lane.parent is None), None)
    seen: Counter[str] = Counter()
    lanes: dict[str, Task] = {}
    for lane in trace.lanes:
        if lane.kind is not LaneKind.CALLBACK:
            name = "main" if lane is main else lane.name
            seen[name] += 1
            lanes[name if seen[name] == 1 else f"{name} ({seen[name]})"] = lane
    return lanes


def noise(trace: Trace) -> float:
    """Seconds by which two moments of a run must differ to have an order."""
    return 0 if trace.clock == "virtual" else 0.01 + 0.05 * trace.duration
