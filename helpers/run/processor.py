"""How long a thread stood in the system's queue: ready to compute, and without a processor."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

# Linux: nanoseconds on a processor, nanoseconds in the queue for one, turns.
_FILE = "/proc/thread-self/schedstat"


class Queue(NamedTuple):
    """For how many seconds a thread has stood in the queue, and how often it got its turn."""

    seconds: float = 0.0
    turns: int = 0


@contextmanager
def queue_of_this_thread() -> Iterator[Callable[[], Queue]]:
    """A function that tells how it has been with this thread so far.

    It says 0 where the system does not tell.
    """
    try:
        file = os.open(_FILE, os.O_RDONLY)
    except OSError:
        yield Queue
        return

    def look() -> Queue:
        _, nanoseconds, turns = os.pread(file, 100, 0).split()
        return Queue(int(nanoseconds) / 1e9, int(turns))

    try:
        yield look
    finally:
        os.close(file)
