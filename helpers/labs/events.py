"""Where a lab stands, and what it tells its one listener."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

from helpers.labs.spec import Values
from helpers.trace import Trace

NO_THREADS = (
    "There are no threads here (Python runs in a browser), and a lab needs one. Copy its code "
    'into a cell, with clock="virtual".'
)


class State(enum.StrEnum):
    """Where a lab stands."""

    READY = "ready"  # nothing has been run since it was opened or reset
    RUNNING = "running"
    STOPPING = "stopping"  # the run was asked to end: it was stopped, or newer values wait
    DONE = "done"  # the run came to its end
    STOPPED = "stopped"  # the run was ended by Stop; its picture up to then is kept
    FAILED = "failed"  # the run could not begin, or ended in an error
    CLOSED = "closed"


@dataclass(frozen=True)
class Event:
    """Something happened: the lab's state, the values it is about, and what there is to see.

    `trace` is the run's, so far or to its end; None leaves the picture as it is, except in READY,
    which clears it. `sentence` says in words what happened. `numbers` are sentences on what came
    out, for a run that came to its end.
    """

    state: State
    values: Values
    trace: Trace | None = None
    sentence: str = ""
    numbers: tuple[str, ...] = ()


Listener = Callable[[Event], None]


def in_words(error: BaseException) -> str:
    """An error as a person reads it, without a full stop at its end."""
    return f"{type(error).__name__}: {error}".removesuffix(": ").removesuffix(".")
