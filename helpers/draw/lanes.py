"""The lanes of a picture as plotly's plain JSON: bars, ticks and the marks of how each lane ended.

No plotly is needed to make it: the same dicts serve `go.Figure`, the live panel and a notebook's
output.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from helpers.draw import bars, chefs, marks, theme
from helpers.draw.marks import MANY, VERY_MANY, plain
from helpers.draw.rows import Row
from helpers.draw.theme import Json
from helpers.draw.units import STEPS, Scale
from helpers.trace import Step, TaskState, Trace

# The figure's traces, in the order in which they are drawn, one above the other.
STATE_ORDER = (TaskState.IDLE, TaskState.SCHEDULED, TaskState.RUNNING)


def traces(trace: Trace, lines: Sequence[Row], scale: Scale, pitch: float) -> dict[str, Json]:
    """Every trace of the lanes by its key; one that has nothing to show is empty.

    `pitch` is the height of a row in pixels.
    """
    thin = len(lines) > MANY
    made: dict[str, Json] = {}
    found = _by_state(trace, lines, scale, thin)
    for state in STATE_ORDER:
        made[state.value] = _bar_trace(state, found[state], scale, thin)
    made |= chefs.traces(trace, lines, scale, pitch)
    made["cuts"] = _cuts(lines, scale, pitch)
    made["ticks"] = _ticks(trace, lines, scale, pitch, thin)
    return {**made, **marks.traces(trace, lines, scale, pitch)}


def _by_state(
    trace: Trace, lines: Sequence[Row], scale: Scale, thin: bool
) -> dict[TaskState, dict[str, list[Any]]]:
    found: dict[TaskState, dict[str, list[Any]]] = {
        state: {"y": [], "base": [], "x": [], "customdata": []} for state in STATE_ORDER
    }
    many = len(trace.threads()) > 1
    for row, span, woken_by in bars.bars(lines):
        if span.end == span.start:
            continue  # a step that takes no time has its tick
        if scale.unit == STEPS and span.state is not TaskState.RUNNING:
            continue  # no time passes, so nobody waits
        into = found[span.state]
        into["y"].append(row)
        into["base"].append(scale.at(span.start))
        into["x"].append(scale.at(span.end - span.start))
        if not thin:
            waker = plain(bars.who(trace, woken_by)) if woken_by is not None else "nobody"
            into["customdata"].append([_long(scale, span.seconds, span.thread, many), waker])
    return found


_WAKING = {
    TaskState.IDLE: "<br>then woken by %{customdata[1]}",
    TaskState.SCHEDULED: "<br>woken by %{customdata[1]}",
    TaskState.RUNNING: "<br>woken by %{customdata[1]}",
}


def _bar_trace(state: TaskState, found: dict[str, list[Any]], scale: Scale, thin: bool) -> Json:
    look = theme.STATES[state]
    said = f"<b>%{{y}}</b><br>{look.words}<br>%{{base}} to %{{x}} {scale.short}"
    if not thin:
        said += f", %{{customdata[0]}}{_WAKING[state]}"
    made: Json = {
        "type": "bar",
        "orientation": "h",
        "name": look.words,
        "y": found["y"],
        "base": found["base"],
        "x": found["x"],
        "width": look.height if not thin else 0.9,
        "marker": theme.bar_marker(state),
        "hovertemplate": f"{said}<extra></extra>",
    }
    if found["customdata"]:
        made["customdata"] = found["customdata"]
    return made


def _cuts(lines: Sequence[Row], scale: Scale, pitch: float) -> Json:
    found: dict[str, list[Any]] = {"x": [], "y": []}
    for row, moment in bars.cuts(lines):
        found["x"].append(scale.at(moment))
        found["y"].append(row)
    size = pitch * theme.STATES[TaskState.RUNNING].height
    made = marks.line_marks("cuts between steps", found, size=size, width=2 * theme.TICK + 1,
                       color=theme.CARD)  # fmt: skip
    return {**made, "hoverinfo": "skip"}


def _ticks(trace: Trace, lines: Sequence[Row], scale: Scale, pitch: float, thin: bool) -> Json:
    found: dict[str, list[Any]] = {"x": [], "y": [], "customdata": []}
    shifts: list[int] = []
    many = len(trace.threads()) > 1
    for row, step, shift in bars.ticks(lines):
        found["x"].append(scale.at(step.start))
        found["y"].append(row)
        if len(lines) <= VERY_MANY:
            found["customdata"].append(_about_step(trace, step, scale, thin, many))
        shifts.append(max(-marks.PLACES, min(marks.PLACES, shift)))
    size = max(2.0, pitch * theme.STATES[TaskState.RUNNING].height + (0 if thin else 4))
    made = marks.line_marks("steps", found, size=size, color=theme.STATES[
        TaskState.RUNNING].colour, width=theme.TICK if not thin else 2)  # fmt: skip
    if any(shifts):
        made["marker"]["angle"] = [marks.LEFT if shift < 0 else marks.RIGHT for shift in shifts]
        made["marker"]["standoff"] = [marks.BESIDE * abs(shift) for shift in shifts]
    what = f"<b>%{{y}}</b><br>a step at %{{x}} {scale.short}"
    if found["customdata"]:
        told = "woken by %{customdata}" if thin else "%{customdata[0]}, woken by %{customdata[1]}"
        what = f"{what}<br>{told}"
    made["hovertemplate"] = f"{what}<extra></extra>"
    return made


def _about_step(trace: Trace, step: Step, scale: Scale, thin: bool, many: bool) -> Any:
    waker = plain(bars.who(trace, step.woken_by))
    if thin:
        return waker
    return [_long(scale, step.end - step.start, step.thread, many), waker]


def _long(scale: Scale, seconds: float, thread: str | None, many: bool) -> str:
    """How long a state lasted, and for a step on which of many threads it was."""
    long = scale.long(seconds) if seconds > 0 else "takes no time"
    return f"{long} on {plain(thread)}" if thread is not None and many else long
