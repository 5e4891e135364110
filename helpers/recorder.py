"""`record`: runs a coroutine on a loop of its own, and gives back the trace of what happened.

The loop runs in a thread of its own, so that the caller's loop (a notebook's kernel) stays free and
Stop always works. Where there are no threads, the virtual clock runs nested in the caller's thread.
The idea of stamping each step is trio's Instrument.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import inspect
import threading
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator
from concurrent.futures import Future
from typing import Any

from helpers import places, unawaited
from helpers.assemble import Assembler
from helpers.errors import RunError, RunStopped, RunTooLong
from helpers.findings import Finder
from helpers.loops import RealRecordingLoop, StampingLoop, VirtualRecordingLoop
from helpers.runlog import OUTSIDE
from helpers.stamps import LOOK_AFTER
from helpers.trace import Trace

MAX_STEPS = 1_000_000
MAX_SECONDS = 60.0
# How often the one who waits for a run looks after it: a kernel's Stop is noticed at the next look.
HEARTBEAT = 0.05
# How long a step of a stopped run may hold its thread before an exception is raised in there.
_PATIENCE = 0.15
# How long a stopped run is waited for. A blocking call cannot be broken; it is left behind.
_LEAVE_AFTER = 0.8
# What tasks may still do after main is over, so that one that refuses to end cannot hold the run.
_STEPS_TO_END = 100_000

_CLOCKS = {"virtual": VirtualRecordingLoop, "real": RealRecordingLoop}
_UNITS = ("seconds", "minutes")


async def record(
    coro: Coroutine[Any, Any, Any],
    *,
    clock: str = "virtual",
    unit: str = "seconds",
    max_steps: int = MAX_STEPS,
    max_seconds: float = MAX_SECONDS,
) -> Trace:
    """Run a coroutine to its end and return the trace of every step of every task in it.

    `clock`: "virtual" (sleeps take no time, times are exact) or "real". `unit` says what a second
    of the virtual clock stands for: "seconds", or "minutes" of the kitchen. `max_steps` and
    `max_seconds` (of real time, on both clocks) end a run that does not end by itself.

    Raises what the coroutine raises, with the trace as the exception's `trace`; `Deadlock` when
    nothing can ever happen again; `RunTooLong` over a limit. Cancelling the caller cancels and
    awaits every task of the run. When main is over, tasks that are left are cancelled and awaited,
    as `asyncio.run` does.
    """
    run = Run(coro, clock=clock, unit=unit, max_steps=max_steps, max_seconds=max_seconds)
    run.start()
    trace = await run.wait()
    if run.error is not None:
        raise run.error
    return trace


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
        _check_coroutine(coro)
        try:
            _check_options(clock, unit, max_steps, max_seconds)
        except BaseException:
            coro.close()
            raise
        self.coro, self.clock, self.unit = coro, clock, unit
        self.max_steps, self.max_seconds = max_steps, max_seconds
        self.finished: Future[Trace] = Future()
        self.error: BaseException | None = None
        self.stopped = self.too_long = False
        self.loop: StampingLoop | None = None
        self._began = 0.0
        self._thread: threading.Thread | None = None
        self._ready = threading.Event()

    # -- from outside --------------------------------------------------------------------------

    def start(self) -> None:
        """Begin the run. A second start is an error."""
        if not self.finished.set_running_or_notify_cancel() or self._thread is not None:
            raise RuntimeError("this run has been started before; make a new one")
        context = contextvars.copy_context()  # so that prints reach the cell that started it
        self._began = time.perf_counter()
        self._thread = threading.Thread(
            target=context.run, args=(self._drive,), name="task-cards-run", daemon=True
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
            with _set_aside():
                self._drive()
        else:
            self._ready.wait()

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
        self.stopped = True
        loop = self.loop
        if loop is not None and not self.finished.done():
            with contextlib.suppress(RuntimeError):  # closed meanwhile: it has ended
                loop.call_soon_threadsafe(self._cancel_all)
                loop.ledger.stop()

    def watch(self) -> None:
        """Look after the run, from another thread, every `HEARTBEAT` seconds.

        Notes at which line a long step holds the loop, keeps the limit of seconds, and ends a step
        that holds the thread of a run that was stopped.
        """
        loop = self.loop
        if loop is None or self.finished.done():
            return
        loop.look(LOOK_AFTER)
        if time.perf_counter() - self._began > self.max_seconds and not self.too_long:
            self.too_long = True
            loop.halt = f"the run took more than {self.max_seconds:g} s and did not end"
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(_wake)
                loop.ledger.stop()
        if (self.stopped or self.too_long) and loop.held_for() > _PATIENCE:
            self._raise_inside()

    def snapshot(self) -> Trace:
        """The trace so far, while the run goes on."""
        if self.finished.done():
            return self.finished.result()
        if self.loop is None:
            raise RuntimeError("this run has not been started; call start() first")
        return self._trace(None)

    # -- inside the run's thread ---------------------------------------------------------------

    def _drive(self) -> None:
        loop = _CLOCKS[self.clock]()
        loop.prepare(self.max_steps)
        self.loop = loop
        self._ready.set()
        result = None
        try:
            with unawaited.watch(lambda name, place: loop.log.unawaited.append((name, place))):
                result = self._main(loop)
                self._end_the_rest(loop)
        except BaseException as error:  # nothing may keep the one who waits from being told
            self.error = self.error or error
        finally:
            trace = self._trace(result)
            loop.close()
            if self.error is not None:
                with contextlib.suppress(AttributeError):
                    self.error.trace = trace  # type: ignore[attr-defined]
            self.finished.set_result(trace)

    def _main(self, loop: StampingLoop) -> Any:
        main = loop.create_task(self.coro)
        try:
            self._insist(lambda: loop.run_until_complete(main), main)
            return main.result()
        except RunStopped:
            self.error = self._why_stopped(loop)
        except BaseException as error:
            self.error = error
        finally:
            loop.log.main_over = None if self.stopped else loop.stamp()
        if isinstance(self.error, asyncio.CancelledError) and self.too_long:
            self.error = self._why_stopped(loop)
        return None

    def _why_stopped(self, loop: StampingLoop) -> BaseException:
        if self.too_long:
            places_held = [places.describe(*place) for place in loop.log.lines.values()]
            at = f"; a step held the loop at {places_held[-1]}" if places_held else ""
            return RunTooLong(f"{loop.halt or 'the run took too long'}{at}")
        return asyncio.CancelledError("the run was stopped")

    def _insist(self, go: Callable[[], Any], until: asyncio.Future[Any]) -> None:
        """Run the loop; an exception raised into its thread that missed its step is let pass."""
        while not until.done():
            try:
                go()
            except RunStopped:
                if until.done():
                    raise

    def _end_the_rest(self, loop: StampingLoop) -> None:
        """Cancel and await what is left, as `asyncio.run` does, and wait for threads' work."""
        log = loop.log
        loop.limit = len(log.steps) + _STEPS_TO_END
        left = sorted(asyncio.all_tasks(loop), key=lambda task: getattr(task, "number", 0))
        for task in left:
            if not self.stopped and not isinstance(self.error, RunError):
                log.left[task.number] = places.waiting(task)  # type: ignore[attr-defined]
            task.cancel()
        try:
            _run_until_done(loop, left)
            if loop._asyncgens:  # type: ignore[attr-defined]
                loop.run_until_complete(loop.shutdown_asyncgens())
            if not self.stopped:
                works = [w.future for w in loop.ledger.works if w.future and not w.future.done()]
                _run_until_done(loop, [asyncio.wrap_future(w, loop=loop) for w in works])
        except (RunError, RunStopped) as error:
            self.error = self.error or error
        loop.note_what_is_left()

    def _cancel_all(self) -> None:
        loop = self.loop
        assert loop is not None
        loop.step = OUTSIDE  # it is not this callback that cancels them, but whoever stopped the run
        for task in asyncio.all_tasks(loop):
            task.cancel()

    def _raise_inside(self) -> None:
        """End a step that holds the thread: an exception is raised in there at its next line."""
        import ctypes

        thread = self._thread
        if thread is not None and thread.ident is not None:
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(thread.ident), ctypes.py_object(RunStopped)
            )

    def _trace(self, result: Any) -> Trace:
        loop = self.loop
        assert loop is not None
        over = loop.stamp()
        made = Assembler(loop.log, loop.ledger.works, loop.origin, over)
        lanes = made.lanes()
        exact = self.clock == "virtual"
        found = Finder(made, lanes, unit=self.unit, exact=exact).findings()
        duration = max([lane.over for lane in lanes], default=0.0)
        return Trace(
            lanes, duration, clock=self.clock, unit=self.unit, result=result, findings=found
        )


