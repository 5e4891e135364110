"""The layout of a figure: title, axes, names of lanes, words of events, legend, and their margins.

A figure is as wide as its cell, which nobody knows beforehand. So widths are taken for a narrow
cell and a wide font, and what must be seen has its place in a margin.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from helpers import text as words
from helpers.draw import theme
from helpers.draw.lanes import MANY, beside_end, ending, plain
from helpers.draw.picture import Picture
from helpers.draw.rows import DEEPEST, Row
from helpers.draw.theme import Json
from helpers.draw.title import how_it_ended
from helpers.trace import Outcome

# In pixels.
LINE = 15  # a line of small text
SMALL = 11  # the size of its letters
_HIGHEST = 900  # a figure
_NARROW = 600  # a narrow cell
_INDENT = 14  # a generation
_AXIS = 46  # the axis' numbers and title
_DENSITY = 230  # what stands above the rows of a dense picture
# In characters.
_TITLE = 64
_LEGEND = 66  # so that it fits into 420 pixels
_LABEL = 30
_NOTE = 44
_NOTE_LINES = 4
# An annotation's line down to its row, on the axes of time and rows.
_ON_AXES: Json = {"xref": "x", "axref": "x", "ayref": "y"}
_ARROW = {"showarrow": True, "arrowhead": 0, "arrowwidth": 1, "borderpad": 1, **_ON_AXES}


@dataclass(frozen=True, slots=True)
class Margins:
    """Where things stand in a figure, in pixels."""

    left: int
    right: int
    top: int
    bottom: int
    pitch: float  # the height of a row
    height: int
    rows: float  # so many fit, which may be more than there are
    above: float  # what stands above the rows
    notes: list[tuple[int, Json]]  # with the line of the band above the rows in which each is
    legend: list[str]


def margins(picture: Picture) -> Margins:
    """Room for everything. A fixed height leaves room below few rows.

    The density above the rows gets half of the height at most, with a line of words on top.
    """
    height, count = picture.height, max(len(picture.rows), 1)
    left = _left(picture)
    right = _right(picture, left)
    notes = _notes(picture, left, right)
    legend = _legend(picture)
    band = max([line + 1 for line, _ in notes], default=0) + picture.dense
    top = 48 + 22 * len(_title_lines(picture)) + LINE * band
    bottom = _AXIS + 16 + LINE * len(legend)
    inside = max((height or _HIGHEST) - top - bottom, 60)
    above = min(_DENSITY if picture.dense else 0, inside / 2)
    pitch = min(34.0 if height else 28.0 if count <= 12 else 22.0, (inside - above) / count)
    rows = max(count, (inside - above) / pitch) if height else count
    height = height or round(top + bottom + above + pitch * count)
    pitch = round(pitch, 3)
    return Margins(left, right, top, bottom, pitch, height, rows, above, notes, legend)


def layout(picture: Picture, margins: Margins) -> Json:
    """Plotly's layout of the lanes."""
    rows = picture.rows
    # The names on the chefs' bars are as small as the one that fits worst, or hidden.
    names = (
        {"uniformtext": {"mode": "hide", "minsize": 7.5}} if any(r.threads for r in rows) else {}
    )
    return {
        "template": theme.TEMPLATE,
        "height": margins.height,
        "margin": {"l": margins.left, "r": margins.right, "t": margins.top, "b": margins.bottom},
        "title": _title(picture),
        "xaxis": {
            "title": {"text": picture.axis.axis},
            "range": [0, picture.axis.at(picture.trace.duration) or 1],
            "hoverformat": "~r",
        },
        # The rows' names are the axis' text for hovering; what is seen are the labels.
        "yaxis": {
            "range": [round(margins.rows - 0.5, 3), -0.5],
            "tickmode": "array",
            "tickvals": list(range(len(rows))),
            "ticktext": [plain(row.name) for row in rows],
            "showticklabels": False,
            "fixedrange": len(rows) <= MANY,
        },
        **names,
        "annotations": [
            {
                **small("<br>".join(margins.legend), 0, "bottom", theme.TEXT),
                "align": "left",
                "xshift": 10 - margins.left,
                "yshift": 4 - margins.bottom,
            },
            *_labels(picture, margins),
            *(
                {**note, "ay": round(-0.5 - (line + 0.6) * LINE / margins.pitch, 3)}
                for line, note in margins.notes
            ),
        ],
    }


def small(text: str, y: float, anchor: str, colour: str = theme.MUTED) -> Json:
    """An annotation at the left edge, at a share `y` of the plot's height."""
    font = {"size": SMALL, "color": colour}
    return {"text": text, "font": font, "yref": "paper", "y": y, "yanchor": anchor}


def _title_lines(picture: Picture) -> list[str]:
    return textwrap.wrap(" ".join(picture.title.split()), _TITLE) or [""]


