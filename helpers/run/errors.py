"""What can go wrong with a run, each in a sentence. Every one carries the run's trace."""

import contextlib
from typing import Any


def carry(error: BaseException, trace: Any) -> None:
    """Give an error the trace of the run that it ended."""
    with contextlib.suppress(AttributeError):
        error.trace = trace  # type: ignore[attr-defined]


class RunError(RuntimeError):
    """The run could not come to its end. `trace` holds what had happened by then."""


class Deadlock(RunError):
    """Nothing was ready, no timer was set, and tasks still waited."""


class RunTooLong(RunError):
    """The run went over its limit of steps or seconds."""


class RunStopped(BaseException):
    """Raised inside a stopped run that holds its thread; no `except Exception` swallows it."""
