"""From the log of a run to its trace: who woke whom, and which lane each step belongs to.

A step knows the step in which its handle was created. Where that one is asyncio's own plumbing (the
end of a timer, a future passing its result on), the step became ready when the plumbing did, and
was woken by whoever woke that.
"""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from helpers import findings
from helpers import task as words
from helpers.run import source
from helpers.run.clock import DIGITS
from helpers.run.handles import FIELDS, IO, OUTSIDE, PLUMBING, THREAD, TIMER, USER, Log
from helpers.run.threads import Job
from helpers.task import CancelRequest, LaneKind, Outcome, Step, Task
from helpers.trace import Trace

CHEF = "chef"  # the one thread that runs the loop
_WORDS = {TIMER: words.TIMER, IO: words.IO, THREAD: words.THREAD, OUTSIDE: words.START}


def build_trace(log: Log, jobs: Sequence[Job], now: float, **known: Any) -> Trace:
    """The trace of a run up to the loop's moment `now`, also while the run goes on.

    `known` are fields of the trace that the log does not tell: clock, unit and result.
    """
    lanes_of = _Lanes(log, jobs, now)
    lanes = lanes_of.all()
    trace = Trace(
        lanes,
        duration=max([lane.end for lane in lanes], default=0.0),
        sequence=lanes_of.sequence(lanes),
        unawaited=tuple(
            (name, source.describe(place) if place else "") for name, place in log.unawaited
        ),
        **known,
    )
    return dataclasses.replace(trace, findings=findings.find(trace))


