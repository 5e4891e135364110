"""What is the same in both runs, in sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from helpers import text as words
from helpers.comparison import team
from helpers.comparison.pairs import Both, Pair
from helpers.trace import Outcome

_MOST = 6  # names in a sentence


def sentences(both: Both) -> Iterator[str]:
    """Order of first polls, numbers of polls, endings, who came first, when."""
    yield from _first_polls(both)
    yield from _of(
        both,
        "the same number of polls",
        lambda pair: pair.here.polls == pair.there.polls,
        lambda pair: f"{pair.here.polls}",
    )
    yield from _endings(both)
    yield from _who_won(both)
    if both.exact:
        yield from _of(
            both,
            "over at the same moment",
            lambda pair: both.same(pair.here.end, pair.there.end),
            lambda pair: both.at(pair.there.end),
        )
    elif team.inversion(both, "end") is None and len(both.pairs) > 1:
        yield "The order in which they end."


def _first_polls(both: Both) -> Iterator[str]:
    begun = [pair for pair in both.pairs if pair.here.steps and pair.there.steps]
    if len(begun) < 2 or team.inversion(both, "first") is not None:
        return
    apart = [p for p in begun if not both.same(p.here.steps[0].start, p.there.steps[0].start)]
    begun.sort(key=lambda pair: (pair.here.steps[0].start, pair.here.id))
    names = _names(begun)
    if both.exact and not apart:
        yield f"The order of first polls, and their moments: {names}."
    else:
        yield f"The order of first polls: {names}."


def _of(
    both: Both, what: str, agree: Callable[[Pair], bool], value: Callable[[Pair], str]
) -> Iterator[str]:
    """Which lanes agree in something, each with the value."""
    same = [pair for pair in both.pairs if agree(pair)]
    if not same:
        return
    if len({value(pair) for pair in same}) == 1 and len(same) > 2:
        yield f"{_how_many(both, same)} {what} ({value(same[0])})."
        return
    said = words.listing([f"`{pair.name}` ({value(pair)})" for pair in same], _MOST)
    yield f"{what[0].upper()}{what[1:]}: {said}."


def _endings(both: Both) -> Iterator[str]:
    same = [pair for pair in both.pairs if pair.here.outcome is pair.there.outcome]
    for outcome in Outcome:
        ones = [pair for pair in same if pair.here.outcome is outcome]
        if len(ones) > _MOST:
            yield f"{len(ones):,} lanes end alike: {outcome}."
        elif ones:
            yield f"{_verb(outcome)} in both: {_names(ones)}."


def _verb(outcome: Outcome) -> str:
    return "Still pending" if outcome is Outcome.PENDING else str(outcome).capitalize()


def _who_won(both: Both) -> Iterator[str]:
    """Who came first of several that began together, where the others did not end with it."""
    ended = []
    for here in (True, False):
        lanes = [(p.here if here else p.there, p.name) for p in both.pairs if p.name != "main"]
        done = [(lane.end, name) for lane, name in lanes if lane.outcome is Outcome.RETURNED]
        first = min((over for over, _ in done), default=0.0)
        ended.append([name for over, name in done if both.same(over, first)])
    if len(ended[0]) == 1 and ended[0] == ended[1] and len(both.pairs) > 2:
        yield f"`{ended[0][0]}` is the first to return."


def _names(pairs: list[Pair]) -> str:
    return words.listing([f"`{pair.name}`" for pair in pairs], _MOST)


def _how_many(both: Both, same: list[Pair]) -> str:
    if len(same) == len(both.pairs):
        return f"All {len(same):,} lanes:"
    return f"{len(same):,} of {len(both.pairs):,} lanes:"
