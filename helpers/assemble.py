"""From the raw log of a run to its lanes: who woke whom, which lane each step belongs to.

A step knows the step in which its handle was made. Where that one is asyncio's own plumbing (the
end of a timer, a future passing its result on), the step became ready when the plumbing did, and
was woken by whoever woke that.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from helpers import places
from helpers.runlog import FIELDS, IO, OUTSIDE, PLUMBING, THREAD, TIMER, USER, End, Log
from helpers.threadwork import Work
from helpers.trace import CancelRequest, LaneKind, Outcome, Step, TaskRecord

CHEF = "chef"  # the one thread that runs the loop
AT_END, STOP, DEADLINE = "main's return", "stop", "deadline"
_DIGITS = 9
_WORDS = {TIMER: "timer", IO: "io", THREAD: "thread", OUTSIDE: "start"}

Who = int | str


class Assembler:
    """Makes the lanes of one run from its log and its threads' work.

    `origin` and `over` are the loop's moments at which the run began and at which the log is read.
    """

    def __init__(self, log: Log, works: Sequence[Work], origin: float, over: float) -> None:
        """Take the log as it is now, also while the run goes on."""
        flat = list(log.steps)
        self.log, self.works = log, list(works)
        self.origin, self.over = origin, round(over - origin, _DIGITS)
        self.spawns = list(log.spawns)
        self.callbacks = list(log.callbacks)
        names = dict.fromkeys(self.callbacks)
        self.callback_lane = {name: len(self.spawns) + n for n, name in enumerate(names)}
        self.first_work = len(self.spawns) + len(names)
        self.owner: list[int] = flat[4::FIELDS]
        self.start = [self.since(moment) for moment in flat[2::FIELDS]]
        self.end = [self.since(moment) for moment in flat[3::FIELDS]]
        self.ready: list[float] = []
        self.cause: list[Who] = []
        for made, maker in zip(flat[0::FIELDS], flat[1::FIELDS], strict=True):
            step = maker // FIELDS
            plumbing = 0 <= step < len(self.cause) and self.owner[step] == PLUMBING
            ready = self.ready[step] if plumbing else self.since(made)
            self.cause.append(self.who(maker))
            self.ready.append(ready)

    def since(self, moment: float) -> float:
        """Seconds from the start of the run."""
        return round(moment - self.origin, _DIGITS)

    def who(self, maker: int) -> Who:
        """Who it was that acted in a step, or as one of the codes: a lane's id or a word."""
        if maker < THREAD:
            return self.first_work + THREAD - maker - 1
        if maker < 0:
            return _WORDS[maker]
        step = maker // FIELDS
        if step >= len(self.cause):  # a step that has not ended yet
            return "start"
        owner = self.owner[step]
        return self.cause[step] if owner == PLUMBING else self.lane_of(owner)

    def lane_of(self, owner: int) -> int:
        """The lane of a step's owner that is not plumbing."""
        return owner if owner >= 0 else self.callback_lane[self.callbacks[USER - owner]]

    def lanes(self) -> tuple[TaskRecord, ...]:
        """Every lane: tasks in spawn order, then callbacks, then threads' work."""
        steps = self._steps()
        return (*self._tasks(steps), *self._callbacks(steps), *self._threads())

    def step_owner(self, offset: int) -> int | None:
        """The lane whose step stands at that offset of the log."""
        owner = self.owner[offset // FIELDS]
        return None if owner == PLUMBING else self.lane_of(owner)

    def _steps(self) -> dict[int, list[Step]]:
        raw: dict[int, list[Step]] = defaultdict(list)
        for number, start, end in self.log.eager:
            # Begun inside its creator's step: it never waited for the chef.
            begun = self.since(start)
            parent = self.spawns[number][1]
            raw[number].append(Step(begun, begun, self.since(end), CHEF, parent))
        for n, owner in enumerate(self.owner):
            if owner != PLUMBING:
                lane = raw[self.lane_of(owner)]
                at = lane[-1].end if lane else 0.0
                start = max(self.start[n], at)
                ready = min(max(self.ready[n], at), start)
                lane.append(Step(ready, start, max(self.end[n], start), CHEF, self.cause[n]))
        return raw

    def _tasks(self, steps: dict[int, list[Step]]) -> list[TaskRecord]:
        asked = self._cancel_requests()
        names = self._names()
        return [
            self._task(number, names[number], steps.get(number, []), asked.get(number, ()))
            for number in range(len(self.spawns))
        ]

    def _task(
        self, number: int, name: str, steps: list[Step], cancels: tuple[CancelRequest, ...]
    ) -> TaskRecord:
        _, parent, time, code = self.spawns[number]
        end: End | None = self.log.ends.get(number)
        spawned = min(self.since(time), steps[0].ready if steps else self.over)
        ended = max(self.since(end.time), steps[-1].end if steps else 0.0) if end else None
        over = ended if ended is not None else max(self.over, steps[-1].end if steps else 0.0)
        if ended is None and number in self.log.vanished:
            over = max(self.since(self.log.vanished[number]), steps[-1].end if steps else 0.0)
        return TaskRecord(
            id=number,
            name=name,
            parent=parent,
            spawned=spawned,
            ended=ended,
            outcome=Outcome(end.outcome) if end else Outcome.PENDING,
            over=over,
            steps=tuple(_mark_cancels(steps, cancels)),
            place=places.of_code(code) if not isinstance(code, str) else "",
            error=end.error if end else "",
            cancels=cancels,
            waits_at=self.log.left.get(number, ""),
        )

    def _names(self) -> list[str]:
        """A name for each task; where nobody gave one, its coroutine's, numbered if it recurs."""
        given: list[str] = []
        for number, (name, _, _, code) in enumerate(self.spawns):
            end = self.log.ends.get(number)
            own = end.name if end else self.log.names.get(number, name)
            given.append(own if own and not places.AUTO_NAME.fullmatch(own) else _called(code))
        return numbered(given)

    def _cancel_requests(self) -> dict[int, tuple[CancelRequest, ...]]:
        asked: dict[int, list[CancelRequest]] = defaultdict(list)
        for number, moment, maker in list(self.log.cancels):
            by: Who = self.who(maker)
            if by == "timer":
                by = DEADLINE
            elif by == "start":
                by = STOP if self.log.main_over is None else AT_END
            asked[number].append(CancelRequest(self.since(moment), by))
        return {number: tuple(requests) for number, requests in asked.items()}

    def _callbacks(self, steps: dict[int, list[Step]]) -> list[TaskRecord]:
        made: list[TaskRecord] = []
        for name, lane in self.callback_lane.items():
            own = steps.get(lane, [])
            if own:
                parent = own[0].woken_by if isinstance(own[0].woken_by, int) else None
                end = own[-1].end
                made.append(
                    TaskRecord(
                        lane, name, parent, own[0].ready, end, Outcome.RETURNED, end, tuple(own),
                        LaneKind.CALLBACK,
                    )  # fmt: skip
                )
        return made

    def _threads(self) -> list[TaskRecord]:
        made: list[TaskRecord] = []
        seats: list[float] = []  # until when each helper is taken
        names = numbered([work.name for work in self.works])
        for n, work in enumerate(self.works):
            spawned = self.since(work.submitted)
            steps: tuple[Step, ...] = ()
            ended = None if work.ended is None else self.since(work.ended)
            if work.started is not None:
                start = self.since(work.started)
                seat = next((k for k, free in enumerate(seats) if free <= start), len(seats))
                seats[seat : seat + 1] = [self.over if ended is None else ended]
                end = self.over if ended is None else ended
                steps = (Step(spawned, start, end, f"helper {seat + 1}", work.parent),)
            outcome, error = _work_outcome(work)
            over = self.over if ended is None else ended
            if outcome is Outcome.CANCELLED and not steps:
                over = ended = spawned
            made.append(
                TaskRecord(
                    self.first_work + n, names[n], work.parent, spawned, ended, outcome, over,
                    steps, LaneKind.THREAD, error=error,
                )  # fmt: skip
            )
        return made


def numbered(names: list[str]) -> list[str]:
    """The names with a number behind those that recur: "cook 1", "cook 2"."""
    often = Counter(names)
    seen: Counter[str] = Counter()
    out = []
    for name in names:
        seen[name] += 1
        out.append(f"{name} {seen[name]}" if often[name] > 1 else name)
    return out


def _called(code: Any) -> str:
    return code if isinstance(code, str) else str(code.co_name)


def _work_outcome(work: Work) -> tuple[Outcome, str]:
    if work.future is not None and work.future.cancelled():
        return Outcome.CANCELLED, ""
    if work.ended is None:
        return Outcome.PENDING, ""
    if work.error is not None:
        return Outcome.RAISED, f"{type(work.error).__name__}: {work.error}".removesuffix(": ")
    return Outcome.RETURNED, ""


def _mark_cancels(steps: list[Step], cancels: tuple[CancelRequest, ...]) -> list[Step]:
    """Say "deadline", "stop" or "main's return" of the step that such a cancel woke."""
    for time, by in cancels:
        for n, step in enumerate(steps):
            if isinstance(by, str) and step.start >= time and step.woken_by in ("timer", "start"):
                steps[n] = step._replace(woken_by=by)
                break
    return steps