def _title(picture: Picture) -> Json:
    lines = "<br>".join(plain(line) for line in _title_lines(picture))
    # Names between backticks are in the letters of code.
    text = re.sub(r"`([^`]+)`", r'<span style="font-family:monospace">\1</span>', lines)
    below = {"text": plain(picture.subtitle), "font": {"size": 12, "color": theme.MUTED}}
    return {
        "text": f"<b>{text}</b>",
        "x": 0,
        "xref": "container",
        "xanchor": "left",
        "y": 1,
        "yref": "container",
        "yanchor": "top",
        # Plotly sets a title of several lines higher by 0.7 of its letters.
        "pad": {"l": 12, "t": 23 if "<br>" in lines else 12},
        "font": {"size": 16, "color": theme.TEXT},
        "subtitle": below,
    }


def _legend(picture: Picture) -> list[str]:
    """Lines of coloured signs and words: every state, the endings and events that occur."""
    entries = [(look.colour, look.sign, look.words) for look in theme.STATES.values()]
    lanes = [end.lane for end in picture.ends]
    pending = {how_it_ended(picture.run, x) for x in lanes if x.outcome is Outcome.PENDING}
    words_of = {Outcome.PENDING: " or ".join(sorted(pending))}
    for outcome, mark in theme.OUTCOMES.items():
        if any(lane.outcome is outcome for lane in lanes):
            entries.append((mark.colour, mark.sign, words_of.get(outcome, mark.words)))
    if picture.placed_events:
        entries.append(theme.EVENT[1:])
    lines, left = [""], _LEGEND
    for colour, sign, text in entries:
        left -= len(text) + 4
        if left < 0:
            lines.append("")
            left = _LEGEND - len(text) - 4
        lines[-1] += f'<span style="color:{colour}">{sign}</span> {text}\u2003'
    return lines


def _labels(picture: Picture, margins: Margins) -> Iterator[Json]:
    """The names of the rows, to the left of them; of very many rows, of some."""
    every = next(n for n in (1, 2, 5, 10, 20, 25, 50, 100, 200) if n * margins.pitch >= LINE - 2)
    below_title = False
    for n, row in enumerate(picture.rows):
        if row.is_title or (n % every == 0 and not (every > 1 and below_title)):
            shift = 10 - margins.left + _INDENT * min(row.depth, DEEPEST)
            label: Json = {"text": plain(_label(row)), "xshift": shift, "yref": "y", "y": n}
            if row.is_title:
                label |= {"font": {"size": SMALL, "color": theme.MUTED}, "yshift": -3}
            yield label
        below_title = row.is_title


def _label(row: Row) -> str:
    return words.shorten(row.name, _LABEL)


def _left(picture: Picture) -> int:
    """Room for the names. The title of a section has the whole line for itself."""
    rows = [row for row in picture.rows if not row.is_title]
    wide = [words.pixels(_label(row)) + _INDENT * min(row.depth, DEEPEST) + 18 for row in rows]
    return round(max([40.0, *wide]))


def _right(picture: Picture, left: int) -> int:
    """Room for the words behind the ends of lanes, as far as they do not fit on the axis."""
    need, duration = 24.0, picture.trace.duration
    for end in picture.ends if len(picture.rows) <= MANY else ():
        wide = 18 + beside_end(end) + words.pixels(ending(picture, end.lane), SMALL)
        share = max(end.lane.end / duration if duration else 1.0, 0.01)
        # The axis is what the margins leave: (1 - share) * axis + margin must be wide enough.
        need = max(need, (wide - (1 - share) * (_NARROW - left)) / share)
    return round(need)


def _notes(picture: Picture, left: int, right: int) -> list[tuple[int, Json]]:
    """The events' words, as far as there is room above the rows, with lines down to their rows.

    The words of the others are read by hovering over their marks.
    """
    axis, duration = max(_NARROW - left - right, 100), picture.trace.duration
    taken: list[float] = []  # how far to the right each line of the band is full
    notes: dict[tuple[float, str], tuple[int, Json]] = {}
    for time, row, text in picture.placed_events:
        if (time, text) in notes:
            continue  # one cause, several tasks
        at = axis * (time / duration if duration else 0)
        before, behind = left + at, axis - at + right
        rightwards = behind >= before  # to the side that has more room
        fits = int(max(before, behind) / words.pixels("x", SMALL)) - 1
        short = words.shorten(text, min(_NOTE, fits))
        wide = words.pixels(short, SMALL) + 8
        start, end = (at, at + wide) if rightwards else (at - wide, at)
        line = next((n for n, full in enumerate(taken) if full <= start), len(taken))
        if line < _NOTE_LINES:
            taken[line : line + 1] = [end]
            x, colour = picture.axis.at(time), theme.EVENT.colour
            note = {
                **_ARROW,
                "text": plain(short),
                "font": {"size": SMALL, "color": colour},
                "x": x,
                "ax": x,
                "y": len(picture.rows) - 1 if row is None else row,
                "xanchor": "left" if rightwards else "right",
                "arrowcolor": colour,
            }
            notes[time, text] = line, note
    return list(notes.values())
