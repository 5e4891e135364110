"""A run in which no time passes, laid out step by step so that it can be seen.

The virtual clock moves only for timers and `busy`. A program with neither takes no time, and all
its steps fall on one moment. Here each step takes one place of its own: first in, first out, as
the loop's queue has it. A step tells which lane woke it and not in which of that lane's steps: a
new task is taken to be spawned in its parent's first step, a waiting one to be woken by another
one's last.
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
    """Every step: those that no lane woke as they come, the others behind their waker's."""
    done: dict[int, int] = dict.fromkeys(trace.by_id, 0)
    waiting: dict[Place, list[int]] = defaultdict(list)  # behind a step: whose next ones it wakes
    ready: deque[int] = deque()

    def line_up(lane: TaskRecord) -> None:
        if done[lane.id] < len(lane.steps):
            behind = _woken_in(trace, lane, done[lane.id])
            if behind is None or done[behind[0]] > behind[1]:
                ready.append(lane.id)
            else:
                waiting[behind].append(lane.id)

    for lane in trace.lanes:
        line_up(lane)
    order: list[Place] = []
    while ready or waiting:
        if not ready:  # who woke whom goes round in a circle: take the first that is left
            number = min(number for ones in waiting.values() for number in ones)
            place = next(place for place, ones in waiting.items() if number in ones)
            waiting[place].remove(number)
            if not waiting[place]:
                del waiting[place]
            ready.append(number)
        number = ready.popleft()
        order.append((number, done[number]))
        done[number] += 1
        line_up(trace.by_id[number])
        ready.extend(sorted(waiting.pop(order[-1], ())))
    return order


def _woken_in(trace: Trace, lane: TaskRecord, number: int) -> Place | None:
    """The step in which a lane's step was woken, or None where no lane woke it."""
    by = lane.steps[number].woken_by
    if not isinstance(by, int) or by not in trace.by_id or not trace.by_id[by].steps:
        return None
    if by == lane.id:
        return by, max(number - 1, 0)
    return by, 0 if number == 0 else len(trace.by_id[by].steps) - 1
