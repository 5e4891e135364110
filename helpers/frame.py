"""The frame round the lanes: title, axes, names of lanes, events, and room so that nothing is cut.

A figure is as wide as its cell, which nobody knows beforehand. So every width here is taken for a
narrow cell and a wide font, and what must be seen has its room in a margin.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field

from helpers import bars, marks, theme, words
from helpers import legend as legends
from helpers.bars import Event
from helpers.headline import headline, subtitle
from helpers.marks import MANY, plain
from helpers.rows import DEEPEST, Row
from helpers.scale import Scale
from helpers.theme import Json
from helpers.trace import Trace

HIGHEST = 900
_NARROW = 380  # pixels of the time axis in a narrow cell
_INDENT = 14
_AXIS = 46  # pixels of the axis' numbers and title
_LINE = 15  # pixels of a line of small text
_LONGEST_LABEL = 30
_LONGEST_EVENT = 44
_MOST_EVENTS = 4  # lines of them
_TITLE_WIDTH = 64


@dataclass(slots=True)
class Drawing:
    """A figure as plain JSON: its traces by their keys, in drawing order, and its layout."""

    traces: dict[str, Json] = field(default_factory=dict)
    layout: Json = field(default_factory=dict)


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


def room(
    trace: Trace,
    lines: Sequence[Row],
    title: str,
    band: int,
    *,
    height: int | None = None,
    above: float = 0,
) -> Room:
    """Room for everything; `band` lines of events stand above the first row.

    A fixed `height` leaves room below few rows. `above`: pixels wanted for what stands above the
    rows; it gets half of the height at most.
    """
    top = 28 + 22 * (title.count("<br>") + 1) + 20 + _LINE * band
    bottom = _AXIS + legends.HEIGHT
    inside = max((height or HIGHEST) - top - bottom, 60)
    above = min(above, inside / 2)
    count = max(len(lines), 1)
    tall = 34.0 if height else 28.0 if count <= 12 else 22.0
    pitch = min(tall, (inside - above) / count)
    wide = [  # the title of a section has the whole line for itself
        words.pixels(label(row)) + _INDENT * min(row.depth, DEEPEST)
        for row in lines
        if not row.is_title
    ]
    return Room(
        left=round(max([40.0, *(w + 18 for w in wide)])),
        right=_right(trace, lines),
        top=top,
        bottom=bottom,
        pitch=round(pitch, 3),
        height=height or round(top + bottom + above + pitch * count),
        rows=max(count, (inside - above) / pitch) if height else count,
        above=above,
    )


def _right(trace: Trace, lines: Sequence[Row]) -> int:
    """Room for the words behind the ends of lanes, as far as they do not fit on the axis."""
    if len(lines) > MANY:
        return 24
    need = 24.0
    for _, lane, beside in bars.ends(lines):
        said = marks.ending(trace, lane)
        end = lane.over / trace.duration if trace.duration else 1.0
        need = max(need, 26 + 5 * beside + words.pixels(said, 11) - (1 - end) * _NARROW)
    return round(need)


def label(row: Row) -> str:
    """The name of a row as it is drawn."""
    return words.shorten(row.name, _LONGEST_LABEL)


def titles(trace: Trace, scale: Scale, title: str | None) -> tuple[str, str]:
    """Title and subtitle as plotly's text, the title in lines that fit."""
    said = title if title is not None else headline(trace, scale)
    lines = textwrap.wrap(" ".join(said.split()), _TITLE_WIDTH) or [""]
    return "<br>".join(plain(line) for line in lines), plain(subtitle(trace, scale))


def layout(
    trace: Trace, lines: Sequence[Row], scale: Scale, space: Room, said: tuple[str, str],
    written: Sequence[tuple[Event, int]],
) -> Json:  # fmt: skip
    """The layout of a figure of lanes."""
    outcomes = [end.lane.outcome for end in bars.ends(lines)]
    shapes, keys = legends.legend(outcomes, space.left, space.bottom)
    return {
        "template": theme.TEMPLATE,
        "height": space.height,
        "margin": {"l": space.left, "r": space.right, "t": space.top, "b": space.bottom},
        "title": _title(*said),
        "xaxis": x_axis(trace, scale),
        "yaxis": y_axis(lines, space.rows),
        # The names on the chefs' bars, where they fit.
        **(
            {"uniformtext": {"mode": "hide", "minsize": 8}} if any(r.threads for r in lines) else {}
        ),
        "shapes": shapes,
        "annotations": [
            *keys,
            *labels(lines, space),
            *event_words(written, lines, trace, scale, space),
        ],
    }


