"""Two runs in one picture: asyncio's lanes above, Tokio's below, on one time axis."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from helpers import text as words
from helpers.comparison.match import Runs
from helpers.comparison.rules import REASONS
from helpers.draw import figure_of, layout, theme
from helpers.draw.lanes import STATE_ORDER, plain
from helpers.draw.picture import Picture, spans
from helpers.draw.rows import Row, Section, rows_of, workers
from helpers.draw.text import paint
from helpers.draw.units import time_unit
from helpers.trace import CancelRequest, Step, Task, Trace

MOST = 14  # lanes of each run; of more, the first and the last
_NAME = 24
_REASON = 110, 4  # characters of a line below the picture, and lines of one reason


def figure_dict(runs: Runs, title: str, reasons: Iterable[str]) -> dict[str, Any]:
    """The figure as plain JSON, made without plotly: the runs, and below them why they differ."""
    trace, rows = merge(runs)
    unit, below_title = time_unit(trace), subtitle(runs, trace)
    picture = Picture(
        run=trace, trace=trace, unit=unit, axis=unit, rows=rows, title=title, subtitle=below_title
    )
    figure = figure_of(picture)
    wide, most = _REASON
    below = [
        line for name in reasons for line in textwrap.wrap(f"{name}: {REASONS[name]}", wide)[:most]
    ]
    if below:
        _write_below(figure["layout"], below)
    return figure


def _write_below(figure_layout: dict[str, Any], lines: list[str]) -> None:
    """Make room at the foot of a figure, below its legend, and write there."""
    margin = figure_layout["margin"]
    figure_layout["annotations"].append(
        {
            "text": "<br>".join(plain(line) for line in lines),
            "font": {"size": layout.SMALL, "color": theme.MUTED},
            "align": "left",
            "xshift": 10 - margin["l"],
            "yref": "paper",
            "y": 0,
            "yanchor": "top",
            "yshift": -margin["b"],
        }
    )
    more = layout.LINE * len(lines) + 8
    figure_layout["margin"] = {**margin, "b": margin["b"] + more}
    figure_layout["height"] += more


def bars(runs: Runs, width: int) -> list[str]:
    """What was run, and both runs as text, a line a lane, on one axis."""
    trace, rows = merge(runs)
    names = ["  " * row.depth + row.name for row in rows]
    wide = min(
        max(words.cells(name) for name, row in zip(names, rows, strict=True) if row.lane), _NAME
    )
    columns = width - wide - 13
    per_second = columns / trace.duration if trace.duration else 0
    lines = [*textwrap.wrap(subtitle(runs, trace), width), ""]
    for name, row in zip(names, rows, strict=True):
        if row.lane is not None:
            bar = paint([span for span, _ in spans(row.lane)], per_second, columns)
            lines.append(f"{words.fit(name, wide)}  {bar} {row.lane.outcome}")
        elif row.is_title:
            lines.append(f"{name}:")
    lines.append(f"{' ' * (wide + 2)}0{time_unit(trace).long(trace.duration):>{columns - 1}}")
    signs = [f"{theme.STATES[state].letter} {state}" for state in STATE_ORDER]
    return [*lines, "   ".join([*signs, f"{theme.TICK_LETTER} a step that takes no time"])]


def merge(runs: Runs) -> tuple[Trace, list[Row]]:
    """Both runs as one trace, and its rows: titles, chefs and the lanes, matched in one order."""
    count = runs.recording.workers
    thread = "chef" if count == 1 else None
    shift = max((lane.id for lane in runs.trace.lanes), default=0) + 1
    above = _renamed(runs.trace, runs.names["asyncio"], 0, thread)
    below = _renamed(runs.recording, runs.names["tokio"], shift, thread)
    trace = Trace(
        lanes=(*above, *below),
        duration=max(runs.trace.duration, runs.recording.duration),
        clock="virtual" if runs.exact else "real",
        workers=count,
    )
    place = {name: n for n, name in enumerate(runs.tokio)}
    above.sort(key=lambda lane: place.get(lane.name, len(place)))
    rows = [Row("asyncio, this run", Section.TASKS), *rows_of(trace, _some(above))]
    version = runs.recording.about.get("tokio", "")
    rows.append(Row(f"{f'Tokio {version}'.rstrip()}, recorded", Section.TASKS))
    if count > 1 and len(below) <= MOST:
        chefs = workers(runs.recording)
        rows += [Row(f"on {name}", Section.CHEFS, threads=(name,)) for name in chefs]
    return trace, rows + rows_of(trace, _some(below))


def _renamed(
    trace: Trace, names: Mapping[int | str | None, str], shift: int, thread: str | None
) -> list[Task]:
    """The lanes under the names that they are matched by, with ids of their own."""
    ids: dict[Any, Any] = {lane.id: lane.id + shift for lane in trace.lanes}
    lanes = []
    for lane in trace.lanes:
        if lane.id in names:
            steps = tuple(
                Step(*s[:3], thread or s.thread, ids.get(s.woken_by, s.woken_by))
                for s in lane.steps
            )
            cancels = tuple(CancelRequest(time, ids.get(by, by)) for time, by in lane.cancels)
            own = replace(lane, id=ids[lane.id], name=names[lane.id], parent=ids.get(lane.parent))
            lanes.append(replace(own, steps=steps, cancels=cancels))
    return lanes


def _some(some: Sequence[Task]) -> list[Task]:
    """Few enough lanes to be read: of many, those that come first and those that come last."""
    return list(some) if len(some) <= MOST else [*some[: MOST - 4], *some[-4:]]


def subtitle(runs: Runs, trace: Trace) -> str:
    """The program, which of many lanes are shown, and each side's clock, chefs and time."""
    unit = time_unit(trace)
    count = max(len(runs.asyncio), len(runs.tokio))
    team = runs.recording.workers
    chefs = "one chef" if team == 1 else f"{team} chefs"
    parts = [
        runs.recording.about.get("scenario"),
        f"{MOST} of {count:,} lanes" if count > MOST else None,
        f"asyncio: {runs.trace.clock} clock, {unit.long(runs.trace.duration)}",
        f"Tokio: {runs.recording.clock} clock, {unit.long(runs.recording.duration)}, {chefs}",
    ]
    return " · ".join(part for part in parts if part)
