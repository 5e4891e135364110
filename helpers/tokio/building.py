"""From a trace file's events to the `Trace` that was recorded or saved."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from helpers.tokio import fields
from helpers.tokio.events import Cancel, End, Event, Finding, Mark, Meta, Poll, Spawn, Wake, Who
from helpers.trace import CancelRequest, Outcome, Step, Task, Trace
from helpers.trace import Finding as TraceFinding
from helpers.trace import Mark as TraceMark


@dataclass(slots=True)
class _Life:
    """What is known of one lane so far."""

    spawn: Spawn
    steps: list[Step] = field(default_factory=list)
    cancels: list[CancelRequest] = field(default_factory=list)
    woken: tuple[float, Who] | None = None  # the first wake since its last poll started
    end: End | None = None

    def step(self, poll: Poll) -> Step:
        """The poll as a step: since when it was ready, and who made it so."""
        if poll.ready is not None:
            return Step(poll.ready, poll.start, poll.end, poll.thread, poll.by)
        ready, by = self._cause(poll)
        free = self.steps[-1].end if self.steps else self.spawn.t
        ready = min(max(ready, free), poll.start)
        return Step(ready, poll.start, poll.end, poll.thread, by)

    def _cause(self, poll: Poll) -> tuple[float, Who]:
        parent = self.spawn.parent
        if not self.steps:
            return self.spawn.t, "start" if parent is None else parent
        if self.woken is not None:
            return self.woken
        # A branch has no card of its own: whatever its parent is polled for, it is polled too.
        return poll.start, parent if self.spawn.kind == "branch" else None

    def record(self, duration: float) -> Task:
        """The lane as it was when the run was over."""
        spawn, end = self.spawn, self.end
        outcome = Outcome(end.outcome) if end else Outcome.PENDING
        return Task(
            id=spawn.task,
            name=spawn.name,
            parent=spawn.parent,
            spawned=spawn.t,
            ended=end.t if end and outcome is not Outcome.PENDING else None,
            outcome=outcome,
            end=end.t if end else duration,
            steps=tuple(self.steps),
            kind=fields.LANE_KINDS[spawn.kind],
            place=spawn.place,
            error=end.error if end else "",
            cancels=tuple(self.cancels),
            waits_at=end.waits_at if end else "",
        )


class _Builder:
    """Takes the events one by one."""

    def __init__(self) -> None:
        self.lives: dict[int, _Life] = {}
        self.marks: list[TraceMark] = []
        self.findings: list[TraceFinding] = []
        self.sequence: list[int] = []
        self.last = 0.0
        self.held: dict[str, float] = {}  # thread: where its last poll ends

    def take(self, event: Event) -> None:
        """Add one event to what is known."""
        match event:
            case Spawn():
                self.lives[event.task] = _Life(event)
            case Wake():
                self._wake(event)
            case Poll():
                self._poll(event)
            case Cancel():
                self.lives[event.task].cancels.append(CancelRequest(event.t, event.by))
            case End():
                self.lives[event.task].end = event
            case Mark():
                self.marks.append(TraceMark(event.t, event.task, event.text))
            case Finding():
                made = TraceFinding(event.text, kind=event.kind, task=event.task)
                self.findings.append(made)
                return
        self.last = max(self.last, event.end if isinstance(event, Poll) else event.t)

    def _wake(self, wake: Wake) -> None:
        life = self.lives[wake.task]
        if life.woken is None:
            # The timer was due while a chef was held, who would have seen it: ready since then.
            # Otherwise it was late by itself: timers tick once a millisecond.
            late = wake.due is not None and wake.due < self.held.get(wake.thread, 0.0)
            life.woken = (wake.due if late and wake.due is not None else wake.t, wake.by)

    def _poll(self, poll: Poll) -> None:
        life = self.lives[poll.task]
        life.steps.append(life.step(poll))
        self.sequence.append(poll.task)
        life.woken = None
        self.held[poll.thread] = max(poll.end, self.held.get(poll.thread, 0.0))


def build(meta: Meta, events: Iterable[Event]) -> Trace:
    """The trace that these events describe. Lanes stand in the order of their spawns."""
    builder = _Builder()
    for event in events:
        builder.take(event)
    duration = builder.last if meta.duration is None else meta.duration
    lives = list(builder.lives.values())
    if any(life.spawn.lane is not None for life in lives):
        lives.sort(key=lambda life: life.spawn.lane or 0)
    return Trace(
        lanes=tuple(life.record(duration) for life in lives),
        duration=duration,
        clock=meta.clock,
        unit=meta.unit,
        source=meta.source,
        workers=meta.workers,
        result=_result(meta.result),
        findings=tuple(builder.findings),
        marks=tuple(builder.marks),
        about=dict(meta.about),
        sequence=tuple(builder.sequence),
    )


def _result(kept: Mapping[str, Any]) -> Any:
    """What main returned: as JSON has it, as a Python literal, or as the text it printed as."""
    if "result_literal" in kept:
        try:
            return ast.literal_eval(kept["result_literal"])
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return kept["result_literal"]
    return kept.get("result", kept.get("result_text"))
