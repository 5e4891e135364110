"""One recorded run in a thread of its own: start it, wait for it, look at it, stop it."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import inspect
import threading
import time
from collections.abc import Callable, Coroutine
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
# How often the one who waits for a run looks after it: a kernel's Stop is noticed at the next look,
# and so is a step that is long enough to be looked at.
HEARTBEAT = LOOK_AFTER
# How long a step of a stopped run may hold its thread before an exception is raised in there, and
# before the next one is: a finalizer may have swallowed the first, which is being reported.
_PATIENCE = 0.15
# How long a stopped run is waited for. A blocking call cannot be broken; it is left behind.
_LEAVE_AFTER = 0.8
# What tasks may still do after main is over, so that one that refuses to end cannot hold the run.
_STEPS_TO_END = 100_000

_LOOPS: dict[str, type[RealRecordingLoop] | type[VirtualRecordingLoop]] = {
    "virtual": VirtualRecordingLoop,
    "real": RealRecordingLoop,
}
_UNITS = ("seconds", "minutes")


class Run:
    """One run that is recorded, in a thread of its own: start it, look at it, stop it.

    `finished` is a concurrent future of the trace; `error` is what ended the run, or None. All
    public methods may be called from any thread.
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
        _check_coroutine(coro)
        self.coro, self.clock, self.unit = coro, clock, unit
        self.max_steps, self.max_seconds = max_steps, max_seconds
        try:
            self._check_options()
        except BaseException:
            coro.close()
            raise
        self.finished: futures.Future[Trace] = futures.Future()
        self.error: BaseException | None = None
        self._loop: RecordingLoop | None = None
        self._thread: threading.Thread | None = None
        self._ready = threading.Event()
        self._began = self._raised_at = 0.0
        # Set from another thread; `RunStopped` may then be raised into the run's at any line.
        self._stopped = self._too_long = False

    def _check_options(self) -> None:
        """Raise ValueError for an unknown clock or unit, or a limit that is not above 0."""
        if self.clock not in _LOOPS:
            raise ValueError(f'clock is "virtual" or "real", got {self.clock!r}')
        if self.unit not in _UNITS:
            raise ValueError(f'unit is "seconds" or "minutes", got {self.unit!r}')
        for name in ("max_steps", "max_seconds"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is a number above 0, got {getattr(self, name)!r}")

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
            if self.clock == "real":
                self.coro.close()
                raise RuntimeError(
                    "there are no threads here (Python runs in a browser), and the real clock "
                    'needs one: record with clock="virtual"'
                ) from None
            with set_aside():
                self._in_thread()
        else:
            self._ready.wait()

    async def wait(self) -> Trace:
        """The trace, when the run is over; it may be a trace of a run that `error` ended."""
        if isinstance(asyncio.get_running_loop(), RecordingLoop):
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
            while futures.wait([self.finished], HEARTBEAT).not_done:
                self.watch()
            return self.finished.result()

        try:
            return await asyncio.get_running_loop().run_in_executor(None, recorded_run)
        except asyncio.CancelledError:
            self.stop()
            futures.wait([self.finished], _LEAVE_AFTER)
            raise

    def stop(self) -> None:
        """Ask the run to end: every task is cancelled and awaited. `watch` sees it through."""
        if self._loop is not None and not self.finished.done():
            self._stopped = True
            self._poke(self._loop, self._loop.cancel_all)

    def watch(self) -> None:
        """Look after the run, from another thread, every `HEARTBEAT` seconds.

        Notes at which line a long step holds the loop, keeps the limit of seconds, and ends a step
        that holds the thread of a run that was stopped.
        """
        loop = self._loop
        if loop is None or self.finished.done():
            return
        loop.look()
        if time.perf_counter() - self._began > self.max_seconds and not self._too_long:
            self._too_long = True
            loop.halt = f"the run took more than {self.max_seconds:g} s and did not end"
            self._poke(loop, lambda: None)
        must_end = self._stopped or self._too_long
        if must_end and min(loop.held_for(), time.perf_counter() - self._raised_at) > _PATIENCE:
            self._raised_at = time.perf_counter()
            self._raise_inside(loop)

    def snapshot(self) -> Trace:
        """The trace so far, while the run goes on."""
        if self.finished.done():
            return self.finished.result()
        if self._loop is None:
            raise RuntimeError("this run has not been started; call start() first")
        return self._trace(self._loop, None)

    def jobs_are_done(self) -> bool:
        """Whether no thread works for the run any more. A thread cannot be ended from outside."""
        return self._loop is None or not self._loop.thread_work.unfinished()

    def _poke(self, loop: RecordingLoop, callback: Callable[[], None]) -> None:
        """Have the loop call something, and let go what waits for threads."""
        with contextlib.suppress(RuntimeError):  # closed meanwhile: the run has ended
            loop.call_first(callback)
            loop.thread_work.stop()

    def _raise_inside(self, loop: RecordingLoop) -> None:
        """End a step that holds the thread: an exception is raised in there at its next line."""
        import ctypes  # loaded by the rare run that needs it

        loop.broken_off = loop.log.lines.get(loop.step)
        if self._thread is not None and self._thread.ident is not None:
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(self._thread.ident), ctypes.py_object(RunStopped)
            )

    def _trace(self, loop: RecordingLoop, result: Any) -> Trace:
        known = {"clock": self.clock, "unit": self.unit, "result": result}
        return build_trace(loop.log, loop.thread_work.jobs, loop.stamp(), **known)

    def _in_thread(self) -> None:
        """The whole run: main to its end, all that it left behind, and the trace."""
        loop = _LOOPS[self.clock]()
        loop.prepare(self.max_steps)
        self._loop = loop
        self._ready.set()
        result = self._run_all(loop)
        try:
            try:
                trace = self._trace(loop, result)
            finally:
                loop.close()  # before anybody is told: who goes on finds nothing left
            if self.error is not None:
                with contextlib.suppress(AttributeError):
                    self.error.trace = trace  # type: ignore[attr-defined]
            self.finished.set_result(trace)
        except BaseException as error:
            self.finished.set_exception(error)

    def _run_all(self, loop: RecordingLoop) -> Any:
        """Run the coroutine and all that it leaves; its result, or None if `error` is set."""
        note = loop.log.unawaited.append
        result = None
        try:
            with unawaited.watch(lambda name, place: note((name, place))):
                result = self._run_main(loop)
                self._end_the_rest(loop)
        except BaseException as error:  # nothing may keep the one who waits from being told
            self.error = self.error or error
        return result

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
        except (RunStopped, asyncio.CancelledError) as error:
            if self._too_long:
                self.error = RunTooLong(loop.why_halted())
            elif isinstance(error, RunStopped):
                self.error = asyncio.CancelledError("the run was stopped")
            else:
                self.error = error
        except BaseException as error:
            self.error = error
        finally:
            loop.log.main_over = None if self._stopped else loop.stamp()
        return None

    def _end_the_rest(self, loop: RecordingLoop) -> None:
        """Cancel and await what is left, as `asyncio.run` does, and wait for threads' jobs."""
        log = loop.log
        loop.limit = len(log.steps) // FIELDS + _STEPS_TO_END
        for task in loop.in_order():
            if not self._stopped and not isinstance(self.error, RunError):
                log.left[task.recorded_as] = source.waiting(task)
            task.cancel()
        try:
            _run_until_done(loop, loop.in_order())
            if loop._asyncgens:  # type: ignore[attr-defined]
                log.hidden.add(len(log.spawns))
                loop.run_until_complete(loop.shutdown_asyncgens())
            if not self._stopped:
                jobs = loop.thread_work.unfinished()
                _run_until_done(loop, [asyncio.wrap_future(job, loop=loop) for job in jobs])
        except (RunError, RunStopped) as error:
            self.error = self.error or error
        loop.note_what_is_left()


