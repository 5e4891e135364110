"""How each thing looks and is said: a state, an outcome, a moment, a name; and a figure's frame.

A figure has no ground of its own, so that it is light or dark as its page is; its colours are seen
on both, also in a saved figure, for the page fills in the colour of text. They stay apart for
colour-blind eyes, and none stands alone: running is solid, scheduled hatched, idle thin and pale.
"""

import html
from collections.abc import Iterable
from typing import Any, NamedTuple

from helpers import text as words
from helpers.trace import Outcome, TaskState, Trace

CARD = "#ffffff"  # what words are read on, or are written in, inside a figure
ON_CARD = "#1f2328"
CLEAR = "rgba(0,0,0,0)"
TEXT = "#737a82"  # as far from white as from a dark page
STRIPES = "#ffe9cf"  # of a pattern
GRID = "rgba(128,136,146,0.25)"
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
    TaskState.RUNNING: Look("#2373bd", "", 0.74, "#", "■", "running: a chef is on it"),
    TaskState.SCHEDULED: Look("#ee7d11", "/", 0.74, "!", "▨", "scheduled: ready, not taken up"),
    TaskState.IDLE: Look("rgba(130,138,150,0.45)", "", 0.28, ".", "▬", "idle: waits"),
}
# Below the steps of a lane that are too many to be drawn one by one.
MANY_STEPS = (RULE, "▁", "many steps: heights are shares of the time")
STEPS_BEGIN = (RULE, "▮", "steps begin")  # below the areas of a crowd
# A step that takes no time is drawn as a tick of so many pixels, whatever the zoom.
TICK = 3
TICK_LETTER = "|"
# `standoff` moves a marker along its angle. 90 degrees up or down draw the symbol `line-ew`
# upright and move it to the left or to the right.
LEFT, RIGHT = 90, -90
SMALL = 11  # pixels of small letters
_LONGEST = 160  # characters of a name, an error or a mark that are shown


class Ending(NamedTuple):
    """The mark at a lane's end: its symbol (plotly's name for `sign`) needs no colour."""

    symbol: str
    colour: str
    sign: str
    words: str


OUTCOMES = {
    Outcome.RETURNED: Ending("circle", "#1a7f4b", "●", "returned"),
    Outcome.RAISED: Ending("x-thin-open", "#d03a33", "✕", "raised"),
    Outcome.CANCELLED: Ending("square", "#8f56c9", "◼", "cancelled"),
    Outcome.PENDING: Ending("circle-open", TEXT, "○", "still pending"),
}
EVENT = Ending("diamond-tall-open", "#b83ba0", "◇", "an event: its words are above")

_FRAME = {"ticks": "outside", "tickcolor": RULE, "linecolor": RULE, "showline": True}
# What a figure shows that is made of the template alone.
_TOOLS = "sendChartToCloud toImage zoom pan select lasso zoomIn zoomOut autoScale resetScale"
TEMPLATE: Json = {
    "layout": {
        "paper_bgcolor": CLEAR,
        "plot_bgcolor": CLEAR,
        "font": {"family": FONT, "size": 12, "color": TEXT},
        "hoverlabel": {"bgcolor": CARD, "bordercolor": RULE, "font": {"color": ON_CARD}},
        "barmode": "overlay",
        "xaxis": {**_FRAME, "gridcolor": GRID, "zeroline": False, "title": {"standoff": 6}},
        "yaxis": {"showgrid": False, "zeroline": False},
        "annotationdefaults": {"showarrow": False, "xref": "paper", "x": 0, "xanchor": "left"},
        "title": {"x": 0, "pad": {"l": 12}, "font": {"size": 16}},
        "modebar": {"remove": _TOOLS.split()},
        "showlegend": False,
    }
}
PLOTLY = "application/vnd.plotly.v1+json"  # the MIME type of a figure
# Not "responsive": in JupyterLab that makes a figure as low as its cell happens to be.
# Without a toolbar; a double click shows the whole run again.
CONFIG: Json = {"displayModeBar": False, "showSendToCloud": False, "doubleClick": "reset"}
# Units per second, the axis' title, and what stands behind a number.
_UNITS = {
    "minutes": (1.0, "kitchen minutes", "min"),
    "seconds": (1.0, "seconds", "s"),
    "milliseconds": (1e3, "milliseconds", "ms"),
}


