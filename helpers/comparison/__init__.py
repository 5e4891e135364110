"""A run beside its recording: both in one picture, and a verdict in words on what differs and why.

    compare(trace, recording) -> Comparison

`match` finds which lanes are the same job, `rules` say why they differ, and `figure` draws both.
"""

from __future__ import annotations

import os
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from helpers import text as words
from helpers.comparison import figure as pictures
from helpers.comparison.match import Pair, Runs
from helpers.comparison.rules import UNEXPLAINED, Difference, differences
from helpers.draw import bundle
from helpers.trace import LaneKind, Outcome, Task, Trace

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["Comparison", "compare"]

_WIDTH = 78
_MOST = 6  # names in a sentence


def compare(trace: Trace, recording: Trace, title: str | None = None) -> Comparison:
    """Both runs of one program in the same axes, and what agrees, what differs, and why.

    `trace` is a run of asyncio, `recording` one of Tokio (`load_recording`), and `title` stands
    above the figure instead of the verdict. Lanes are matched by their names; main is main whatever
    its coroutine is called. Two runs that share no other name, or that are not one of each, are a
    ValueError.
    """
    for run, source in ((trace, "asyncio"), (recording, "tokio")):
        if run.source != source:
            raise ValueError(
                "compare takes a run of asyncio and then a recording of Tokio; "
                f"where {source} was expected, there is a run of {run.source}"
            )
    if trace.unit != recording.unit:
        raise ValueError(f"the run counts in {trace.unit}, the recording in {recording.unit}")
    runs = Runs(trace, recording)
    _check_names(runs)
    return Comparison(runs, differences(runs), title)


