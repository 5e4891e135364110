"""How long a thread stood in the system's queue: ready to compute, and without a processor."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# Linux: nanoseconds on a processor, nanoseconds in the queue for one, turns.
_FILE = "/proc/thread-self/schedstat"


@contextmanager
def queue_of_this_thread() -> Iterator[Callable[[], float]]:
    """A function that tells for how many seconds this thread has stood in the queue so far.

    It says 0 where the system does not tell.
    """
    try:
        file = os.open(_FILE, os.O_RDONLY)
    except OSError:
        yield lambda: 0.0
        return
    try:
        yield lambda: int(os.pread(file, 100, 0).split()[1]) / 1e9
    finally:
        os.close(file)
