"""What stands in for Python's own during a run: where it prints, and what tells of coroutines.

Of those that were never awaited, Python tells by a hidden function of `warnings`.
"""

import contextlib
import dis
import io
import re
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from types import FrameType
from typing import Any

from helpers.run.source import Place, describe, lines_of, of_frame, of_users
from helpers.run.threads import current_job

MOST_LINES = 300
_MOST_KEPT = 10_000_000  # characters
_HOOK = "_warn_unawaited_coroutine"
_AWAITED = re.compile(r"\bdef\b|\bawait\b|create_task|ensure_future|gather")  # or handed over
_lock = threading.Lock()
_watched: list[tuple[int, Any]] = []  # a thread, and the log of the run there
_python_warns: Callable[[Any], None] = getattr(warnings, _HOOK)


def _tell(coro: Any) -> None:
    me = threading.get_ident()
    log = next((log for thread, log in reversed(_watched) if thread == me), None)
    if log and (place := made_at(coro, sys._getframe(1), log.spawns)):
        log.told.append(("never_awaited", coro.__name__, describe(place)))
    elif coro.cr_origin:
        _python_warns(coro)
    else:  # at the line that Python would name
        words = f"coroutine '{coro.__qualname__}' was never awaited"
        warnings.warn(words, RuntimeWarning, stacklevel=2, source=coro)


@contextlib.contextmanager
def watch(log: Any) -> Iterator[None]:
    """Note in a log which of a run's coroutines this thread drops; of others, Python warns."""
    watched = threading.get_ident(), log
    with _lock:
        _watched.append(watched)
        setattr(warnings, _HOOK, _tell)
    try:
        yield
    finally:
        with _lock:
            _watched.remove(watched)
            if not _watched:
                setattr(warnings, _HOOK, _python_warns)


def made_at(coro: Any, dropped_in: FrameType, spawned: Iterable[Any]) -> Place | None:
    """The line that made a coroutine and did not await it, or None if no task of a run has one.

    Python would note where coroutines are made, but each would cost half a microsecond more.
    """
    if dropped_in.f_code.co_code[dropped_in.f_lasti] == dis.opmap["POP_TOP"]:
        return of_frame(dropped_in)  # a statement of its own
    frames = (frame.f_code for frame, _ in traceback.walk_stack(dropped_in))
    made = re.compile(rf"\b{re.escape(coro.__name__)}\(")
    for text, place in chain.from_iterable(lines_of([*frames, *spawned])):
        if made.search(text) and not _AWAITED.search(text) and of_users(place[0]):
            return place
    return None


class Prints:
    """Stands in for `sys.stdout` in the thread of a run, so that no endless run floods its cell."""

    def __init__(self) -> None:
        self.over, self.lines, self.kept = False, 0, io.StringIO()
        self.inner: Any = sys.stdout
        while isinstance(self.inner, Prints) and self.inner.over:  # put back by a redirection
            self.inner = self.inner.inner
        self.thread = threading.get_ident()
        sys.stdout = self

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def write(self, text: str) -> Any:
        """Print the first lines, and keep what follows."""
        in_run = threading.get_ident() == self.thread or current_job()
        if self.over or not in_run:
            return self.inner.write(text)
        printed, self.lines = self.lines, self.lines + str.count(text, "\n")
        into = self.inner if printed < MOST_LINES else self.kept
        return len(text) if self.kept.tell() > _MOST_KEPT else into.write(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Print or keep each of them."""
        for line in lines:
            self.write(line)

    def end(self, *, cut: bool) -> None:
        """Print what was kept, or how much that is."""
        self.over = True
        if sys.stdout is self:
            sys.stdout = self.inner
        if kept := self.kept.getvalue():
            if cut or len(kept) > _MOST_KEPT:
                kept = f"... and {self.lines - MOST_LINES:,} more lines, which are not shown\n"
            with contextlib.suppress(ValueError):  # the program has closed it
                self.inner.write(kept)
