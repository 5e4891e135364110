"""A run beside its recording: both in one picture, and a verdict in words on what differs and why.

    compare(trace, recording) -> Comparison

`match` finds which lanes are the same job, `rules` say why they differ, and `figure` draws both.
"""

import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from helpers import text as words
from helpers.comparison import figure as pictures
from helpers.comparison.match import Pair, Runs, noise
from helpers.comparison.rules import REASONS, TITLES, UNEXPLAINED, Difference, differences
from helpers.draw import bundle
from helpers.draw.picture import Picture
from helpers.draw.text import bars, wrapped
from helpers.draw.theme import Json
from helpers.trace import LaneKind, Outcome, Task, Trace

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["Comparison", "compare"]

_WIDTH = 78
_MOST_NAMES, _MOST_SENTENCES = 6, 3  # names in a sentence, and sentences of one reason


def compare(trace: Trace, recording: Trace, title: str | None = None) -> "Comparison":
    """Both runs of one program in the same axes, and what agrees, what differs, and why.

    `trace` is a run of asyncio, `recording` one of Tokio (`load_recording`), and `title` stands
    above the figure instead of the difference. Lanes are matched by name; main is main whatever its
    coroutine is called. Runs that share no other name, or are not one of each, are a ValueError.
    """
    if (trace.source, recording.source) != ("asyncio", "tokio"):
        sources = f"{trace.source} and then of {recording.source}"
        raise ValueError(f"compare takes a run of asyncio and then of tokio, got one of {sources}")
    if trace.unit != recording.unit:
        raise ValueError(f"the run counts in {trace.unit}, the recording in {recording.unit}")
    runs = Runs(trace, recording)
    # A task may have futures alone, as main has under a timeout: asyncio has no lanes for those.
    tasks = [name for name, lane in runs.tokio.items() if lane.kind is not LaneKind.BRANCH]
    if len(runs.pairs) == 1 < max(len(runs.asyncio), len(tasks)):
        program = recording.about.get("scenario")
        raise ValueError(f"the run and the recording {program!r} share no task but main")
    return Comparison(runs, differences(runs), title)


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
    def headline(self) -> str:
        """The most telling difference in one plain sentence, or the verdict if there is none."""
        first = {one.name: one.task for one in reversed(self.differs)}
        titles = (TITLES[name].format(f"`{first[name]}`") for name in TITLES if name in first)
        return self.title or next(titles, self.verdict)

    @property
    def verdict(self) -> str:
        """One sentence: how many lanes end alike and are polled as often."""
        exact, pairs = self.runs.exact, self.runs.pairs
        lanes = words.plural(len(pairs), "lane")
        if not self.differs:
            how = "poll by poll" if exact else "as far as measured times can tell"
            return f"asyncio and Tokio do the same on {lanes}, {how}."
        end = "the end, and its moment," if exact else "the end"
        ends, polls = len(pairs) - len(self.runs.apart), sum(pair.as_often for pair in pairs)
        same = f"The same in both: {end} of {ends:,} of {lanes}, the number of polls of {polls:,}"
        odd = sum(one.name == UNEXPLAINED for one in self.differs)
        return f"{same}; unexplained: {words.plural(odd, 'difference')}." if odd else f"{same}."

    @property
    def figure(self) -> "go.Figure":
        """Both runs on one time axis: asyncio's lanes above, Tokio's below, in the same order."""
        from helpers.draw.figure import Timeline

        return Timeline(self._figure, text=lambda: str(self))

    @cached_property
    def _picture(self) -> Picture:
        return pictures.picture_of_both(self.runs, self.headline)

    @property
    def _figure(self) -> Json:
        reasons = [f"{name}: {REASONS[name]}" for name in self.kinds]
        return pictures.figure_dict(self._picture, [self.verdict, *reasons] if reasons else [])

    def __str__(self) -> str:
        """The headline and verdict, both runs' bars, what agrees and what differs."""
        lines = [
            line
            for text in dict.fromkeys((self.headline, self.verdict))
            for line in textwrap.wrap(text, _WIDTH)
        ]
        lines += [*textwrap.wrap(self._picture.subtitle, _WIDTH), ""]
        lines += bars(self._picture, _WIDTH)
        if agreements := wrapped([f"- {one}" for one in self.agrees], _WIDTH, "  "):
            lines += ["", "The same in both:", *agreements]
        if self.differs:
            lines += ["", "Different, and why:"]
        for name in self.kinds:
            sentences = [one.sentence for one in self.differs if one.name == name]
            if more := len(sentences[_MOST_SENTENCES:]):
                sentences[_MOST_SENTENCES:] = [f"And {more} more like it."]
            told = [f"  {sentence}" for sentence in [*sentences, f"Why: {REASONS[name]}"]]
            lines += [f"- {name}", *wrapped(told, _WIDTH)]
        return "\n".join(lines)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        """The figure for a notebook, with the verdict and the bars as its plain text."""
        return bundle(self._figure, str(self))


