"""The chefs' rows: who worked on which task when, where there is more than one chef."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from helpers.draw import marks, rows, theme
from helpers.draw.marks import VERY_MANY, plain
from helpers.draw.rows import Row
from helpers.draw.theme import Json
from helpers.draw.units import Scale
from helpers.trace import TaskState, Trace

_HEIGHT = 0.86  # of a row; high enough for a name
_SHORT = 0.004  # a step that takes less of the run is hardly seen but for its tick


def traces(trace: Trace, lines: Sequence[Row], scale: Scale, pitch: float) -> dict[str, Json]:
    """A bar for each step on the row of its chef, with the task's name; a tick for a short one."""
    found: dict[str, list[Any]] = {"y": [], "base": [], "x": [], "text": []}
    short: dict[str, list[Any]] = {"x": [], "y": []}
    for n, row in enumerate(lines):
        for step, lane in rows.work_of(trace, row) if row.threads else ():
            found["y"].append(n)
            found["base"].append(scale.at(step.start))
            found["x"].append(scale.at(step.end - step.start))
            if step.end - step.start <= _SHORT * trace.duration:
                short["x"].append(scale.at(step.start))
                short["y"].append(n)
            if len(lines) <= VERY_MANY:
                found["text"].append(plain(lane.name))
    colour = theme.STATES[TaskState.RUNNING].colour
    size = max(2.0, pitch * _HEIGHT)
    ticks = marks.line_marks("short steps of each chef", short, size=size, color=colour, width=2)
    return {"chefs": _bars(found, scale, colour), "chef ticks": {**ticks, "hoverinfo": "skip"}}


def _bars(found: dict[str, list[Any]], scale: Scale, colour: str) -> Json:
    said = f"<b>%{{y}}</b><br>works on %{{text}}<br>%{{base}} to %{{x}} {scale.short}"
    return {
        "type": "bar",
        "orientation": "h",
        "name": "what each chef works on",
        **found,
        "textposition": "inside",
        "insidetextanchor": "middle",
        "textangle": 0,
        "textfont": {"color": theme.CARD, "size": 10},
        "width": _HEIGHT,
        "marker": {"color": colour, "line": {"color": theme.CARD, "width": 1}},
        "hovertemplate": f"{said}<extra></extra>",
    }
