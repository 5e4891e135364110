"""`timeline`: the figure of a trace. One lane a task, one bar a span, a tick for every poll.

It returns a figure and never shows it. A trace with more than 1000 lanes is drawn as the number of
tasks in each state over time, with the lanes of the slowest tasks.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from helpers.draw import density, frame, lanes, order, theme
from helpers.draw import rows as rows_of
from helpers.draw import text as twin
from helpers.draw import units as scales
from helpers.draw.frame import Drawing
from helpers.draw.layout import room
from helpers.draw.rows import Wanted
from helpers.trace import Task, Trace

if TYPE_CHECKING:
    import plotly.graph_objects as go

PLOTLY = "application/vnd.plotly.v1+json"
MOST_LANES = 1000


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

    plain = figure_dict(trace, title=title, lanes=lanes, unit=unit)
    return Timeline(plain, text=lambda: twin.text(trace, title=title, lanes=lanes, unit=unit))


def figure_dict(
    trace: Trace,
    *,
    title: str | None = None,
    lanes: Wanted | None = None,
    unit: str | None = None,
) -> dict[str, Any]:
    """The same figure as plain JSON, made without plotly."""
    return draw(trace, title=title, lanes=lanes, unit=unit).figure()


def draw(
    trace: Trace,
    *,
    title: str | None = None,
    lanes: Wanted | None = None,
    unit: str | None = None,
    height: int | None = None,
) -> Drawing:
    """Every trace by its key, empty ones too, and the layout."""
    scale = scales.scale(trace, unit)
    chosen = None if lanes is None else rows_of.pick(trace, lanes)
    if len(trace.lanes) > MOST_LANES:
        return density.draw(trace, scale, title=title, chosen=chosen, height=height)
    return draw_lanes(trace, scale, title=title, chosen=chosen, height=height)


def draw_lanes(
    trace: Trace,
    scale: scales.Scale,
    *,
    title: str | None,
    chosen: list[Task] | None = None,
    height: int | None = None,
) -> Drawing:
    """The picture in which every lane is drawn."""
    said = frame.titles(trace, scale, title)
    if order.stands_still(trace):
        trace, scale = order.in_order(trace), scales.of_steps()
        chosen = None if chosen is None else [trace.by_id[lane.id] for lane in chosen]
    lines = rows_of.rows(trace, chosen)
    space = room(trace, lines, said[0], height=height)
    return Drawing(
        lanes.traces(trace, lines, scale, space.pitch),
        frame.layout(trace, lines, scale, space, said),
    )


def mimebundle(trace: Trace) -> dict[str, Any]:
    """A notebook's output: the figure as plotly would send it, and the text twin.

    With PLOTLY_RENDERER set (HTML builds need "notebook") plotly itself is asked.
    """
    if os.environ.get("PLOTLY_RENDERER"):
        shown: dict[str, Any] = timeline(trace)._repr_mimebundle_()
        return shown
    return {PLOTLY: {**figure_dict(trace), "config": theme.CONFIG}, "text/plain": twin.text(trace)}


# The package's public `timeline` is the function, this module's namesake: whoever holds the one and
# means the other still finds it.
timeline.mimebundle = mimebundle  # type: ignore[attr-defined]
