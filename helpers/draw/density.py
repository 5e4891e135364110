"""More lanes than can be drawn: how many tasks are in each state over time, and the slowest lanes.

Each bin holds the average over its time, so that nothing between two points is lost: the area under
a curve is the time that all tasks together spent in that state.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import Any

from helpers.draw import bars, frame, lanes, marks, theme
from helpers.draw import rows as rows_of
from helpers.draw.frame import Drawing
from helpers.draw.layout import room
from helpers.draw.theme import Json
from helpers.draw.title import actors
from helpers.draw.units import Scale
from helpers.trace import LaneKind, Task, TaskState, Trace

BINS = 400
SLOWEST = 8
_AREA = 230  # pixels of the density above the lanes
_CAPTION = 12  # pixels below and above the line that parts them


@dataclass(frozen=True, slots=True)
class Counts:
    """How many lanes are in a state, on average over each bin of `width` seconds; and the polls.

    `polls` counts the steps that start in a bin, also those that take no time.
    """

    width: float
    of: dict[TaskState, list[float]]
    polls: list[int]


def counts(trace: Trace, bins: int = BINS) -> Counts:
    """Tasks, and work in threads, in each state over time; a branch is a part of its task."""
    width = trace.duration / bins if trace.duration else 1.0
    whole = {state: [0.0] * (bins + 1) for state in lanes.STATE_ORDER}
    parts = {state: [0.0] * (bins + 1) for state in lanes.STATE_ORDER}
    polls = [0] * bins
    for lane in trace.lanes:
        if lane.kind in (LaneKind.CALLBACK, LaneKind.BRANCH):
            continue
        for _, state, start, end, _ in lane.spans:
            first, last = start / width, end / width
            a, b = min(int(first), bins - 1), min(int(last), bins - 1)
            if state is TaskState.RUNNING:
                polls[a] += 1
            if a == b:
                parts[state][a] += last - first
            else:  # a part of the first bin, all of those between, a part of the last
                parts[state][a] += a + 1 - first
                parts[state][b] += last - b
                whole[state][a + 1] += 1
                whole[state][b] -= 1
    return Counts(width, {s: _added(whole[s], parts[s])[:bins] for s in whole}, polls)


def _added(whole: list[float], parts: list[float]) -> list[float]:
    level, made = 0.0, []
    for change, part in zip(whole, parts, strict=True):
        level += change
        made.append(level + part)
    return made


def slowest(trace: Trace, most: int = SLOWEST) -> list[Task]:
    """The lanes of which the headline speaks, those that were ready longest with no chef free, then
    those that ended last."""
    tasks = trace.tasks
    place = {lane.id: n for n, lane in enumerate(tasks)}
    told = [place[lane.id] for lane in actors(trace) if lane.id in place]
    spent = [(bars.waited(lane)[0], -n) for n, lane in enumerate(tasks)]
    waited = [-n for time, n in heapq.nlargest(most // 2, spent) if time > 0]
    ended = [-n for _, n in heapq.nlargest(most, ((t.end, -n) for n, t in enumerate(tasks)))]
    chosen = list(dict.fromkeys([*told, *waited, *ended]))[:most]
    return [tasks[n] for n in sorted(chosen)]


def draw(
    trace: Trace,
    scale: Scale,
    *,
    title: str | None = None,
    chosen: list[Task] | None = None,
    height: int | None = None,
    hint: bool = True,
) -> Drawing:
    """The density above the slowest lanes, or above the chosen ones; `hint`: say how to choose."""
    lines = rows_of.rows(trace, slowest(trace) if chosen is None else chosen)
    said = frame.titles(trace, scale, title)
    space = room(trace, lines, said[0], height=height, above=_AREA)
    below = space.pitch * space.rows
    layout = frame.layout(trace, lines, scale, space, said)
    inside = below + space.above
    layout["yaxis"]["domain"] = [0, round((below - _CAPTION) / inside, 4)]
    layout["yaxis2"] = {
        "domain": [round((below + _CAPTION) / inside, 4), 1],
        "rangemode": "tozero",
        "fixedrange": True,
        "showgrid": True,
        "gridcolor": theme.GRID,
        "title": {"text": "tasks", "font": {"color": theme.MUTED}},
        "tickformat": ",d",
    }
    count = f"{len(trace.lanes):,} lanes"
    which = f"the slowest of {count}" + (" (lanes=[...] opens others)" if hint else "")
    if chosen is not None:
        which = f"{len(chosen)} of {count}"
    layout["annotations"] += [
        _caption("how many tasks are in each state", 1),
        _caption(which, layout["yaxis"]["domain"][1]),
    ]
    traces = lanes.traces(trace, lines, scale, space.pitch)
    return Drawing({**areas(trace, scale), **traces}, layout)


def _caption(text: str, y: float) -> Json:
    return {
        "text": text,
        "font": {"size": 11, "color": theme.MUTED},
        "yref": "paper",
        "y": y,
        "yanchor": "bottom",
    }


def areas(trace: Trace, scale: Scale) -> dict[str, Json]:
    """A stacked area for each state, and a tick for each bin in which a step starts."""
    found = counts(trace)
    made: dict[str, Json] = {}
    for state in reversed(lanes.STATE_ORDER):
        look = theme.STATES[state]
        levels = [_short(level) for level in found.of[state]]
        made[f"area {state}"] = {
            "type": "scatter",
            "mode": "lines",
            "name": look.words,
            "x0": 0,
            "dx": float(f"{found.width * scale.factor:.9g}"),
            "y": [*levels, levels[-1]],
            "yaxis": "y2",
            "stackgroup": "tasks",
            "line": {"width": 0, "shape": "hv", "color": look.colour},
            "fillcolor": look.colour,
            "hovertemplate": f"%{{y}} tasks {state} at %{{x}} {scale.short}<extra></extra>",
        }
        if lines := theme.pattern(state):
            made[f"area {state}"]["fillpattern"] = lines
    made["area ticks"] = _steps(found, scale)
    return made


def _steps(found: Counts, scale: Scale) -> Json:
    busy = [n for n, polls in enumerate(found.polls) if polls]
    made: dict[str, Any] = marks.line_marks(
        "steps started",
        {"x": [scale.at((n + 0.5) * found.width) for n in busy], "y": [0] * len(busy)},
        size=12,
        width=2,
        color=theme.STATES[TaskState.RUNNING].colour,
    )
    return {
        **made,
        "yaxis": "y2",
        "customdata": [found.polls[n] for n in busy],
        "hovertemplate": f"%{{customdata}} steps start about %{{x}} {scale.short}<extra></extra>",
    }


def _short(level: float) -> float:
    value = round(level, 2 if level < 100 else 0)
    return int(value) if value == int(value) else value
