"""The order of a trace's events where many fall on one instant: a cause before what it causes."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from operator import attrgetter

from helpers.trace import CancelRequest, Mark, Task, Trace

Key = tuple[float, float, int, int]  # time, place among the steps, kind, number
# In one step: it begins, spawns, asks others to stop; and the lane may be over.
_POLL, _SPAWN, _CANCEL, _MARK, _END = range(5)
_START = attrgetter("start")
_BEFORE = 0.5  # of a place: between the step before and this one


class Order:
    """Gives each event of a trace its key. Sorted by them, the events stand as they happened.

    A poll stands where the trace has its step. All else stands in the step in which it was done, as
    far as that can be told.
    """

    def __init__(self, trace: Trace) -> None:
        """Number the steps."""
        self._by_id = trace.by_id
        self._at = {place: n for n, place in enumerate(trace.steps_in_order)}

    def poll(self, lane: Task, n: int) -> Key:
        """The key of a lane's n-th step."""
        return lane.steps[n].start, self._at[lane.id, n], _POLL, 0

    def spawn(self, lane: Task, number: int) -> Key:
        """The key of a lane's first event: in its parent's step, before all else about it."""
        first = [ask.time for ask in lane.cancels[:1]] + [step.start for step in lane.steps[:1]]
        time = min([lane.spawned, lane.end, *first])
        return time, self._born(lane, time), _SPAWN, number

    def cancel(self, lane: Task, ask: CancelRequest) -> Key:
        """The key of a request to stop: in the asker's step, before the lane's own next one."""
        following = self._next(lane, ask.time)
        asked = self._during(ask.by, ask.time, following) if isinstance(ask.by, int) else None
        place = following - _BEFORE if asked is None else asked
        return ask.time, max(place, self._born(lane, ask.time)), _CANCEL, lane.id

    def mark(self, mark: Mark, number: int) -> Key:
        """The key of a mark, by its number in the trace: behind the steps of its instant."""
        return mark.time, len(self._at), _MARK, number

    def end(self, lane: Task) -> Key:
        """The key of a lane's last event: in its last step, if it ended with that."""
        if lane.ended is None:
            return lane.end, len(self._at), _END, lane.id
        last = len(lane.steps) - 1
        place = self._at[lane.id, last] if lane.steps else self._born(lane, lane.end)
        return lane.end, place, _END, lane.id

    def _born(self, lane: Task, time: float) -> float:
        first = self._at[lane.id, 0] if lane.steps else len(self._at)
        parent = None if lane.parent is None else self._during(lane.parent, time, first)
        return first - _BEFORE if parent is None else parent

    def _next(self, lane: Task, time: float) -> int:
        """The place of a lane's first step from a time on; behind all if there is none."""
        n = bisect_left(lane.steps, time, key=_START)
        return self._at[lane.id, n] if n < len(lane.steps) else len(self._at)

    def _during(self, number: int, time: float, before: int) -> int | None:
        """The place of the last step of a lane that was on at a time, and stands before a place."""
        steps = self._by_id[number].steps if number in self._by_id else ()
        begun = bisect_right(steps, time, key=_START)
        n = bisect_left(range(begun), before, key=lambda n: self._at[number, n]) - 1
        return self._at[number, n] if n >= 0 and time <= steps[n].end else None
