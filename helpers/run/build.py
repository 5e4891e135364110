"""From the log of a run to its trace: who woke whom, and which lane each step belongs to.

A step knows the step in which its handle was created. If that one is asyncio's own plumbing (a
timer's end, a future passing its result on), the step was woken when, and by whom, that was.
"""

import linecache
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from functools import partial
from inspect import CO_ASYNC_GENERATOR
from itertools import count
from typing import Any

from helpers import findings
from helpers import task as wakers
from helpers.run import source
from helpers.run.clock import DIGITS
from helpers.run.handles import FIELDS, IO, OUTSIDE, PAUSE, PLUMBING, THREAD, TIMER, USER, Log
from helpers.run.threads import Job
from helpers.task import CancelRequest, LaneKind, Outcome, Step, Task
from helpers.trace import Trace, Visit

_step = partial(tuple.__new__, Step)  # of many, in half of the time
CHEF = "chef"  # the one thread that runs the loop
_WORDS = {TIMER: wakers.TIMER, IO: wakers.IO, THREAD: wakers.THREAD, OUTSIDE: wakers.START}


def build_trace(log: Log, jobs: Sequence[Job], now: float, **known: Any) -> Trace:
    """The trace of a run up to the loop's moment `now`; `known` is what the log does not tell."""
    reader = _Reader(log.copy(), jobs, now)
    readers = {"lanes": reader.lanes, "sequence": reader.sequence, "findings": findings.find}
    readers["pauses"] = lambda trace: tuple(sorted(reader.own)) if trace.lanes else ()
    readers["visits"] = lambda trace: tuple(reader.visits()) if trace.lanes else ()
    files = ((source.short(file), linecache.getlines(file)) for file in reader.files)
    known["code"] = tuple((name, "".join(lines)) for name, lines in files)  # now: files change
    known |= {"duration": reader.duration(), "noticed": tuple(reader.log.told)}
    return Trace.read_later(readers, len(reader.numbers), **known)


