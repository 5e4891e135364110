"""The words and records of a trace: states, outcomes, steps, spans, and the life of one task.

Times are seconds from the start of the run. The words (idle, scheduled, running, polls, busy) are
those of tokio-console.
"""

import enum
import re
from dataclasses import dataclass
from typing import NamedTuple, Self

# Who made a task ready, or asked it to stop, where it was no task: the words of `Step.woken_by` and
# `CancelRequest.by`. A lane's id stands there where it was one, None where it is not known.
START, TIMER, IO, THREAD = "start", "timer", "io", "thread"
DEADLINE, STOP, MAIN_RETURN, GROUP = "deadline", "stop", "main's return", "task group"

Waker = int | str | None


class TaskState(enum.StrEnum):
    """The three states of a task; the legend of every figure."""

    IDLE = "idle"  # waits for something else than a chef: a timer, a lock, another task
    SCHEDULED = "scheduled"  # ready to go on, but no chef is free
    RUNNING = "running"  # a chef is on it: one poll, from one await to the next


class Outcome(enum.StrEnum):
    """How a task ended."""

    RETURNED = "returned"
    RAISED = "raised"
    CANCELLED = "cancelled"
    PENDING = "pending"  # had not ended when the run was over


class LaneKind(enum.StrEnum):
    """What a lane stands for. Only tasks are scheduled by the runtime as tasks."""

    TASK = "task"
    BRANCH = "branch"  # a future polled inside its parent's task: an arm of Tokio's select!
    CALLBACK = "callback"  # a plain function that the loop called: call_soon, call_later
    THREAD = "thread"  # work handed to a thread: to_thread, spawn_blocking


class Step(NamedTuple):
    """One poll: a chef takes the card, and works until the next await or the end.

    `ready`, `start`, `end` in seconds. `held_at` tells which line made a long step long: "at line 3
    of the cell, in boil". `wall` is how many real seconds a step of the virtual clock blocked the
    thread, if it did.
    """

    ready: float
    start: float
    end: float
    thread: str
    woken_by: Waker
    held_at: str = ""
    wall: float = 0.0


class Span(NamedTuple):
    """A stretch of one lane in one state. `task` is its id; `thread` is set while running."""

    task: int
    state: TaskState
    start: float
    end: float
    thread: str | None
    woken_by: Waker = None  # who made the lane ready: before, or at its end

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.end - self.start


class Visit(NamedTuple):
    """A step came to a line of the program, at a moment of the run.

    `step` counts its lane's steps from 0, `file` is an index into `Trace.code`, and `changed` are
    the names, with their values, that the lines before have changed.
    """

    lane: int
    step: int
    time: float
    file: int
    line: int
    changed: dict[str, str]


class Mark(NamedTuple):
    """A word that the program left at a moment of the run."""

    time: float
    task: int | None
    text: str


class CancelRequest(NamedTuple):
    """Somebody asked a task to stop at `time`.

    Of a deadline: when it was `due`, and when and where the program `left` the `block` that was to
    end, if the request was caught in there.
    """

    time: float
    by: Waker
    due: float | None = None
    left: float | None = None
    block: str = ""


class Finding(str):  # noqa: SLOT000 - it carries its kind and task
    """A whole sentence on something that went wrong, with its kind and the task's lane id.

    Kinds: "blocked", "held", "never_yielded", "paused", "really_blocked", "full_pool", "deadlock",
    "unfinished", "left_running", "vanished", "never_retrieved", "not_told", "nested", "raised",
    "caught_cancel", "refused_cancel", "ignored_deadline", "went_on", "polling", "never_awaited",
    "never_called", "wrong_thread", "told", "wall_clock".
    """

    kind: str
    task: int | None

    def __new__(cls, sentence: str, kind: str = "", task: int | None = None) -> Self:
        """Make the sentence a finding."""
        finding = super().__new__(cls, sentence)
        finding.kind, finding.task = kind, task
        return finding

    @property
    def headline(self) -> str:
        """The sentence up to its first pause outside of code: who, and what."""
        return str(re.findall(r"(?:`[^`]*`|(?![:;,.](?:\s|$)| \().)*", self)[0])


@dataclass(frozen=True, slots=True)
class Task:
    """The life of one lane: a task, or a callback or a thread's work that has a lane of its own.

    `spawned`, `ended` in seconds from the start of the run; `ended` is None while `outcome` is
    "pending". `end` is where the lane stops: `ended`, or the end of the run. `idle`, `scheduled`
    and `busy` add up to `end - spawned`.
    """

    id: int
    name: str
    parent: int | None
    spawned: float
    ended: float | None
    outcome: Outcome
    end: float
    steps: tuple[Step, ...]
    kind: LaneKind = LaneKind.TASK
    place: str = ""  # where its code stands: "kitchen.py:12"
    error: str = ""  # the exception, as "ValueError: burnt", when the outcome is "raised"
    cancels: tuple[CancelRequest, ...] = ()
    waits_at: str = ""  # the line it waited at when main was over, or the run was ended before
    # What the loop noticed of it: "never_retrieved", "refused_cancel", "vanished", "nested".
    noticed: tuple[str, ...] = ()

    @property
    def polls(self) -> int:
        """How many times a chef took it up."""
        return len(self.steps)

    @property
    def turns(self) -> tuple[Step, ...]:
        """Its steps; if it has none, the one for which it was ready all its life."""
        return self.steps or (Step(self.spawned, self.end, self.end, "", None),)

    @property
    def busy(self) -> float:
        """Seconds in which a chef was on it."""
        return sum([step.end - step.start for step in self.steps])

    @property
    def scheduled(self) -> float:
        """Seconds in which it was ready and no chef was free."""
        return sum([turn.start - turn.ready for turn in self.turns])

    @property
    def idle(self) -> float:
        """Seconds in which it waited for something else than a chef."""
        return max(0.0, round(self.end - self.spawned - self.scheduled - self.busy, 9))

    @property
    def cancelled_by(self) -> Waker:
        """Who asked for the end of a task that was cancelled: a lane's id, or a word."""
        return self.cancels[-1].by if self.outcome is Outcome.CANCELLED and self.cancels else None

    @property
    def spans(self) -> list[Span]:
        """The lane's life, split into the stretches spent in one state.

        They touch and never overlap, from `spawned` to `end`; but of a callback nothing waits
        between two calls. Every step has a running span, even one of no width (a step under the
        virtual clock takes no time at all).
        """
        idle, scheduled, running = TaskState
        unseen = idle if self.kind is LaneKind.CALLBACK else None
        parts: list[tuple[TaskState, float, float, str | None, Waker]] = []
        at = self.spawned
        for ready, start, end, thread, by, *_ in self.steps:
            parts += [(idle, at, ready, None, by), (scheduled, ready, start, None, by)]
            parts.append((running, start, end, thread, by))
            at = end
        parts.append((idle if self.steps else scheduled, at, self.end, None, None))
        parts = [part for part in parts if part[2] > part[1] or part[0] is running]
        return [Span(self.id, *part) for part in parts if part[0] is not unseen]
