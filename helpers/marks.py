"""The marks of a picture as plotly's plain JSON: how lanes ended, and what happened on the way."""

from __future__ import annotations

import html
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from helpers import bars, theme, words
from helpers.bars import End
from helpers.rows import Row
from helpers.scale import Scale
from helpers.theme import Json
from helpers.trace import Outcome, TaskRecord, Trace

# With more rows than this, hovering tells less, so that a figure stays small.
MANY = 40
# With more than this, it does not tell who woke a step either.
VERY_MANY = 200
PLACES = 12  # ticks of one moment that are drawn beside each other; the rest share the last place
BESIDE = 5  # pixels between them
# The angles at which plotly moves a mark to a side by its standoff; both set a line upright.
LEFT, RIGHT = 90, -90
_LONG = 1.4  # how much longer than its size plotly draws a line's symbol
_CLEAR = 8  # pixels from a lane's end to the mark of its end, so that a last tick is seen
_LOW = 12  # in rows of fewer pixels there are no words
_LONGEST = 34  # characters behind a mark


def plain(text: str) -> str:
    """A name as it is: neither a tag nor a formula to the browser."""
    return html.escape(text, quote=False).replace("$", "&#36;").replace("\n", " ")


def traces(trace: Trace, lines: Sequence[Row], scale: Scale, pitch: float) -> dict[str, Json]:
    """The trace of events and one for each outcome, by its key; empty where there are none."""
    made = {"events": _events(trace, lines, scale)}
    ends = list(bars.ends(lines))
    for outcome in Outcome:
        same = [end for end in ends if end.lane.outcome is outcome]
        made[outcome.value] = _endings(trace, same, scale, outcome, pitch, len(lines))
    return made


def line_marks(name: str, found: dict[str, list[Any]], *, size: float, **line: Any) -> Json:
    """Upright lines of a fixed size in pixels: they are seen at every zoom."""
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "cliponaxis": False,
        **found,
        "marker": {
            "symbol": "line-ew",
            "angle": LEFT,
            "size": round(size / _LONG, 1),
            "line": line,
        },
    }


def ending(trace: Trace, lane: TaskRecord) -> str:
    """What is written behind a lane's end."""
    return words.shorten(bars.how_it_ended(trace, lane), _LONGEST)


def _endings(
    trace: Trace, ends: Sequence[End], scale: Scale, outcome: Outcome, pitch: float, count: int
) -> Json:
    mark = theme.OUTCOMES[outcome]
    found: dict[str, list[Any]] = defaultdict(list)
    for row, lane, places in ends:
        beside = _CLEAR + BESIDE * min(places, PLACES)
        found["x"].append(scale.at(lane.over))
        found["y"].append(row)
        found["beside"].append(beside)
        if count <= VERY_MANY:
            found["text"].append(_behind(plain(ending(trace, lane)), beside))
            found["said"].append(plain(bars.how_it_ended(trace, lane, whole=True)))
    made: Json = {
        "type": "scatter",
        "mode": "markers",
        "name": mark.words,
        "x": found["x"],
        "y": found["y"],
        "cliponaxis": count > VERY_MANY,
        "marker": {
            **theme.end_marker(outcome, round(max(2, min(9, pitch)), 1)),
            "angle": RIGHT,
            "standoff": found["beside"] if len(set(found["beside"])) > 1 else _CLEAR,
        },
        "hovertemplate": f"<b>%{{y}}</b><br>at %{{x}} {scale.short}: {mark.words}<extra></extra>",
    }
    if count <= VERY_MANY:
        made["customdata"] = found["said"]
        said = f"<b>%{{y}}</b><br>at %{{x}} {scale.short}: %{{customdata}}"
        made["hovertemplate"] = f"{said}<extra></extra>"
    if pitch >= _LOW:
        made |= {
            "mode": "markers+text",
            "text": found["text"],
            "textposition": "middle right",
            "textfont": {"size": 11, "color": theme.MUTED},
        }
    else:
        made["marker"]["standoff"] = 3
    return made


def _behind(text: str, standoff: int) -> str:
    """The text behind its mark, which stands so many pixels beside the point."""
    return "\u00a0" * round((standoff + 3) / 3.3) + text


def _events(trace: Trace, lines: Sequence[Row], scale: Scale) -> Json:
    found = bars.events(trace, lines)
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "marks and requests to stop",
        "x": [scale.at(event.time) for event in found],
        "y": [event.row if event.row is not None else len(lines) - 1 for event in found],
        "text": [plain(event.text) for event in found],
        "cliponaxis": False,
        "marker": {
            "symbol": theme.EVENT.symbol,
            "size": 10,
            "color": theme.CARD,
            "line": {"color": theme.EVENT.colour, "width": 2},
        },
        "hovertemplate": f"<b>%{{y}}</b><br>at %{{x}} {scale.short}: %{{text}}<extra></extra>",
    }
