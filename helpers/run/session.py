"""One recorded run in a thread of its own: start it, wait for it, look at it, stop it."""

import asyncio
import contextlib
import contextvars
import gc
import math
import sys
import threading
import traceback
from concurrent import futures
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from time import perf_counter, sleep
from typing import Any

from helpers.run import lines, source, standins
from helpers.run.build import build_trace
from helpers.run.errors import Deadlock, RunError, RunStopped, RunTooLong, carry
from helpers.run.handles import FIELDS, LOOK_AFTER, OUTSIDE, Log
from helpers.run.loop import PER_TASK, RealRecordingLoop, RecordingLoop, VirtualRecordingLoop
from helpers.run.threads import set_aside
from helpers.task import DEADLINE, MAIN_RETURN
from helpers.text import listing
from helpers.trace import Trace, no_collection

MAX_SECONDS = 60.0
HEARTBEAT = LOOK_AFTER  # how often a run is looked after, and a kernel's Stop is noticed
# A step of a run that was told to end is ended by an exception after so long, and by another after
# as long again; the run is given up when no task of it has ended for so long, and its jobs then.
_PATIENCE, _LEAVE_AFTER, _LEAVE_JOBS_AFTER = 0.15, 0.8, 5.0
_LOOKS, _LOOKS_LATER = 10, 100  # at a step in the collector; at a run that was given up
_OF_WEAK_REFERENCES = "weakref", "_weakrefset"  # whose functions a collection calls
_STEPS_TO_END = 10_000  # after main is over, so that a task that refuses to end cannot hold it

_LOOPS: dict[str, Any] = {"virtual": VirtualRecordingLoop, "real": RealRecordingLoop}


