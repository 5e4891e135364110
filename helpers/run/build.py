"""From the raw log of a run to its lanes: who woke whom, which lane each step belongs to.

A step knows the step in which its handle was made. Where that one is asyncio's own plumbing (the
end of a timer, a future passing its result on), the step became ready when the plumbing did, and
was woken by whoever woke that.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from helpers import task as words
from helpers.run import source as places
from helpers.run.runlog import FIELDS, IO, OUTSIDE, PLUMBING, THREAD, TIMER, USER, Log
from helpers.run.threads import Work
from helpers.run.worklanes import numbered, work_lanes
from helpers.task import DEADLINE, MAIN_RETURN, STOP
from helpers.trace import CancelRequest, LaneKind, Outcome, Step, Task

CHEF = "chef"  # the one thread that runs the loop
_DIGITS = 9
_WORDS = {TIMER: words.TIMER, IO: words.IO, THREAD: words.THREAD, OUTSIDE: words.START}

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
        self.ends = dict.fromkeys(list(log.returned), Outcome.RETURNED)
        self.ends |= dict.fromkeys(list(log.cancelled), Outcome.CANCELLED)
        self.ends |= dict.fromkeys(list(log.errors), Outcome.RAISED)
        self.eager = list(log.eager)
        self.callbacks = list(log.callbacks)
        names = dict.fromkeys(self.callbacks)
        self.callback_lane = {name: len(self.spawns) + n for n, name in enumerate(names)}
        self.first_work = len(self.spawns) + len(names)
        self.maker: list[int] = flat[1::FIELDS]
        self.owner: list[int] = flat[4::FIELDS]
        self.parents: dict[int, int | None] = {}
        self.start = [self.since(moment) for moment in flat[2::FIELDS]]
        self.end = [self.since(moment) for moment in flat[3::FIELDS]]
        self.sequence: tuple[int, ...] = ()  # whose step it was, in the order in which they began
        self.ready: list[float] = []
        self.cause: list[Who] = []
        for made, maker in zip(flat[0::FIELDS], self.maker, strict=True):
            step = maker // FIELDS
            plumbing = 0 <= step < len(self.cause) and self.owner[step] == PLUMBING
            ready = self.ready[step] if plumbing else self.since(made)
            self.cause.append(self.who(maker))
            self.ready.append(ready)

        self._noticed = (
            ("vanished", log.vanished),
            ("never_retrieved", log.unretrieved),
            ("refused_cancel", log.refused),
        )
        self.asked = {
            (number, maker): self._canceller(maker) for number, _, maker in list(log.cancels)
        }

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
            return words.START
        owner = self.owner[step]
        return self.cause[step] if owner == PLUMBING else self.lane_of(owner)

    def lane_of(self, owner: int) -> int:
        """The lane of a step's owner that is not plumbing."""
        return owner if owner >= 0 else self.callback_lane[self.callbacks[USER - owner]]

    def lanes(self) -> tuple[Task, ...]:
        """Every lane: tasks in spawn order, then callbacks, then threads' work."""
        steps = self._steps()
        lanes = (
            *self._tasks(steps),
            *self._callbacks(steps),
            *work_lanes(self.works, self.first_work, self.origin, self.over),
        )
        self.sequence = self._sequence(lanes)
        return lanes

    def _sequence(self, lanes: Sequence[Task]) -> tuple[int, ...]:
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

    def unawaited(self) -> tuple[tuple[str, str], ...]:
        """The coroutines that were never awaited: the function's name, and the line in words."""
        return tuple(
            (name, places.describe(*place) if place else "") for name, place in self.log.unawaited
        )

    def _steps(self) -> dict[int, list[Step]]:
        raw: dict[int, list[Step]] = defaultdict(list)
        log = self.log
        # Copied at once each: the run may go on writing.
        noted = [*list(log.lines), *list(log.suspended), *list(log.wall)]
        looked_at = {offset // FIELDS for offset in noted}
        for number, step, start, end in self.eager:
            # Begun inside its creator's step: it never waited for the chef.
            begun, parent = self.since(start), self.who(step)
            self.parents[number] = parent if isinstance(parent, int) else None
            raw[number].append(Step(begun, begun, self.since(end), CHEF, parent))
        for n, owner in enumerate(self.owner):
            if owner != PLUMBING:
                lane = raw[self.lane_of(owner)]
                if not lane and owner not in self.parents:
                    self.parents[owner] = self._parent(n)
                at = lane[-1].end if lane else 0.0
                start = max(self.start[n], at)
                ready = min(max(self.ready[n], at), start)
                by = self._asked(owner, n, first=not lane) or self.cause[n]
                end = max(self.end[n], start)
                if n in looked_at:
                    told = self._held_at(n * FIELDS), self.log.wall.get(n * FIELDS, 0.0)
                    lane.append(Step(ready, start, end, CHEF, by, *told))
                else:
                    lane.append(Step(ready, start, end, CHEF, by))
        return raw

    def _held_at(self, offset: int) -> str:
        """At which line a long step held the loop, or before which await it ended, in words."""
        if place := self.log.lines.get(offset):
            return f"at {places.describe(*place)}"
        place = self.log.suspended.get(offset)
        return f"before {places.describe(*place)}" if place else ""

    def _asked(self, owner: int, n: int, *, first: bool) -> str | None:
        """The word for who cancelled a task, if it was that which made its step ready."""
        maker = self.maker[n]
        if first and maker < 0:  # main's own first step
            return None
        by = self.asked.get((owner, maker))
        return by if isinstance(by, str) else None

    def _parent(self, first: int) -> int | None:
        """Who spawned a task: whose step it was that made the task's first step ready."""
        maker = self.maker[first] // FIELDS
        if not 0 <= maker < len(self.owner) or self.owner[maker] == PLUMBING:
            return None
        return self.lane_of(self.owner[maker])

    def _tasks(self, steps: dict[int, list[Step]]) -> list[Task]:
        asked = self._cancel_requests()
        names = self._names()
        return [
            self._task(number, names[number], steps.get(number, []), asked.get(number, ()))
            for number in range(len(self.spawns))
            if number not in self.log.hidden
        ]

    def _task(
        self, number: int, name: str, steps: list[Step], cancels: tuple[CancelRequest, ...]
    ) -> Task:
        code = self.spawns[number]
        outcome = self.ends.get(number, Outcome.PENDING)
        spawned = steps[0].ready if steps else self.over
        last = steps[-1].end if steps else spawned
        ended = None if outcome is Outcome.PENDING else last
        over = last if ended is not None else max(self.over, last)
        if ended is None and number in self.log.vanished:
            over = max(self.since(self.log.vanished[number]), last)
        return Task(
            id=number,
            name=name,
            parent=self.parents.get(number),
            spawned=spawned,
            ended=ended,
            outcome=outcome,
            end=over,
            steps=tuple(steps),
            place=places.of_code(code) if not isinstance(code, str) else "",
            error=self.log.errors.get(number, ""),
            cancels=cancels,
            waits_at=self.log.left.get(number, ""),
            noticed=tuple(kind for kind, of in self._noticed if number in of),
        )

    def _names(self) -> list[str]:
        """A name for each task; where nobody gave one, its coroutine's, numbered if it recurs."""
        given: list[str] = []
        found = {number: find() for number, find in list(self.log.foreign.items())}
        late = {number: task.get_name() for number, task in found.items() if task is not None}
        for number, code in enumerate(self.spawns):
            own = late.get(number) or self.log.names.get(number)
            given.append(own if own and not places.AUTO_NAME.fullmatch(own) else _called(code))
        return numbered(given)

    def _canceller(self, maker: int) -> Who:
        by: Who = self.who(maker)
        if maker in self.log.deadlines:
            return DEADLINE
        if by == words.START:
            return STOP if self.log.main_over is None else MAIN_RETURN
        return by

    def _cancel_requests(self) -> dict[int, tuple[CancelRequest, ...]]:
        asked: dict[int, list[CancelRequest]] = defaultdict(list)
        for number, moment, maker in list(self.log.cancels):
            asked[number].append(CancelRequest(self.since(moment), self._canceller(maker)))
        return {number: tuple(requests) for number, requests in asked.items()}

    def _callbacks(self, steps: dict[int, list[Step]]) -> list[Task]:
        made: list[Task] = []
        for name, lane in self.callback_lane.items():
            own = steps.get(lane, [])
            if own:
                parent = own[0].woken_by if isinstance(own[0].woken_by, int) else None
                end = own[-1].end
                record = Task(
                    id=lane,
                    name=name,
                    parent=parent,
                    spawned=own[0].ready,
                    ended=end,
                    outcome=Outcome.RETURNED,
                    end=end,
                    steps=tuple(own),
                    kind=LaneKind.CALLBACK,
                )
                made.append(record)
        return made


def _called(code: Any) -> str:
    return code if isinstance(code, str) else str(code.co_name)
