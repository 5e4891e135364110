"""More lanes than can be drawn: how many tasks are in each state over time, above the slowest.

Each bin holds the average over its time, so that nothing between two points is lost: the area under
a curve is the time that all tasks together spent in that state.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from helpers.draw import lanes, theme
from helpers.draw.layout import Margins, small
from helpers.draw.picture import Picture
from helpers.draw.theme import Json
from helpers.trace import LaneKind, TaskState, Trace

BINS = 400
_CAPTION = 12  # pixels below and above the line that parts the areas from the lanes


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
    whole = {state: [0.0] * (bins + 1) for state in theme.STATES}
    parts = {state: [0.0] * (bins + 1) for state in theme.STATES}
    polls = [0] * bins
    no_task = (LaneKind.CALLBACK, LaneKind.BRANCH)
    left_out = {lane.id for lane in trace.lanes if lane.kind in no_task}
    for task, state, start, end, _ in trace.spans:
        if task in left_out:
            continue
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
    of = {
        state: [level + part for level, part in zip(levels, parts[state], strict=True)][:bins]
        for state in whole
        for levels in [itertools.accumulate(whole[state])]
    }
    return Counts(width, of, polls)


def traces(picture: Picture) -> dict[str, Json]:
    """A stacked area for each state, and a tick for each bin in which a step starts."""
    found, axis = counts(picture.trace), picture.axis
    areas: dict[str, Json] = {}
    for state in reversed(lanes.STATE_ORDER):
        look = theme.STATES[state]
        levels = [_short(level) for level in found.of[state]]
        if picture.by_step and state is not TaskState.RUNNING:
            levels = [0] * BINS  # no time passes, so nobody waits
        areas[f"area {state}"] = {
            "type": "scatter",
            "mode": "lines",
            "name": look.words,
            "x0": 0,
            "dx": float(f"{found.width * axis.factor:.9g}"),
            "y": [*levels, levels[-1]],
            "yaxis": "y2",
            "stackgroup": "tasks",
            "line": {"width": 0, "shape": "hv", "color": look.colour},
            "fillcolor": look.colour,
            "hovertemplate": f"%{{y}} tasks {state} at %{{x}} {axis.short}<extra></extra>",
        }
        if pattern := theme.pattern(state):
            areas[f"area {state}"]["fillpattern"] = pattern
    middles = (
        (0, axis.at((n + 0.5) * found.width)) for n, polls in enumerate(found.polls) if polls
    )
    colour = theme.STATES[TaskState.RUNNING].colour
    areas["area ticks"] = {
        **lanes.line_marks("steps started", middles, 12, width=2, color=colour),
        "yaxis": "y2",
        "customdata": [polls for polls in found.polls if polls],
        "hovertemplate": f"%{{customdata}} steps start about %{{x}} {axis.short}<extra></extra>",
    }
    return areas


def _short(level: float) -> float:
    value = round(level, 2 if level < 100 else 0)
    return int(value) if value == int(value) else value


def part(layout: Json, picture: Picture, margins: Margins) -> None:
    """Make room for the areas above the lanes of a layout, with a caption for each part."""
    below = margins.pitch * margins.rows
    inside = below + margins.above
    lanes_end = round((below - _CAPTION) / inside, 4)
    layout["yaxis"]["domain"] = [0, lanes_end]
    layout["yaxis2"] = {
        "domain": [round((below + _CAPTION) / inside, 4), 1],
        "rangemode": "tozero",
        "fixedrange": True,
        "showgrid": True,
        "gridcolor": theme.GRID,
        "title": {"text": "tasks", "font": {"color": theme.MUTED}},
        "tickformat": ",d",
    }
    which = f"{len(picture.lanes)}" if picture.chosen else "the slowest"
    which += f" of {len(picture.run.lanes):,} lanes"
    if not picture.chosen and not picture.height:  # a live figure takes no argument
        which += " (lanes=[...] opens others)"
    layout["annotations"] += [
        small("how many tasks are in each state", 1, "bottom"),
        small(which, lanes_end, "bottom"),
    ]