@dataclass(eq=False)
class Run:
    """One run that is recorded; all its public methods may be called from any thread.

    `finished` is a concurrent future of the trace; `error` is what ended the run, or None.
    """

    coro: Any
    clock: str = "virtual"
    unit: str = "seconds"
    max_steps: int | None = None
    max_seconds: float = MAX_SECONDS
    until: float = math.inf
    lines: bool = False

    def __post_init__(self) -> None:
        if not asyncio.iscoroutine(self.coro):
            name = getattr(self.coro, "__name__", "main")
            raise TypeError(f"record expects a coroutine such as {name}(), got {self.coro!r}")
        max_steps, max_seconds, until = self.max_steps, self.max_seconds, self.until
        limits: list[Any] = [1 if max_steps is None else max_steps, max_seconds, until]
        limited = all(isinstance(limit, int | float) and limit > 0 for limit in limits)
        if self.clock not in _LOOPS or self.unit not in ("seconds", "minutes") or not limited:
            self.coro.close()
            must = 'clock is "virtual" or "real", unit "seconds" or "minutes", limits are above 0'
            given = f"{max_steps=!r}, {max_seconds=!r} and {until=!r}"
            raise ValueError(f"{must}: got {self.clock!r} and {self.unit!r}, {given}")
        in_time = until if self.clock == "real" else math.inf
        self._limit = min(max_seconds, in_time)  # in real seconds
        self._cleans_up = 0.5 if in_time < max_seconds else 0.0  # for tasks cancelled at `until`
        self.finished: futures.Future[Trace] = futures.Future()
        self.error: BaseException | None = None
        self._loop: Any = None  # a RecordingLoop, once the run has begun
        self._ready = threading.Event()
        self._began, self._raised_at, self._ends_at = 0.0, 0.0, math.inf
        self._raised_in: list[int] = []  # the steps that were to be ended, a try each
        self._stopped: asyncio.CancelledError | None = None
        self._given_up = self._in_time = False  # in time: `until` came
        # From when it is told to end, `RunStopped` may be raised in its thread, at any line.
        self._told_at = self._fewest = math.inf  # the fewest tasks since that had not ended
        self._finishing = threading.Lock()
        self._prints: standins.Prints | None = None
        self._kept: list[Any] = []  # tasks that would else be gone before their errors are told
        self._trace_at_error: Trace | None = None  # before its tasks were cancelled
        self._ended_by = ""  # what ended the run before main was over, in words
        self._result: Any = None

    def start(self) -> None:
        """Begin the run."""
        self.finished.set_running_or_notify_cancel()
        context = contextvars.copy_context()  # so that prints reach the cell that started it
        self._began = perf_counter()
        try:
            for work in (self._look_after, partial(context.run, self._in_thread)):
                threading.Thread(target=work, name="task-cards-run", daemon=True).start()
        except RuntimeError:  # no threads here: a browser's Python
            if self.clock == "real":
                self.coro.close()
                why = "there are no threads here (Python runs in a browser), and the real clock"
                raise RuntimeError(f'{why} needs one: record with clock="virtual"') from None
            self._ends_at = self._began + self._limit  # nobody else can see to it
            with set_aside():
                self._in_thread()
        self._ready.wait()

    async def wait(self) -> Trace:
        """The trace, when the run is over; it may be a trace of a run that `error` ended."""
        loop = asyncio.get_running_loop()
        if nested := isinstance(loop, RecordingLoop):  # a job holds the other run's virtual clock
            done: Any = loop.run_in_executor(None, self.finished.exception)
        else:
            done = asyncio.wrap_future(self.finished)
        while not done.done():
            try:
                await asyncio.wait([done], timeout=None if nested else HEARTBEAT)
            except asyncio.CancelledError:
                self.stop()  # it ends in about a second, so a second Stop changes nothing
        if self._stopped and not isinstance(self.error, asyncio.CancelledError):
            self.error = self._stopped  # it ended in another way
            carry(self.error, self.finished.result())
        return self.finished.result()

    def stop(self) -> None:
        """Ask the run to end: every task is cancelled and awaited."""
        first, self._stopped = not self._stopped, asyncio.CancelledError("the run was stopped")
        if first and not self.finished.done():
            self._told_at = min(self._told_at, perf_counter())
            self._loop.end_with(self._loop.cancel_all)

    def _look_after(self) -> None:
        """Note what holds the loop for long, and see to it that a run ends that is told to."""
        self._ready.wait()
        loop = self._loop
        while futures.wait([self.finished], HEARTBEAT).not_done:
            now, step = perf_counter(), loop.step
            if loop.held_for() >= LOOK_AFTER:
                loop.note_line(step, sys._current_frames().get(loop._thread_id))
            if now - self._began > self._limit + self._cleans_up and self._told_at == math.inf:
                self._told_at, loop.halt = now, RunStopped()
                loop.end_with(bool)  # it turns
            if now < self._told_at:
                continue
            unended = len(loop.log.spawns) - len(loop.log.ended)
            if unended < self._fewest:
                self._fewest, self._told_at = unended, now
                self._raised_in.clear()  # the next one that holds it has as many tries
            held = min(loop.held_for(), now - self._raised_at) > _PATIENCE
            tried = len(self._raised_in) > 2 if held else loop.held_for() < _PATIENCE
            if tried and now - self._told_at > _LEAVE_AFTER:
                self._give_up()
            elif held:
                self._raised_in.append(loop.step)
                self._raise_inside()
        self._look_later(loop)

    def _look_later(self, loop: RecordingLoop) -> None:
        """End the steps that a run which was given up begins nevertheless."""
        for _ in range(_LOOKS_LATER):
            if loop._thread_id is None:
                return
            if loop.held_for() > _PATIENCE and loop.step not in self._raised_in:
                self._raised_in.append(loop.step)
                self._raise_inside()
            sleep(HEARTBEAT)

    def snapshot(self) -> Trace:
        """The trace so far, while the run goes on."""
        return self._trace(self._loop.log_so_far())

    def jobs_are_done(self) -> bool:
        """Whether no thread works for the run any more, but for one that may never end."""
        left = perf_counter() - self._told_at > _LEAVE_JOBS_AFTER
        return left or not self._loop.thread_work.unfinished()

    def _fail(self, error: BaseException) -> None:
        """Note the first error that ends the run; of one told to end from outside, what told it."""
        told = self._told_at < math.inf or perf_counter() > self._ends_at
        if told and isinstance(error, RunStopped | asyncio.CancelledError):
            error = self._stopped or RunTooLong(f"the run took more than {self._limit:g} s")
        if self.error is None:
            self.error = error
            if 0 not in self._loop.log.ended:  # main's
                self._ended_by = source.in_words(error)

    def _raise_inside(self) -> None:
        """End a step that holds the thread: an exception is raised in there at its next line."""
        import ctypes  # loaded by the rare run that needs it

        thread = self._loop._thread_id or 0
        # Python would report what is raised in what it calls in a collection, and go on; and of a
        # step that makes much garbage, nothing else may be seen.
        reported = [getattr(called, "__code__", None) for called in gc.callbacks]
        with no_collection():
            for _ in range(_LOOKS):
                stack = traceback.walk_stack(sys._current_frames().get(thread))
                frames = [(frame.f_code, frame.f_globals.get("__name__")) for frame, _ in stack]
                if not any(c in reported or name in _OF_WEAK_REFERENCES for c, name in frames):
                    self._raised_at = perf_counter()
                    self._kept += self._loop.in_order()  # outside a step, the next may be lost
                    self._loop.broken_off = self._loop.log.held.get(self._loop.step)
                    stopped = ctypes.py_object(RunStopped)
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), stopped)
                    return
                sleep(_PATIENCE / _LOOKS)

    def _give_up(self) -> None:
        """Finish the run from outside; its thread turns no more."""
        if self._finishing.locked():  # by its thread
            return
        loop, self._given_up = self._loop, True
        # On a starved machine each step is long, but is not the one that was to be ended.
        held = loop.held_for() > _PATIENCE and loop.step in self._raised_in[-1:]
        loop.broken_off = loop.log.held.get(loop.step) if held else None
        self._fail(RunStopped())
        loop.note_what_is_left(self.error, refused=not held)
        # A thread that comes back from where it was held has time, and steps, to tidy up.
        loop.limit = loop.most = len(loop.steps) // FIELDS + _STEPS_TO_END
        loop.end_with(loop.call_later, _LEAVE_AFTER * held, setattr, loop, "halt", RunStopped())
        self._finish()

    def _trace(self, log: Log) -> Trace:
        loop, known = self._loop, {"clock": self.clock, "unit": self.unit, "result": self._result}
        return build_trace(log, loop.jobs, loop.stamp(), ended_by=self._ended_by, **known)

    def _trace_at_end(self) -> Trace:
        """The trace; the error that ended the run carries it, and says where the run stood."""
        loop, error = self._loop, self.error
        trace = self._trace(loop.log)
        if error is None:
            return trace
        if isinstance(error, RunError) or self._given_up:
            stands, end = ("waits", ".") if isinstance(error, Deadlock) else ("is", ";")
            if isinstance(error, RunTooLong | asyncio.CancelledError):
                end = f" and did not end{end}"
            left = [task for task in loop.in_order() if task.recorded_as in trace.by_id]
            names = [f"`{trace.by_id[task.recorded_as].name}` {stands} at " for task in left]
            places = map(source.describe, map(source.suspended, left[:6]))  # all would be long
            where = [a + b for a, b in zip_longest(names, places, fillvalue="")]
            if loop.broken_off:
                where = [f"a step held the loop at {source.describe(loop.broken_off[1])}"]
            held = [*loop.thread_work.held()]
            words = listing(where + held, most=5, what="other tasks") or "no task is left"
            if held or (loop.broken_off and self._given_up):
                words += ": its thread could not be ended"
            error.args = (f"{error}{end} {words}",)
        own = error.__traceback__
        while own and not source.of_users(own.tb_frame.f_code.co_filename):
            own = own.tb_next
        carry(error.with_traceback(own or error.__traceback__), trace)  # it begins in the program
        return trace

    def _in_thread(self) -> None:
        """The whole run: main to its end, all that it left behind, and the trace."""
        self._loop = loop = _LOOPS[self.clock]()
        loop.prepare(self.max_steps, self._ends_at)
        if self.clock == "virtual":  # on the real one, prints are looked at as they come
            self._prints, loop.unit = standins.Prints(), self.unit
        self._ready.set()
        try:
            watched = lines.watch(loop, self.coro) if self.lines else contextlib.nullcontext()
            with standins.watch(loop.log), watched:
                self._run_main(loop)
                self._end_the_rest(loop)
        except BaseException as error:  # nothing may keep the one who waits from being told
            self._fail(error)
        try:
            loop.note_what_is_left(self.error, refused=isinstance(self.error, RunError))
            self._kept.clear()
            loop.close()  # before anybody is told: who goes on finds nothing left
        finally:
            self._finish()

    def _finish(self) -> None:
        """Tell who waits: the run's thread does it, or who gives the run up."""
        with self._finishing:
            self._loop.thread_work.let_go()
            if not self.finished.done():
                endless = self._told_at < math.inf or self._in_time
                try:
                    if self._prints:
                        self._prints.end(cut=endless and not isinstance(self.error, Deadlock))
                    self.finished.set_result(self._trace_at_error or self._trace_at_end())
                except BaseException as error:
                    self.finished.set_exception(error)

    def _run_main(self, loop: RecordingLoop) -> None:
        main = loop.create_task(self.coro)
        # Not an infinite one: it would change the order in which equal timers stand in the heap.
        timer = loop.call_later(self.until, self._end_in_time) if self.until < math.inf else None
        try:
            self._result = loop.run_until_complete(main)
        except BaseException as error:
            if main.done() or not self._in_time:
                self._fail(error)
        finally:
            if timer:
                timer.cancel()
            if not (self._stopped or self._in_time):
                loop.log.askers[OUTSIDE] = MAIN_RETURN

    def _end_in_time(self) -> None:
        """End the run at the moment `until`; what is cancelled then was cancelled by the time."""
        self._in_time = True
        self._loop.log.askers[OUTSIDE] = DEADLINE
        self._loop.stop()

    def _end_the_rest(self, loop: RecordingLoop) -> None:
        """Cancel and await what is left, as `asyncio.run` does, and wait for threads' jobs."""
        if self._given_up and loop.halt:
            return
        self._kept = left = loop.in_order()
        if not (self._stopped or self._in_time):
            loop.log.left |= {task.recorded_as: source.suspended(task) for task in left}
        if isinstance(self.error, RunError):  # what follows is not of the program's making
            with self._finishing:
                self._trace_at_error = self._trace_at_end()
            self._told_at = perf_counter()
        loop.halt, loop.ends_at = None, math.inf
        loop.limit = loop.most = len(loop.steps) // FIELDS + _STEPS_TO_END + len(left) * PER_TASK
        loop.cancel_all()
        _run_until_done(loop, left)
        if loop._asyncgens:  # type: ignore[attr-defined]
            loop.log.hidden.add(len(loop.log.spawns))
            _run_until_done(loop, [loop.create_task(loop.shutdown_asyncgens())])
        if self._told_at == math.inf:
            jobs = loop.thread_work.unfinished()
            _run_until_done(loop, [asyncio.wrap_future(job, loop=loop) for job in jobs])


def _run_until_done(loop: RecordingLoop, awaited: list[asyncio.Future[Any]]) -> None:
    """Run the loop until all are done, without a task of its own in the picture."""
    for future in awaited:
        if not future.done():  # or the loop would be told to stop when it runs for another
            future.add_done_callback(lambda _: loop.stop())
        while not future.done():
            loop.run_forever()
