"""What can go wrong with a run, each in a sentence. Every one carries the run's trace."""

import asyncio
import contextlib
from functools import partial
from typing import Any


class RunError(RuntimeError):
    """The run could not come to its end. `trace` holds what had happened by then."""


class Deadlock(RunError):
    """Nothing was ready, no timer was set, and tasks still waited."""


class RunTooLong(RunError):
    """The run went over its limit of steps or seconds."""


class RunStopped(BaseException):
    """Raised inside a stopped run that holds its thread; no `except Exception` swallows it."""


_OF_THE_RUN: Any = (RunError, asyncio.CancelledError)


def carry(error: Any, trace: Any) -> None:
    """Give the error that ended a run its trace; a cell shows one sentence and the timeline."""
    with contextlib.suppress(AttributeError):
        error.trace = trace
        if isinstance(error, _OF_THE_RUN):
            error._render_traceback_ = partial(_in_a_cell, error)  # IPython asks for it


def _in_a_cell(error: Any) -> list[str]:
    from IPython.display import display

    display(error.trace)  # type: ignore[no-untyped-call]
    return [f"{type(error).__name__}: {error}"]
