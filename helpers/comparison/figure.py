"""Two runs in one picture: asyncio's lanes above, Tokio's below, on one time axis."""

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from helpers import text as words
from helpers.comparison.match import Runs
from helpers.comparison.rules import REASONS
from helpers.draw import plot, theme
from helpers.draw.picture import Picture, Row, rows_of, spans, workers
from helpers.draw.plot import STATE_ORDER, figure_of, plain
from helpers.draw.text import paint
from helpers.draw.units import time_unit
from helpers.task import Waker
from helpers.trace import Task, Trace

MOST = 14  # lanes of each run; of more, the first and the last
_NAME = 24  # columns of a name
_WIDE = 96  # characters of a line below the picture


def figure_dict(runs: Runs, title: str, reasons: Iterable[str]) -> dict[str, Any]:
    """The figure as plain JSON, made without plotly: the runs, and below them why they differ."""
    trace, rows = merge(runs)
    unit, below_title = time_unit(trace), subtitle(runs, trace)
    picture = Picture(
        run=trace, trace=trace, unit=unit, axis=unit, rows=rows, title=title, subtitle=below_title
    )
    figure, texts = figure_of(picture), (f"{name}: {REASONS[name]}" for name in reasons)
    if lines := [plain(line) for text in texts for line in textwrap.wrap(text, _WIDE)]:
        _write_below(figure["layout"], lines)
    return figure


def _write_below(figure_layout: dict[str, Any], lines: list[str]) -> None:
    """Make room at the foot of a figure, below its legend, and write there."""
    margin, more = figure_layout["margin"], plot.LINE * len(lines) + 8
    note = plot.small("<br>".join(lines), 0)
    place = {"yanchor": "top", "align": "left", "xshift": 10 - margin["l"], "yshift": -margin["b"]}
    figure_layout["annotations"].append(note | place)
    figure_layout["margin"] = {**margin, "b": margin["b"] + more}
    figure_layout["height"] += more


def bars(runs: Runs, width: int) -> list[str]:
    """What was run, and both runs as text, a line a lane, on one axis."""
    trace, rows = merge(runs)
    lines = [*textwrap.wrap(subtitle(runs, trace), width), ""]
    wide = min(max(words.cells("  " * row.depth + row.name) for row in rows if row.lane), _NAME)
    columns = width - wide - 13
    per_second = columns / trace.duration if trace.duration else 0
    for row in rows:
        if row.lane is not None:
            name = words.fit("  " * row.depth + row.name, wide)
            bar = paint([span for span, _ in spans(row.lane)], per_second, columns)
            lines.append(f"{name}  {bar} {row.lane.outcome}")
        elif row.is_title:
            lines.append(f"{row.name}:")
    lines.append(f"{' ' * (wide + 2)}0{time_unit(trace).long(trace.duration):>{columns - 1}}")
    signs = [f"{theme.STATES[state].letter} {state}" for state in STATE_ORDER]
    return [*lines, "   ".join([*signs, f"{theme.TICK_LETTER} a step that takes no time"])]


def merge(runs: Runs) -> tuple[Trace, list[Row]]:
    """Both runs as one trace, and its rows: titles, chefs and the lanes, matched in one order."""
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
        chefs = workers(runs.recording)
        rows += [Row(f"on {name}", threads=(name,)) for name in chefs]
    return trace, rows + rows_of(trace, _some(below))


def _renamed(lanes: Mapping[str, Task], shift: int, thread: str | None) -> list[Task]:
    """The lanes under the names that they are matched by, with ids of their own."""

    def own(who: Waker) -> Waker:
        return who + shift if isinstance(who, int) else who

    renamed: list[Task] = []
    for name, lane in lanes.items():
        steps = [step._replace(thread=thread or step.thread) for step in lane.steps]
        own_steps = tuple(step._replace(woken_by=own(step.woken_by)) for step in steps)
        cancels = tuple(request._replace(by=own(request.by)) for request in lane.cancels)
        parent = None if lane.parent is None else lane.parent + shift
        task = replace(lane, id=lane.id + shift, name=name, parent=parent)
        renamed.append(replace(task, steps=own_steps, cancels=cancels))
    return renamed


def _some(some: Sequence[Task]) -> list[Task]:
    """Few enough lanes to be read: of many, those that come first and those that come last."""
    return list(some) if len(some) <= MOST else [*some[: MOST - 4], *some[-4:]]


def subtitle(runs: Runs, trace: Trace) -> str:
    """The program, which of many lanes are shown, and each side's clock, chefs and time."""
    long, team = time_unit(trace).long, runs.recording.workers
    count = max(len(runs.asyncio), len(runs.tokio))
    chefs = "one chef" if team == 1 else f"{team} chefs"
    parts = [
        runs.recording.about.get("scenario"),
        f"{MOST} of {count:,} lanes" if count > MOST else None,
        f"asyncio: {runs.trace.clock} clock, {long(runs.trace.duration)}",
        f"Tokio: {runs.recording.clock} clock, {long(runs.recording.duration)}, {chefs}",
    ]
    return " · ".join(part for part in parts if part)
