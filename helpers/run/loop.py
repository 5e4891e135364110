"""The two loops that a run is recorded on: one on virtual time, one on real time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextvars import Context
from typing import Any

from helpers.run.clock import VirtualLoop
from helpers.run.handles import StampedHandle, VirtualHandle, VirtualTimer
from helpers.run.processor import queue_of_this_thread
from helpers.run.runlog import IO
from helpers.run.stamping import StampingLoop
from helpers.run.threads import Ledger


class VirtualRecordingLoop(StampingLoop, VirtualLoop):
    """The virtual clock's loop, recorded."""

    handle_class = VirtualHandle
    timer_class = VirtualTimer
    stamp = VirtualLoop.stamp
    call_soon_threadsafe = VirtualLoop.call_soon_threadsafe
    is_virtual = True

    def run_forever(self) -> None:
        """As asyncio's; meanwhile `queue()` says for how long the system let the thread wait."""
        with queue_of_this_thread() as self.queue:
            super().run_forever()


class RealRecordingLoop(StampingLoop, asyncio.SelectorEventLoop):
    """The system's own selector loop on the real clock, recorded.

    Its time is `time.perf_counter`, finer than the monotonic clock on some systems. On Windows it
    is the selector loop too, so a recorded run starts no subprocesses there.
    """

    stamp = staticmethod(time.perf_counter)

    def __init__(self) -> None:
        """Make the loop."""
        super().__init__()
        self.ledger = Ledger()

    # Seconds of the system's finest clock, from a start of its own.
    time = staticmethod(time.perf_counter)

    def call_soon_threadsafe(
        self, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """As asyncio's, with a stamped handle that says from which thread's work it came."""
        self._check_closed()
        handle = self.make_handle(callback, args, context)
        self._ready.append(handle)
        self._write_to_self()
        return handle

    def run_in_executor(
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """As asyncio's; the work gets a lane of its own."""
        self._check_closed()
        return self.ledger.hand_over(self, executor, func, args)

    def _add_callback(self, handle: Any) -> None:
        """A socket is ready: a fresh stamped handle runs the one that is kept for it."""
        if not handle._cancelled:
            self._ready.append(
                StampedHandle(handle._callback, handle._args, self, handle._context, IO)
            )
