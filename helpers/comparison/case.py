"""One lane of both runs under examination: what is not the same, and what a rule has explained."""

from __future__ import annotations

from collections.abc import Iterable

from helpers import text as words
from helpers.comparison import pairs
from helpers.comparison.kinds import UNEXPLAINED, Difference, difference
from helpers.comparison.pairs import Both, Pair
from helpers.trace import Outcome, Task

# A fact that is not the same: what it is, and the number of the step where it is about one.
Fact = tuple[str, int]

OUTCOME: Fact = ("outcome", 0)
END: Fact = ("end", 0)
KIND: Fact = ("kind", 0)
ERROR: Fact = ("error", 0)


class Case:
    """What is not the same for one lane, until rules take it away, each with its reason.

    `open` holds the facts that no rule has explained yet. Facts "here" and "there" are steps that
    only one side has, "ready" are steps of the same times that were ready at different ones.
    """

    def __init__(self, both: Both, pair: Pair) -> None:
        """Find what is not the same."""
        self.both, self.pair = both, pair
        self.here, self.there, self.name = pair.here, pair.there, pair.name
        self.told: list[Difference] = []
        self.open = set(self._facts())

    def _facts(self) -> Iterable[Fact]:
        here, there = self.here, self.there
        if here.kind is not there.kind:
            yield KIND
        if here.outcome is not there.outcome:
            yield OUTCOME
        if here.error != there.error:
            yield ERROR
        names = self.both.names
        if names["here"].get(here.parent) != names["there"].get(there.parent):
            yield ("parent", 0)
        if self.both.exact:
            yield from self._times()

    def _times(self) -> Iterable[Fact]:
        here, there = self.here, self.there
        if not self.both.same(here.spawned, there.spawned):
            yield ("spawn", 0)
        if not self.both.same(here.end, there.end):
            yield END
        for n in pairs.left_over(self.both, here.steps, there.steps):
            yield ("here", n)
        for n in pairs.left_over(self.both, there.steps, here.steps):
            yield ("there", n)
        for n, mine, yours in pairs.alike(self.both, self.pair):
            if not self.both.same(mine.ready, yours.ready):
                yield ("ready", n)

    def steps(self, side: str) -> list[int]:
        """The places of the steps that only this side has, and that nothing explains yet."""
        return sorted(n for what, n in self.open if what == side)

    def tell(self, kind: str, sentence: str, facts: Iterable[Fact] = ()) -> None:
        """Say a difference, and that it explains these facts. A kind is said once of a lane."""
        self.open.difference_update(facts)
        if all(one.name != kind for one in self.told):
            self.told.append(difference(kind, self.name, sentence))

    def close_end(self) -> None:
        """An end goes with the last step: if that is explained, the end is."""
        unexplained = {what for what, _ in self.open} & {"here", "there", "outcome"}
        lanes = (self.here, self.there)
        whole = all(not lane.steps or lane.end >= lane.steps[-1].end for lane in lanes)
        if self.told and whole and not unexplained:
            self.open.discard(END)

    def close(self) -> list[Difference]:
        """Every difference; what is left open is one that nothing explains."""
        if self.open:
            self.tell(UNEXPLAINED, self._left())
        return self.told

    def _left(self) -> str:
        """In plain words, what is not the same and has no reason."""
        at, here, there = self.both.at, self.here, self.there
        said = []
        if OUTCOME in self.open or END in self.open or ERROR in self.open:
            said.append(f"{ended(self.both, here)} here, {ended(self.both, there)} there")
        if ("spawn", 0) in self.open:
            said.append(f"is spawned at {at(here.spawned)} here, at {at(there.spawned)} there")
        if ("parent", 0) in self.open:
            said.append("is spawned by another task here")
        if KIND in self.open:
            said.append(f"is a {here.kind} here and a {there.kind} there")
        for side, lane in (("here", here), ("there", there)):
            if some := self.steps(side):
                moments = words.listing([at(lane.steps[n].start) for n in some])
                said.append(f"has {words.plural(len(some), 'poll')} {side} alone, at {moments}")
        if some := self.steps("ready"):
            moments = words.listing([at(here.steps[n].start) for n in some])
            said.append(f"was not ready at the same moment for its poll at {moments}")
        return f"`{self.name}` {'; it '.join(said)}."


def ended(both: Both, lane: Task) -> str:
    """How and when a lane ended, in words that follow its name."""
    if lane.outcome is Outcome.PENDING:
        return "has not ended"
    verb = {Outcome.RETURNED: "returns", Outcome.RAISED: f"raises {lane.error.partition(':')[0]}"}
    return f"{verb.get(lane.outcome, 'is cancelled')} at {both.at(lane.end)}"
