"""How each thing looks: one colour and pattern per state, one mark per outcome, the figure's frame.

A figure is a white card, the same in JupyterLab's light and dark themes. The colours stay apart for
colour-blind eyes, and none stands alone: running is solid, scheduled hatched, idle thin and pale.
"""

import html
from collections.abc import Iterable
from typing import Any, NamedTuple

from helpers.trace import Outcome, TaskState

CARD = "#ffffff"
TEXT = "#1f2328"
MUTED = "#57606a"
STRIPES = "#ffe9cf"  # of a pattern
GRID = "#e3e7ec"
RULE = "#8c959f"
FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'

Json = dict[str, Any]


class Look(NamedTuple):
    """How a state is drawn; their order is that of the legend."""

    colour: str
    pattern: str  # plotly's pattern shape, "" for solid
    height: float  # as a share of the lane
    letter: str  # its sign in the text twin
    sign: str  # with `words`, its entry in the legend
    words: str


STATES = {
    TaskState.RUNNING: Look("#0b4f8a", "", 0.74, "#", "■", "running: a chef is on it"),
    TaskState.SCHEDULED: Look("#ee7d11", "/", 0.74, "!", "▨", "scheduled: ready, no chef free"),
    TaskState.IDLE: Look("#b3c1d3", "", 0.28, ".", "▬", "idle: waits"),
}
# A step that takes no time is drawn as a tick of so many pixels, whatever the zoom.
TICK = 3
TICK_LETTER = "|"
# `standoff` moves a marker along its angle. 90 degrees up or down draw the symbol `line-ew`
# upright and move it to the left or to the right.
LEFT, RIGHT = 90, -90
SMALL = 11  # pixels of small letters


class Ending(NamedTuple):
    """The mark at a lane's end: its symbol (plotly's name for `sign`) needs no colour."""

    symbol: str
    colour: str
    sign: str
    words: str


OUTCOMES = {
    Outcome.RETURNED: Ending("circle", "#1a7f4b", "●", "returned"),
    Outcome.RAISED: Ending("x-thin-open", "#c0211b", "✕", "raised"),
    Outcome.CANCELLED: Ending("square", "#7b3fb5", "◼", "cancelled"),
    Outcome.PENDING: Ending("circle-open", "#57606a", "○", "still pending"),
}
EVENT = Ending("diamond-tall", "#a3178a", "◇", "an event: its words are above")

_FRAME = {"ticks": "outside", "tickcolor": RULE, "linecolor": RULE, "showline": True}
_AXIS_TITLE = {"font": {"color": MUTED}, "standoff": 6}
TEMPLATE: Json = {
    "layout": {
        "paper_bgcolor": CARD,
        "plot_bgcolor": CARD,
        "font": {"family": FONT, "size": 12, "color": TEXT},
        "hoverlabel": {"bgcolor": CARD, "bordercolor": RULE, "font": {"color": TEXT}},
        "barmode": "overlay",
        "xaxis": {**_FRAME, "gridcolor": GRID, "zeroline": False, "title": _AXIS_TITLE},
        "yaxis": {"showgrid": False, "zeroline": False},
        "annotationdefaults": {"showarrow": False, "xref": "paper", "x": 0, "xanchor": "left"},
        "showlegend": False,
    }
}
PLOTLY = "application/vnd.plotly.v1+json"  # the MIME type of a figure
# Not "responsive": in JupyterLab that makes a figure as low as its cell happens to be.
CONFIG: Json = {"displaylogo": False}


def pattern(state: TaskState) -> Json:
    """Plotly's pattern of a state, for a bar or an area; a solid one has no shape."""
    look = STATES[state]
    colours = {"bgcolor": look.colour, "fgcolor": STRIPES} if look.pattern else {}
    return {"shape": look.pattern, "size": 7, "solidity": 0.3, **colours}


def end_marker(outcome: Outcome, size: float) -> Json:
    """Plotly's marker of an outcome."""
    mark = OUTCOMES[outcome]
    line = {"color": mark.colour, "width": 2.5} if mark.symbol.endswith("open") else {"width": 0}
    return {"symbol": mark.symbol, "color": mark.colour, "size": size, "line": line}


def plain(text: str) -> str:
    """A name as it is: neither a tag nor a formula to the browser."""
    return html.escape(text, quote=False).replace("$", "&#36;").replace("\n", " ")


def small(text: str, y: float, colour: str = MUTED) -> Json:
    """An annotation at the left edge, at a share `y` of the plot's height."""
    font = {"size": SMALL, "color": colour}
    return {"text": text, "font": font, "yref": "paper", "y": y, "yanchor": "bottom"}


def line_marks(name: str, points: Iterable[tuple[int, float]], size: float, **line: Any) -> Json:
    """Upright lines of `size` pixels at (y, x), which are seen at every zoom."""
    # Plotly draws a line's symbol 1.4 times as long as its size.
    marker = {"symbol": "line-ew", "angle": LEFT, "size": round(size / 1.4, 1), "line": line}
    return {**markers(name, points), "marker": marker}


def markers(name: str, points: Iterable[tuple[int, float]]) -> Json:
    """Markers at (y, x), which are seen at the edge of the plot too."""
    at = list(points)
    x, y = [x for _, x in at], [y for y, _ in at]
    return {"type": "scatter", "mode": "markers", "name": name, "cliponaxis": False, "x": x, "y": y}
