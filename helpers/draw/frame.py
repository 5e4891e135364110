"""The frame round the lanes: title, axes, names of lanes, the legend, and the words of events."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field

from helpers.draw import bars, theme
from helpers.draw import legend as legends
from helpers.draw.layout import INDENT, LINE, SMALL, Room, label
from helpers.draw.marks import MANY, plain
from helpers.draw.rows import DEEPEST, Row
from helpers.draw.theme import Json
from helpers.draw.title import headline, subtitle
from helpers.draw.units import Scale
from helpers.trace import Outcome, Trace

_TITLE_WIDTH = 64
# The names on the chefs' bars are as small as the one that fits worst, and at least so many pixels.
_NAMES = {"mode": "hide", "minsize": 7.5}


@dataclass(slots=True)
class Drawing:
    """A figure as plain JSON: its traces by their keys, in drawing order, and its layout."""

    traces: dict[str, Json] = field(default_factory=dict)
    layout: Json = field(default_factory=dict)

    def figure(self) -> Json:
        """The figure as plotly takes it: the traces that have something in them, and the layout."""
        return {"data": [one for one in self.traces.values() if one["y"]], "layout": self.layout}


def titles(trace: Trace, scale: Scale, title: str | None) -> tuple[str, str]:
    """Title and subtitle as plotly's text, the title in lines that fit."""
    said = title if title is not None else headline(trace, scale)
    lines = textwrap.wrap(" ".join(said.split()), _TITLE_WIDTH) or [""]
    return "<br>".join(plain(line) for line in lines), plain(subtitle(trace, scale))


def layout(
    trace: Trace, lines: Sequence[Row], scale: Scale, space: Room, said: tuple[str, str]
) -> Json:
    """The layout of a figure of lanes."""
    endings, events = _endings(trace, lines), bool(bars.events(trace, lines))
    shapes, keys = legends.legend(endings, events, space.left, space.bottom)
    return {
        "template": theme.TEMPLATE,
        "height": space.height,
        "margin": {"l": space.left, "r": space.right, "t": space.top, "b": space.bottom},
        "title": _title(*said),
        "xaxis": x_axis(trace, scale),
        "yaxis": y_axis(lines, space.rows),
        **({"uniformtext": _NAMES} if any(row.threads for row in lines) else {}),
        "shapes": shapes,
        "annotations": [
            *keys,
            *labels(lines, space),
            *notes(lines, scale, space),
        ],
    }


def _endings(trace: Trace, lines: Sequence[Row]) -> dict[Outcome, str]:
    """How lanes ended, in the legend's words."""
    found = [end.lane for end in bars.ends(lines)]
    endings = {lane.outcome: theme.OUTCOMES[lane.outcome].words for lane in found}
    pending = {bars.how_it_ended(trace, lane) for lane in found if lane.outcome is Outcome.PENDING}
    return endings | ({Outcome.PENDING: " or ".join(sorted(pending))} if pending else {})


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
    every = next(n for n in (1, 2, 5, 10, 20, 25, 50, 100, 200) if n * space.pitch >= LINE - 2)
    made = []
    for n, row in enumerate(lines):
        below_title = every > 1 and n > 0 and lines[n - 1].is_title
        if (n % every or below_title) and not row.is_title:
            continue
        text = plain(label(row))
        made.append(
            {
                "text": text,
                "xshift": 10 - space.left + INDENT * min(row.depth, DEEPEST),
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


def notes(lines: Sequence[Row], scale: Scale, space: Room) -> list[Json]:
    """Each event's words in the band above the rows, with a line down to its row."""
    return [
        {
            "text": plain(note.text),
            "font": {"size": SMALL, "color": theme.EVENT.colour},
            "x": scale.at(note.time),
            "y": note.row if note.row is not None else len(lines) - 1,
            "xref": "x",
            "axref": "x",
            "ax": scale.at(note.time),
            "ayref": "y",
            "ay": round(-0.5 - (note.line + 0.6) * LINE / space.pitch, 3),
            "xanchor": "left" if note.rightwards else "right",
            "showarrow": True,
            "arrowhead": 0,
            "arrowwidth": 1,
            "arrowcolor": theme.EVENT.colour,
            "borderpad": 1,
        }
        for note in space.notes
    ]
