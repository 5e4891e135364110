"""`compare`: a run of asyncio beside the same program's run on real Tokio, with a verdict in words.

What agrees is told, and what differs has a name and a reason (`kinds`). A difference that no
rule explains is called "unexplained". Where both clocks are virtual, every poll is held to the
recording's; else, and with several workers, times are compared as relations.
"""

from __future__ import annotations

import functools
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from helpers import text as words
from helpers.comparison import agree, rules, steps, team
from helpers.comparison.case import Case
from helpers.comparison.kinds import FOLLOWS, UNEXPLAINED, Difference, difference
from helpers.comparison.pairs import Both
from helpers.trace import LaneKind, Trace

if TYPE_CHECKING:
    import plotly.graph_objects as go

_RULES = (*rules.RULES, *steps.RULES, team.polls)
_WIDTH = 78


def compare(trace: Trace, recording: Trace) -> Comparison:
    """Both runs of one program in the same axes, and what agrees, what differs, and why.

    `trace` is a run of asyncio, `recording` one of Tokio (`load_recording`). Lanes are matched by
    their names; main is main whatever its coroutine is called. Two runs that share no other name,
    or that are not one of each, are a ValueError.
    """
    for run, source in ((trace, "asyncio"), (recording, "tokio")):
        if run.source != source:
            raise ValueError(
                "compare takes a run of asyncio and then a recording of Tokio; "
                f"where {source} was expected, there is a run of {run.source}"
            )
    if trace.unit != recording.unit:
        raise ValueError(f"the run counts in {trace.unit}, the recording in {recording.unit}")
    both = Both(trace, recording)
    _check_names(both)
    # A cause before what follows from it.
    told = sorted(_differences(both), key=lambda one: one.name == FOLLOWS)
    return Comparison(both, tuple(told))


def _check_names(both: Both) -> None:
    """Two programs that have no task in common but main are two programs."""
    here, there = ([name for name in side if name != "main"] for side in (both.here, both.there))
    inside = all(both.there[name].kind is LaneKind.BRANCH for name in there)
    if set(here) & set(there) or (not here and inside):
        return
    program = both.recording.about.get("scenario", "of Tokio")
    raise ValueError(
        f"the run and the recording {program!r} are two programs: they share no task but main; the "
        f"run has {words.listing(here) or 'none'}, the recording {words.listing(there) or 'none'}"
    )


def _differences(both: Both) -> Iterator[Difference]:
    for pair in both.pairs:
        case = Case(both, pair)
        for rule in _RULES:
            rule(case)
        case.close_end()
        yield from case.close()
    yield from _only_one(both)
    yield from steps.equal_deadlines(both)
    yield from team.team(both)
    yield from team.relations(both)


