"""Virtual time: a loop that jumps to the next timer when nothing is ready, and hands-on work.

`asyncio.sleep(300)` takes no time here, and `loop.time()` is exact: the same program gives the same
times on every run and every machine. The idea is trio's MockClock (autojump) and Tokio's
`start_paused`. The loop needs no socket and no system selector, and no thread unless the program
itself hands work to one.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Iterator
from contextvars import Context
from typing import Any, NoReturn

from helpers.run import source
from helpers.run.errors import Deadlock
from helpers.run.source import Args, Callback
from helpers.run.threads import POOL_SIZE, ThreadWork, current_job

# Times are rounded to so many decimals, so that 0.1 + 0.2 is 0.3; timers closer than that fire
# together.
DIGITS = 9
RESOLUTION = 10**-DIGITS
# A blocking sleep is cut into slices: Python can end a thread only between two of its steps.
_SLICE = 0.02

_NEEDS_SOCKETS = """
    create_connection create_server create_datagram_endpoint create_unix_connection
    create_unix_server connect_read_pipe connect_write_pipe subprocess_shell subprocess_exec
    add_reader remove_reader add_writer remove_writer sock_recv sock_recv_into sock_recvfrom
    sock_sendall sock_sendto sock_connect sock_accept start_tls sendfile sock_sendfile
    add_signal_handler remove_signal_handler
"""


class VirtualLoop(asyncio.BaseEventLoop):
    """An event loop on virtual time.

    `time()` starts at 0.0 and moves only when nothing is ready (to the next timer) or when `busy`
    moves it. A job in a thread holds the clock until it is back or is itself `busy`. When nothing
    is ready, no timer is set and no thread is at work, `Deadlock` is raised in words.
    """

    def __init__(self) -> None:
        """Make the loop; it starts at time 0.0."""
        super().__init__()
        self._now = 0.0
        self._clock_resolution = RESOLUTION
        self._selector = self  # BaseEventLoop asks its selector to wait; here, waiting is jumping
        self.thread_work = ThreadWork(POOL_SIZE)

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._now

    stamp = time  # the moment for a record of what happens

    def busy(self, seconds: float) -> None:
        """Move the clock while the calling step holds the loop: nobody else runs meanwhile."""
        self._now = round(self._now + seconds, DIGITS)

    def select(self, timeout: float | None) -> list[Any]:
        """Jump to the next timer if nothing is ready. Called once per turn of the loop."""
        self._collect()
        while not self._ready and not self._stopping:
            if self.thread_work.at_work():
                self.thread_work.wait(until_quiet=True)
                self._collect()
            elif self._scheduled:
                # Nothing is ready and no job is at work, so nothing can happen before the next
                # deadline: jump there instead of waiting.
                self._now = max(self._now, round(self._scheduled[0]._when, DIGITS))
                # After months of virtual time, a nanosecond is less than a float can tell apart.
                self._clock_resolution = max(RESOLUTION, 2 * math.ulp(self._now))
                self.thread_work.jumped()
                break
            elif self.thread_work.holds_anything():
                # A thread has been answered and is on its way back.
                self.thread_work.wait_a_little()
                self._collect()
            else:
                raise Deadlock(self._deadlock_in_words())
        return []

    def _collect(self) -> None:
        """Make ready what threads sent, in an order that does not depend on the machine."""
        if self.thread_work.at_work():
            self.thread_work.wait(until_quiet=not self._ready)
        self._ready.extend(self.thread_work.take())

    def _process_events(self, event_list: list[Any]) -> None:
        """There are no I/O events under the virtual clock."""

    def _write_to_self(self) -> None:
        self.thread_work.notify()

    def call_soon_threadsafe(
        self, callback: Callback, *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """Like `call_soon`, from any thread. What a job sends waits for its turn."""
        self._check_closed()
        handle = self.make_handle(callback, args, context)
        self.thread_work.send(handle, current_job())
        return handle

    def make_handle(
        self, callback: Callback, args: Args, context: Context | None
    ) -> asyncio.Handle:
        """A handle for a callback that another thread sends."""
        return asyncio.Handle(callback, args, self, context)

    def run_in_executor(self, executor: Any, func: Callback, *args: Any) -> asyncio.Future[Any]:
        """Run a function in a thread. The virtual clock stands still until it is back."""
        self._check_closed()
        return self.thread_work.submit(self, executor, func, args)

    def _deadlock_in_words(self) -> str:
        waiting = sorted(asyncio.all_tasks(self), key=lambda task: getattr(task, "recorded_as", 0))
        if not waiting:
            return "nothing is ready, no timer is set, and no task waits: the run cannot end"
        each = [f"`{source.called(task)}` waits at {source.waiting(task)}" for task in waiting[:10]]
        more = [f"and {len(waiting) - 10} more"] if len(waiting) > 10 else []
        return (
            f"deadlock at {self._now:g} s: no task is ready and no timer is set, so nothing can "
            f"ever happen. {'; '.join(each + more)}"
        )

    def _needs_sockets(self, *_: Any, **__: Any) -> NoReturn:
        raise RuntimeError(
            "the virtual clock has no sockets, pipes, processes or signals: "
            'record this run with clock="real"'
        )


for _method in _NEEDS_SOCKETS.split():
    setattr(VirtualLoop, _method, VirtualLoop._needs_sockets)


def busy(seconds: float) -> None:
    """Hands-on work: hold the chef for `seconds` without an await; nobody else runs meanwhile.

    Under the virtual clock it moves the clock, exactly. Under the real clock, and outside a run,
    it really blocks the thread. In a thread (`to_thread`) it is that helper who is busy, and the
    loop goes on. Raises TypeError for what is no number, ValueError for one that is negative or
    infinite.
    """
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise TypeError(f"busy expects a number of seconds, got {seconds!r}")
    if not 0 <= seconds < float("inf"):
        raise ValueError(f"busy expects seconds of 0 or more, and not infinite, got {seconds!r}")
    job = current_job()
    loop = asyncio._get_running_loop() if job is None else job.loop
    note = getattr(loop, "note_busy", None)
    if note is not None:
        note(job)
    if job is not None and isinstance(loop, VirtualLoop):
        loop.thread_work.park(loop, job, seconds)
    elif isinstance(loop, VirtualLoop):
        loop.busy(seconds)
    else:
        block(seconds)


def block(seconds: float) -> None:
    """Really block the calling thread, in slices, so that a run that is stopped gets it back."""
    end = time.perf_counter() + seconds
    while (left := end - time.perf_counter()) > 0:
        time.sleep(min(left, _SLICE))


@contextlib.contextmanager
def set_aside() -> Iterator[None]:
    """Set the running loop and task of this thread aside, if there is one, and put them back.

    So a second loop can run nested in the first one's thread; the first stands still meanwhile.
    """
    loop = asyncio._get_running_loop()
    if loop is None:
        yield
        return
    task = asyncio.current_task()
    if task is not None:
        asyncio.tasks._leave_task(loop, task)
    asyncio._set_running_loop(None)
    try:
        yield
    finally:
        asyncio._set_running_loop(loop)
        if task is not None:
            asyncio.tasks._enter_task(loop, task)
