"""The text twin of a timeline: the same lanes and the same facts, for a page without pictures.

It is read on GitHub, in a terminal and by a screen reader: each state has a letter of its own.
Under the virtual clock it is the same to the byte on every machine.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from helpers import bars, density, words
from helpers import rows as rows_of
from helpers import scale as scales
from helpers.headline import headline, subtitle
from helpers.rows import Row, Wanted
from helpers.scale import Scale
from helpers.theme import STATES, TICK_LETTER
from helpers.trace import Outcome, TaskRecord, TaskState, Trace

_MOST_LANES = 30  # of more, the slowest are told
_MOST_FACTS = 60  # spans in a run whose every span is told
_MOST_FINDINGS = 12
_MOST_MARKS = 20
_NAME = 24


def text(
    trace: Trace,
    *,
    width: int = 78,
    title: str | None = None,
    lanes: Wanted | None = None,
    unit: str | None = None,
) -> str:
    """A trace as text: its message, a bar a lane, a table of numbers, marks and findings.

    `width` is in characters and at least 40; the other arguments are those of `timeline`.
    """
    if width < 40:
        raise ValueError(f"width is at least 40 characters, got {width}")
    scale = scales.scale(trace, unit)
    chosen = None if lanes is None else rows_of.pick(trace, lanes)
    if chosen is None and len(trace.lanes) > _MOST_LANES:
        chosen = density.slowest(trace)
    lines = [row for row in rows_of.rows(trace, chosen) if not row.threads]
    parts = [
        _head(trace, scale, width, title),
        _crowd(trace, scale, width) if len(lines) < len(trace.lanes) else [],
        _bars(trace, lines, scale, width),
        _table(trace, lines, scale),
        _facts(trace, lines, scale, width),
        _marks(trace, lines, scale, width),
        _findings(trace, width),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part)


def _head(trace: Trace, scale: Scale, width: int, title: str | None) -> list[str]:
    said = " ".join((title if title is not None else headline(trace, scale)).split())
    return textwrap.wrap(said, width) + textwrap.wrap(subtitle(trace, scale), width)


# -- bars ------------------------------------------------------------------------------------------


def _bars(trace: Trace, lines: Sequence[Row], scale: Scale, width: int) -> list[str]:
    """A line a row, the axis, and what the letters mean."""
    if not lines:
        return []
    names = [_indented(row) for row in lines]
    wide = min(max(map(words.cells, names)), _NAME)
    ended = {row: _word(lane) for row, lane, _ in bars.ends(lines)}
    columns = max(10, width - wide - 2 - max(map(len, ended.values()), default=0) - 1)
    made = []
    for n, row in enumerate(lines):
        if row.lane is None:
            made.append(f"{row.name}:")
            continue
        bar = paint(trace, row.lane, columns)
        made.append(f"{_fit(names[n], wide)}  {bar.rstrip()} {ended.get(n, '')}".rstrip())
    made.append(" " * (wide + 2) + _axis(trace, scale, columns))
    signs = [f"{look.letter} {look.words}" for look in STATES.values()]
    signs.append(f"{TICK_LETTER} a step that takes no time")
    return [*made, *textwrap.wrap("   ".join(signs), width, break_on_hyphens=False)]


def paint(trace: Trace, lane: TaskRecord, columns: int) -> str:
    """The bar of one lane. A poll is seen wherever it falls, a step without width as a tick."""
    cells = [" "] * columns
    per = columns / trace.duration if trace.duration else 0.0
    best = [0.0] * columns
    for span, _ in bars.spans(lane):
        first, last = round(span.start * per, 6), round(span.end * per, 6)
        running = span.state is TaskState.RUNNING
        if first == last and running:
            cell = min(int(first), columns - 1)
            if cells[cell] != STATES[TaskState.RUNNING].letter:
                cells[cell], best[cell] = TICK_LETTER, float("inf")
            continue
        for cell in range(int(first), min(-int(-last // 1), columns)):
            share = float("inf") if running else min(last, cell + 1) - max(first, cell)
            if share > best[cell] or running:
                best[cell], cells[cell] = share, STATES[span.state].letter
    return "".join(cells)


def _axis(trace: Trace, scale: Scale, columns: int) -> str:
    if not trace.duration:
        return f"0 {scale.axis}: the clock has not moved"
    end = trace.duration * scale.factor
    step = next(
        k * 10.0**n for n in range(-9, 12) for k in (1, 2, 5) if end / (k * 10.0**n) <= columns / 9
    )
    line = ""
    for n in range(int(end / step + 1e-9) + 1):
        at = min(round(n * step / end * columns), columns - 1)
        line = line.ljust(at)[:at] if len(line) <= at else line
        line += words.number(n * step, 9)
    return f"{line} {scale.axis}"


# -- numbers ---------------------------------------------------------------------------------------


def _table(trace: Trace, lines: Sequence[Row], scale: Scale) -> list[str]:
    lanes = [row.lane for row in lines if row.lane is not None]
    if not lanes:
        return []
    head = ["", "polls", "running", "scheduled", "idle", "ended at"]
    body = [
        [
            words.shorten(lane.name, _NAME),
            str(lane.polls),
            *(scale.moment(value) for value in (lane.busy, lane.scheduled, lane.idle)),
            f"{scale.moment(lane.over)} {bars.how_it_ended(trace, lane, whole=True)}",
        ]
        for lane in lanes
    ]
    wide = [max(words.cells(line[n]) for line in [head, *body]) for n in range(5)]
    made = []
    for line in [head, *body]:
        numbers = [cell.rjust(w) for cell, w in zip(line[1:5], wide[1:], strict=True)]
        made.append("  ".join([_fit(line[0], wide[0]), *numbers, line[5]]).rstrip())
    return made


def _word(lane: TaskRecord) -> str:
    return "pending" if lane.outcome is Outcome.PENDING else str(lane.outcome)


def _crowd(trace: Trace, scale: Scale, width: int) -> list[str]:
    """The run as a whole: how many lanes in each state, in a handful of moments, and the totals."""
    few = 10
    found = density.counts(trace, few)
    head = ["from", "running", "scheduled", "idle", "polls"]
    body = [
        [
            scale.moment(n * found.width),
            *(words.number(found.of[state][n], 1) for state in STATES),
            f"{found.polls[n]:,}",
        ]
        for n in range(few)
    ]
    total = ["sum", *(scale.long(sum(found.of[s]) * found.width) for s in STATES)]
    body.append([*total, f"{sum(found.polls):,}"])
    wide = [max(len(line[n]) for line in [head, *body]) for n in range(5)]
    made = [f"{len(trace.lanes):,} lanes, on average in each tenth of the run ({scale.axis}):"]
    for line in [head, *body]:
        made.append("  ".join(cell.rjust(w) for cell, w in zip(line, wide, strict=True)))
    return [*made, "", "The slowest lanes:"]


# -- sentences -------------------------------------------------------------------------------------


def _facts(trace: Trace, lines: Sequence[Row], scale: Scale, width: int) -> list[str]:
    """Every span of every lane, and who woke it; in a run small enough to be told."""
    lanes = [row.lane for row in lines if row.lane is not None]
    if sum(len(bars.spans(lane)) for lane in lanes) > _MOST_FACTS:
        return []
    made: list[str] = []
    for lane in lanes:
        said = f"{lane.name}: {', '.join(_life(trace, lane, scale))}"
        made += textwrap.wrap(said, width, subsequent_indent="    ", break_on_hyphens=False)
    return made


def _life(trace: Trace, lane: TaskRecord, scale: Scale) -> Iterator[str]:
    told = None
    steps = 0
    many = len(trace.threads()) > 1
    for span, woken_by in bars.spans(lane):
        start, end = scale.moment(span.start), scale.moment(span.end)
        if span.state is not TaskState.IDLE and told != steps:
            yield f"woken by {bars.who(trace, woken_by)}"
            told = steps
        if span.state is TaskState.RUNNING:
            steps += 1
            on = f" on {span.thread}" if many else ""
            yield (f"a step at {start}" if start == end else f"running {start} to {end}") + on
        else:
            yield f"{span.state} {start} to {end}"
    yield f"{bars.how_it_ended(trace, lane, whole=True)} at {scale.moment(lane.over)}"


def _marks(trace: Trace, lines: Sequence[Row], scale: Scale, width: int) -> list[str]:
    """What the program marked, and who was asked to stop."""
    made: list[str] = []
    for event in bars.events(trace, lines)[:_MOST_MARKS]:
        whose = f" {lines[event.row].name}" if event.row is not None else ""
        said = f"{scale.moment(event.time)}{whose}: {event.text}"
        made += textwrap.wrap(said, width, initial_indent="at ", subsequent_indent="    ")
    return made


def _findings(trace: Trace, width: int) -> list[str]:
    told: list[str] = [*trace.findings[:_MOST_FINDINGS]]
    if more := len(trace.findings) - len(told):
        told.append(f"And {words.plural(more, 'finding')} more.")
    made: list[str] = []
    for said in told:
        made += textwrap.wrap(
            f"! {said}", width, subsequent_indent="  ", break_long_words=False,
            break_on_hyphens=False,
        )  # fmt: skip
    return made


# -- widths ----------------------------------------------------------------------------------------


def _fit(text: str, wide: int) -> str:
    text = words.shorten(text, wide)
    return text + " " * (wide - words.cells(text))


def _indented(row: Row) -> str:
    return "  " * min(row.depth, rows_of.DEEPEST) + row.name
