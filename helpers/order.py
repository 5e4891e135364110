"""A run in which no time passes, laid out step by step so that it can be seen.

The virtual clock moves only for timers and `busy`. A program with neither takes no time, and all
its steps fall on one moment. Here each step takes one place of its own, in an order that fits who
woke whom: first in, first out, as the loop's queue has it.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict, deque

from helpers.trace import Step, TaskRecord, Trace

Place = tuple[int, int]  # a lane's id and the number of the step in it


def stands_still(trace: Trace) -> bool:
    """Whether there are steps and no time passes."""
    return trace.duration == 0 and any(lane.steps for lane in trace.lanes)


def in_order(trace: Trace) -> Trace:
    """The same lanes with the places of their steps, from 0 on, in the stead of times.

    A lane begins with its first step and is over with its last. Marks and requests to stop, whose
    places are not known, are left out.
    """
    at = {place: n for n, place in enumerate(_queue(trace))}
    lanes = tuple(_laid_out(lane, at, len(at)) for lane in trace.lanes)
    return dataclasses.replace(trace, lanes=lanes, duration=float(len(at)), marks=())


def _laid_out(lane: TaskRecord, at: dict[Place, int], end: int) -> TaskRecord:
    steps: list[Step] = []
    for n, step in enumerate(lane.steps):
        place = float(at[lane.id, n])
        steps.append(step._replace(ready=place, start=place, end=place + 1))
    first = steps[0].start if steps else float(end)
    last = steps[-1].end if steps else float(end)
    ended = None if lane.ended is None else last
    return dataclasses.replace(
        lane, spawned=first, ended=ended, over=last, steps=tuple(steps), cancels=lane.cancels
    )


def _queue(trace: Trace) -> list[Place]:
    """Every step: those that nobody in the run woke as they come, the others behind their waker."""
    done: dict[int, int] = dict.fromkeys(trace.by_id, 0)
    waiting: dict[int, list[int]] = defaultdict(list)  # by waker: lanes whose next step it wakes
    ready: deque[int] = deque()

    def line_up(lane: TaskRecord) -> None:
        if done[lane.id] < len(lane.steps):
            waker = lane.steps[done[lane.id]].woken_by
            if isinstance(waker, int) and waker in done:
                waiting[waker].append(lane.id)
            else:
                ready.append(lane.id)

    for lane in trace.lanes:
        line_up(lane)
    order: list[Place] = []
    left = sum(lane.polls for lane in trace.lanes)
    while len(order) < left:
        if not ready:  # who woke whom goes round in a circle: take the first that is left
            number = min(number for ones in waiting.values() for number in ones)
            for ones in waiting.values():
                if number in ones:
                    ones.remove(number)
            ready.append(number)
        number = ready.popleft()
        order.append((number, done[number]))
        done[number] += 1
        line_up(trace.by_id[number])
        ready.extend(sorted(waiting.pop(number, ())))
    return order
