"""Room for everything in a figure, so that nothing is cut off.

A figure is as wide as its cell, which nobody knows beforehand. So widths are taken for a narrow
cell and a wide font, and what must be seen has its room in a margin.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from helpers import text as words
from helpers.draw import bars, marks
from helpers.draw import legend as legends
from helpers.draw.marks import MANY
from helpers.draw.rows import DEEPEST, Row
from helpers.trace import Trace

HIGHEST = 900
INDENT = 14  # pixels per generation
LINE = 15  # pixels of a line of small text
SMALL = 11  # the size of its letters
_NARROW = 600  # pixels of a narrow cell
_AXIS = 46  # pixels of the axis' numbers and title
_LONGEST_LABEL = 30
_LONGEST_NOTE = 44
_MOST_LINES = 4  # of notes


class Note(NamedTuple):
    """An event's words in the band above the rows: in which line, and on which side of its moment.

    `rightwards`: the text begins at its moment, else it ends there, so that it is not cut off.
    """

    time: float
    row: int | None
    text: str
    line: int
    rightwards: bool


@dataclass(frozen=True, slots=True)
class Room:
    """Where the parts of a figure are, in pixels."""

    left: int
    right: int
    top: int
    bottom: int
    pitch: float  # of a row
    height: int
    rows: float  # how many have room, which may be more than there are
    above: float  # what stands above the rows
    notes: tuple[Note, ...]


def room(
    trace: Trace,
    lines: Sequence[Row],
    title: str,
    *,
    height: int | None = None,
    above: float = 0,
) -> Room:
    """Room for everything, with a title of so many lines as it has breaks.

    A fixed `height` leaves room below few rows. `above`: pixels wanted for what stands above the
    rows, with a line of words on top; it gets half of the height at most.
    """
    left = _left(lines)
    right = _right(trace, lines, left)
    notes = _notes(trace, lines, left, right)
    band = max([note.line + 1 for note in notes], default=0) + bool(above)
    top = 48 + 22 * (title.count("<br>") + 1) + LINE * band
    bottom = _AXIS + legends.HEIGHT
    inside = max((height or HIGHEST) - top - bottom, 60)
    above = min(above, inside / 2)
    count = max(len(lines), 1)
    tall = 34.0 if height else 28.0 if count <= 12 else 22.0
    pitch = min(tall, (inside - above) / count)
    return Room(
        left=left,
        right=right,
        top=top,
        bottom=bottom,
        pitch=round(pitch, 3),
        height=height or round(top + bottom + above + pitch * count),
        rows=max(count, (inside - above) / pitch) if height else count,
        above=above,
        notes=tuple(notes),
    )


def label(row: Row) -> str:
    """The name of a row as it is drawn."""
    return words.shorten(row.name, _LONGEST_LABEL)


def _left(lines: Sequence[Row]) -> int:
    """Room for the names. The title of a section has the whole line for itself."""
    wide = [
        words.pixels(label(row)) + INDENT * min(row.depth, DEEPEST)
        for row in lines
        if not row.is_title
    ]
    return round(max([40.0, *(w + 18 for w in wide)]))


def _right(trace: Trace, lines: Sequence[Row], left: int) -> int:
    """Room for the words behind the ends of lanes, as far as they do not fit on the axis."""
    need = 24.0
    for _, lane, beside in bars.ends(lines) if len(lines) <= MANY else ():
        wide = 26 + marks.BESIDE * beside + words.pixels(marks.ending(trace, lane), SMALL)
        end = max(lane.end / trace.duration if trace.duration else 1.0, 0.01)
        # The axis is what the margins leave: (1 - end) * axis + margin must be wide enough.
        need = max(need, (wide - (1 - end) * (_NARROW - left)) / end)
    return round(need)


def _notes(trace: Trace, lines: Sequence[Row], left: int, right: int) -> list[Note]:
    """The events whose words are written, as far as there is room above the rows.

    The words of the others are read by hovering over their marks.
    """
    axis = max(_NARROW - left - right, 100)
    taken: list[float] = []  # how far to the right each line of the band is full
    notes: list[Note] = []
    told: set[tuple[float, str]] = set()
    for event in bars.events(trace, lines):
        if (event.time, event.text) in told:
            continue  # one cause, several tasks
        told.add((event.time, event.text))
        at = axis * (event.time / trace.duration if trace.duration else 0)
        before, behind = left + at, axis - at + right
        rightwards = behind >= before
        fits = int(max(before, behind) / words.pixels("x", SMALL)) - 1
        text = words.shorten(event.text, min(_LONGEST_NOTE, fits))
        wide = words.pixels(text, SMALL) + 8
        start, end = (at, at + wide) if rightwards else (at - wide, at)
        line = next((n for n, full in enumerate(taken) if full <= start), len(taken))
        if line < _MOST_LINES:
            taken[line : line + 1] = [end]
            notes.append(Note(event.time, event.row, text, line, rightwards))
    return notes