class TimeUnit(NamedTuple):
    """Turns seconds of the clock into numbers on an axis, and into words."""

    name: str
    factor: float  # units per second
    axis: str  # the axis' title
    short: str  # what stands behind a number
    exact: bool  # whether the clock is virtual

    def at(self, seconds: float) -> float:
        """A moment as a number on the axis: to a microsecond, or exact under the virtual clock."""
        value = round(seconds * self.factor, 9 if self.exact else 6 if self.factor == 1 else 3)
        return int(value) if value == int(value) else value  # 5, not 5.0: it is half as long

    def moment(self, seconds: float) -> str:
        """A moment in words, without its unit: "12.4"."""
        digits = 6 if self.exact else 3 if self.factor == 1 else 2
        return words.number(seconds * self.factor, digits)

    def long(self, seconds: float) -> str:
        """A duration in words: "10 min", "2 s", "12.4 ms", "85 µs"."""
        if self.name == "milliseconds" and self.exact:
            return f"{words.number(seconds * 1e3, 6)} ms"
        return words.seconds(seconds, self.name, exact=self.exact)


# The unit of a run in which no time passes: one step.
STEPS = TimeUnit("", 1.0, "steps, one after another: no time passes", "in the order", exact=True)


def time_unit(trace: Trace, name: str | None = None) -> TimeUnit:
    """The unit of that name; without one, the trace's own, or milliseconds for a short real run."""
    if name is None:
        short = trace.clock == "real" and trace.duration < 1 and trace.unit == "seconds"
        name = "milliseconds" if short else trace.unit
    if name not in _UNITS:
        raise ValueError(f"unit is one of {', '.join(map(repr, _UNITS))}, got {name!r}")
    return TimeUnit(name, *_UNITS[name], exact=trace.clock == "virtual")


def pattern(state: TaskState) -> Json:
    """Plotly's pattern of a state, for a bar or an area; a solid one has no shape."""
    look = STATES[state]
    colours = {"bgcolor": look.colour, "fgcolor": STRIPES} if look.pattern else {}
    return {"shape": look.pattern, "size": 7, "solidity": 0.3, **colours}


def plain(text: str) -> str:
    """A name as it is, on one line: neither a tag nor a formula to the browser."""
    return html.escape(words.shorten(text, _LONGEST), quote=False).replace("$", "&#36;")


def strong(text: str) -> str:
    """A text in the full colour of the page's own text, in JupyterLab and VS Code."""
    colour = f"var(--jp-content-font-color1,var(--vscode-foreground,{TEXT}))"
    return f'<span style="color:{colour}">{text}</span>'


def small(text: str, y: float) -> Json:
    """An annotation at the left edge, at a share `y` of the plot's height."""
    return {"text": text, "font": {"size": SMALL}, "yref": "paper", "y": y, "yanchor": "bottom"}


def line_marks(name: str, points: Iterable[tuple[float, float]], size: float, **line: Any) -> Json:
    """Upright lines of `size` pixels at (y, x), which are seen at every zoom."""
    # Plotly draws a line's symbol 1.4 times as long as its size.
    marker = {"symbol": "line-ew", "angle": LEFT, "size": round(size / 1.4, 1), "line": line}
    return {**markers(name, points), "marker": marker}


def markers(name: str, points: Iterable[tuple[float, float]]) -> Json:
    """Markers at (y, x), which are seen at the edge of the plot too."""
    at = list(points)
    x, y = [x for _, x in at], [y for y, _ in at]
    return {"type": "scatter", "mode": "markers", "name": name, "cliponaxis": False, "x": x, "y": y}
