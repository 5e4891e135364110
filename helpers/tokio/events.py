"""The events that a trace file is made of, one a line. `helpers.tokio` describes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

Who = int | str | None  # a task's number, a word ("timer"), or nobody known


class Meta(NamedTuple):
    """The first line: what the file holds. `about` has the fields the format does not know."""

    source: str
    clock: str
    workers: int
    events: int
    duration: float | None
    unit: str
    result: Mapping[str, Any]
    about: Mapping[str, Any]


class Spawn(NamedTuple):
    """A task, branch, callback or thread's work came into being."""

    line: int
    task: int
    name: str
    parent: int | None
    t: float
    kind: str
    place: str = ""
    lane: int | None = None


class Wake(NamedTuple):
    """Somebody made a task ready again."""

    line: int
    task: int
    t: float
    by: Who
    thread: str
    due: float | None = None


class Poll(NamedTuple):
    """A chef took a task up, from `start` to `end`."""

    line: int
    task: int
    start: float
    end: float
    thread: str
    result: str
    ready: float | None = None
    by: Who = None

    @property
    def t(self) -> float:
        """Where it stands in the order of events."""
        return self.start


class Cancel(NamedTuple):
    """Somebody asked a task to stop."""

    line: int
    task: int
    t: float
    by: Who


class End(NamedTuple):
    """A task was over, or (outcome "pending") was not when the run was."""

    line: int
    task: int
    t: float
    outcome: str
    error: str = ""
    waits_at: str = ""


class Mark(NamedTuple):
    """A word that the program left."""

    line: int
    t: float
    task: int | None
    text: str


class Finding(NamedTuple):
    """Something that went wrong, as a sentence."""

    line: int
    kind: str
    task: int | None
    text: str


Event = Spawn | Wake | Poll | Cancel | End | Mark | Finding
