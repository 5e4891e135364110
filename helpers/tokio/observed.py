"""What went wrong in a recorded run of Tokio, in the sentences that asyncio's runs get too.

A recording knows no lines of code, so the sentences name tasks and times alone.
"""

from __future__ import annotations

from collections.abc import Iterator

from helpers import text as words
from helpers.trace import Finding, LaneKind, Step, Task, Trace

SLOW = 0.1  # seconds: a longer step holds its chef long enough to be told; asyncio's own limit
_FELT = 0.01  # a shorter wait is not told: a real chef is never there at once


def findings(trace: Trace) -> tuple[Finding, ...]:
    """Who blocked a chef, who never yielded, and who was left running, in this order."""
    slow = [
        (step, lane)
        for lane in trace.lanes
        if lane.kind is not LaneKind.THREAD
        for step in lane.steps
        if step.end - step.start >= SLOW
    ]
    return (*_blocked(trace, slow), *_never_yielded(trace, slow), *_left(trace))


def _blocked(trace: Trace, slow: list[tuple[Step, Task]]) -> Iterator[Finding]:
    for held, lane in slow:
        delayed = sorted(_delayed(trace, held), key=lambda pair: -pair[0])
        hurt = [f"`{name}` by {_for(trace, wait)}" for wait, name in delayed]
        if hurt:
            yield Finding(
                f"`{lane.name}` blocked {_chef(trace, held)} for "
                f"{_for(trace, held.end - held.start)} (from {words.number(held.start)} to "
                f"{words.number(held.end)}) and delayed {words.listing(hurt)}.",
                kind="blocked",
                task=lane.id,
            )


def _delayed(trace: Trace, held: Step) -> Iterator[tuple[float, str]]:
    """Who was ready while a chef was held and was taken up only afterwards: how long, and who."""
    for lane in trace.lanes:
        waits = (
            held.end - max(step.ready, held.start)
            for step in lane.steps
            if step.ready < held.end <= step.start
        )
        wait = sum(waits)
        if wait >= _FELT:
            yield wait, lane.name


def _never_yielded(trace: Trace, slow: list[tuple[Step, Task]]) -> Iterator[Finding]:
    for step, lane in slow:
        if lane.kind is LaneKind.TASK and lane.polls == 1 and lane.ended is not None:
            took = _for(trace, step.end - step.start)
            sentence = f"`{lane.name}` never yielded: its {took} were one step."
            yield Finding(sentence, kind="never_yielded", task=lane.id)


def _left(trace: Trace) -> Iterator[Finding]:
    for lane in trace.tasks:
        if lane.cancelled_by == "main's return":
            yield Finding(
                f"`{lane.name}` was left running when main was over; it was dropped then.",
                kind="left_running",
                task=lane.id,
            )


def _chef(trace: Trace, step: Step) -> str:
    return "the chef" if trace.workers == 1 else step.thread


def _for(trace: Trace, seconds: float) -> str:
    return words.seconds(seconds, trace.unit, exact=trace.clock == "virtual")
