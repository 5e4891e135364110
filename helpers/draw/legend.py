"""The legend: every state in words, and the marks of the endings that occur.

Plotly's own legend is as wide as the time axis and breaks where that is narrow. This one is drawn
in pixels from the figure's lower left corner, in two lines: states, then endings.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping

from helpers import text as words
from helpers.draw import theme
from helpers.draw.theme import Json
from helpers.trace import Outcome, TaskState

HEIGHT = 46  # pixels of both lines
_LINES = (34, 13)  # their middles, in pixels from below
_LEFT = 12
_SIGN = 16  # pixels of width for a sign
_GAP = 20
_FONT = 11
_TALL = 14  # pixels of a bar's sign

Points = tuple[float, float, float, float]


def legend(
    endings: Mapping[Outcome, str], events: bool, left: float, bottom: float
) -> tuple[list[Json], list[Json]]:
    """Shapes and annotations: the states, the `endings` in words, and events if there are any.

    `left` and `bottom` are the figure's margins in pixels.
    """
    marks = [(_ending(one), endings[one]) for one in theme.OUTCOMES if one in endings]
    if events:
        marks.append((_event(), "an event: its words are above"))
    lines = [
        [(_state(state), look.words) for state, look in theme.STATES.items()],
        marks,
    ]
    shapes: list[Json] = []
    said: list[Json] = []
    for middle, entries in zip(_LINES, lines, strict=True):
        x = _LEFT - left
        for signs, text in entries:
            shapes += [_placed(sign, x, middle - bottom) for sign in signs]
            said.append(_words(text, x + _SIGN + 5, middle - bottom))
            x += _SIGN + 5 + words.pixels(text, _FONT) + _GAP
    return shapes, said


def _words(text: str, x: float, y: float) -> Json:
    return {
        "text": text,
        "font": {"size": _FONT},
        "xshift": round(x),
        "yref": "paper",
        "y": 0,
        "yanchor": "middle",
        "yshift": round(y),
    }


def _state(state: TaskState) -> list[Json]:
    """A piece of a state's bar: its colour, its height, and stripes where it is hatched."""
    look = theme.STATES[state]
    half = round(_TALL / 2 * look.height / theme.STATES[TaskState.RUNNING].height, 1)
    signs: list[Json] = [{"type": "rect", "at": (0, -half, _SIGN, half), "fillcolor": look.colour}]
    if look.pattern:
        line = {"color": look.stripe, "width": 2}
        stripes = [(0, -half, 2 * half, half), (2 * half - 6, -half, _SIGN, half - 4)]
        signs += [{"type": "line", "at": one, "line": line} for one in stripes]
    return signs


def _ending(outcome: Outcome) -> list[Json]:
    """The mark of an outcome, in outlines."""
    mark = theme.OUTCOMES[outcome]
    line = {"color": mark.colour, "width": 2.5}
    if mark.symbol.startswith("x"):
        crossed = [(4, -4, 12, 4), (4, 4, 12, -4)]
        return [{"type": "line", "at": one, "line": line} for one in crossed]
    kind = "circle" if mark.symbol.startswith("circle") else "rect"
    if mark.symbol.endswith("open"):
        return [{"type": kind, "at": (4, -4, 12, 4), "line": line}]
    return [{"type": kind, "at": (3.5, -4.5, 12.5, 4.5), "fillcolor": mark.colour}]


def _event() -> list[Json]:
    """The mark of an event: a narrow diamond, in outlines."""
    corners = [(8, -7), (12, 0), (8, 7), (4, 0), (8, -7)]
    line = {"color": theme.EVENT.colour, "width": 2}
    sides = itertools.pairwise(corners)
    return [{"type": "line", "at": (*one, *another), "line": line} for one, another in sides]


def _placed(sign: Json, x: float, y: float) -> Json:
    x0, y0, x1, y1 = sign["at"]
    rest = {key: value for key, value in sign.items() if key != "at"}
    return {**rest, "x0": x + x0, "x1": x + x1, "y0": y + y0, "y1": y + y1}
