"""A run beside its recording: both in one picture, and a verdict in words on what differs and why.

    compare(trace, recording) -> Comparison

`match` finds which lanes are the same job, and `rules` say why they differ.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from helpers import text as words
from helpers.comparison.match import Runs
from helpers.comparison.rules import REASONS, TITLES, UNEXPLAINED, Difference, differences
from helpers.draw import mimebundle
from helpers.draw.picture import Picture, Row, rows_of
from helpers.draw.text import bars, wrapped
from helpers.draw.theme import time_unit
from helpers.draw.title import chefs
from helpers.trace import LaneKind, Task, Trace, expect_trace

MOST = 14  # lanes of each run in the picture; of more, the first and the last
_WIDTH = 78
_MOST_SENTENCES = 3  # of one reason


def compare(trace: Trace, recording: Trace, title: str | None = None) -> "Comparison":
    """Both runs of one program in the same axes, and what agrees, what differs, and why.

    `trace` is a run of asyncio, `recording` one of Tokio (`load_recording`), and `title` stands
    above the figure instead of the difference. Lanes are matched by name; main is main whatever its
    coroutine is called. Runs that share no other name, or are not one of each, are a ValueError.
    """
    expect_trace(trace)
    expect_trace(recording)
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
        """The orders that are the same, a sentence each; the verdict counts what else is."""
        orders = {"start": "The order of first polls.", "end": "The order in which they end."}
        same = (told for what, told in orders.items() if not self.runs.swapped(what))
        return tuple(same) if len(self.runs.pairs) > 1 else ()

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
        ends, polls = len(pairs) - len(self.runs.apart), sum(pair.as_often for pair in pairs)
        end, have = "ends" if ends == 1 else "end", "has" if polls == 1 else "have"
        same = f"Of {lanes}, {ends:,} {end} alike and {polls:,} {have} as many polls"
        odd = sum(one.name == UNEXPLAINED for one in self.differs)
        return f"{same}; unexplained: {words.plural(odd, 'difference')}." if odd else f"{same}."

    @cached_property
    def picture(self) -> Picture:
        """Both runs on one time axis: asyncio's lanes above, Tokio's below, in the same order."""
        runs, here, there = self.runs, self.runs.trace, self.runs.recording
        thread = "chef" if there.workers == 1 else None
        above = [*_renamed(runs.asyncio, 0, thread)]
        below = [*_renamed(runs.tokio, max(lane.id for lane in here.lanes) + 1, thread)]
        duration, clock = max(here.duration, there.duration), "virtual" if runs.exact else "real"
        both = Trace((*above, *below), duration, clock, workers=there.workers)
        place = {name: n for n, name in enumerate(runs.tokio)}
        above.sort(key=lambda lane: place.get(lane.name, len(place)))
        rows = [Row("asyncio, this run"), *rows_of(both, _some(above))]
        rows.append(Row(f"Tokio {there.about.get('tokio', '')}".rstrip() + ", recorded"))
        if there.workers > 1 and len(below) <= MOST:
            rows += [Row(f"on {name}", thread=name) for name in there.by_chef]
        rows += rows_of(both, _some(below))
        unit, count = time_unit(both), max(len(above), len(below))
        parts = [
            there.about.get("scenario"),
            f"{MOST} of {count:,} lanes" if count > MOST else None,
            f"asyncio: {here.clock} clock, {unit.long(here.duration)}",
            f"Tokio: {there.clock} clock, {unit.long(there.duration)}, {chefs(there.workers)}",
        ]
        reasons = [f"{name}: {REASONS[name]}" for name in self.kinds]
        return Picture(
            run=both,
            trace=both,
            unit=unit,
            axis=unit,
            rows=rows,
            title=self.headline,
            subtitle=" · ".join(filter(None, parts)),
            reasons=[self.verdict, *reasons] if reasons else [],
        )

    def __str__(self) -> str:
        """The headline and verdict, both runs' bars, what agrees and what differs."""
        above = [*dict.fromkeys((self.headline, self.verdict)), self.picture.subtitle]
        lines = [*wrapped(above, _WIDTH, ""), "", *bars(self.picture, _WIDTH)]
        if self.agrees:
            lines += ["", "The same in both:", *(f"- {one}" for one in self.agrees)]
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
        return mimebundle(self.picture, str(self))


def _renamed(lanes: Mapping[str, Task], shift: int, thread: str | None) -> Iterator[Task]:
    """The lanes under the names that they are matched by, with ids of their own."""

    def own(who: Any) -> Any:
        return who + shift if isinstance(who, int) else who

    for name, lane in lanes.items():
        steps = tuple(
            step._replace(thread=thread or step.thread, woken_by=own(step.woken_by))
            for step in lane.steps
        )
        cancels = tuple(request._replace(by=own(request.by)) for request in lane.cancels)
        about = {"id": own(lane.id), "name": name, "parent": own(lane.parent)}
        yield replace(lane, **about, steps=steps, cancels=cancels)


def _some(lanes: Sequence[Task]) -> Sequence[Task]:
    """Few enough lanes to be read: of many, those that come first and those that come last."""
    return lanes if len(lanes) <= MOST else [*lanes[: MOST - 4], *lanes[-4:]]
