"""A run in which no time passes, laid out step by step so that it can be seen.

The virtual clock moves only for timers and `busy`. A program with neither takes no time, and all
its steps fall on one moment. Here each step takes one place of its own, in the order in which they
ran.
"""

from __future__ import annotations

import dataclasses

from helpers.trace import Step, Task, Trace

Place = tuple[int, int]  # a lane's id and the number of the step in it


def stands_still(trace: Trace) -> bool:
    """Whether there are steps and no time passes."""
    return trace.duration == 0 and any(lane.steps for lane in trace.lanes)


def in_order(trace: Trace) -> Trace:
    """The same lanes with the places of their steps, from 0 on, in the stead of times.

    A lane begins with its first step and is over with its last. Marks and requests to stop, whose
    places are not known, are left out.
    """
    at = {place: n for n, place in enumerate(trace.steps_in_order)}
    lanes = tuple(_laid_out(lane, at, len(at)) for lane in trace.lanes)
    return dataclasses.replace(trace, lanes=lanes, duration=float(len(at)), marks=())


def _laid_out(lane: Task, at: dict[Place, int], end: int) -> Task:
    steps: list[Step] = []
    for n, step in enumerate(lane.steps):
        place = float(at[lane.id, n])
        steps.append(step._replace(ready=place, start=place, end=place + 1))
    first = steps[0].start if steps else float(end)
    last = steps[-1].end if steps else float(end)
    ended = None if lane.ended is None else last
    return dataclasses.replace(
        lane, spawned=first, ended=ended, end=last, steps=tuple(steps), cancels=lane.cancels
    )
