"""What went wrong in a run, each in a whole sentence: who, at which line, how long, whom it hurt.

Everything is found from the trace alone, for asyncio's runs and Tokio's recordings alike. The kinds
follow tokio-console's warnings and asyncio's own log messages.
"""

from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property

from helpers.task import MAIN_RETURN, Finding, LaneKind, Outcome, Step, Task, Waker
from helpers.text import listing, number, plural, seconds
from helpers.trace import Trace

SLOW = 0.1  # a step that takes so many seconds is told; asyncio's own limit for a slow callback
_NOISE, _FELT = 0.001, 0.01  # a shorter delay is not told; of a recording's chefs, a longer one
_AGAIN = "Raise CancelledError again where it is caught."
# Of what the loop noticed, of its tasks and beside them.
_NOTICED = {
    "vanished": "vanished before it had ended: nobody kept its handle, and the loop holds only a "
    "weak reference. Keep what create_task returns.",
    "never_retrieved": "raised {}, and nobody retrieved it{}. Await the task.",
    "not_told": "raised {} when its gather had failed already, which tells of one error alone{}. "
    "Use a TaskGroup, or return_exceptions=True.",
    "nested": "ran the loop inside a step of its own, as nest_asyncio lets it: nested running is "
    "not drawn, and the step is shown as two. Await the coroutine instead.",
    "raised": "raised {}, and nobody can retrieve it.",
    "never_awaited": "`{what}()` was never awaited: none of its code ran. Await it{at}.",
    "never_called": "`{what}` is an async function: a thread makes its coroutine, and runs none "
    "of its code.",
    "wrong_thread": "Thread `{what}` called the loop{at}, and did not wake it: use "
    "`loop.call_soon_threadsafe`.",
    "told": "The loop's exception handler was told: {what}.",
    "wall_clock": "`{what}`, read{at}, does not move with the virtual clock: use `loop.time()`.",
}

# Its kind, its line, its lane and its words: those of one kind and line are alike.
Found = Iterator[tuple[str, str, Task | None, str]]
Hurt = list[tuple[Task, float]]  # who was delayed, and for how long


def find(trace: Trace) -> tuple[Finding, ...]:
    """Everything that went wrong in a run, the blocking of its loop or workers first.

    Each kind and line has one sentence, and no kind has a second one before each has a first.
    """
    alike = defaultdict(list)
    for kind, line, lane, words in _Finder(trace).findings():
        alike[kind, line or (lane.name if lane else "")].append((lane, words))
    told: list[Finding] = []
    for (kind, _), cases in alike.items():
        lane, sentence = cases[0]
        names = list(dict.fromkeys(f"`{other.name}`" for other, _ in cases if other))
        what = "such steps" if kind in ("blocked", "held") else "times"
        more = f"Likewise {listing(names[1:])}." if names[1:] else f"In all {len(cases):,} {what}."
        parts = [*names[:1], sentence, *[more] * (len(cases) > 1)]
        told.append(Finding(" ".join(parts), kind=kind, task=lane.id if lane else None))
    firsts = {finding.kind: finding for finding in reversed(told)}
    told.sort(key=lambda finding: (finding is not firsts[finding.kind], finding.kind != "blocked"))
    return tuple(told)