class _Reader:
    """Reads the log of one run, of which nothing changes any more: most of it when asked."""

    def __init__(self, log: Log, jobs: Sequence[Job], now: float) -> None:
        self.log, self.now = log, now
        self.numbers = [n for n in range(len(log.spawns)) if n not in log.hidden]  # tasks shown
        self.first_job = len(log.spawns) + len(log.callbacks)  # those of one name share a lane
        self.jobs = tuple(self.job_lanes(list(jobs)))  # now: a job may go on when the run is over
        places: set[Any] = {*log.left.values(), *(at for _, at in log.held.values())}
        places |= {at for *_, at in log.ignored}
        self.files = list(dict.fromkeys(file for *_, (file, _), _ in self.log.visits))
        self.words = {place: source.describe(place) for place in places}  # now: files change

    def lanes(self, _: Trace) -> tuple[Task, ...]:
        self.parents: dict[int, int | None] = {}
        self.ready: list[float] = []
        self.woken_by: list[int | str] = []
        flat, origin, first = self.log.steps, self.log.origin, len(self.log.spawns) + USER
        created_at, self.waker, start, end, self.owner = (flat[n::FIELDS] for n in range(FIELDS))
        if self.log.callbacks:  # their lanes' numbers follow those of the tasks
            self.owner = [n if n > USER else first - n for n in self.owner]
        created_at, self.end = (
            [round(moment - origin, DIGITS) for moment in moments] for moments in (created_at, end)
        )
        # Most steps start when the one before ends: both are the same moment.
        before = zip(start, [None, *end], [0.0, *self.end], strict=False)
        self.start = [at if moment is last else self.since(moment) for moment, last, at in before]
        for created, waker in zip(created_at, self.waker, strict=True):
            by = self.owner[waker // FIELDS] if waker >= 0 else PLUMBING
            plumbing = waker >= 0 and by == PLUMBING
            self.woken_by.append(self.who(waker) if by == PLUMBING else by)
            self.ready.append(self.ready[waker // FIELDS] if plumbing else created)
        self.own = self._own_time()
        steps = self.steps()
        lanes = (*self.tasks(steps), *self.callback_lanes(steps), *self.jobs)
        del self.start, self.end, self.ready, self.woken_by  # the sequence needs the owners alone
        return lanes

    def _own_time(self) -> list[tuple[float, float, str]]:
        """Where the loop was at work between two steps, and the collector inside a step."""
        # What a thread sends is ready before the system has woken the loop.
        own = []
        turns = zip(self.start, [0.0, *self.end], self.ready, self.waker, strict=False)
        for start, last, ready, waker in turns:
            if start - last >= PAUSE <= start - ready and waker > THREAD:
                own.append((max(last, ready), start, "loop's own work"))
        for start, end in [(self.since(start), self.since(end)) for start, end in self.log.pauses]:
            if not any(at < end and start < until for at, until, _ in own):
                own.append((start, end, "garbage collector"))
        return own

    def duration(self) -> float:
        """When the last lane ends, found without reading them all."""
        log, unseen = self.log, self.log.hidden | {PLUMBING}
        steps = range(len(log.steps) - FIELDS, -1, -FIELDS)
        last = next((log.steps[n + 3] for n in steps if log.steps[n + 4] not in unseen), log.origin)
        pending = set(self.numbers).difference(log.ended)
        ends = [end for *_, end in log.eager] + [log.vanished.get(n, self.now) for n in pending]
        return max([self.since(max([last, *ends])), *(job.end for job in self.jobs)])

    def since(self, moment: float) -> float:
        return round(moment - self.log.origin, DIGITS)

    def who(self, waker: int) -> int | str:
        """Who acted in a step, or as one of the codes: a lane's id or a word."""
        if waker < THREAD:
            return self.first_job + THREAD - waker - 1
        if waker < 0:
            return _WORDS[waker]
        step = waker // FIELDS
        if step >= len(self.woken_by):  # a step that has not ended yet
            return wakers.START
        owner = self.owner[step]
        return self.woken_by[step] if owner == PLUMBING else owner

    def canceller(self, waker: int) -> int | str:
        """Who asked a task to stop in a step, or as one of the codes."""
        by = self.log.askers.get(waker) or self.who(waker)
        return self.log.askers[OUTSIDE] if by == wakers.START else by

    def sequence(self, trace: Trace) -> tuple[int, ...]:
        """The lanes' ids, one for each of their steps, in the order in which those began."""
        shown = {lane.id for lane in trace.lanes}  # first, as it reads whose the steps were
        ran = [(n, False, owner) for n, owner in enumerate(self.owner) if owner != PLUMBING]
        ran += [(step // FIELDS, True, number) for number, step, *_ in self.log.eager]
        jobs = [job.id for job in self.jobs for _ in job.steps]
        return (*(number for *_, number in sorted(ran) if number in shown), *jobs)

    def visits(self) -> Iterator[Visit]:
        """The lines that each step came to."""
        taken: dict[int, list[int]] = defaultdict(list)  # by lane: the offsets of its steps
        for number, step, *_ in self.log.eager:
            taken[number].append(step)
        for n, owner in enumerate(self.owner):
            taken[owner].append(n * FIELDS)
        for step, whose, moment, (file, line), changed in self.log.visits:
            if 0 <= step < len(self.owner) * FIELDS:  # in a step, and one that has ended
                lane = self.owner[step // FIELDS] if whose is None else whose
                n = bisect_right(taken[lane], step) - 1
                if lane != PLUMBING:  # a step of asyncio's own, as of a protocol, has no lane
                    yield Visit(lane, n, self.since(moment), self.files.index(file), line, changed)

    def steps(self) -> dict[int, list[Step]]:
        steps: dict[int, list[Step]] = defaultdict(list)
        for number, step, start, end in self.log.eager:
            # Begun inside its creator's step: it never waited for the chef.
            begun = self.since(start)
            steps[number].append(Step(begun, begun, self.since(end), CHEF, self.who(step)))
        asked = {(number, waker): self.canceller(waker) for number, _, waker in self.log.cancels}
        told = self.log.wall.keys() | self.log.held.keys()
        columns = self.owner, self.waker, self.woken_by, self.ready, self.start, self.end
        for n, row in enumerate(zip(*columns, strict=True)):
            owner, waker, by, ready, start, end = row
            if owner == PLUMBING:
                continue
            lane, wall, held_at = steps[owner], 0.0, ""
            at = lane[-1].end if lane else 0.0
            if not lane:
                # Whose step it was that made the task's first step ready.
                spawner = self.owner[waker // FIELDS] if waker >= 0 else PLUMBING
                self.parents[owner] = None if spawner == PLUMBING else spawner
            if asked and (lane or waker >= 0):  # not main's own first step
                by = asked.get((owner, waker), by)
            if not at <= ready <= start <= end:
                start = max(start, at)
                ready, end = min(max(ready, at), start), max(end, start)
            if n * FIELDS in told:
                wall, held = self.log.wall.get(n * FIELDS, 0.0), self.log.held.get(n * FIELDS)
                if held and (wall or end > start):  # else only the machine made it slow
                    held_at = f"{held[0]} {self.words[held[1]]}"
            lane.append(_step((ready, start, end, CHEF, by, held_at, wall)))
        return steps

    def tasks(self, steps: dict[int, list[Step]]) -> Iterator[Task]:
        log, cancels, noticed = self.log, self.cancels(), self.noticed()
        auto, ended = source.AUTO_NAME, set(log.ended)
        given = {n: name for n, name in log.names.items() if not auto.fullmatch(name)}
        codes = [getattr(code, "co_name", code) for code in log.spawns]
        names = _numbered([given.get(n) or code for n, code in enumerate(codes)])
        for number in self.numbers:
            own, code = steps.get(number, ()), log.spawns[number]
            usual = Outcome.RETURNED if number in ended else Outcome.PENDING
            outcome, error = log.outcomes.get(number, (usual, ""))
            created, waker = log.queued.get(number, (self.now, OUTSIDE))
            spawned = own[0].ready if own else self.since(created)
            creator = self.parents.get(number, own[0].woken_by if own else self.who(waker))
            parent = creator if isinstance(creator, int) else None
            last = end = own[-1].end if own else spawned
            if pending := outcome is Outcome.PENDING:
                end = max(self.since(log.vanished.get(number, self.now)), last)
            ended_at = None if pending else last
            lane = number, names[number], parent, spawned, ended_at, outcome, end, tuple(own)
            place = "" if isinstance(code, str) else source.of_code(code)
            waits_at = self.words[log.left[number]] if number in log.left else ""
            told = error, tuple(cancels[number]), waits_at, noticed[number]
            yield Task(*lane, LaneKind.TASK, place, *told)

    def cancels(self) -> dict[int, list[CancelRequest]]:
        """Who asked each task to stop, and which deadline it let pass."""
        cancels: dict[int, list[CancelRequest]] = defaultdict(list)
        for number, moment, waker in self.log.cancels:
            by = self.canceller(waker)
            due = self.ready[waker // FIELDS] if by == wakers.DEADLINE and waker >= 0 else None
            cancels[number].append(CancelRequest(self.since(moment), by, due))
        for number, moment, block in self.log.ignored:
            left, asks = self.since(moment), cancels[number]
            up = [n for n, ask in enumerate(asks) if ask.by == wakers.DEADLINE and ask.time <= left]
            for n in up[-1:]:
                asks[n] = asks[n]._replace(left=left, block=self.words[block] if block else "")
        return cancels

    def noticed(self) -> dict[int, tuple[str, ...]]:
        """What went wrong with each task, but for requests that were not meant for its program."""
        log = self.log
        # Up to Python 3.12 the cancel by a task's own TaskGroup stays counted.
        meant = {number for number, _, waker in log.cancels if log.groups.get(waker) != number}
        meant -= {n for n in meant if getattr(log.spawns[n], "co_flags", 0) & CO_ASYNC_GENERATOR}
        noticed: dict[int, tuple[str, ...]] = defaultdict(tuple)
        for n, kind in sorted(log.noticed):
            if kind != "refused_cancel" or n in meant:
                noticed[n] += (kind,)
        return noticed

    def callback_lanes(self, steps: dict[int, list[Step]]) -> Iterator[Task]:
        for number, name in enumerate(self.log.callbacks, len(self.log.spawns)):
            if own := steps.get(number):
                spawned, end, waker = own[0].ready, own[-1].end, own[0].woken_by
                parent = waker if isinstance(waker, int) else None
                error = self.log.raised.get(name, "")
                outcome = Outcome.RAISED if error else Outcome.RETURNED
                lane = number, name, parent, spawned, end, outcome, end, tuple(own)
                yield Task(*lane, kind=LaneKind.CALLBACK, error=error)

    def job_lanes(self, jobs: list[Job]) -> Iterator[Task]:
        # Which of the pool's threads took a job up is chance; it is shown on the first one free.
        busy_until: list[float] = []  # for each helper
        names = _numbered([job.name for job in jobs])
        for number, (job, name) in enumerate(zip(jobs, names, strict=True), self.first_job):
            spawned, ended = self.since(job.submitted), job.ended and self.since(job.ended)
            end = self.since(self.now) if ended is None else ended
            steps: tuple[Step, ...] = ()
            if job.started is not None:
                start = self.since(job.started)
                free = (k for k, until in enumerate(busy_until) if until <= start)
                helper = next(free, len(busy_until))
                busy_until[helper : helper + 1] = [end]
                thread = f"helper {helper + 1}"
                steps = (Step(spawned, start, end, thread, job.parent, wall=job.wall),)
            outcome, error = job.outcome()
            lane = number, name, job.parent, spawned, ended, outcome, end, steps
            yield Task(*lane, kind=LaneKind.THREAD, error=error)


def _numbered(names: list[str]) -> list[str]:
    """The names with a number behind those that recur: "cook 1", "cook 2"."""
    total = Counter(names)
    seen = {name: count(1) for name in total}
    return [f"{name} {next(seen[name])}" if total[name] > 1 else name for name in names]
