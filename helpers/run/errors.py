"""What can go wrong with a run, each in a sentence. Every one carries the run's trace."""

import asyncio
import contextlib
import threading
from functools import partial
from typing import Any

THREAD_OF_ITS_OWN = (
    "A recorded run has a thread of its own. Make what belongs to one thread inside the coroutine: "
    "a sqlite3 connection, the values of a threading.local. Set a signal's handler in the cell, "
    "with signal.signal; it may call the loop's call_soon_threadsafe."
)


class RunError(RuntimeError):
    """The run could not come to its end. `trace` holds what had happened by then."""


class Deadlock(RunError):
    """Nothing was ready, no timer was set, and tasks still waited."""


class RunTooLong(RunError):
    """The run went over its limit of steps or seconds."""


class RunStopped(BaseException):
    """Raised inside a stopped run that holds its thread; no `except Exception` swallows it."""


def explain(error: Any, words: str) -> None:
    """Add a note to an error, in these words, that comes of the run's having its own thread."""
    texts = "main thread of the main interpreter", f"this is thread id {threading.get_ident()}"
    with contextlib.suppress(Exception):  # a class of the program's may refuse it
        of_local = isinstance(getattr(error, "obj", None), threading.local)
        noted = THREAD_OF_ITS_OWN in getattr(error, "__notes__", ())
        if not noted and (of_local or any(text in words for text in texts)):
            error.add_note(THREAD_OF_ITS_OWN)


def carry(error: Any, trace: Any) -> None:
    """Give the error that ended a run its trace; a cell shows one sentence and the timeline."""
    with contextlib.suppress(Exception):  # a class of the program's may refuse it
        error.trace = trace
        if isinstance(error, RunError | asyncio.CancelledError):
            vars(error)["_render_traceback_"] = partial(_in_a_cell, error)  # IPython asks for it


def _in_a_cell(error: Any) -> list[str]:
    from IPython.display import display

    sentence = [f"{type(error).__name__}: {error}"]
    vars(error)["_render_traceback_"] = lambda: sentence  # it asks twice
    display(error.trace)  # type: ignore[no-untyped-call]
    return sentence
