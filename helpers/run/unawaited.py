"""Coroutines that were made in a run and never awaited.

Python tells of them by a hidden function of `warnings`. During a run another stands in for it.
"""

import contextlib
import dis
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
    else:
        _python_warns(coro)


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
