"""The text twin of a timeline: the same lanes and the same facts, for a page without pictures.

It is read on GitHub, in a terminal and by a screen reader: each state has a letter of its own.
Under the virtual clock it is the same to the byte on every machine.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from helpers import text as words
from helpers.draw import bars, density, order
from helpers.draw import rows as rows_of
from helpers.draw import twin_facts as facts
from helpers.draw import units as scales
from helpers.draw.rows import Row, Wanted
from helpers.draw.theme import STATES, TICK_LETTER
from helpers.draw.title import headline, subtitle
from helpers.draw.units import Scale
from helpers.trace import Outcome, Task, TaskState, Trace

MOST_LANES = 30  # of more, the slowest are told
_NAME = 24
_RUNNING = STATES[TaskState.RUNNING].letter


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
    crowd = chosen is None and len(trace.lanes) > MOST_LANES
    if crowd:
        chosen = density.slowest(trace)
    lines = rows_of.rows(trace, chosen)
    parts = [
        _head(trace, scale, width, title),
        facts.crowd(trace, scale) if crowd else [],
        _bars(trace, lines, scale, width),
        facts.table(trace, lines, scale, width),
        [] if crowd else facts.lives(trace, lines, scale, width),
        facts.events(trace, lines, scale, width),
        facts.findings(trace, width),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part)


def _head(trace: Trace, scale: Scale, width: int, title: str | None) -> list[str]:
    said = " ".join((title if title is not None else headline(trace, scale)).split())
    return textwrap.wrap(said, width) + textwrap.wrap(subtitle(trace, scale), width)


def _bars(trace: Trace, lines: Sequence[Row], scale: Scale, width: int) -> list[str]:
    """A line a row, the axis, and what the letters mean."""
    if not lines:
        return []
    if still := order.stands_still(trace):
        trace, scale = order.in_order(trace), scales.of_steps()
    names = ["  " * min(row.depth, rows_of.DEEPEST) + row.name for row in lines]
    wide = min(
        max(words.cells(n) for n, row in zip(names, lines, strict=True) if not row.is_title), _NAME
    )
    ended = {row: _word(lane) for row, lane, _ in bars.ends(lines)}
    columns = max(10, width - wide - 3 - max(map(len, ended.values()), default=0))
    made = []
    for n, row in enumerate(lines):
        if row.is_title:
            made.append(f"{row.name}:")
        else:
            lane = _chef(trace, row) if row.lane is None else trace.by_id[row.lane.id]
            bar = paint(trace, lane, columns, only_steps=still or row.lane is None).rstrip()
            made.append(f"{words.fit(names[n], wide)}  {bar} {ended.get(n, '')}".rstrip())
    made += [" " * (wide + 2) + _axis(trace, scale, columns), " " * (wide + 2) + scale.axis]
    signs = [f"{look.letter} {look.words}" for look in STATES.values()]
    if still:  # nobody waits where no time passes
        signs = [signs[0], f"{TICK_LETTER} a step begins"]
    else:
        signs.append(f"{TICK_LETTER} a step of no time, or right behind another")
    return [*made, *textwrap.wrap("   ".join(signs), width, break_on_hyphens=False)]


def _chef(trace: Trace, row: Row) -> Task:
    """What a chef did, as a lane of its own."""
    steps = tuple(step for step, _ in rows_of.work_of(trace, row))
    end = trace.duration
    return Task(-1, row.name, None, 0.0, end, Outcome.RETURNED, end, steps)


def paint(trace: Trace, lane: Task, columns: int, *, only_steps: bool = False) -> str:
    """The bar of one lane. A poll is seen wherever it falls, a step without width as a tick.

    A tick also parts a step from the one right before it.
    """
    cells = [" "] * columns
    best = [0.0] * columns
    per = columns / trace.duration if trace.duration else 0.0
    before = -1.0  # the end of the last step
    for span, _ in bars.spans(lane):
        running = span.state is TaskState.RUNNING
        if only_steps and not running:
            continue
        first, last = round(span.start * per, 6), round(span.end * per, 6)
        start = min(int(first), columns - 1)
        end = min(max(-int(-last // 1), start + running), columns)  # a poll has a cell at least
        letter = STATES[span.state].letter
        if span.start == span.end:
            letter = TICK_LETTER if cells[start] != _RUNNING else _RUNNING
        for cell in range(start, end):
            share = float("inf") if running else min(last, cell + 1) - max(first, cell)
            if share > best[cell] or running:
                best[cell], cells[cell] = share, letter
        if running:
            if span.start == before:
                cells[start] = TICK_LETTER
            before = span.end
    return "".join(cells)


def _axis(trace: Trace, scale: Scale, columns: int) -> str:
    if not trace.duration:
        return "0"
    end = trace.duration * scale.factor
    sizes = (k * 10.0**n for n in range(-9, 12) for k in (1, 2, 5))
    step = next(size for size in sizes if end / size <= columns / 9)
    line = ""
    for n in range(int(end / step + 1e-9) + 1):
        at = min(round(n * step / end * columns), columns - 1)
        line = line.ljust(at)[:at] if len(line) <= at else line
        line += words.number(n * step, 9)
    return line


def _word(lane: Task) -> str:
    return "pending" if lane.outcome is Outcome.PENDING else str(lane.outcome)
