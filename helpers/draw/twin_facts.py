"""The facts of the text twin: numbers in a table, the life of each lane, marks and findings."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Iterator, Sequence

from helpers import text as words
from helpers.draw import bars, density
from helpers.draw.rows import Row
from helpers.draw.theme import STATES
from helpers.draw.units import Scale
from helpers.trace import LaneKind, Span, Task, TaskState, Trace

_MOST_SPANS = 60  # in a run of so many spans, every one is told
_MOST_EVENTS = 20
_MOST_FINDINGS = 12
_NAME = 24
_TENTHS = 10


def table(trace: Trace, lines: Sequence[Row], scale: Scale, width: int) -> list[str]:
    """A line of numbers for each lane."""
    lanes = [row.lane for row in lines if row.lane is not None]
    if not lanes:
        return []
    head = ["", "polls", "running", "scheduled", "idle", "ended at"]
    body = [
        [
            words.shorten(lane.name, _NAME),
            str(lane.polls),
            scale.moment(lane.busy),
            scale.moment(lane.scheduled),
            "-" if lane.kind is LaneKind.CALLBACK else scale.moment(lane.idle),
            f"{scale.moment(lane.end)} {bars.how_it_ended(trace, lane, whole=True)}",
        ]
        for lane in lanes
    ]
    return _aligned([head, *body], width)


def crowd(trace: Trace, scale: Scale) -> list[str]:
    """The run as a whole: how many lanes in each state, in ten parts of the run, and the totals."""
    found = density.counts(trace, _TENTHS)
    head = ["from", "running", "scheduled", "idle", "polls"]
    body = [
        [
            scale.moment(n * found.width),
            *(words.number(found.of[state][n], 1) for state in STATES),
            words.number(found.polls[n]),
        ]
        for n in range(_TENTHS)
    ]
    total = [scale.long(sum(found.of[state]) * found.width) for state in STATES]
    body.append(["sum", *total, words.number(sum(found.polls))])
    told = f"{len(trace.lanes):,} lanes, on average in each tenth of the run ({scale.axis}):"
    wide = [max(len(line[n]) for line in [head, *body]) for n in range(len(head))]
    lines = [
        "  ".join(cell.rjust(w) for cell, w in zip(line, wide, strict=True))
        for line in [head, *body]
    ]
    return [told, *lines, "", "The slowest lanes:"]


def lives(trace: Trace, lines: Sequence[Row], scale: Scale, width: int) -> list[str]:
    """Every span of every lane, and who woke it; in a run small enough to be told."""
    lanes = [row.lane for row in lines if row.lane is not None]
    if sum(len(bars.spans(lane)) for lane in lanes) > _MOST_SPANS:
        return []
    made: list[str] = []
    for lane in lanes:
        phrases = []
        for phrase, same in itertools.groupby(_life(trace, lane, scale)):
            often = len(list(same))
            phrases.append(phrase if often == 1 else f"{phrase} ({often} times)")
        phrases.append(f"{bars.how_it_ended(trace, lane, whole=True)} at {scale.moment(lane.end)}")
        made += _wrapped(f"{lane.name}: {', '.join(phrases)}", width, "    ")
    return made


def _life(trace: Trace, lane: Task, scale: Scale) -> Iterator[str]:
    """A phrase for each step and what led to it, and one for what was waited for in vain."""
    many = len(trace.threads()) > 1
    phrase: list[str] = []
    woken = False
    for span, by in bars.spans(lane):
        if span.state is not TaskState.IDLE and not woken and by is not None:
            phrase.append(f"woken by {bars.who(trace, by)}")
            woken = True
        phrase.append(_said(span, scale, many))
        if span.state is TaskState.RUNNING:
            yield ", ".join(phrase)
            phrase, woken = [], False
    if phrase:
        yield ", ".join(phrase)


def _said(span: Span, scale: Scale, many: bool) -> str:
    start, end = scale.moment(span.start), scale.moment(span.end)
    if span.state is not TaskState.RUNNING:
        return f"{span.state} {start} to {end}"
    said = f"a step at {start}" if start == end else f"running {start} to {end}"
    return f"{said} on {span.thread}" if many else said


def events(trace: Trace, lines: Sequence[Row], scale: Scale, width: int) -> list[str]:
    """What the program marked, and who was asked to stop."""
    made: list[str] = []
    found = bars.events(trace, lines)
    for event in found[:_MOST_EVENTS]:
        whose = f" {lines[event.row].name}" if event.row is not None else ""
        made += _wrapped(f"at {scale.moment(event.time)}{whose}: {event.text}", width, "    ")
    if len(found) > _MOST_EVENTS:
        made.append(f"and {words.plural(len(found) - _MOST_EVENTS, 'event')} more")
    return made


def findings(trace: Trace, width: int) -> list[str]:
    """What went wrong, in sentences."""
    if not trace.findings:
        return []
    made = ["Findings:"]
    for said in trace.findings[:_MOST_FINDINGS]:
        made += _wrapped(f"- {said}", width, "  ")
    if more := len(trace.findings[_MOST_FINDINGS:]):
        made.append(f"- and {more} more.")
    return made


def _wrapped(text: str, width: int, indent: str) -> list[str]:
    return textwrap.wrap(text, width, subsequent_indent=indent, break_on_hyphens=False)


def _aligned(lines: list[list[str]], width: int) -> list[str]:
    """Lines of a table: names to the left, numbers to the right, words as far as there is room."""
    wide = [max(words.cells(line[n]) for line in lines) for n in range(len(lines[0]) - 1)]
    made = []
    for line in lines:
        numbers = [cell.rjust(w) for cell, w in zip(line[1:-1], wide[1:], strict=True)]
        start = "  ".join([words.fit(line[0], wide[0]), *numbers])
        last = words.shorten(line[-1], max(12, width - words.cells(start) - 2))
        made.append(f"{start}  {last}".rstrip())
    return made
