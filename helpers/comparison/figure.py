"""Two runs in one picture: asyncio's lanes above, Tokio's below, on one time axis."""

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from helpers.comparison.match import Runs
from helpers.draw import plot
from helpers.draw.picture import Picture, Row, rows_of, workers
from helpers.draw.theme import Json, TimeUnit, plain, small, time_unit
from helpers.draw.title import chefs
from helpers.trace import Task, Trace

MOST = 14  # lanes of each run; of more, the first and the last
_WIDE = 68  # characters of a line below the picture


def figure_dict(picture: Picture, below: Iterable[str]) -> Json:
    """The figure as plain JSON, made without plotly: the runs, and texts below them."""
    figure = plot.figure_of(picture)
    layout, lines = figure["layout"], [x for text in below for x in textwrap.wrap(text, _WIDE)]
    if lines:
        margin, more = layout["margin"], plot.LINE * len(lines) + 8
        note = small("<br>".join(map(plain, lines)), 0) | {"yanchor": "top", "align": "left"}
        place = {"xshift": 10 - margin["l"], "yshift": -margin["b"]}  # below the legend
        layout["annotations"].append(note | place)
        layout["margin"] = {**margin, "b": margin["b"] + more}
        layout["height"] += more
    return figure


def picture_of_both(runs: Runs, title: str) -> Picture:
    """Both runs as one trace, with titles, chefs and the lanes as rows, matched in one order."""
    count = runs.recording.workers
    thread = "chef" if count == 1 else None
    above = _renamed(runs.asyncio, 0, thread)
    below = _renamed(runs.tokio, max(lane.id for lane in runs.trace.lanes) + 1, thread)
    duration = max(runs.trace.duration, runs.recording.duration)
    clock = "virtual" if runs.exact else "real"
    trace = Trace((*above, *below), duration, clock, workers=count)
    place = {name: n for n, name in enumerate(runs.tokio)}
    above.sort(key=lambda lane: place.get(lane.name, len(place)))
    version = f"Tokio {runs.recording.about.get('tokio', '')}".rstrip()
    rows = [Row("asyncio, this run"), *rows_of(trace, _some(above))]
    rows.append(Row(f"{version}, recorded"))
    if count > 1 and len(below) <= MOST:
        rows += [Row(f"on {name}", thread=name) for name in workers(runs.recording)]
    rows += rows_of(trace, _some(below))
    unit, about = time_unit(trace), _subtitle(runs, time_unit(trace))
    return Picture(
        run=trace, trace=trace, unit=unit, axis=unit, rows=rows, title=title, subtitle=about
    )


def _renamed(lanes: Mapping[str, Task], shift: int, thread: str | None) -> list[Task]:
    """The lanes under the names that they are matched by, with ids of their own."""

    def own(who: Any) -> Any:
        return who + shift if isinstance(who, int) else who

    renamed: list[Task] = []
    for name, lane in lanes.items():
        steps = tuple(
            step._replace(thread=thread or step.thread, woken_by=own(step.woken_by))
            for step in lane.steps
        )
        cancels = tuple(request._replace(by=own(request.by)) for request in lane.cancels)
        about = {"id": own(lane.id), "name": name, "parent": own(lane.parent)}
        renamed.append(replace(lane, **about, steps=steps, cancels=cancels))
    return renamed


def _some(lanes: Sequence[Task]) -> Sequence[Task]:
    """Few enough lanes to be read: of many, those that come first and those that come last."""
    return lanes if len(lanes) <= MOST else [*lanes[: MOST - 4], *lanes[-4:]]


def _subtitle(runs: Runs, unit: TimeUnit) -> str:
    """The program, which of many lanes are shown, and each side's clock, chefs and time."""
    team, count = runs.recording.workers, max(len(runs.asyncio), len(runs.tokio))
    parts = [
        runs.recording.about.get("scenario"),
        f"{MOST} of {count:,} lanes" if count > MOST else None,
        f"asyncio: {runs.trace.clock} clock, {unit.long(runs.trace.duration)}",
        f"Tokio: {runs.recording.clock} clock, {unit.long(runs.recording.duration)}, {chefs(team)}",
    ]
    return " · ".join(part for part in parts if part)
