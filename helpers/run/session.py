"""One recorded run in a thread of its own: start it, wait for it, look at it, stop it."""

import asyncio
import contextlib
import contextvars
import math
import threading
import time
from collections.abc import Callable
from concurrent import futures
from typing import Any

from helpers.run import source, unawaited
from helpers.run.build import build_trace
from helpers.run.clock import set_aside
from helpers.run.errors import RunError, RunStopped, RunTooLong
from helpers.run.handles import FIELDS, LOOK_AFTER
from helpers.run.loop import RealRecordingLoop, RecordingLoop, VirtualRecordingLoop
from helpers.trace import Trace

MAX_STEPS = 1_000_000
MAX_SECONDS = 60.0
HEARTBEAT = LOOK_AFTER  # how often a run is looked after: a kernel's Stop is noticed then
# How long a step of a stopped run may hold its thread before an exception is raised in there, and
# then before the next: a finalizer may have swallowed the first.
_PATIENCE = 0.15
_LEAVE_AFTER = 0.8  # a stopped run that still holds a blocking call is left behind
_STEPS_TO_END = 100_000  # after main is over, so that a task that refuses to end cannot hold it

_LOOPS: dict[str, Any] = {"virtual": VirtualRecordingLoop, "real": RealRecordingLoop}


class Run:
    """One run that is recorded, in a thread of its own: start it, look at it, stop it.

    `finished` is a concurrent future of the trace; `error` is what ended the run, or None. All
    public methods may be called from any thread.
    """

    def __init__(
        self,
        coro: Any,
        *,
        clock: str = "virtual",
        unit: str = "seconds",
        max_steps: int = MAX_STEPS,
        max_seconds: float = MAX_SECONDS,
    ) -> None:
        if not asyncio.iscoroutine(coro):
            name = getattr(coro, "__name__", "main")
            raise TypeError(f"record expects a coroutine such as {name}(), got {coro!r}")
        if clock not in _LOOPS or unit not in ("seconds", "minutes"):
            coro.close()
            choice = 'clock is "virtual" or "real", and unit "seconds" or "minutes"'
            raise ValueError(f"{choice}, got {clock!r} and {unit!r}")
        if not min(max_steps, max_seconds) > 0:
            coro.close()
            raise ValueError(f"limits are above 0, got {max_steps=!r} and {max_seconds=!r}")
        self.coro, self.clock, self.unit = coro, clock, unit
        self.max_steps, self.max_seconds = max_steps, max_seconds
        self.finished: futures.Future[Trace] = futures.Future()
        self.error: BaseException | None = None
        self._loop: Any = None  # a RecordingLoop, once the run has begun
        self._ready = threading.Event()
        self._began = self._raised_at = 0.0
        # Set from another thread; `RunStopped` may then be raised into the run's at any line.
        self._stopped = self._too_long = False

    def start(self) -> None:
        """Begin the run."""
        self.finished.set_running_or_notify_cancel()
        context = contextvars.copy_context()  # so that prints reach the cell that started it
        self._began = time.perf_counter()
        thread = threading.Thread(
            target=lambda: context.run(self._in_thread), name="task-cards-run"
        )
        thread.daemon = True
        try:
            thread.start()
        except RuntimeError:  # no threads here: a browser's Python
            if self.clock == "real":
                self.coro.close()
                why = "there are no threads here (Python runs in a browser), and the real clock"
                raise RuntimeError(f'{why} needs one: record with clock="virtual"') from None
            with set_aside():
                self._in_thread()
        else:
            self._ready.wait()

    async def wait(self) -> Trace:
        """The trace, when the run is over; it may be a trace of a run that `error` ended."""
        loop = asyncio.get_running_loop()

        def recorded_run() -> None:
            while futures.wait([self.finished], HEARTBEAT).not_done:
                self.watch()

        nested = isinstance(loop, RecordingLoop)
        try:
            if nested:  # in a thread, whose job holds the other run's virtual clock
                await loop.run_in_executor(None, recorded_run)
            else:
                await self._look_after(math.inf)
        except asyncio.CancelledError:
            self.stop()
            if nested:
                futures.wait([self.finished], _LEAVE_AFTER)
            else:
                await self._look_after(_LEAVE_AFTER)
            raise
        return self.finished.result()

    async def _look_after(self, at_most: float) -> None:
        """Watch the run until it is over, or for so many seconds."""
        done, leave_at = asyncio.wrap_future(self.finished), time.perf_counter() + at_most
        while not done.done() and time.perf_counter() < leave_at:
            await asyncio.wait([done], timeout=HEARTBEAT)
            self.watch()

    def stop(self) -> None:
        """Ask the run to end: every task is cancelled and awaited. `watch` sees it through."""
        if not self.finished.done():
            self._stopped = True
            self._poke(self._loop.cancel_all)

    def watch(self) -> None:
        """Look after the run, from another thread, every `HEARTBEAT` seconds."""
        loop = self._loop
        if self.finished.done():
            return
        loop.look()
        if time.perf_counter() - self._began > self.max_seconds and not self._too_long:
            self._too_long = True
            loop.halt = f"the run took more than {self.max_seconds:g} s and did not end"
            self._poke(lambda: None)
        must_end = self._stopped or self._too_long
        if must_end and min(loop.held_for(), time.perf_counter() - self._raised_at) > _PATIENCE:
            self._raised_at = time.perf_counter()
            self._raise_inside()

    def snapshot(self) -> Trace:
        """The trace so far, while the run goes on."""
        return self.finished.result() if self.finished.done() else self._trace(None)

    def jobs_are_done(self) -> bool:
        """Whether no thread works for the run any more. A thread cannot be ended from outside."""
        return not self._loop.thread_work.unfinished()

    def _poke(self, callback: Callable[[], None]) -> None:
        with contextlib.suppress(RuntimeError):  # closed meanwhile: the run has ended
            self._loop.call_first(callback)
            self._loop.thread_work.stop()

    def _raise_inside(self) -> None:
        """End a step that holds the thread: an exception is raised in there at its next line."""
        import ctypes  # loaded by the rare run that needs it

        self._loop.broken_off = self._loop.log.lines.get(self._loop.step)
        thread = ctypes.c_ulong(self._loop._thread_id or 0)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, ctypes.py_object(RunStopped))

    def _trace(self, result: Any) -> Trace:
        log, jobs, now = self._loop.log, self._loop.thread_work.jobs, self._loop.stamp()
        return build_trace(log, jobs, now, clock=self.clock, unit=self.unit, result=result)

    def _in_thread(self) -> None:
        """The whole run: main to its end, all that it left behind, and the trace."""
        loop = _LOOPS[self.clock]()
        loop.prepare(self.max_steps)
        self._loop = loop
        self._ready.set()
        result = None
        try:
            with unawaited.watch(loop.log.unawaited.append):
                result = self._run_main(loop)
                self._end_the_rest(loop)
        except BaseException as error:  # nothing may keep the one who waits from being told
            self.error = self.error or error
        try:
            # The loop is closed before anybody is told: who goes on finds nothing left.
            with contextlib.closing(loop):
                trace = self._trace(result)
            with contextlib.suppress(Exception):  # a class of the program's may refuse it
                if self.error is not None:
                    self.error.trace = trace  # type: ignore[attr-defined]
            self.finished.set_result(trace)
        except BaseException as error:
            self.finished.set_exception(error)

    def _run_main(self, loop: RecordingLoop) -> Any:
        main = loop.create_task(self.coro)
        try:
            while not main.done():
                try:
                    loop.run_until_complete(main)
                except RunStopped:  # where main is not done, it was raised outside of any step
                    if main.done():
                        raise
            return main.result()
        except BaseException as error:
            self.error = error
            if self._too_long and isinstance(error, RunStopped | asyncio.CancelledError):
                self.error = RunTooLong(loop.why_halted())
            elif isinstance(error, RunStopped):
                self.error = asyncio.CancelledError("the run was stopped")
        finally:
            loop.log.main_over = None if self._stopped else loop.stamp()
        return None

    def _end_the_rest(self, loop: RecordingLoop) -> None:
        """Cancel and await what is left, as `asyncio.run` does, and wait for threads' jobs."""
        log = loop.log
        loop.limit = len(log.steps) // FIELDS + _STEPS_TO_END
        left = loop.in_order()  # kept until their errors are told
        for task in left:
            if not self._stopped and not isinstance(self.error, RunError):
                log.left[task.recorded_as] = source.waiting(task)
            task.cancel()
        try:
            _run_until_done(loop, left)
            if loop._asyncgens:  # type: ignore[attr-defined]
                log.hidden.add(len(log.spawns))
                loop.run_until_complete(loop.shutdown_asyncgens())
            if not self._stopped:
                jobs = loop.thread_work.unfinished()
                _run_until_done(loop, [asyncio.wrap_future(job, loop=loop) for job in jobs])
        except (RunError, RunStopped) as error:
            self.error = self.error or error
        loop.note_what_is_left()


def _run_until_done(loop: RecordingLoop, awaited: list[asyncio.Future[Any]]) -> None:
    """Run the loop until all are done, without a task of its own in the picture."""
    for future in awaited:
        future.add_done_callback(lambda _: loop.stop())
        while not future.done():
            loop.run_forever()