def _title(title: str, below: str) -> Json:
    return {
        "text": f"<b>{_names(title)}</b>",
        "x": 0,
        "xref": "container",
        "xanchor": "left",
        "y": 1,
        "yref": "container",
        "yanchor": "top",
        # Plotly sets a title of several lines higher by 0.7 of its letters.
        "pad": {"l": 12, "t": 23 if "<br>" in title else 12},
        "font": {"size": 16, "color": theme.TEXT},
        "subtitle": {"text": below, "font": {"size": 12, "color": theme.MUTED}},
    }


def _names(title: str) -> str:
    """The names that stand between backticks, in the letters of code."""
    return re.sub(r"`([^`]+)`", r'<span style="font-family:monospace">\1</span>', title)


def x_axis(trace: Trace, scale: Scale) -> Json:
    """Time, from the start of the run to its end."""
    return {
        "title": {"text": scale.axis},
        "range": [0, scale.at(trace.duration) or 1],
        "hoverformat": "~r",
    }


def y_axis(lines: Sequence[Row], count: float) -> Json:
    """The rows. Their names are the axis' text for hovering; what is seen are the labels."""
    return {
        "range": [round(count - 0.5, 3), -0.5],
        "tickmode": "array",
        "tickvals": list(range(len(lines))),
        "ticktext": [plain(row.name) for row in lines],
        "showticklabels": False,
        "fixedrange": len(lines) <= MANY,
    }


def labels(lines: Sequence[Row], space: Room) -> list[Json]:
    """The names of the rows, to the left of them; of very many rows, of some."""
    every = next(n for n in (1, 2, 5, 10, 20, 25, 50, 100, 200) if n * space.pitch >= _LINE - 2)
    made = []
    for n, row in enumerate(lines):
        if n % every and not row.is_title:
            continue
        text = plain(label(row))
        made.append(
            {
                "text": text,
                "xshift": 10 - space.left + _INDENT * min(row.depth, DEEPEST),
                "yref": "y",
                "y": n,
                **(
                    {"font": {"size": 11, "color": theme.MUTED}, "yshift": -3}
                    if row.is_title
                    else {}
                ),
            }
        )
    return made


def event_words(
    written: Sequence[tuple[Event, int]], lines: Sequence[Row], trace: Trace, scale: Scale,
    space: Room,
) -> list[Json]:  # fmt: skip
    """Each event's words in the band above the rows, with a line down to its row."""
    made = []
    for event, line in written:
        left = event.time <= trace.duration / 2
        row = event.row if event.row is not None else len(lines) - 1
        made.append(
            {
                "text": plain(words.shorten(event.text, _LONGEST_EVENT)),
                "font": {"size": 11, "color": theme.EVENT.colour},
                "x": scale.at(event.time),
                "y": row,
                "xref": "x",
                "axref": "x",
                "ax": scale.at(event.time),
                "ayref": "y",
                "ay": round(-0.5 - (line + 0.6) * _LINE / space.pitch, 3),
                "xanchor": "left" if left else "right",
                "showarrow": True,
                "arrowhead": 0,
                "arrowwidth": 1,
                "arrowcolor": theme.EVENT.colour,
                "borderpad": 1,
            }
        )
    return made


def written_events(trace: Trace, lines: Sequence[Row]) -> list[tuple[Event, int]]:
    """The events whose words are written, each with its line in the band, counted from below.

    The words of the others are read by hovering over their marks.
    """
    taken: list[float] = []  # how far to the right each line of the band is full
    written: list[tuple[Event, int]] = []
    told: set[tuple[float, str]] = set()
    for event in bars.events(trace, lines):
        if (event.time, event.text) in told:
            continue  # one cause, several tasks
        told.add((event.time, event.text))
        at = _NARROW * (event.time / trace.duration if trace.duration else 0)
        wide = words.pixels(words.shorten(event.text, _LONGEST_EVENT), 11) + 8
        start, end = (at, at + wide) if at <= _NARROW / 2 else (at - wide, at)
        line = next((n for n, full in enumerate(taken) if full <= start), len(taken))
        if line < _MOST_EVENTS:
            taken[line : line + 1] = [end]
            written.append((event, line))
    return written
