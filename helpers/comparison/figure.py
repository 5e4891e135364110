"""Two runs in one picture: asyncio's lanes above, Tokio's below, on one time axis."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from helpers.comparison.match import Runs
from helpers.draw.picture import Picture, Row, rows_of
from helpers.draw.theme import time_unit
from helpers.draw.title import chefs
from helpers.trace import Task, Trace

MOST = 14  # lanes of each run; of more, the first and the last


def picture_of_both(runs: Runs, title: str, reasons: Sequence[str] = ()) -> Picture:
    """Both runs as one trace, with titles, chefs and the lanes as rows, matched in one order."""
    about, team = runs.recording.about, runs.recording.workers
    thread = "chef" if team == 1 else None
    above = _renamed(runs.asyncio, 0, thread)
    below = _renamed(runs.tokio, max(lane.id for lane in runs.trace.lanes) + 1, thread)
    duration = max(runs.trace.duration, runs.recording.duration)
    trace = Trace((*above, *below), duration, "virtual" if runs.exact else "real", workers=team)
    place = {name: n for n, name in enumerate(runs.tokio)}
    above.sort(key=lambda lane: place.get(lane.name, len(place)))
    rows = [Row("asyncio, this run"), *rows_of(trace, _some(above))]
    rows.append(Row(f"Tokio {about.get('tokio', '')}".rstrip() + ", recorded"))
    if team > 1 and len(below) <= MOST:
        rows += [Row(f"on {name}", thread=name) for name in runs.recording.by_chef]
    rows += rows_of(trace, _some(below))
    unit, count = time_unit(trace), max(len(above), len(below))
    parts = [
        about.get("scenario"),
        f"{MOST} of {count:,} lanes" if count > MOST else None,
        f"asyncio: {runs.trace.clock} clock, {unit.long(runs.trace.duration)}",
        f"Tokio: {runs.recording.clock} clock, {unit.long(runs.recording.duration)}, {chefs(team)}",
    ]
    subtitle = " · ".join(part for part in parts if part)
    drawn: Any = {"run": trace, "trace": trace, "unit": unit, "axis": unit, "rows": rows}
    return Picture(**drawn, title=title, subtitle=subtitle, reasons=reasons)


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
