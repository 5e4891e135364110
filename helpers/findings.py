"""What went wrong in a run, each in a whole sentence: who, at which line, how long, whom it hurt.

Everything is found from the trace alone, for asyncio's runs and Tokio's recordings alike. The kinds
follow tokio-console's warnings and asyncio's own log messages.
"""

from bisect import bisect_right
from collections.abc import Iterator

from helpers.task import MAIN_RETURN, Finding, LaneKind, Step, Task, Waker
from helpers.text import listing, number, seconds
from helpers.trace import Trace

SLOW = 0.1  # a step that takes so many seconds is told; asyncio's own limit for a slow callback
_MOST = 20  # of many long steps, the longest are told
_FELT = 0.01  # a shorter wait is not told of a recording: a real chef is never there at once
_NOTICED = {
    "vanished": "vanished before it had ended: nobody kept its handle, and the loop holds only a "
    "weak reference.",
    "nested": "ran the loop inside a step of its own, as nest_asyncio lets it: nested running is "
    "not drawn, and the step is shown as two.",
}


def find(trace: Trace) -> tuple[Finding, ...]:
    """Everything that went wrong in a run, the blocking of its loop or workers first."""
    return tuple(_Finder(trace).findings())


class _Finder:
    """Looks through one trace."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.tokio = trace.source == "tokio"
        self.slow = self._slow_steps()

    def findings(self) -> Iterator[Finding]:
        blocked = list(self._blocked())
        yield from blocked
        yield from self._really_blocked()
        # One sentence on one step is enough.
        yield from self._never_yielded({finding.task for finding in blocked})
        yield from self._never_awaited()
        for lane in self.trace.lanes:
            if lane.waits_at or self.tokio:
                yield from self._left_running(lane)
        noticed = [lane for lane in self.trace.lanes if lane.noticed]
        for kind in ("vanished", "never_retrieved", "refused_cancel", "nested"):
            for lane in noticed:
                if kind in lane.noticed and (sentence := self._sentence(kind, lane)):
                    yield _of(lane, kind, sentence)

    def _slow_steps(self) -> list[tuple[Step, Task]]:
        """The longest steps over the limit, in the order in which they ran, with their lanes."""
        slow = [
            (step, lane)
            for lane in self.trace.lanes
            if lane.kind is not LaneKind.THREAD
            for step in lane.steps
            if step.end - step.start >= SLOW and not self._is_eager(lane, step)
        ]
        slow.sort(key=lambda work: (work[0].start - work[0].end, work[0].start))
        return sorted(slow[:_MOST], key=lambda work: work[0].start)

    def _is_eager(self, lane: Task, step: Step) -> bool:
        """Whether a task began inside its creator's step, which is the one that is told."""
        parent = None if lane.parent is None else self.trace.by_id.get(lane.parent)
        if self.tokio or parent is None or step is not lane.steps[0]:
            return False
        n = bisect_right(parent.steps, step.start, key=lambda other: other.start) - 1
        return n >= 0 and step.end <= parent.steps[n].end

    def _blocked(self) -> Iterator[Finding]:
        waits = [
            (step, lane)
            for lane in (self.trace.lanes if self.slow else ())
            if lane.kind is not LaneKind.THREAD
            for step in lane.steps
            if step.start > step.ready
        ]
        for held, lane in self.slow:
            if delayed := _delayed(waits, held, lane, _FELT if self.tokio else 0.0):
                hurt = [f"`{other.name}` by {self._for(wait)}" for other, wait in delayed]
                span = f"from {number(held.start)} to {self._at(held.end)}{_line(held, lane)}"
                blocked = f"blocked {self._whom(held)} for {self._for(held.end - held.start)}"
                yield _of(lane, "blocked", f"{blocked} ({span}) and delayed {listing(hurt)}.")

    def _really_blocked(self) -> Iterator[Finding]:
        held = [(step, lane) for lane in self.trace.lanes for step in lane.steps if step.wall]
        for step, lane in sorted(held, key=lambda work: work[0].start):
            hint = 'use `busy` for hands-on work, or record with clock="real".'
            held_at = f"really held the thread{_line(step, lane)}"
            sentence = f"{held_at}, and the virtual clock does not show it: {hint}"
            yield _of(lane, "really_blocked", sentence)

    def _never_yielded(self, already: set[int | None]) -> Iterator[Finding]:
        for step, lane in self.slow:
            alone = lane.kind is LaneKind.TASK and lane.polls == 1 and lane.ended is not None
            if alone and lane.id not in already:
                once = f"its {self._for(lane.busy)} were one step{_line(step, lane)}."
                yield _of(lane, "never_yielded", f"never yielded: {once}")

    def _never_awaited(self) -> Iterator[Finding]:
        for name, line in self.trace.unawaited:
            where = f", thrown away at {line}," if line else ""
            sentence = f"`{name}()`{where} was never awaited: none of its code ran."
            yield Finding(sentence, kind="never_awaited")

    def _left_running(self, lane: Task) -> Iterator[Finding]:
        why, at = self.trace.ended_by.partition(":")[0], lane.waits_at
        if why == "Deadlock" and at:
            yield _of(lane, "deadlock", f"waits at {at}, and nothing can wake it.")
        elif why == "CancelledError" and "refused_cancel" in lane.noticed:
            return
        elif why in ("RunTooLong", "CancelledError") and at:
            yield _of(lane, "unfinished", f"had not ended when the run was given up, at {at}.")
        elif at or (self.tokio and lane.cancelled_by == MAIN_RETURN):
            where, end = at and f", waiting at {at},", "dropped" if self.tokio else "cancelled"
            over = f"{self.trace.ended_by} ended the run" if why else "main was over"
            left = f"was left running{where} when {over}; it was {end} then."
            yield _of(lane, "left_running", left)

    def _sentence(self, kind: str, lane: Task) -> str:
        """What the loop noticed of a task; "" where it is nobody's fault."""
        if kind in _NOTICED:
            return _NOTICED[kind]
        if kind == "never_retrieved":
            defined = f"({lane.place}) " if lane.place else ""
            return f"{defined}raised {lane.error}, and nobody retrieved it."
        # Up to Python 3.12 a TaskGroup leaves the cancel by its own failed child counted.
        if all(self._is_child(request.by, lane) for request in lane.cancels):
            return ""
        asked = lane.cancels[0].time
        ended = "returned" if lane.ended is not None else "had not ended when the run was given up"
        on = f"it went on for {self._for(lane.end - asked)} and {ended}."
        return f"was asked to stop at {self._at(asked)} and refused: {on}"

    def _is_child(self, who: Waker, of: Task) -> bool:
        lane = self.trace.by_id.get(who) if isinstance(who, int) else None
        return lane is not None and lane.parent == of.id

    def _whom(self, held: Step) -> str:
        if not self.tokio:
            return "the loop"
        return "the chef" if self.trace.workers == 1 else held.thread

    def _for(self, duration: float) -> str:
        return seconds(duration, self.trace.unit, exact=self.trace.clock == "virtual")

    def _at(self, moment: float) -> str:
        return f"{number(moment)} {'min' if self.trace.unit == 'minutes' else 's'}"


def _of(lane: Task, kind: str, words: str) -> Finding:
    return Finding(f"`{lane.name}` {words}", kind=kind, task=lane.id)


def _line(step: Step, lane: Task) -> str:
    """At which line a step held the loop; where nobody looked in time, in which function."""
    if step.held_at:
        return f", {step.held_at}"
    return f", in the function at {lane.place}" if lane.place else ""


def _delayed(
    waits: list[tuple[Step, Task]], held: Step, by: Task, least: float
) -> list[tuple[Task, float]]:
    """Who was ready while a step ran and was taken up only afterwards, longest wait first."""
    hurt: dict[int, tuple[Task, float]] = {}
    for step, lane in waits:
        if lane is not by and step.ready < held.end <= step.start:
            before = hurt[lane.id][1] if lane.id in hurt else 0.0
            hurt[lane.id] = (lane, before + held.end - max(step.ready, held.start))
    delayed = [wait for wait in hurt.values() if wait[1] >= least]
    return sorted(delayed, key=lambda wait: (-wait[1], wait[0].id))