class _Finder:
    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.tokio = trace.source == "tokio"
        self.jobs = [lane for lane in trace.lanes if lane.kind is LaneKind.THREAD and lane.steps]
        refusing = (lane for lane in trace.lanes if "refused_cancel" in lane.noticed)
        self.refused = {ask[:2] for lane in refusing for ask in lane.cancels}

    @cached_property
    def woke(self) -> set[Waker]:
        return {step.woken_by for lane in self.trace.lanes for step in lane.steps}

    def findings(self) -> Found:
        of_steps = self._held, self._paused, self._really_blocked, self._told, self._full_pool
        of_lanes = self._left_running, self._noticed, self._refused, self._went_on, self._polled
        for kind in (*of_steps, *of_lanes):
            yield from kind()

    def _held(self) -> Found:
        """Steps that delayed others, were all of a task, or held the real clock's loop."""
        lanes = [lane for lane in self.trace.lanes if lane.kind is not LaneKind.THREAD]
        slow = [(s, lane) for lane in lanes for s in lane.steps if s.end - s.start >= SLOW]
        slow = [work for work in slow if self._is_slow(*work)]
        # A measured difference of less than SLOW makes no step the longer one.
        slow.sort(key=lambda work: (-round((work[0].end - work[0].start) / SLOW), work[0].start))
        alike = defaultdict(list)
        for step, lane in slow:
            alike[_line(step, lane) or lane.name].append((step, lane))
        waits = [(lane, s) for lane in lanes if slow for s in lane.steps if s.start > s.ready]
        for line, works in alike.items():
            delayed = [(self._delayed(waits, *work), *work) for work in works[:20]]
            hurt, held, lane = next((case for case in delayed if case[0]), delayed[0])
            if about := self._about(held, lane, hurt):
                kind, words = about
                others = [other for step, other in works if step is not held]
                yield from ((kind, line, other, words) for other in (lane, *others))

    def _is_slow(self, step: Step, lane: Task) -> bool:
        """Whether a long step is so without the collector, and outside of its creator's step."""
        _, start, end, chef, *_ = step
        pauses = ((max(start, at), min(end, until)) for at, until, _ in self.trace.pauses)
        collected = sum(max(0.0, until - at) for at, until in pauses)
        creator = self.trace.by_id.get(lane.parent) if step is lane.steps[0] else None
        outer = creator.steps if creator and not self.tokio else ()
        inside = any(one.start <= start and end <= one.end for one in outer if one.thread == chef)
        return end - start - collected >= SLOW and not inside

    def _delayed(self, waits: list[tuple[Task, Step]], held: Step, by: Task) -> Hurt:
        """Who was ready while a step ran and was taken up only afterwards, longest wait first."""
        least = _FELT if self.tokio else _NOISE
        hurt = [
            (lane, held.end - max(step.ready, held.start))
            for lane, step in waits
            if held.end <= step.start and held.end - step.ready >= least and lane is not by
        ]
        return sorted(hurt, key=lambda wait: (-wait[1], wait[0].id))

    def _about(self, held: Step, lane: Task, hurt: Hurt) -> tuple[str, str] | None:
        """The kind of a long step, and the words; None where nothing is wrong with it."""
        took, line = self._for(held.end - held.start), _line(held, lane)
        span = f"{took} (from {number(held.start)} to {self._at(held.end)}{line})"
        free = f" Await what takes long, or use {'spawn_blocking' if self.tokio else 'to_thread'}."
        if hurt:
            chef = "the chef" if self.trace.workers == 1 else held.thread
            names = listing([f"`{other.name}` by {self._for(wait)}" for other, wait in hurt])
            whom = chef if self.tokio else "the loop"
            return "blocked", f"blocked {whom} for {span} and delayed {names}.{free}"
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
                words = f"The {whose} held the chef for {self._for(end - start)} ({span})"
                yield "paused", whose, None, f"{words}: no task's fault."

    def _really_blocked(self) -> Found:
        held = [(step, lane) for lane in self.trace.lanes for step in lane.steps if step.wall]
        for step, lane in sorted(held, key=lambda work: work[0].start):
            line = _line(step, lane)
            words = f"really held the thread{line}"
            if lane.kind is LaneKind.THREAD:
                words = f"took {seconds(round(step.wall, 1))} of real time in its thread"
            words += ", and the virtual clock does not show it: use `busy` for hands-on work, "
            yield "really_blocked", line, lane, words + 'or record with clock="real".'

    def _told(self) -> Found:
        for kind, what, line in self.trace.noticed:
            words = _NOTICED[kind].format(what=what, at=line and f" at {line}")
            yield kind, f"{what} {line}", None, words

    def _full_pool(self) -> Found:
        last = max(self.jobs, key=lambda job: job.scheduled, default=None)
        if last and last.scheduled >= SLOW:
            halfway = last.spawned + last.scheduled / 2
            at_work = sum(job.steps[0].start <= halfway <= job.end for job in self.jobs)
            helpers = len({job.steps[0].thread for job in self.jobs})
            if at_work >= helpers:
                words = f"waited {self._for(last.scheduled)} for a free helper: the pool was full, "
                words += f"with {plural(helpers, 'thread')}. Give it more, or less at a time."
                yield "full_pool", "", last, words

    def _left_running(self) -> Found:
        why = self.trace.ended_by.partition(":")[0]
        for lane in self.trace.lanes:
            told = why == "CancelledError" and "refused_cancel" in lane.noticed
            at = "" if told else lane.waits_at
            if why == "Deadlock" and at:
                each = f"{at} {lane.id}"
                yield "deadlock", each, lane, f"waits at {at}, and nothing can wake it."
            elif why in ("RunTooLong", "CancelledError") and at:
                yield "unfinished", at, lane, f"had not ended when the run was given up, at {at}."
            elif at or (self.tokio and lane.cancelled_by == MAIN_RETURN):
                where, end = at and f", waiting at {at},", "dropped" if self.tokio else "cancelled"
                over = f"{self.trace.ended_by} ended the run" if why else "main was over"
                words = f"was left running{where} when {over}; it was {end} then."
                yield "left_running", at, lane, words + " Await it before." * (not why)

    def _noticed(self) -> Found:
        """What the loop noticed of a task; an error that gather did not tell may be told later."""
        for lane in self.trace.lanes:
            place = lane.place and f" (defined at {lane.place})"
            raised = lane.kind is LaneKind.CALLBACK and lane.outcome is Outcome.RAISED
            for kind in ("raised",) if raised else lane.noticed:
                if kind in _NOTICED and not (kind == "not_told" and lane.id in self.woke):
                    alike = f"{lane.place or lane.name} {lane.error.partition(':')[0]}"
                    yield kind, alike, lane, _NOTICED[kind].format(lane.error, place)

    def _refused(self) -> Found:
        """Who went on, or returned, although it was asked to stop or its time was up."""
        for lane in self.trace.lanes:
            if "refused_cancel" in lane.noticed:
                kind, asked, over = "refused_cancel", lane.cancels[0].time, lane.ended is not None
                ended = "returned" if over else "had not ended when the run was given up"
                did = f" and refused: it went on for {self._for(lane.end - asked)} and {ended}"
                if over and lane.steps[-1].ready - asked < _NOISE:  # it did not wait again
                    kind, did = "caught_cancel", ", caught the request and returned"
                words = f"was asked to stop at {self._at(asked)}{did}. {_AGAIN}"
                yield kind, lane.place, lane, words
            for ask in lane.cancels:
                on = (ask.left or ask.time) - ask.time
                if on >= _NOISE and ask[:2] not in self.refused:  # by another, which it waited for
                    words = f"went on for {self._for(on)} when time was up at {self._at(ask.time)}"
                    words += f": the request was caught in the block at {ask.block}. {_AGAIN}"
                    yield "ignored_deadline", ask.block, lane, words

    def _went_on(self) -> Found:
        """A thread's work whose task was asked to stop meanwhile, and that woke nobody."""
        for work in () if self.tokio else self.jobs:
            parent = self.trace.by_id.get(work.parent)
            cancels = parent.cancels if parent else ()
            asked = [ask.time for ask in cancels if work.spawned <= ask.time < work.end]
            if asked and work.end - asked[0] >= SLOW and work.id not in self.woke:
                on, since = self._for(work.end - asked[0]), self._at(asked[0])
                words = f"went on in its thread for {on} after nobody waited for it, from {since}"
                words += " on. Threads cannot be cancelled: give the function a limit of its own."
                yield "went_on", "", work, words

    def _polled(self) -> Found:
        for lane in () if self.tokio else self.trace.lanes:
            took = [step.end - step.start for step in lane.steps if step.woken_by == lane.id]
            if len(took) >= 1000 and sum(took) <= 1e-4 * len(took):  # so many, so short
                at = lane.place and f", in the function at {lane.place}"
                words = f"was taken up {len(took):,} times and waited for nothing: it polls with "
                words += f"sleep(0){at}. Await what it polls for, or yield less often."
                yield "polling", at, lane, words

    def _for(self, duration: float) -> str:
        return seconds(duration, self.trace.unit, exact=self.trace.clock == "virtual")

    def _at(self, moment: float) -> str:
        return f"{number(moment)} {'min' if self.trace.unit == 'minutes' else 's'}"


def _line(step: Step, lane: Task) -> str:
    """At which line a step held the loop; where nobody looked in time, in which function."""
    if step.held_at:
        return f", {step.held_at}"
    return f", in the function at {lane.place}" if lane.place else ""
