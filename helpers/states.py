"""The words of a trace: a task's states and endings, a lane's kinds, and what stands in a lane."""

from __future__ import annotations

import enum
from typing import Any, NamedTuple


class TaskState(enum.StrEnum):
    """The four states of a task; the legend of every figure."""

    IDLE = "idle"  # waits for something else than a chef: a timer, a lock, another task
    SCHEDULED = "scheduled"  # ready to go on, but no chef is free
    RUNNING = "running"  # a chef is on it: one poll, from one await to the next
    COMPLETED = "completed"  # over: it returned, raised or was cancelled


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

    `ready`, `start`, `end` in seconds; `woken_by` is the id of a lane, or a word: "start", "timer",
    "io", "thread", "deadline", "stop", or None where it is not known.
    """

    ready: float
    start: float
    end: float
    thread: str
    woken_by: int | str | None


class Span(NamedTuple):
    """A stretch of one lane in one state. `task` is its id; `thread` is set while running."""

    task: int
    state: TaskState
    start: float
    end: float
    thread: str | None

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.end - self.start


class Mark(NamedTuple):
    """A word that the program left at a moment of the run."""

    time: float
    task: int | None
    text: str


class CancelRequest(NamedTuple):
    """Somebody asked a task to stop: at `time`, by a lane's id or "deadline", "timer", "stop"."""

    time: float
    by: int | str | None


class Finding(str):
    """A whole sentence on something that went wrong, with its kind and the task's lane id.

    Kinds: "blocked", "never_yielded", "never_awaited", "left_running", "never_retrieved",
    "refused_cancel", "vanished", "really_blocked".
    """

    kind: str
    task: int | None

    def __new__(cls, sentence: str, *, kind: str, task: int | None = None) -> Finding:
        """Make the sentence a finding."""
        made = super().__new__(cls, sentence)
        made.kind, made.task = kind, task
        return made

    def __getnewargs_ex__(self) -> tuple[tuple[str], dict[str, Any]]:
        """Keep kind and task through pickle and copy."""
        return (str(self),), {"kind": self.kind, "task": self.task}
