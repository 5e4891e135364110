"""From a `Trace` to the lines of a trace file, so that reading them gives an equal trace."""

from __future__ import annotations

import ast
import contextlib
import json
from collections.abc import Iterator
from typing import Any

from helpers.tokio import fields
from helpers.tokio.causes import Key, Order
from helpers.tokio.reader import FORMAT, MAX_EVENTS, VERSION
from helpers.trace import Outcome, Task, Trace

_WORDS = {kind: word for word, kind in fields.LANE_KINDS.items()}
_Row = dict[str, Any]


def lines(trace: Trace) -> Iterator[str]:
    """The file's lines, each with its line's end."""
    rows = [row for _, row in sorted(_timed(trace), key=lambda pair: pair[0])]
    rows += [
        {"event": "finding", "kind": finding.kind, "task": finding.task, "text": str(finding)}
        for finding in trace.findings
    ]
    if len(rows) > MAX_EVENTS:
        raise ValueError(f"the trace has {len(rows)} events; at most {MAX_EVENTS} can be saved")
    for row in [_meta(trace, len(rows)), *rows]:
        yield json.dumps(row, separators=(",", ":"), allow_nan=False) + "\n"


def _meta(trace: Trace, events: int) -> _Row:
    meta: _Row = {"event": "meta", "format": FORMAT, "version": VERSION, "source": trace.source}
    meta |= {"clock": trace.clock, "workers": trace.workers, "events": events}
    meta |= {"duration": trace.duration, "unit": trace.unit, **_result(trace.result)}
    about = json.loads(json.dumps(dict(trace.about), default=str))
    taken = {*fields.META, *fields.FIXED}
    meta |= {key: value for key, value in about.items() if key not in taken}
    hidden = {key: value for key, value in about.items() if key in taken}
    return meta | ({"about": hidden} if hidden else {})


def _result(result: Any) -> _Row:
    """What main returned, in the first way that gives it back: JSON, a literal, or as text."""
    if result is None:
        return {}
    text = repr(result)
    unfit = (TypeError, ValueError, SyntaxError, MemoryError, RecursionError)
    with contextlib.suppress(*unfit):
        if _same(json.loads(json.dumps(result, allow_nan=False)), result):
            return {"result": result}
    with contextlib.suppress(*unfit):
        if _same(ast.literal_eval(text), result):
            return {"result_literal": text}
    return {"result_text": text}


def _same(one: Any, other: Any) -> bool:
    """Equal, and equally made: 1 is not True here, and a tuple is no list."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        pairs = zip(one.items(), other.items(), strict=False)
        return len(one) == len(other) and all(_same(a, b) for a, b in pairs)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)


def _timed(trace: Trace) -> list[tuple[Key, _Row]]:
    """Every event with its place in the order."""
    order = Order(trace)
    spawns = [order.spawn(lane, number) for number, lane in enumerate(trace.lanes)]
    moved = spawns != sorted(spawns)
    timed: list[tuple[Key, _Row]] = []
    for number, lane in enumerate(trace.lanes):
        spawn = _spawn(lane) | ({"lane": number} if moved else {})
        timed.append((spawns[number], spawn))
        for ask in lane.cancels:
            row = {"event": "cancel", "task": lane.id, "t": ask.time, "by": ask.by}
            timed.append((order.cancel(lane, ask), row))
        for n, poll in enumerate(_polls(lane)):
            timed.append((order.poll(lane, n), poll))
        timed.append((order.end(lane), _end(lane)))
    for number, mark in enumerate(trace.marks):
        word = {"event": "mark", "t": mark.time, "task": mark.task, "text": mark.text}
        timed.append((order.mark(mark, number), word))
    return timed


def _spawn(lane: Task) -> _Row:
    row: _Row = {"event": "spawn", "task": lane.id, "name": lane.name, "parent": lane.parent}
    row |= {"t": lane.spawned, "kind": _WORDS[lane.kind]}
    return row | ({"place": lane.place} if lane.place else {})


def _polls(lane: Task) -> Iterator[_Row]:
    ends = {Outcome.RETURNED: "ready", Outcome.RAISED: "panic"}
    last = len(lane.steps) - 1
    for number, step in enumerate(lane.steps):
        result = ends.get(lane.outcome, "pending") if number == last else "pending"
        row: _Row = {"event": "poll", "task": lane.id, "start": step.start, "end": step.end}
        row |= {"thread": step.thread, "result": result, "ready": step.ready}
        yield row | {"by": step.woken_by}


def _end(lane: Task) -> _Row:
    row: _Row = {"event": "end", "task": lane.id, "t": lane.end, "outcome": lane.outcome.value}
    extras = {"error": lane.error, "waits_at": lane.waits_at}
    return row | {key: value for key, value in extras.items() if value}
