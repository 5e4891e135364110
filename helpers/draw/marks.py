"""The marks of a picture as plotly's plain JSON: how lanes ended, and what happened on the way."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

from helpers import text as words
from helpers.draw import bars, theme
from helpers.draw.bars import End
from helpers.draw.rows import Row
from helpers.draw.theme import Json
from helpers.draw.units import Scale
from helpers.trace import Outcome, Task, Trace

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


def ending(trace: Trace, lane: Task) -> str:
    """What is written behind a lane's end."""
    return words.shorten(bars.how_it_ended(trace, lane), _LONGEST)


def _endings(
    trace: Trace, ends: Sequence[End], scale: Scale, outcome: Outcome, pitch: float, count: int
) -> Json:
    mark = theme.OUTCOMES[outcome]
    beside = [_CLEAR + BESIDE * min(end.beside, PLACES) for end in ends]
    standoff: Any = beside if len(set(beside)) > 1 else (beside or [_CLEAR])[0]
    told = count <= VERY_MANY
    said = "%{customdata}" if told else mark.words
    made: Json = {
        "type": "scatter",
        "mode": "markers",
        "name": mark.words,
        "x": [scale.at(end.lane.end) for end in ends],
        "y": [end.row for end in ends],
        "cliponaxis": not told,
        "marker": {
            **theme.end_marker(outcome, round(max(2, min(9, pitch)), 1)),
            "angle": RIGHT,
            "standoff": standoff if pitch >= _LOW else 3,
        },
        "hovertemplate": f"<b>%{{y}}</b><br>at %{{x}} {scale.short}: {said}<extra></extra>",
    }
    if told:
        whole = [bars.how_it_ended(trace, end.lane, whole=True) for end in ends]
        made["customdata"] = [plain(text) for text in whole]
    if pitch >= _LOW:
        texts = [plain(ending(trace, end.lane)) for end in ends]
        made |= _words(texts, beside)
    return made


def _words(texts: Sequence[str], beside: Sequence[int]) -> Json:
    """The texts behind their marks, each of which stands so many pixels beside its point."""
    spaces = ["\u00a0" * round((standoff + 3) / 3.3) for standoff in beside]
    return {
        "mode": "markers+text",
        "text": [space + text for space, text in zip(spaces, texts, strict=True)],
        "textposition": "middle right",
        "textfont": {"size": 11, "color": theme.MUTED},
    }


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
