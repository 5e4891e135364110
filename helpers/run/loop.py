"""The loops that a run is recorded on: one on virtual time, one on real time.

`RecordingLoop` is what they share. It makes the handles and tasks that write the `Log`, and can be
looked at from another thread while it runs.
"""

from __future__ import annotations

import asyncio
import heapq
import sys
import threading
import time
import weakref
from collections.abc import Callable
from contextvars import Context
from types import FunctionType, MethodType
from typing import Any

from helpers.run import source
from helpers.run.clock import VirtualLoop
from helpers.run.errors import RunTooLong
from helpers.run.handles import (
    FIELDS,
    IO,
    LOOK_AFTER,
    OUTSIDE,
    PLUMBING,
    THREAD,
    USER,
    Log,
    RecordedHandle,
    RecordedTask,
    RecordedTimer,
    VirtualHandle,
    VirtualTimer,
)
from helpers.run.source import Args, Callback
from helpers.run.threads import Job, ThreadWork, current_job
from helpers.text import listing

# A slow step of the virtual clock computed if it used more than this share of its time on the CPU.
_HARDLY = 0.1
# Computing is let pass, up to this many seconds.
_REALLY_COMPUTED = 1.0
# A browser's Python has no thread_time.
_cpu_time = getattr(time, "thread_time", time.process_time)

# What asyncio.timeout sets its timer to call.
_TIMEOUT = asyncio.Timeout._on_timeout.__code__
_blank: Any = RecordedTask.__new__


