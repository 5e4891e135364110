"""Virtual time: a loop that jumps to the next timer when nothing is ready, and hands-on work.

The same program gives the same times on every machine, without a socket, selector or thread. The
idea is trio's MockClock (autojump) and Tokio's `start_paused`.
"""

import asyncio
import math
import sys
from time import perf_counter, sleep
from typing import Any, NoReturn

from helpers import text as words
from helpers.run.errors import Deadlock
from helpers.run.threads import POOL_SIZE, ThreadWork, current_job

DIGITS = 9  # decimals of a time, so that 0.1 + 0.2 is 0.3; timers closer than that fire together
RESOLUTION = 10**-DIGITS
# How the names of a loop's methods begin that need the system.
_SYSTEM = "add_ connect_ create_c create_d create_s create_u remove_ sendfile sock_ start_tls sub"


class VirtualLoop(asyncio.BaseEventLoop):
    """An event loop whose time moves only to the next timer, when nothing is ready, or by `busy`.

    A job that `thread_work` has out holds the clock until it is back or is itself `busy`. When
    nothing is ready, no timer is set and no thread is at work, `Deadlock` is raised in words.
    """

    wall_began = 0.0  # since when the step that runs has held the thread, if it is recorded

    def __init__(self) -> None:
        super().__init__()
        self._now, self.unit = 0.0, "seconds"  # and what a second stands for
        self.stamp = self.time  # the moment for a record of what happens
        self._clock_resolution = RESOLUTION
        self._selector = self  # BaseEventLoop asks its selector to wait; here, waiting is jumping
        self.thread_work = ThreadWork(POOL_SIZE)

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._now

    def select(self, _: float | None) -> list[Any]:
        """Jump to the next timer if nothing is ready. Called once per turn of the loop."""
        jobs, silent_from = self.thread_work, 0.0
        self._ready.extend(jobs.collect(until_quiet=not self._ready))
        while not self._ready and not self._stopping:
            if self._scheduled and self._scheduled[0]._when != math.inf and not jobs.at_work():
                # Nothing can happen before the next deadline: jump there instead of waiting.
                when = self._scheduled[0]._when
                now = round(when, DIGITS)
                # Who was called a hair too early, and set the timer again, is called at its moment.
                self._now = now if now > self._now else max(self._now, when)
                # After months of virtual time, a nanosecond is less than a float can tell apart.
                self._clock_resolution = max(RESOLUTION, 2 * math.ulp(self._now))
                jobs.jumped_at = perf_counter()
                break
            silent_from = silent_from or perf_counter()
            if not jobs.wait_a_little(perf_counter() - silent_from):
                nothing = "no task is ready and no timer is set, so nothing can ever happen"
                real = ', unless by a thread that asyncio did not start: record with clock="real"'
                at = words.seconds(self._now, self.unit)
                raise Deadlock(f"deadlock at {at}: {nothing}{real * jobs.may_hear()}")
            self._ready.extend(jobs.collect(until_quiet=True))
        return []

    def _write_to_self(self, *_: Any) -> None:
        """There is no I/O: the loop waits for nothing but its `thread_work`."""

    _process_events = _write_to_self

    def _needs_sockets(self, *_: Any, **__: Any) -> NoReturn:
        lacks = "the virtual clock has no sockets, pipes or processes"
        raise RuntimeError(f'{lacks}: record this run with clock="real"')


for _method in dir(asyncio.AbstractEventLoop):
    if _method.startswith(tuple(_SYSTEM.split())):
        setattr(VirtualLoop, _method, VirtualLoop._needs_sockets)


def busy(seconds: float) -> None:
    """Hands-on work: hold the chef for `seconds` without an await; nobody else runs meanwhile.

    Under the virtual clock it moves the clock, exactly; elsewhere it really blocks the thread. In a
    thread (`to_thread`) that helper is busy, and the loop goes on.
    """
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise TypeError(f"busy expects a number of seconds, got {seconds!r}")
    if not 0 <= seconds < float("inf"):
        raise ValueError(f"busy expects seconds of 0 or more, and not infinite, got {seconds!r}")
    job = current_job()
    loop: Any = asyncio._get_running_loop() if job is None else job.loop
    if job is None and getattr(loop, "step", -1) >= 0:
        loop.note_line(loop.step, sys._getframe(1))
    if not isinstance(loop, VirtualLoop):  # in slices: a run that is stopped gets its thread back
        end = perf_counter() + seconds
        while (left := end - perf_counter()) > 0:
            sleep(min(left, 0.02))
    elif job is not None:
        loop.thread_work.park(loop, job, seconds)
    else:  # nobody else runs meanwhile
        loop.thread_work.settle(loop)
        loop._now = round(loop._now + seconds, DIGITS)
