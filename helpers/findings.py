"""What went wrong in a run, each in a whole sentence: who, at which line, how long, whom it hurt.

Everything is found from the trace alone, for asyncio's runs and Tokio's recordings alike. The kinds
follow tokio-console's warnings and asyncio's own log messages.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property

from helpers.task import MAIN_RETURN, Finding, LaneKind, Outcome, Step, Task, Waker
from helpers.text import listing, number, seconds
from helpers.trace import Trace

SLOW = 0.1  # a step that takes so many seconds is told; asyncio's own limit for a slow callback
_MOST = 20  # of the long steps of one line, whom so many have delayed is looked at
_NOISE, _FELT = 0.001, 0.01  # a shorter delay is not told; of a recording's chefs, a longer one
_POLLS, _NO_WORK = 1000, 1e-4  # whose steps were so many, and so short, has polled
_AGAIN = "Raise CancelledError again where it is caught."
_NOTICED = {
    "vanished": "vanished before it had ended: nobody kept its handle, and the loop holds only a "
    "weak reference. Keep what create_task returns.",
    "never_retrieved": "raised {}, and nobody retrieved it{}. Await the task.",
    "not_told": "raised {} when its gather had failed already, which tells of one error alone{}. "
    "Use a TaskGroup, or return_exceptions=True.",
    "nested": "ran the loop inside a step of its own, as nest_asyncio lets it: nested running is "
    "not drawn, and the step is shown as two. Await the coroutine instead.",
}
# Of what the loop noticed beside its tasks.
_TOLD = {
    "never_awaited": "`{what}()` was never awaited: none of its code ran. Await it{at}.",
    "never_called": "`{what}` is an async function: a thread makes its coroutine, and runs none "
    "of its code.",
    "wrong_thread": "Thread `{what}` called the loop{at}, and did not wake it: use "
    "`loop.call_soon_threadsafe`.",
    "told": "The loop's exception handler was told: {what}.",
    "wall_clock": "`{what}`, read{at}, does not move with the virtual clock: use `loop.time()`.",
}

Found = Iterator[tuple[str, Finding]]  # each with its line: those of one kind and line are alike


def find(trace: Trace) -> tuple[Finding, ...]:
    """Everything that went wrong in a run, the blocking of its loop or workers first.

    Each kind and line has one sentence, and no kind has a second one before each has a first.
    """
    alike: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    for line, found in _Finder(trace).findings():
        alike[found.kind, line or trace.name_of(found.task)].append(found)
    told, kinds = [], set()
    for (kind, _), cases in alike.items():
        names = list(dict.fromkeys(f"`{trace.name_of(case.task)}`" for case in cases))[1:]
        more = f" Likewise {listing(names)}." if names else f" It did so {len(cases):,} times."
        sentence = cases[0] + more * (len(cases) > 1)
        order = kind in kinds, kind != "blocked"
        told.append((order, Finding(sentence, kind=kind, task=cases[0].task)))
        kinds.add(kind)
    return tuple(finding for _, finding in sorted(told, key=lambda case: case[0]))


class _Finder:
    """Looks through one trace."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.tokio = trace.source == "tokio"
        refusing = (lane for lane in trace.lanes if "refused_cancel" in lane.noticed)
        self.refused = {ask[:2] for lane in refusing for ask in lane.cancels}

    def findings(self) -> Found:
        yield from self._held()
        yield from self._paused()
        yield from self._really_blocked()
        yield from self._told()
        yield from self._full_pool()
        lanes = [
            lane
            for lane in self.trace.lanes
            if lane.noticed
            or lane.cancels
            or lane.waits_at
            or lane.polls > _POLLS
            or lane.kind is not LaneKind.TASK
        ]
        of_lanes = self._left_running, self._raised, self._noticed, self._refused, self._went_on
        for kind in (*of_lanes, self._polled):
            for lane in lanes:
                yield from kind(lane)

    @cached_property
    def awaited(self) -> set[Waker]:
        """Who woke anybody."""
        return {step.woken_by for lane in self.trace.lanes for step in lane.steps}

    def _slow_steps(self) -> dict[str, list[tuple[Step, Task]]]:
        """The steps over the limit with their lanes by their line, the longest first."""
        slow = [
            (step, lane)
            for lane in self.trace.lanes
            if lane.kind is not LaneKind.THREAD
            for step in lane.steps
            if (long := step.end - step.start) >= SLOW
            and not self._is_eager(lane, step)
            and long - _collected(self.trace, step) >= SLOW
        ]
        alike = defaultdict(list)
        # A measured difference of less than SLOW makes no step the longer one.
        slow.sort(key=lambda work: (-round((work[0].end - work[0].start) / SLOW), work[0].start))
        for step, lane in slow:
            alike[_line(step, lane) or lane.name].append((step, lane))
        return alike

    def _is_eager(self, lane: Task, step: Step) -> bool:
        """Whether a task began inside its creator's step, which is the one that is told."""
        parent = None if lane.parent is None else self.trace.by_id.get(lane.parent)
        if self.tokio or parent is None or step is not lane.steps[0]:
            return False
        n = bisect_right(parent.steps, step.start, key=lambda other: other.start) - 1
        return n >= 0 and step.end <= parent.steps[n].end

    def _held(self) -> Found:
        """Steps that delayed others, were all of a task, or held the real clock's loop."""
        slow = self._slow_steps()
        waits = [
            (step, lane)
            for lane in (self.trace.lanes if slow else ())
            if lane.kind is not LaneKind.THREAD
            for step in lane.steps
            if step.start > step.ready
        ]
        least = _FELT if self.tokio else _NOISE
        for line, works in slow.items():
            delayed = [(_delayed(waits, *work, least), *work) for work in works[:_MOST]]
            hurt, held, lane = next((case for case in delayed if case[0]), delayed[0])
            if words := self._about(held, lane, hurt):
                others = [other for step, other in works if step is not held]
                yield from ((line, _of(other, *words)) for other in (lane, *others))

    def _about(
        self, held: Step, lane: Task, hurt: list[tuple[Task, float]]
    ) -> tuple[str, str] | None:
        """The kind of a long step, and the words; None where nothing is wrong with it."""
        took, line = self._for(held.end - held.start), _line(held, lane)
        span = f"{took} (from {number(held.start)} to {self._at(held.end)}{line})"
        free = f" Await what takes long, or use {'spawn_blocking' if self.tokio else 'to_thread'}."
        if hurt:
            names = listing([f"`{other.name}` by {self._for(wait)}" for other, wait in hurt])
            return "blocked", f"blocked {self._whom(held)} for {span} and delayed {names}.{free}"
        for ask in lane.cancels:
            if ask.due and held.start <= ask.due < held.end:
                late = f"{self._at(ask.due)} was heard {self._for(held.end - ask.due)} late"
                return "held", f"held the loop for {span}: its deadline of {late}.{free}"
        if lane.kind is LaneKind.TASK and lane.polls == 1 and lane.ended is not None:
            return "never_yielded", f"never yielded: its {took} were one step{line}.{free}"
        if self.trace.clock == "real" and self.trace.source == "asyncio":
            return "held", f"held the loop for {span}: nothing else could run meanwhile.{free}"
        return None

    def _paused(self) -> Found:
        for start, end, whose in self.trace.pauses:
            if end - start >= SLOW:
                span = f"from {number(start)} to {self._at(end)}"
                held = f"The {whose} held the chef for {self._for(end - start)}"
                yield whose, Finding(f"{held} ({span}): no task's fault.", kind="paused")

    def _really_blocked(self) -> Found:
        held = [(step, lane) for lane in self.trace.lanes for step in lane.steps if step.wall]
        for step, lane in sorted(held, key=lambda work: work[0].start):
            line = _line(step, lane)
            words = f"really held the thread{line}"
            if lane.kind is LaneKind.THREAD:
                words = f"took {seconds(round(step.wall, 1))} of real time in its thread"
            words += ", and the virtual clock does not show it: use `busy` for hands-on work, "
            yield line, _of(lane, "really_blocked", words + 'or record with clock="real".')

    def _raised(self, lane: Task) -> Found:
        if lane.kind is LaneKind.CALLBACK and lane.outcome is Outcome.RAISED:
            yield "", _of(lane, "raised", f"raised {lane.error}, and nobody can retrieve it.")

    def _told(self) -> Found:
        for kind, what, line in self.trace.noticed:
            words = _TOLD[kind].format(what=what, at=line and f" at {line}")
            yield f"{what} {line}", Finding(words, kind=kind)

    def _full_pool(self) -> Found:
        jobs = [lane for lane in self.trace.lanes if lane.kind is LaneKind.THREAD and lane.steps]
        last = max(jobs, key=lambda lane: lane.scheduled, default=None)
        if last and last.scheduled >= SLOW:
            halfway = last.spawned + last.scheduled / 2
            at_work = sum(job.steps[0].start <= halfway <= job.end for job in jobs)
            if at_work >= len({job.steps[0].thread for job in jobs}):
                wait = f"waited {self._for(last.scheduled)} for a free helper"
                yield "", _of(last, "full_pool", f"{wait}: the pool was full.")

    def _left_running(self, lane: Task) -> Found:
        why, at = self.trace.ended_by.partition(":")[0], lane.waits_at
        if why == "Deadlock" and at:
            words = f"waits at {at}, and nothing can wake it."
            yield f"{at} {lane.id}", _of(lane, "deadlock", words)  # each is told
        elif why == "CancelledError" and "refused_cancel" in lane.noticed:
            return
        elif why in ("RunTooLong", "CancelledError") and at:
            words = f"had not ended when the run was given up, at {at}."
            yield at, _of(lane, "unfinished", words)
        elif at or (self.tokio and lane.cancelled_by == MAIN_RETURN):
            where, end = at and f", waiting at {at},", "dropped" if self.tokio else "cancelled"
            over = f"{self.trace.ended_by} ended the run" if why else "main was over"
            words = f"was left running{where} when {over}; it was {end} then."
            yield at, _of(lane, "left_running", words + " Await it before." * (not why))

    def _noticed(self, lane: Task) -> Found:
        """What the loop noticed of a task; an error that gather did not tell may be told later."""
        place = lane.place and f" (defined at {lane.place})"
        for kind in lane.noticed:
            if kind in _NOTICED and not (kind == "not_told" and lane.id in self.awaited):
                alike = place + lane.error.partition(":")[0]
                yield alike, _of(lane, kind, _NOTICED[kind].format(lane.error, place))

    def _refused(self, lane: Task) -> Found:
        """Who went on, or returned, although it was asked to stop or its time was up."""
        if "refused_cancel" in lane.noticed:
            asked, over = lane.cancels[0].time, lane.ended is not None
            words = f"was asked to stop at {self._at(asked)}"
            if over and lane.steps[-1].ready - asked < _NOISE:  # it did not wait again
                words += f", caught the request and returned. {_AGAIN}"
                yield lane.place, _of(lane, "caught_cancel", words)
            else:
                ended = "returned" if over else "had not ended when the run was given up"
                words += f" and refused: it went on for {self._for(lane.end - asked)} and {ended}."
                yield lane.place, _of(lane, "refused_cancel", f"{words} {_AGAIN}")
        for ask in lane.cancels:
            on = 0.0 if ask.left is None else ask.left - ask.time
            if on >= _NOISE and ask[:2] not in self.refused:  # by another, which it waited for
                words = f"went on for {self._for(on)} when time was up at {self._at(ask.time)}"
                words += f": the request was caught in the block at {ask.block}. {_AGAIN}"
                yield ask.block, _of(lane, "ignored_deadline", words)

    def _went_on(self, work: Task) -> Found:
        """A thread's work whose task was asked to stop meanwhile, and that woke nobody."""
        parent = self.trace.by_id.get(-1 if work.parent is None else work.parent)
        if work.kind is LaneKind.THREAD and work.steps and parent and not self.tokio:
            asked = [ask.time for ask in parent.cancels if work.spawned <= ask.time < work.end]
            if asked and work.end - asked[0] >= SLOW and work.id not in self.awaited:
                on, since = self._for(work.end - asked[0]), self._at(asked[0])
                words = f"went on in its thread for {on} after nobody waited for it, from {since}"
                words += " on. Threads cannot be cancelled: give the function a limit of its own."
                yield "", _of(work, "went_on", words)

    def _polled(self, lane: Task) -> Found:
        if lane.polls > _POLLS and not self.tokio:
            again = [step.end - step.start for step in lane.steps if step.woken_by == lane.id]
            if len(again) >= _POLLS and sum(again) <= _NO_WORK * len(again):
                at = lane.place and f", in the function at {lane.place}"
                words = f"was taken up {len(again):,} times and waited for nothing: it polls with "
                words += f"sleep(0){at}. Await what it polls for, or yield less often."
                yield at, _of(lane, "polling", words)

    def _whom(self, held: Step) -> str:
        if not self.tokio:
            return "the loop"
        return "the chef" if self.trace.workers == 1 else held.thread

    def _for(self, duration: float) -> str:
        return seconds(duration, self.trace.unit, exact=self.trace.clock == "virtual")

    def _at(self, moment: float) -> str:
        return f"{number(moment)} {'min' if self.trace.unit == 'minutes' else 's'}"


def _collected(trace: Trace, step: Step) -> float:
    """For how long a step was held up by the garbage collector."""
    pauses = ((max(step.start, start), min(step.end, end)) for start, end, _ in trace.pauses)
    return sum(max(0.0, end - start) for start, end in pauses)


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