def _check_names(runs: Runs) -> None:
    """Two programs that have no task in common but main are two programs."""
    here, there = ([name for name in side if name != "main"] for side in (runs.asyncio, runs.tokio))
    inside = all(runs.tokio[name].kind is LaneKind.BRANCH for name in there)
    if set(here) & set(there) or (not here and inside):
        return
    program = runs.recording.about.get("scenario", "of Tokio")
    raise ValueError(
        f"the run and the recording {program!r} are two programs: they share no task but main; the "
        f"run has {words.listing(here) or 'none'}, the recording {words.listing(there) or 'none'}"
    )


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """A run of asyncio beside a recording of Tokio. In a cell it shows as one figure of both."""

    runs: Runs
    differs: tuple[Difference, ...]  # what is not the same, each with the name of its reason
    title: str | None = None

    @property
    def kinds(self) -> tuple[str, ...]:
        """The names of the reasons, each once, in the order in which they are told."""
        return tuple(dict.fromkeys(one.name for one in self.differs))

    @property
    def agrees(self) -> tuple[str, ...]:
        """What is the same, a sentence each."""
        return tuple(_agreements(self.runs))

    @property
    def verdict(self) -> str:
        """One sentence: how many lanes end alike and are polled as often, and what differs."""
        exact, pairs = self.runs.exact, self.runs.pairs
        lanes = words.plural(len(pairs), "lane")
        if not self.differs:
            how = ", poll by poll" if exact else ", as far as measured times can tell"
            return f"asyncio and Tokio do the same on {lanes}{how}."
        ends = len(pairs) - len(self.runs.apart)
        polls = sum(pair.asyncio.polls == pair.tokio.polls for pair in pairs)
        alike = "alike and at the same moment" if exact else "alike"
        if len(pairs) == ends == polls == 1:
            sentence = f"The one lane of both ends {alike}, after the same number of polls"
        else:
            sentence = (
                f"Of {lanes}, {_count(ends, pairs, 'ends', 'end')} {alike}, and "
                f"{_count(polls, pairs, 'has', 'have')} the same number of polls"
            )
        names = [f'"{name}"' for name in self.kinds if name != UNEXPLAINED]
        if names:
            sentence += f"; what differs has a reason: {words.listing(names, 9)}"
        if odd := sum(one.name == UNEXPLAINED for one in self.differs):
            verb = "is" if odd == 1 else "are"
            sentence += f"; {words.plural(odd, 'difference')} {verb} unexplained"
        return f"{sentence}."

    @property
    def figure(self) -> go.Figure:
        """Both runs on one time axis: asyncio's lanes above, Tokio's below, in the same order."""
        from helpers.draw.figure import Timeline

        return Timeline(self._figure_dict(), text=lambda: str(self))

    def _figure_dict(self) -> dict[str, Any]:
        return pictures.figure_dict(self.runs, self.title or self.verdict, self.kinds)

    def __str__(self) -> str:
        """The verdict, both runs' bars, what agrees and what differs."""
        parts = [textwrap.wrap(self.verdict, _WIDTH), pictures.bars(self.runs, _WIDTH)]
        if self.agrees:
            items = [line for sentence in self.agrees for line in _wrap(sentence, "- ", "  ")]
            parts.append(["The same in both:", *items])
        if self.differs:
            parts.append(["Different, and why:", *_reasons(self.differs)])
        return "\n\n".join("\n".join(part) for part in parts)

    def __repr__(self) -> str:
        """One line: how many lanes, how many differences."""
        lanes, odd = len(self.runs.pairs), len(self.differs)
        return f"<Comparison of {words.plural(lanes, 'lane')}, {words.plural(odd, 'difference')}>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        """The figure for a notebook, with the verdict and the bars as its plain text."""
        if os.environ.get("PLOTLY_RENDERER"):
            shown: dict[str, Any] = self.figure._repr_mimebundle_()
            return shown
        return bundle(self._figure_dict(), str(self))


def _count(some: int, pairs: Sequence[Pair], one: str, many: str) -> str:
    """How many of the lanes, and the verb that follows."""
    if some == len(pairs) > 1:
        return f"all {many}"
    return f"{some:,} {one if some == 1 else many}" if some else f"none {many}"


def _reasons(differs: tuple[Difference, ...], most: int = 3) -> Iterator[str]:
    """Each reason with what it is about, and its words once."""
    for name in dict.fromkeys(one.name for one in differs):
        same = [one for one in differs if one.name == name]
        sentences = [one.sentence for one in same[:most]]
        if len(same) > most:
            sentences.append(f"And {len(same) - most} more like it.")
        yield f"- {name}"
        for sentence in [*sentences, f"Why: {same[0].why}"]:
            yield from _wrap(sentence, "  ", "    ")


def _wrap(text: str, first: str, later: str) -> list[str]:
    return textwrap.wrap(
        text, _WIDTH, initial_indent=first, subsequent_indent=later, break_on_hyphens=False
    )


# What agrees


def _agreements(runs: Runs) -> Iterator[str]:
    """Order of first polls, numbers of polls, endings, who came first, when."""
    pairs = runs.pairs
    yield from _first_polls(runs)
    often = [pair for pair in pairs if pair.asyncio.polls == pair.tokio.polls]
    yield from _alike(runs, often, "the same number of polls", lambda pair: f"{pair.tokio.polls}")
    for outcome in Outcome:
        ended = [pair for pair in pairs if pair.asyncio.outcome is pair.tokio.outcome is outcome]
        verb = "Still pending" if outcome is Outcome.PENDING else str(outcome).capitalize()
        if len(ended) > _MOST:
            yield f"{len(ended):,} lanes end alike: {outcome}."
        elif ended:
            yield f"{verb} in both: {_names(ended)}."
    winners = [_winners(runs, lanes) for lanes in (runs.asyncio, runs.tokio)]
    if len(winners[0]) == 1 and winners[0] == winners[1] and len(pairs) > 2:
        yield f"`{winners[0][0]}` is the first to return."
    if runs.exact:
        over = [pair for pair in pairs if "end" not in pair.facts]
        yield from _alike(runs, over, "over at the same moment", lambda p: runs.at(p.tokio.end))
    elif runs.swapped("end") is None and len(pairs) > 1:
        yield "The order in which they end."


def _first_polls(runs: Runs) -> Iterator[str]:
    polled = [pair for pair in runs.pairs if pair.asyncio.steps and pair.tokio.steps]
    if len(polled) > 1 and not runs.swapped("start"):
        polled.sort(key=lambda pair: (pair.asyncio.steps[0].start, pair.asyncio.id))
        starts = [(pair.asyncio.steps[0].start, pair.tokio.steps[0].start) for pair in polled]
        alike = runs.exact and all(runs.same(*both) for both in starts)
        moments = ", and their moments" if alike else ""
        yield f"The order of first polls{moments}: {_names(polled)}."


def _alike(runs: Runs, same: list[Pair], what: str, value: Callable[[Pair], str]) -> Iterator[str]:
    """Which lanes agree in something, each with the value."""
    if len({value(pair) for pair in same}) == 1 and len(same) > 2:
        all_of = len(runs.pairs)
        which = f"All {all_of:,}" if len(same) == all_of else f"{len(same):,} of {all_of:,}"
        yield f"{which} lanes: {what} ({value(same[0])})."
    elif same:
        lanes = words.listing([f"{pair} ({value(pair)})" for pair in same], _MOST)
        yield f"{what[0].upper()}{what[1:]}: {lanes}."


def _winners(runs: Runs, lanes: dict[str, Task]) -> list[str]:
    """The lanes that returned first, of those that both runs have, without main."""
    names = [pair.name for pair in runs.pairs if pair.name != "main"]
    ends = {name: lanes[name].end for name in names if lanes[name].outcome is Outcome.RETURNED}
    first = min(ends.values(), default=0.0)
    return [name for name, end in ends.items() if runs.same(end, first)]


def _names(pairs: Iterable[Pair]) -> str:
    return words.listing([*map(str, pairs)], _MOST)