def _agreements(runs: Runs) -> Iterator[str]:
    """Order of first polls, numbers of polls, endings, who came first, when."""
    pairs = runs.pairs
    yield from _first_polls(runs)
    often = {pair: str(pair.tokio.polls) for pair in pairs if pair.as_often}
    yield from _alike(often, "the same number of polls", len(pairs))
    for outcome in Outcome:
        ended = [pair for pair in pairs if pair.asyncio.outcome is pair.tokio.outcome is outcome]
        if len(ended) > _MOST_NAMES:
            yield f"{len(ended):,} lanes end alike: {outcome}."
        elif ended:
            yield f"{str(outcome).capitalize()} in both: {_names(ended)}."
    first = _first_to_return(runs.trace, runs.asyncio, pairs)
    same = first == _first_to_return(runs.recording, runs.tokio, pairs)
    if same and len(first) == 1 and len(pairs) > 2:
        yield f"`{first[0]}` is the first to return."
    if runs.exact:
        over = {pair: runs.at(pair.tokio.end) for pair in pairs if "end" not in pair.facts}
        yield from _alike(over, "over at the same moment", len(pairs))
    elif runs.swapped("end") is None and len(pairs) > 1:
        yield "The order in which they end."


def _first_polls(runs: Runs) -> Iterator[str]:
    polled = [pair for pair in runs.pairs if pair.asyncio.steps and pair.tokio.steps]
    if len(polled) > 1 and not runs.swapped("start"):
        polled.sort(key=lambda pair: (pair.asyncio.steps[0].start, pair.asyncio.id))
        starts = [(pair.asyncio.steps[0].start, pair.tokio.steps[0].start) for pair in polled]
        alike = runs.exact and all(here == there for here, there in starts)
        moments = ", and their moments" if alike else ""
        yield f"The order of first polls{moments}: {_names(polled)}."


def _alike(values: dict[Pair, str], what: str, lanes: int) -> Iterator[str]:
    """Which lanes agree in something, each with the value."""
    if len({*values.values()}) == 1 and len(values) > 2:
        which = f"All {lanes:,}" if len(values) == lanes else f"{len(values):,} of {lanes:,}"
        yield f"{which} lanes: {what} ({next(iter(values.values()))})."
    elif values:
        pairs = [f"{pair} ({value})" for pair, value in values.items()]
        yield f"{what[0].upper()}{what[1:]}: {words.listing(pairs, _MOST_NAMES)}."


def _first_to_return(run: Trace, lanes: dict[str, Task], pairs: Iterable[Pair]) -> list[str]:
    """The names of the lanes that both runs have, without main, which returned first."""
    names = [pair.name for pair in pairs if pair.name != "main"]
    ends = {name: lanes[name].end for name in names if lanes[name].outcome is Outcome.RETURNED}
    latest = min(ends.values(), default=0.0) + noise(run)
    return [name for name, end in ends.items() if end <= latest]


def _names(pairs: Iterable[Pair]) -> str:
    return words.listing([*map(str, pairs)], _MOST_NAMES)