def _check_coroutine(coro: Any) -> None:
    """Raise TypeError or ValueError for what is no fresh coroutine."""
    if inspect.iscoroutinefunction(coro):
        name = getattr(coro, "__name__", "main")
        raise TypeError(f"record expects a coroutine, got the function {name}: write {name}()")
    if isinstance(coro, asyncio.Future):
        raise TypeError(
            "record expects a coroutine, got a task or future, which belongs to another loop: "
            "pass the coroutine itself"
        )
    if not inspect.iscoroutine(coro):
        raise TypeError(f"record expects a coroutine such as main(), got {coro!r}")
    if inspect.getcoroutinestate(coro) != inspect.CORO_CREATED:
        raise ValueError(
            f"record expects a fresh coroutine, and {coro.__name__}() has already been run: "
            f"call {coro.__name__}() again"
        )


def _run_until_done(loop: RecordingLoop, awaited: list[asyncio.Future[Any]]) -> None:
    """Run the loop until all are done, without a task of its own in the picture."""
    waiting = {future for future in awaited if not future.done()}

    def one_done(future: asyncio.Future[Any]) -> None:
        waiting.discard(future)
        if not waiting:
            loop.stop()

    for future in list(waiting):
        future.add_done_callback(one_done)
    if waiting:
        loop.run_forever()
