"""One recorded run in a thread of its own: start it, wait for it, look at it, stop it."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import dataclasses
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any

from helpers import findings
from helpers.run.build import Assembler
from helpers.run.checks import check_coroutine, check_options
from helpers.run.drive import Drive
from helpers.run.errors import RunStopped
from helpers.run.handles import LOOK_AFTER
from helpers.run.loop import RealRecordingLoop, VirtualRecordingLoop
from helpers.run.nested import set_aside
from helpers.run.stamping import StampingLoop
from helpers.trace import Trace

MAX_STEPS = 1_000_000
MAX_SECONDS = 60.0
# How often the one who waits for a run looks after it: a kernel's Stop is noticed at the next look.
HEARTBEAT = 0.05
# How long a step of a stopped run may hold its thread before an exception is raised in there, and
# before the next one is: a finalizer may have swallowed the first, which is being reported.
_PATIENCE = 0.15
# How long a stopped run is waited for. A blocking call cannot be broken; it is left behind.
_LEAVE_AFTER = 0.8

_LOOPS: dict[str, type[RealRecordingLoop] | type[VirtualRecordingLoop]] = {
    "virtual": VirtualRecordingLoop,
    "real": RealRecordingLoop,
}


class Run:
    """One run that is recorded, in a thread of its own: start it, look at it, stop it.

    `finished` is a concurrent future of the trace; `error` is what ended the run, or None. All
    methods may be called from any thread.
    """

    def __init__(
        self,
        coro: Coroutine[Any, Any, Any],
        *,
        clock: str = "virtual",
        unit: str = "seconds",
        max_steps: int = MAX_STEPS,
        max_seconds: float = MAX_SECONDS,
    ) -> None:
        """Take the coroutine; arguments are those of `record`."""
        check_coroutine(coro)
        try:
            check_options(clock, unit, max_steps, max_seconds)
        except BaseException:
            coro.close()
            raise
        self.coro, self.clock, self.unit = coro, clock, unit
        self.max_steps, self.max_seconds = max_steps, max_seconds
        self.finished: Future[Trace] = Future()
        self.drive: Drive | None = None
        self._began = self._raised_at = 0.0
        self._thread: threading.Thread | None = None
        self._ready = threading.Event()

    @property
    def error(self) -> BaseException | None:
        """What ended the run before its end, or None."""
        return self.drive.error if self.drive is not None else None

    def start(self) -> None:
        """Begin the run. A second start is an error."""
        if self._thread is not None:
            raise RuntimeError("this run has been started before; make a new one")
        self.finished.set_running_or_notify_cancel()
        context = contextvars.copy_context()  # so that prints reach the cell that started it
        self._began = time.perf_counter()
        self._thread = threading.Thread(
            target=context.run, args=(self._in_thread,), name="task-cards-run", daemon=True
        )
        try:
            self._thread.start()
        except RuntimeError:  # no threads here: a browser's Python
            self._start_nested()
        else:
            self._ready.wait()

    def _start_nested(self) -> None:
        if self.clock == "real":
            self.coro.close()
            raise RuntimeError(
                "there are no threads here (Python runs in a browser), and the real clock needs "
                'one: record with clock="virtual"'
            ) from None
        with set_aside():
            self._in_thread()

    def _in_thread(self) -> None:
        loop = _LOOPS[self.clock]()
        loop.prepare(self.max_steps)
        drive = self.drive = Drive(loop)
        self._ready.set()
        result = drive.run(self.coro)
        try:
            try:
                trace = self._trace(result)
            finally:
                loop.close()  # before anybody is told: who goes on finds nothing left
            if drive.error is not None:
                with contextlib.suppress(AttributeError):
                    drive.error.trace = trace  # type: ignore[attr-defined]
            self.finished.set_result(trace)
        except BaseException as error:
            self.finished.set_exception(error)

    async def wait(self) -> Trace:
        """The trace, when the run is over; it may be a trace of a run that `error` ended."""
        if isinstance(asyncio.get_running_loop(), StampingLoop):
            return await self._wait_nested()
        done = asyncio.ensure_future(asyncio.wrap_future(self.finished))
        try:
            while not done.done():
                await asyncio.wait([done], timeout=HEARTBEAT)
                self.watch()
        except asyncio.CancelledError:
            self.stop()
            leave_at = time.perf_counter() + _LEAVE_AFTER
            while not done.done() and time.perf_counter() < leave_at:
                await asyncio.wait([done], timeout=0.02)
                self.watch()
            raise
        return done.result()

    async def _wait_nested(self) -> Trace:
        """Wait inside another recorded run: in a thread, which holds a virtual clock."""

        def recorded_run() -> Trace:
            while not self.finished.done():
                with contextlib.suppress(TimeoutError):
                    self.finished.result(HEARTBEAT)
                self.watch()
            return self.finished.result()

        try:
            return await asyncio.get_running_loop().run_in_executor(None, recorded_run)
        except asyncio.CancelledError:
            self.stop()
            with contextlib.suppress(TimeoutError):
                self.finished.result(_LEAVE_AFTER)
            raise

    def stop(self) -> None:
        """Ask the run to end: every task is cancelled and awaited. `watch` sees it through."""
        drive = self.drive
        if drive is not None and not self.finished.done():
            drive.stopped = True
            self._poke(drive.cancel_all)

    def watch(self) -> None:
        """Look after the run, from another thread, every `HEARTBEAT` seconds.

        Notes at which line a long step holds the loop, keeps the limit of seconds, and ends a step
        that holds the thread of a run that was stopped.
        """
        drive = self.drive
        if drive is None or self.finished.done():
            return
        loop = drive.loop
        loop.look(LOOK_AFTER)
        if time.perf_counter() - self._began > self.max_seconds and not drive.too_long:
            drive.too_long = True
            loop.halt = f"the run took more than {self.max_seconds:g} s and did not end"
            self._poke(_wake)
        ended = drive.stopped or drive.too_long
        if ended and min(loop.held_for(), time.perf_counter() - self._raised_at) > _PATIENCE:
            self._raised_at = time.perf_counter()
            self._raise_inside()

    def _poke(self, callback: Callable[[], None]) -> None:
        """Have the loop call something, and let go what waits for threads."""
        drive = self.drive
        if drive is not None:
            with contextlib.suppress(RuntimeError):  # closed meanwhile: the run has ended
                drive.loop.call_first(callback)
                drive.loop.ledger.stop()

    def snapshot(self) -> Trace:
        """The trace so far, while the run goes on."""
        if self.finished.done():
            return self.finished.result()
        if self.drive is None:
            raise RuntimeError("this run has not been started; call start() first")
        return self._trace(None)

    def _raise_inside(self) -> None:
        """End a step that holds the thread: an exception is raised in there at its next line."""
        import ctypes  # loaded by the rare run that needs it

        thread, drive = self._thread, self.drive
        if drive is not None:
            drive.loop.broken_off = drive.loop.log.lines.get(drive.loop.step)
        if thread is not None and thread.ident is not None:
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(thread.ident), ctypes.py_object(RunStopped)
            )

    def _trace(self, result: Any) -> Trace:
        assert self.drive is not None
        loop = self.drive.loop
        made = Assembler(loop.log, loop.ledger.works, loop.origin, loop.stamp())
        lanes = made.lanes()
        trace = Trace(
            lanes,
            duration=max([lane.end for lane in lanes], default=0.0),
            clock=self.clock,
            unit=self.unit,
            result=result,
            sequence=made.sequence,
            unawaited=made.unawaited(),
        )
        return dataclasses.replace(trace, findings=findings.find(trace))


def _wake() -> None:
    """Make a waiting loop take a turn."""