class RecordingLoop(asyncio.BaseEventLoop):
    """What makes an event loop write a `Log`: mixed in front of a loop's own class.

    `stamp()` is the moment in the loop's seconds. After `limit` steps the run is ended with
    `RunTooLong`; so it is when another thread sets `halt`.
    """

    handle_class: type[RecordedHandle] = RecordedHandle
    timer_class: type[RecordedTimer] = RecordedTimer
    is_virtual = False
    thread_work: ThreadWork
    stamp: Callable[[], float]
    halt = ""  # set from another thread, in words: raised as RunTooLong at the next turn
    broken_off: source.Place | None = None  # the line of a step that was ended by force
    _ready: Any
    _scheduled: list[Any]

    def prepare(self, limit: float) -> None:
        """Make the loop ready to record."""
        self.at = self.turn_began = self.waited_from = self.stamp()  # `at`: the running step began
        self.log = Log(self.at)
        self.steps = self.log.steps
        self.limit = limit
        self.raised: list[weakref.ref[asyncio.Task[Any]]] = []  # their errors may be retrieved yet
        self.in_timer = False  # a sleep's timer runs: its future is set, nothing of the program's
        self.step = OUTSIDE  # the offset in the log of the step that runs
        self.wall_began = time.perf_counter()  # when it began on the real clock
        self.ask_cpu_time(self.wall_began)
        self._plumbing: dict[Any, bool] = {}

    def waker(self) -> int:
        """Who acts now: the step that runs, or the job of the calling thread."""
        job = current_job()
        if job is not None and job.loop is self:
            return THREAD - job.number
        return self.step if self._thread_id in (None, threading.get_ident()) else THREAD

    def call_soon(
        self, callback: Callback, *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """As asyncio's, with a recorded handle."""
        if self._closed or self._debug:
            self._check_closed()
            self._check_thread()
            self._check_callback(callback, "call_soon")
        handle = self.handle_class(callback, args, self, context, self.step)
        self._ready.append(handle)
        return handle

    def make_handle(
        self, callback: Callback, args: Args, context: Context | None
    ) -> asyncio.Handle:
        """A recorded handle for a callback that another thread sends."""
        return self.handle_class(callback, args, self, context, self.waker())

    def _call_soon(self, callback: Callback, args: Args, context: Context | None) -> asyncio.Handle:
        """What `call_soon_threadsafe` of the system's loop calls."""
        handle = self.make_handle(callback, args, context)
        self._ready.append(handle)
        return handle

    def call_first(self, callback: Callable[[], Any]) -> None:
        """From another thread: call something before all that is ready, however much that is."""
        self._ready.appendleft(self.make_handle(callback, (), None))
        self._write_to_self()

    def call_at(
        self, when: float, callback: Callback, *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """As asyncio's, with a recorded timer."""
        if self._closed:
            self._check_closed()
        timer: Any = self.timer_class(when, callback, args, self, context)
        heapq.heappush(self._scheduled, timer)
        timer._scheduled = True
        return timer

    def call_later(
        self, delay: float, callback: Callback, *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """As asyncio's, with a recorded timer; every sleep calls it, so it repeats `call_at`."""
        if self._closed:
            self._check_closed()
        timer: Any = self.timer_class(self.time() + delay, callback, args, self, context)
        heapq.heappush(self._scheduled, timer)
        timer._scheduled = True
        return timer

    def create_task(
        self, coro: Any, *, name: Any = None, context: Context | None = None, **options: Any
    ) -> Any:
        """As asyncio's, with a task that is numbered and that notes who cancels it."""
        if self._closed:
            self._check_closed()
        spawns = self.log.spawns
        number = len(spawns)
        if name is not None:
            self.log.names[number] = str(name)
        if self._task_factory is not None or options:
            return self._create_foreign(coro, number, name=name, context=context, **options)
        spawns.append(source.code_of(coro))
        task = _blank(RecordedTask)
        task.recorded_as = number  # before asyncio puts it into a set
        task.__init__(coro, loop=self, name=name, context=context)
        return task

    def _create_foreign(self, coro: Any, number: int, **options: Any) -> Any:
        """Make a task by the program's own factory, or one that begins in its creator's step."""
        began = self.stamp()
        self.log.spawns.append(source.code_of(coro))
        if self._task_factory is None:
            task: Any = _blank(RecordedTask)
            task.recorded_as = number
            task.__init__(coro, loop=self, **options)
        else:
            given = {key: value for key, value in options.items() if value is not None}
            task = super().create_task(coro, **given)
            self.log.foreign[number] = weakref.ref(task)
        task.recorded_as = number
        if task.done() or getattr(coro, "cr_await", None) is not None:
            self.log.eager.append((number, self.step, began, self.stamp()))
            if task.done():
                self.look_at(number, task, self.step)
                if number in self.log.foreign and number not in self.log.errors:
                    # Kept until `asyncio.create_task` (up to 3.12) has named it.
                    self.log.foreign[number] = lambda: task
        return task

    def _process_events(self, event_list: Any) -> None:
        """Called once per turn, after the wait: the place to stamp the turn and keep limits."""
        steps = self.steps
        self.waited_from = self.at
        self.at = self.turn_began = self.stamp()
        if self.halt:
            raise RunTooLong(self.why_halted())
        if len(steps) > self.limit * FIELDS:
            taken, self.limit = len(steps) // FIELDS, float("inf")
            raise RunTooLong(f"the run took {taken} steps and did not end; {self.still_going()}")
        super()._process_events(event_list)

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Note what asyncio would log of a task; the rest is handled as asyncio does."""
        task = context.get("task") or context.get("future")
        number = getattr(task, "recorded_as", None) if asyncio.isfuture(task) else None
        if number is None:
            super().call_exception_handler(context)
        elif "exception" in context:
            self.log.unretrieved.add(number)
        else:
            self.log.vanished[number] = self.stamp()

    def number(self, task: Any) -> int:
        """A task's number; one made past create_task, as by asyncio.Task(coro), gets it here."""
        if not hasattr(task, "recorded_as"):
            task.recorded_as = len(self.log.spawns)
            self.log.spawns.append(source.code_of(task.get_coro()))
        number: int = task.recorded_as
        return number

    def owner_of(self, callback: Any) -> int:
        """Whose step it is when the callback is no task's own step or wake-up."""
        # One for all closures of a function. Any other object may answer anything.
        code = callback.__code__ if type(callback) in (FunctionType, MethodType) else None
        plumbing = self._plumbing.get(code)
        if plumbing is None:
            plumbing = source.is_plumbing(callback)
            if code is not None:
                self._plumbing[code] = plumbing
        if plumbing:
            if code is _TIMEOUT:
                self.log.deadlines.add(len(self.steps))
            return PLUMBING
        self.log.callbacks.append(source.name_of(callback))
        return USER - (len(self.log.callbacks) - 1)

    def look_at(self, number: int, task: Any, step: int) -> None:
        """After a step of a task that has ended with it, or that took long: note which."""
        if task.done() and number in self.log.foreign:
            self.log.names[number] = task.get_name()
        if not task.done():
            self.log.suspended[step] = source.suspended(task)
        elif task.cancelled():
            self.log.cancelled.append(number)
        elif (error := task._exception) is None:
            self.log.returned.append(number)
            if task.cancelling():
                self.log.refused.add(number)
        else:
            self.log.errors[number] = source.in_words(error)
            self.raised.append(weakref.ref(task))

    def ask_cpu_time(self, now: float) -> None:
        """Note how long the thread has computed; `now` is the moment on the real clock."""
        self.cpu_asked_at, self.cpu_time = now, _cpu_time()

    def note_wall(self, step: int, took: float) -> None:
        """After a step of the virtual clock that took long: note it if it blocked or computed.

        On a busy machine it may also have waited for a CPU or for Python's lock; one that did so
        and computed less than a tenth of the time is taken for a blocking one.
        """
        computed = _cpu_time() - self.cpu_time
        if computed >= _REALLY_COMPUTED or computed < _HARDLY * took:
            self.log.wall[step] = took

    def note_busy(self, job: Job | None) -> None:
        """Note the line from which a step is `busy`; a job has no line."""
        if job is None and self.step != OUTSIDE and self.step not in self.log.lines:
            place = source.of_frame(sys._getframe(2))
            if place is not None:
                self.log.lines[self.step] = place

    def look(self) -> None:
        """From another thread: note the line at which a step that is long by now holds the loop."""
        step = self.step
        if step in self.log.lines or self.held_for() < LOOK_AFTER:
            return
        place = source.of_frame(sys._current_frames().get(self._thread_id))
        if place is not None and step == self.step:
            self.log.lines[step] = place

    def held_for(self) -> float:
        """Real seconds for which the step that runs now has held the loop; 0 if none runs."""
        began = self.wall_began if self.is_virtual else self.at
        return 0.0 if self.step == OUTSIDE else time.perf_counter() - began

    def why_halted(self) -> str:
        """Why the run was ended from outside, and where it stood; told once."""
        why, self.halt = self.halt, ""
        if self.broken_off is not None:
            return f"{why}; a step held the loop at {source.describe(self.broken_off)}"
        return f"{why}; {self.still_going()}"

    def cancel_all(self) -> None:
        """Ask every task to stop, in the name of whoever stopped the run."""
        self.step = OUTSIDE  # not the step of the callback that calls this
        for task in asyncio.all_tasks(self):
            task.cancel()

    def still_going(self) -> str:
        """The tasks that have not ended and the lines they stand at, in words."""
        each = [f"`{source.called(task)}` is at {source.waiting(task)}" for task in self.in_order()]
        return listing(each, most=5, what="other tasks") or "no task is left"

    def in_order(self) -> list[Any]:
        """The tasks that have not ended, in the order of their spawns."""
        return sorted(asyncio.all_tasks(self), key=self.number)

    def note_what_is_left(self) -> None:
        """At the end: note exceptions nobody retrieved, and tasks that would not end."""
        for ref in self.raised:
            task: Any = ref()
            if task is not None and task._log_traceback:
                self.log.unretrieved.add(task.recorded_as)
                task._log_traceback = False
        self.raised.clear()
        for task in self.in_order():
            self.log.left.setdefault(task.recorded_as, source.waiting(task))
            task._log_destroy_pending = False


class VirtualRecordingLoop(RecordingLoop, VirtualLoop):
    """The virtual clock's loop, recorded."""

    handle_class = VirtualHandle
    timer_class = VirtualTimer
    is_virtual = True


class RealRecordingLoop(RecordingLoop, asyncio.SelectorEventLoop):
    """The system's own selector loop on the real clock, recorded.

    Its time is `time.perf_counter`, finer than the monotonic clock on some systems. On Windows it
    is the selector loop too, so a recorded run starts no subprocesses there.
    """

    time = stamp = staticmethod(time.perf_counter)

    def __init__(self) -> None:
        """Make the loop."""
        super().__init__()
        self.thread_work = ThreadWork()

    def run_in_executor(self, executor: Any, func: Callback, *args: Any) -> asyncio.Future[Any]:
        """As asyncio's; the job gets a lane of its own."""
        self._check_closed()
        return self.thread_work.submit(self, executor, func, args)

    def _add_callback(self, handle: Any) -> None:
        """A socket is ready: a fresh recorded handle runs the one that is kept for it."""
        if not handle._cancelled:
            self._ready.append(
                RecordedHandle(handle._callback, handle._args, self, handle._context, IO)
            )
