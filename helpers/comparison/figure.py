"""Two runs in one picture: asyncio's lanes above, Tokio's below, on one time axis."""

from __future__ import annotations

import dataclasses
import os
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from helpers import text as words
from helpers.comparison.kinds import WHY
from helpers.comparison.pairs import Both
from helpers.draw import frame, lanes, theme
from helpers.draw import rows as rows_of
from helpers.draw import text as twin
from helpers.draw import units as scales
from helpers.draw.frame import Drawing
from helpers.draw.layout import LINE, SMALL, room
from helpers.draw.marks import plain
from helpers.draw.rows import Row, Section
from helpers.draw.theme import Json
from helpers.trace import CancelRequest, Outcome, Step, Task, Trace

if TYPE_CHECKING:
    from helpers.comparison import Comparison

PLOTLY = "application/vnd.plotly.v1+json"
MOST = 14  # lanes of each run; of more, the first and the last
_NAME = 24
_TITLE = 64
_REASONS = 110  # characters of a line below the picture
_MOST_LINES = 4  # of one reason


def figure_dict(comparison: Comparison) -> Json:
    """The figure as plain JSON, made without plotly: the runs, and below them why they differ."""
    made = draw(comparison.both, comparison.verdict)
    below = [
        line
        for kind in comparison.kinds
        for line in textwrap.wrap(f"{kind}: {WHY[kind]}", _REASONS)[:_MOST_LINES]
    ]
    if below:
        _write_below(made.layout, below)
    return made.figure()


def _write_below(layout: Json, lines: list[str]) -> None:
    """Make room at the foot of a figure, below its legend, and write there."""
    margin = layout["margin"]
    layout["annotations"].append(
        {
            "text": "<br>".join(plain(line) for line in lines),
            "font": {"size": SMALL, "color": theme.MUTED},
            "align": "left",
            "xshift": 10 - margin["l"],
            "yref": "paper",
            "y": 0,
            "yanchor": "top",
            "yshift": -margin["b"],
        }
    )
    more = LINE * len(lines) + 8
    layout["margin"] = {**margin, "b": margin["b"] + more}
    layout["height"] += more


def mimebundle(comparison: Comparison) -> dict[str, Any]:
    """A notebook's output: the figure as plotly would send it, and the text."""
    if os.environ.get("PLOTLY_RENDERER"):
        shown: dict[str, Any] = comparison.figure._repr_mimebundle_()
        return shown
    figure = {**figure_dict(comparison), "config": theme.CONFIG}
    return {PLOTLY: figure, "text/plain": str(comparison)}


def draw(both: Both, title: str) -> Drawing:
    """Every trace by its key, and the layout."""
    merged, lines = merge(both)
    scale = scales.scale(merged)
    wrapped = [plain(line) for line in textwrap.wrap(title, _TITLE)]
    said = "<br>".join(wrapped), plain(_subtitle(both, scale))
    space = room(merged, lines, said[0])
    return Drawing(
        lanes.traces(merged, lines, scale, space.pitch),
        frame.layout(merged, lines, scale, space, said),
    )


def bars(both: Both, width: int) -> list[str]:
    """What was run, and both runs as text, a line a lane, on one axis."""
    merged, lines = merge(both)
    scale = scales.scale(merged)
    names = ["  " * row.depth + row.name for row in lines if row.lane]
    wide = min(max(map(words.cells, names), default=0), _NAME)
    columns = width - wide - 13
    made = [*textwrap.wrap(_subtitle(both, scale), width), ""]
    for row in lines:
        if row.lane is not None:
            name = words.fit("  " * row.depth + row.name, wide)
            made.append(f"{name}  {twin.paint(merged, row.lane, columns)} {_end(row.lane)}")
        elif row.is_title:
            made.append(f"{row.name}:")
    long = scale.long(merged.duration)
    made.append(f"{' ' * (wide + 2)}0{f'{long}'.rjust(columns - 1)}")
    signs = [f"{theme.STATES[state].letter} {state}" for state in lanes.STATE_ORDER]
    return [*made, f"{'   '.join(signs)}   {theme.TICK_LETTER} a step that takes no time"]


def _end(lane: Task) -> str:
    return "pending" if lane.outcome is Outcome.PENDING else str(lane.outcome)


def merge(both: Both) -> tuple[Trace, list[Row]]:
    """Both runs as one trace, and its rows: titles, chefs and the lanes, matched in one order."""
    alone = both.recording.workers < 2
    mine = _renamed(both.trace, both.here, 0, "chef" if alone else None)
    shift = max((lane.id for lane in both.trace.lanes), default=0) + 1
    yours = _renamed(both.recording, both.there, shift, "chef" if alone else None)
    merged = Trace(
        lanes=(*mine, *yours),
        duration=max(both.trace.duration, both.recording.duration),
        clock="virtual" if both.exact else "real",
        workers=both.recording.workers,
    )
    order = {name: n for n, name in enumerate(both.there)}
    place = [(order.get(lane.name, len(order) + lane.id), lane.id) for lane in mine]
    mine = [mine[n] for _, n in sorted((key, n) for n, key in enumerate(place))]
    lines = [Row("asyncio, this run", Section.TASKS)]
    lines += rows_of.rows(merged, _some(mine))
    lines.append(Row(_tokio(both.recording), Section.TASKS))
    if not alone and len(yours) <= MOST:
        lines += [
            Row(f"on {name}", Section.CHEFS, threads=(name,))
            for name in rows_of.team(both.recording)
        ]
    return merged, lines + rows_of.rows(merged, _some(yours))


def _renamed(trace: Trace, named: dict[str, Task], shift: int, thread: str | None) -> list[Task]:
    """The lanes under the names that they are matched by, with ids of their own."""
    ids = {lane.id for lane in trace.lanes}

    def moved(who: int | str | None) -> int | str | None:
        return who + shift if isinstance(who, int) and who in ids else who

    made = []
    for name, lane in named.items():
        steps = tuple(
            Step(s.ready, s.start, s.end, thread or s.thread, moved(s.woken_by)) for s in lane.steps
        )
        asked = tuple(CancelRequest(ask.time, moved(ask.by)) for ask in lane.cancels)
        parent = None if lane.parent is None else lane.parent + shift
        made.append(
            dataclasses.replace(
                lane, id=lane.id + shift, name=name, parent=parent, steps=steps, cancels=asked
            )
        )
    return made


def _some(mine: Sequence[Task]) -> list[Task]:
    """Few enough lanes to be read: of many, those that come first and those that come last."""
    if len(mine) <= MOST:
        return list(mine)
    return [*mine[: MOST - 4], *mine[-4:]]


def _tokio(recording: Trace) -> str:
    return f"Tokio {recording.about.get('tokio', '')}".rstrip() + ", recorded"


def _subtitle(both: Both, scale: scales.Scale) -> str:
    """The program, which of many lanes are shown, and each side's clock, chefs and time."""
    lanes = max(len(both.here), len(both.there))
    shown = [f"{MOST} of {lanes:,} lanes"] if lanes > MOST else []
    program = both.recording.about.get("scenario")
    chefs = both.recording.workers
    sides = [
        f"asyncio: {both.trace.clock} clock, {scale.long(both.trace.duration)}",
        f"Tokio: {both.recording.clock} clock, {scale.long(both.recording.duration)}, "
        + ("one chef" if chefs < 2 else f"{chefs} chefs"),
    ]
    return " · ".join([*([str(program)] if program else []), *shown, *sides])