def _wake() -> None:
    """Make a waiting loop take a turn."""


def _run_until_done(loop: asyncio.BaseEventLoop, futures: Iterable[asyncio.Future[Any]]) -> None:
    """Run the loop until all are done, without a task of its own in the picture."""
    waiting = {future for future in futures if not future.done()}

    def one_done(future: asyncio.Future[Any]) -> None:
        waiting.discard(future)
        if not waiting:
            loop.stop()

    for future in tuple(waiting):
        future.add_done_callback(one_done)
    if waiting:
        loop.run_forever()


@contextlib.contextmanager
def _set_aside() -> Iterator[None]:
    """Set the running loop and task of this thread aside, and put them back."""
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    if task is not None:
        asyncio.tasks._leave_task(loop, task)  # type: ignore[attr-defined]
    asyncio._set_running_loop(None)
    try:
        yield
    finally:
        asyncio._set_running_loop(loop)
        if task is not None:
            asyncio.tasks._enter_task(loop, task)  # type: ignore[attr-defined]


def _check_coroutine(coro: Any) -> None:
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


def _check_options(clock: Any, unit: Any, max_steps: Any, max_seconds: Any) -> None:
    if clock not in _CLOCKS:
        raise ValueError(f'clock is "virtual" or "real", got {clock!r}')
    if unit not in _UNITS:
        raise ValueError(f'unit is "seconds" or "minutes", got {unit!r}')
    for name, value in (("max_steps", max_steps), ("max_seconds", max_seconds)):
        if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
            raise ValueError(f"{name} is a number above 0, got {value!r}")
