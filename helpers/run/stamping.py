"""What makes an event loop write a `Log` of every step of every task."""

from __future__ import annotations

import asyncio
import heapq
import threading
import time
import weakref
from collections.abc import Callable
from contextvars import Context
from types import FunctionType, MethodType
from typing import Any

from helpers.run import source as places
from helpers.run.errors import RunTooLong
from helpers.run.handles import RecordedTask, StampedHandle, StampedTimer
from helpers.run.runlog import FIELDS, OUTSIDE, PLUMBING, THREAD, USER, Log, is_plumbing, name_of
from helpers.run.threads import Ledger, current_work
from helpers.run.watching import WatchedLoop

# What asyncio.timeout sets its timer to call.
_TIMEOUT = asyncio.Timeout._on_timeout.__code__
_blank: Any = RecordedTask.__new__


class StampingLoop(WatchedLoop):
    """What makes an event loop write a `Log`: mixed in front of a loop's own class.

    `stamp()` is the moment in the loop's seconds. After `limit` steps the run is ended with
    `RunTooLong`; so it is when another thread sets `halt`.
    """

    handle_class: type[StampedHandle] = StampedHandle
    timer_class: type[StampedTimer] = StampedTimer
    ledger: Ledger
    stamp: Callable[[], float]
    _ready: Any
    _scheduled: list[Any]

    def prepare(self, limit: float) -> None:
        """Make the loop ready to record."""
        self.log = Log()
        self.steps = self.log.steps
        self.limit = limit
        self.raised: list[weakref.ref[asyncio.Task[Any]]] = []
        self.in_timer = False  # a sleep's timer runs: its future is set, nothing of the program's
        self.step = OUTSIDE  # the offset in the log of the step that runs
        self.origin = self.at = self.turn_began = self.waited_from = self.stamp()
        self.wall_began = time.perf_counter()
        self._plumbing: dict[Any, bool] = {}

    def maker(self) -> int:
        """Who acts now: the step that runs, or the work of the calling thread."""
        work = current_work()
        if work is not None and work.loop is self:
            return THREAD - work.number
        return self.step if self._thread_id in (None, threading.get_ident()) else THREAD

    def call_soon(
        self, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """As asyncio's, with a stamped handle."""
        if self._closed or self._debug:
            self._check_closed()
            self._check_thread()
            self._check_callback(callback, "call_soon")
        handle = self.handle_class(callback, args, self, context, self.step)
        self._ready.append(handle)
        return handle

    def make_handle(
        self, callback: Callable[..., Any], args: tuple[Any, ...], context: Context | None
    ) -> asyncio.Handle:
        """A stamped handle for a callback that another thread sends."""
        return self.handle_class(callback, args, self, context, self.maker())

    def call_first(self, callback: Callable[[], Any]) -> None:
        """From another thread: call something before all that is ready, however much that is."""
        self._ready.appendleft(self.make_handle(callback, (), None))
        self._write_to_self()

    def call_at(
        self,
        when: float,
        callback: Callable[..., Any],
        *args: Any,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """As asyncio's, with a stamped timer."""
        if self._closed:
            self._check_closed()
        timer: Any = self.timer_class(when, callback, args, self, context)
        heapq.heappush(self._scheduled, timer)
        timer._scheduled = True
        return timer

    def call_later(
        self,
        delay: float,
        callback: Callable[..., Any],
        *args: Any,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """As asyncio's, with a stamped timer; every sleep calls it, so it does `call_at`'s work."""
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
        spawns.append(places.code_of(coro))
        task = _blank(RecordedTask)
        task.recorded_as = number  # before asyncio puts it into a set
        task.__init__(coro, loop=self, name=name, context=context)
        return task

    def _create_foreign(self, coro: Any, number: int, **options: Any) -> Any:
        """Make a task by the program's own factory, or one that begins in its creator's step."""
        spawns = self.log.spawns
        began = self.stamp()
        spawns.append(places.code_of(coro))
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
            end = self.stamp()
            self.log.eager.append((number, self.step, began, end))
            if task.done():
                self.look_at(number, task, self.step)
                self._hold(number, task)
        return task

    def _hold(self, number: int, task: Any) -> None:
        """Keep a task that is over before `asyncio.create_task` (up to 3.12) has named it."""
        if number in self.log.foreign and number not in self.log.errors:
            self.log.foreign[number] = lambda: task

    def owner_of(self, callback: Any) -> int:
        """Whose step it is when the callback is no task's own step or wake-up."""
        # One for all closures of a function. Any other object may answer anything.
        code = callback.__code__ if type(callback) in (FunctionType, MethodType) else None
        plumbing = self._plumbing.get(code)
        if plumbing is None:
            plumbing = is_plumbing(callback)
            if code is not None:
                self._plumbing[code] = plumbing
        if plumbing:
            if code is _TIMEOUT:
                self.log.deadlines.add(len(self.steps))
            return PLUMBING
        self.log.callbacks.append(name_of(callback))
        return USER - (len(self.log.callbacks) - 1)

    def look_at(self, number: int, task: Any, step: int) -> None:
        """After a step of a task that has ended with it, or that took long: note which."""
        if task.done() and number in self.log.foreign:
            self.log.names[number] = task.get_name()
        if not task.done():
            self.log.suspended[step] = places.suspended(task)
        elif task.cancelled():
            self.log.cancelled.append(number)
        elif (error := task._exception) is None:
            self.log.returned.append(number)
            if task.cancelling():
                self.log.refused.add(number)
        else:
            self.log.errors[number] = f"{type(error).__name__}: {error}".removesuffix(": ")
            self.raised.append(weakref.ref(task))

    def _process_events(self, event_list: Any) -> None:
        """Called once per turn, after the wait: the place to stamp the turn and keep limits."""
        steps = self.log.steps
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
