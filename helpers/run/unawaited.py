"""Coroutines that were made in a run and never awaited.

Python tells of them by a hidden function of `warnings`. During a run another stands in for it.
"""

import contextlib
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any

from helpers.run.source import Place, of_frame

_HOOK = "_warn_unawaited_coroutine"
Listener = Callable[[tuple[str, Place | None]], None]
_lock = threading.Lock()
_listeners: dict[int, Listener] = {}  # by thread
_original: list[Callable[[Any], None]] = []


def _tell(coro: Any) -> None:
    if tell := _listeners.get(threading.get_ident()):
        # If the coroutine's call was a statement of its own, this is the line of the call.
        tell((coro.__name__, of_frame(sys._getframe(1))))
    elif _original:
        _original[0](coro)


@contextlib.contextmanager
def watch(tell: Listener) -> Iterator[None]:
    """Call `tell` with name and line of each coroutine that this thread drops unawaited."""
    me = threading.get_ident()
    with _lock:
        if not _listeners and hasattr(warnings, _HOOK):
            _original[:] = [getattr(warnings, _HOOK)]
            setattr(warnings, _HOOK, _tell)
        outer, _listeners[me] = _listeners.get(me), tell
    try:
        yield
    finally:
        with _lock:
            del _listeners[me]
            if outer:
                _listeners[me] = outer
            if not _listeners and _original:
                setattr(warnings, _HOOK, _original.pop())