class _Lanes:
    """The lanes of one run. What is read of a log that still grows is copied first."""

    def __init__(self, log: Log, jobs: Sequence[Job], now: float) -> None:
        self.log, self.jobs = log, list(jobs)
        self.now = self.since(now)
        self.spawns = list(log.spawns)
        self.ends = dict.fromkeys(list(log.returned), Outcome.RETURNED)
        self.ends |= dict.fromkeys(list(log.cancelled), Outcome.CANCELLED)
        self.ends |= dict.fromkeys(list(log.errors), Outcome.RAISED)
        self.eager = list(log.eager)
        self.cancels = list(log.cancels)
        self.callbacks = list(log.callbacks)
        names = dict.fromkeys(self.callbacks)
        self.callback_lane = {name: len(self.spawns) + n for n, name in enumerate(names)}
        self.first_job = len(self.spawns) + len(names)
        self.noticed = (
            ("vanished", log.vanished),
            ("never_retrieved", log.unretrieved),
            ("refused_cancel", log.refused),
        )
        self.parents: dict[int, int | None] = {}
        self._read_steps()
        self.requests = {
            (number, waker): self._canceller(waker) for number, _, waker in self.cancels
        }

    def _read_steps(self) -> None:
        """Every step of the log, in columns, with who woke it and when it became ready."""
        flat = list(self.log.steps)
        self.waker: list[int] = flat[1::FIELDS]
        self.owner: list[int] = flat[4::FIELDS]
        self.start = [self.since(moment) for moment in flat[2::FIELDS]]
        self.end = [self.since(moment) for moment in flat[3::FIELDS]]
        self.ready: list[float] = []
        self.woken_by: list[int | str] = []
        for created, waker in zip(flat[0::FIELDS], self.waker, strict=True):
            step = waker // FIELDS
            plumbing = 0 <= step < len(self.ready) and self.owner[step] == PLUMBING
            self.woken_by.append(self.who(waker))
            self.ready.append(self.ready[step] if plumbing else self.since(created))

    def since(self, moment: float) -> float:
        """Seconds from the start of the run."""
        return round(moment - self.log.origin, DIGITS)

    def who(self, waker: int) -> int | str:
        """Who acted in a step, or as one of the codes: a lane's id or a word."""
        if waker < THREAD:
            return self.first_job + THREAD - waker - 1
        if waker < 0:
            return _WORDS[waker]
        step = waker // FIELDS
        if step >= len(self.woken_by):  # a step that has not ended yet
            return words.START
        owner = self.owner[step]
        return self.woken_by[step] if owner == PLUMBING else self.lane_of(owner)

    def lane_of(self, owner: int) -> int:
        """The lane of a step's owner that is not plumbing."""
        return owner if owner >= 0 else self.callback_lane[self.callbacks[USER - owner]]

    def all(self) -> tuple[Task, ...]:
        """Every lane: tasks in spawn order, then callbacks, then threads' jobs."""
        steps = self._steps()
        return (*self._tasks(steps), *self._callback_lanes(steps), *self._job_lanes())

    def sequence(self, lanes: Sequence[Task]) -> tuple[int, ...]:
        """The lanes' ids, one for each of their steps, in the order in which those began."""
        inside: dict[int, list[int]] = defaultdict(list)  # a step: the eager tasks begun in it
        for number, step, *_ in self.eager:
            inside[step].append(number)
        ran: list[int] = []
        for n, owner in enumerate(self.owner):
            ran += [self.lane_of(owner)] if owner != PLUMBING else []
            ran += sorted(inside.pop(n * FIELDS, ()))
        ran += sorted(number for numbers in inside.values() for number in numbers)
        shown = {lane.id for lane in lanes}
        ran = [number for number in ran if number in shown]
        ran += [lane.id for lane in lanes if lane.kind is LaneKind.THREAD for _ in lane.steps]
        return tuple(ran)

    def _steps(self) -> dict[int, list[Step]]:
        """The steps of each lane of the loop."""
        steps: dict[int, list[Step]] = defaultdict(list)
        for number, step, start, end in self.eager:
            # Begun inside its creator's step: it never waited for the chef.
            begun, parent = self.since(start), self.who(step)
            self.parents[number] = parent if isinstance(parent, int) else None
            steps[number].append(Step(begun, begun, self.since(end), CHEF, parent))
        long = self._long_steps()
        for n, owner in enumerate(self.owner):
            if owner != PLUMBING:
                lane = steps[self.lane_of(owner)]
                if not lane and owner not in self.parents:
                    self.parents[owner] = self._parent(n)
                at = lane[-1].end if lane else 0.0
                start = max(self.start[n], at)
                ready = min(max(self.ready[n], at), start)
                end = max(self.end[n], start)
                by = self._canceller_of(n, first=not lane) or self.woken_by[n]
                lane.append(Step(ready, start, end, CHEF, by, *long.get(n, ())))
        return steps

    def _long_steps(self) -> dict[int, tuple[str, float]]:
        """By number of the step: where it held the loop, in words, and its real seconds."""
        lines, suspended, wall = self.log.lines, self.log.suspended, self.log.wall
        long: dict[int, tuple[str, float]] = {}
        for offset in [*list(lines), *list(suspended), *list(wall)]:
            line, stopped_at = lines.get(offset), suspended.get(offset)
            held_at = f"before {source.describe(stopped_at)}" if stopped_at else ""
            if line:
                held_at = f"at {source.describe(line)}"
            long[offset // FIELDS] = held_at, wall.get(offset, 0.0)
        return long

    def _canceller_of(self, n: int, *, first: bool) -> str | None:
        """The word for who cancelled a task, if it was that which made its step ready."""
        waker = self.waker[n]
        if first and waker < 0:  # main's own first step
            return None
        by = self.requests.get((self.owner[n], waker))
        return by if isinstance(by, str) else None

    def _parent(self, first: int) -> int | None:
        """Who spawned a task: whose step it was that made the task's first step ready."""
        step = self.waker[first] // FIELDS
        if not 0 <= step < len(self.owner) or self.owner[step] == PLUMBING:
            return None
        return self.lane_of(self.owner[step])

    def _tasks(self, steps: dict[int, list[Step]]) -> list[Task]:
        names = self._names()
        cancels: dict[int, list[CancelRequest]] = defaultdict(list)
        for number, moment, waker in self.cancels:
            cancels[number].append(CancelRequest(self.since(moment), self._canceller(waker)))
        return [
            self._task(number, names[number], tuple(steps.get(number, ())), tuple(cancels[number]))
            for number in range(len(self.spawns))
            if number not in self.log.hidden
        ]

    def _task(
        self, number: int, name: str, steps: tuple[Step, ...], cancels: tuple[CancelRequest, ...]
    ) -> Task:
        log, code = self.log, self.spawns[number]
        outcome = self.ends.get(number, Outcome.PENDING)
        spawned = steps[0].ready if steps else self.now
        last: float = steps[-1].end if steps else spawned
        end = last
        if outcome is Outcome.PENDING:
            gone = log.vanished.get(number)
            end = max(self.now if gone is None else self.since(gone), last)
        return Task(
            id=number,
            name=name,
            parent=self.parents.get(number),
            spawned=spawned,
            ended=None if outcome is Outcome.PENDING else last,
            outcome=outcome,
            end=end,
            steps=steps,
            place="" if isinstance(code, str) else source.of_code(code),
            error=log.errors.get(number, ""),
            cancels=cancels,
            waits_at=log.left.get(number, ""),
            noticed=tuple(kind for kind, numbers in self.noticed if number in numbers),
        )

    def _names(self) -> list[str]:
        """A name for each task; where nobody gave one, its coroutine's, numbered if it recurs."""
        found = {number: find() for number, find in list(self.log.foreign.items())}
        late = {number: task.get_name() for number, task in found.items() if task is not None}
        names: list[str] = []
        for number, code in enumerate(self.spawns):
            given = late.get(number) or self.log.names.get(number)
            if not given or source.AUTO_NAME.fullmatch(given):
                given = code if isinstance(code, str) else str(code.co_name)
            names.append(given)
        return numbered(names)

    def _canceller(self, waker: int) -> int | str:
        """Who asked a task to stop in a step, or as one of the codes."""
        if waker in self.log.deadlines:
            return words.DEADLINE
        by = self.who(waker)
        if by == words.START:
            return words.STOP if self.log.main_over is None else words.MAIN_RETURN
        return by

    def _callback_lanes(self, steps: dict[int, list[Step]]) -> Iterator[Task]:
        """A lane for each name of a callback that has run."""
        for name, number in self.callback_lane.items():
            if own := steps.get(number):
                spawned, end, waker = own[0].ready, own[-1].end, own[0].woken_by
                parent = waker if isinstance(waker, int) else None
                outcome, kind = Outcome.RETURNED, LaneKind.CALLBACK
                yield Task(number, name, parent, spawned, end, outcome, end, tuple(own), kind)

    def _job_lanes(self) -> Iterator[Task]:
        """A lane for each job.

        Which of the pool's threads took it up is chance; each is shown on the first helper that was
        free by then.
        """
        busy_until: list[float] = []  # for each helper
        names = numbered([job.name for job in self.jobs])
        for number, (job, name) in enumerate(zip(self.jobs, names, strict=True), self.first_job):
            spawned = self.since(job.submitted)
            ended = None if job.ended is None else self.since(job.ended)
            end = self.now if ended is None else ended
            steps: tuple[Step, ...] = ()
            if job.started is not None:
                start = self.since(job.started)
                free = (k for k, until in enumerate(busy_until) if until <= start)
                helper = next(free, len(busy_until))
                busy_until[helper : helper + 1] = [end]
                steps = (Step(spawned, start, end, f"helper {helper + 1}", job.parent),)
            outcome = _outcome(job)
            if outcome is Outcome.CANCELLED and not steps:
                ended = end = spawned
            lane = Task(number, name, job.parent, spawned, ended, outcome, end, steps)
            yield dataclasses.replace(lane, kind=LaneKind.THREAD, error=job.error)


def _outcome(job: Job) -> Outcome:
    if job.future is not None and job.future.cancelled():
        return Outcome.CANCELLED
    if job.ended is None:
        return Outcome.PENDING
    return Outcome.RAISED if job.error else Outcome.RETURNED


def numbered(names: list[str]) -> list[str]:
    """The names with a number behind those that recur: "cook 1", "cook 2"."""
    total = Counter(names)
    seen: Counter[str] = Counter()
    out = []
    for name in names:
        seen[name] += 1
        out.append(f"{name} {seen[name]}" if total[name] > 1 else name)
    return out
