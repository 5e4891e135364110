"""`timeline`: the figure of a trace. One lane a task, one bar a span, a tick for every poll.

A `Picture` is computed from the trace once; plotly's JSON, the live figure and the text read it.
Nothing here needs plotly but `timeline`, which returns one of plotly's figures and never shows it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from helpers.draw import density
from helpers.draw import lanes as lane_traces
from helpers.draw import layout as layouts
from helpers.draw.picture import Picture, picture_of
from helpers.draw.rows import Wanted
from helpers.draw.text import text_of
from helpers.draw.theme import CONFIG, PLOTLY, Json
from helpers.trace import Trace

if TYPE_CHECKING:
    import plotly.graph_objects as go


def timeline(
    trace: Trace,
    *,
    title: str | None = None,
    lanes: Wanted | None = None,
    unit: str | None = None,
) -> go.Figure:
    """The figure of a trace; the caller shows it.

    title: the message above it; without one, a sentence is computed from the trace.
    lanes: names or ids of the lanes to draw, alone; above 1000 lanes, under the density.
    unit: "seconds", "minutes" (kitchen minutes) or "milliseconds"; without one, the trace's own.

    An unknown lane is a KeyError, an unknown unit a ValueError.
    """
    from helpers.draw.figure import Timeline

    drawn = picture_of(trace, title=title, lanes=lanes, unit=unit)
    return Timeline(figure_of(drawn), text=lambda: text_of(drawn))


def figure_dict(
    trace: Trace,
    *,
    title: str | None = None,
    lanes: Wanted | None = None,
    unit: str | None = None,
    height: int | None = None,
) -> Json:
    """The same figure as plain JSON, made without plotly.

    `height` in pixels is that of a live figure. It shows the density above 200 lanes already.
    """
    return figure_of(picture_of(trace, title=title, lanes=lanes, unit=unit, height=height))


def figure_of(picture: Picture) -> Json:
    """A picture as plotly's JSON: the traces that have something in them, and the layout."""
    traces, layout = parts(picture)
    return {"data": [trace for trace in traces.values() if trace["y"]], "layout": layout}


def parts(picture: Picture) -> tuple[dict[str, Json], Json]:
    """A picture's traces by their keys, empty ones too, and its layout."""
    margins = layouts.margins(picture)
    traces = lane_traces.traces(picture, margins.pitch)
    layout = layouts.layout(picture, margins)
    if picture.dense:
        density.part(layout, picture, margins)
        traces = density.traces(picture) | traces
    return traces, layout


def mimebundle(trace: Trace) -> dict[str, Any]:
    """A notebook's output: the figure as plotly would send it, and the text.

    With PLOTLY_RENDERER set (HTML builds need "notebook") plotly itself is asked.
    """
    if os.environ.get("PLOTLY_RENDERER"):
        shown: dict[str, Any] = timeline(trace)._repr_mimebundle_()
        return shown
    drawn = picture_of(trace)
    return bundle(figure_of(drawn), text_of(drawn))


def bundle(figure: Json, text: str) -> dict[str, Any]:
    """A figure and its text as a notebook's output."""
    return {PLOTLY: {**figure, "config": CONFIG}, "text/plain": text}