def _only_one(both: Both) -> Iterator[Difference]:
    for name, lane in both.here.items():
        if name not in both.there:
            if lane.id in both.races:
                said = f"`{name}` is a task here; in Tokio an arm of select! has no lane."
                yield difference("a branch is no task", name, said)
            else:
                yield difference("only here", name, f"`{name}` is a task here alone.")
    for name, lane in both.there.items():
        if name not in both.here:
            if lane.kind is LaneKind.BRANCH:
                said = f"`{name}` is a future inside main, with a lane in the recording alone."
                yield difference("no lane of its own", name, said)
            else:
                yield difference("only there", name, f"`{name}` is a task there alone.")


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """A run of asyncio beside a recording of Tokio. In a cell it shows as one figure of both."""

    both: Both = field(repr=False)
    differs: tuple[Difference, ...]  # what is not the same, each with its kind and its reason

    @property
    def trace(self) -> Trace:
        """The run of asyncio."""
        return self.both.trace

    @property
    def recording(self) -> Trace:
        """The recorded run of Tokio."""
        return self.both.recording

    @functools.cached_property
    def agrees(self) -> tuple[str, ...]:
        """What is the same, a sentence each."""
        return tuple(agree.sentences(self.both))

    @property
    def kinds(self) -> tuple[str, ...]:
        """The names of the differences, each once, in the order in which they are told."""
        return tuple(dict.fromkeys(one.name for one in self.differs))

    @property
    def verdict(self) -> str:
        """One sentence: how many lanes end alike and are polled as often, and what differs."""
        pairs = self.both.pairs
        alike = [pair for pair in pairs if pair.here.outcome is pair.there.outcome]
        if self.both.exact:
            alike = [pair for pair in alike if self.both.same(pair.here.end, pair.there.end)]
        often = [pair for pair in pairs if pair.here.polls == pair.there.polls]
        moment = " and at the same moment" if self.both.exact else ""
        lanes = words.plural(len(pairs), "lane")
        if not self.differs:
            how = ", poll by poll" if self.both.exact else ", as far as measured times can tell"
            return f"asyncio and Tokio do the same on {lanes}{how}."
        if len(pairs) == len(alike) == len(often) == 1:
            said = f"The one lane of both ends alike{moment}, after the same number of polls"
        else:
            said = (
                f"Of {lanes}, {_of(alike, pairs)} {_verb(alike, 'ends', 'end')} alike{moment}, and "
                f"{_of(often, pairs)} {_verb(often, 'has', 'have')} the same number of polls"
            )
        told = [f'"{name}"' for name in self.kinds if name != UNEXPLAINED]
        odd = sum(one.name == UNEXPLAINED for one in self.differs)
        if told:
            said = f"{said}; what differs has a reason: {words.listing(told, 9)}"
        if odd:
            verb = "is" if odd == 1 else "are"
            said = f"{said}; {words.plural(odd, 'difference')} {verb} unexplained"
        return f"{said}."

    @property
    def figure(self) -> go.Figure:
        """Both runs on one time axis: asyncio's lanes above, Tokio's below, in the same order."""
        from helpers.comparison import figure as side_by_side
        from helpers.draw.figure import Timeline

        return Timeline(side_by_side.figure_dict(self), text=lambda: str(self))

    def __str__(self) -> str:
        """The verdict, both runs' bars, what agrees and what differs."""
        from helpers.comparison import figure as side_by_side

        parts = [textwrap.wrap(self.verdict, _WIDTH), side_by_side.bars(self.both, _WIDTH)]
        parts.append(["The same in both:", *_items(self.agrees)] if self.agrees else [])
        parts.append(["Different, and why:", *_reasons(self.differs)] if self.differs else [])
        return "\n\n".join("\n".join(part) for part in parts if part)

    def __repr__(self) -> str:
        """One line: how many lanes, how many differences."""
        lanes, odd = len(self.both.pairs), len(self.differs)
        return f"<Comparison of {words.plural(lanes, 'lane')}, {words.plural(odd, 'difference')}>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        """The figure for a notebook, with the verdict and the bars as its plain text."""
        from helpers.comparison import figure as side_by_side

        return side_by_side.mimebundle(self)


def _of(some: Sequence[object], whole: Sequence[object]) -> str:
    """How many of the whole, in words where a word will do."""
    if len(some) == len(whole) > 1:
        return "all"
    return f"{len(some):,}" if some else "none"


def _verb(some: Sequence[object], one: str, many: str) -> str:
    return one if len(some) == 1 else many


def _items(sentences: tuple[str, ...]) -> Iterator[str]:
    for sentence in sentences:
        yield from textwrap.wrap(
            sentence, _WIDTH, initial_indent="- ", subsequent_indent="  ", break_on_hyphens=False
        )


def _reasons(differs: tuple[Difference, ...], most: int = 3) -> Iterator[str]:
    """Each kind with what it is about, and its reason once."""
    for kind in dict.fromkeys(one.name for one in differs):
        same = [one for one in differs if one.name == kind]
        yield f"- {kind}"
        said = [one.sentence for one in same[:most]]
        if len(same) > most:
            said.append(f"And {len(same) - most} more like it.")
        for sentence in said:
            yield from _indented(sentence)
        yield from _indented(f"Why: {same[0].why}")


def _indented(text: str) -> Iterator[str]:
    yield from textwrap.wrap(
        text, _WIDTH, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False
    )
