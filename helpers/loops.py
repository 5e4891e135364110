"""The two loops that a run is recorded on: one on virtual time, one on real time."""

from __future__ import annotations

import asyncio
import heapq
import sys
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from typing import Any

from helpers import places
from helpers.clock import VirtualLoop
from helpers.errors import RunTooLong
from helpers.runlog import FIELDS, IO, OUTSIDE, PLUMBING, THREAD, USER, End, Log, is_plumbing, name_of
from helpers.stamps import (
    RecordedTask,
    StampedHandle,
    StampedTimer,
    VirtualHandle,
    VirtualTimer,
)
from helpers.threadwork import Ledger, Work, current_work


class StampingLoop(asyncio.BaseEventLoop):
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
        self.limit = limit
        self.halt = ""  # set from another thread, in words: raised as RunTooLong at the next turn
        self.raised: list[weakref.ref[asyncio.Task[Any]]] = []
        self.step = OUTSIDE
        self.step_began = self.turn_began = self.waited_from = self.stamp()
        self.wall_began = time.perf_counter()
        self.origin = self.stamp()

    # -- what the loop makes -------------------------------------------------------------------

    def maker(self) -> int:
        """Who acts now: the step that runs, or the work of the calling thread."""
        if self._thread_id in (None, threading.get_ident()):  # type: ignore[attr-defined]
            return self.step
        work = current_work()
        return THREAD - (work.number if work is not None else 0)

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """As asyncio's, with a stamped handle."""
        self._check_closed()  # type: ignore[attr-defined]
        if self._debug:  # type: ignore[attr-defined]
            self._check_thread()  # type: ignore[attr-defined]
            self._check_callback(callback, "call_soon")  # type: ignore[attr-defined]
        handle = self.handle_class(callback, args, self, context, self.step)
        self._ready.append(handle)
        return handle

    def make_handle(
        self, callback: Callable[..., Any], args: tuple[Any, ...], context: Context | None
    ) -> asyncio.Handle:
        """A stamped handle for a callback that another thread sends."""
        return self.handle_class(callback, args, self, context, self.maker())

    def call_at(  # type: ignore[override]
        self,
        when: float,
        callback: Callable[..., Any],
        *args: Any,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """As asyncio's, with a stamped timer."""
        if when is None:
            raise TypeError("when cannot be None")
        self._check_closed()  # type: ignore[attr-defined]
        timer: Any = self.timer_class(when, callback, args, self, context)
        heapq.heappush(self._scheduled, timer)
        timer._scheduled = True
        return timer  # type: ignore[no-any-return]

    def create_task(self, coro: Any, **options: Any) -> Any:
        """As asyncio's, with a task that is numbered and that notes who cancels it."""
        self._check_closed()  # type: ignore[attr-defined]
        spawns = self.log.spawns
        number = len(spawns)
        parent = getattr(asyncio.current_task(self), "number", None)
        began = self.stamp()
        code = getattr(coro, "cr_code", None) or getattr(coro, "__name__", "awaitable")
        spawns.append((options.get("name"), parent, began, code))
        try:
            if self._task_factory is None:  # type: ignore[attr-defined]
                task: Any = RecordedTask(coro, loop=self, **options)
            else:
                task = super().create_task(coro, **options)
        except BaseException:
            del spawns[number:]
            raise
        task.number = number
        if self._task_factory is not None or options.get("eager_start"):  # type: ignore[attr-defined]
            self._note_eager(task, number, began)
        return task

    def _note_eager(self, task: Any, number: int, began: float) -> None:
        """Note the first poll of a task that began inside its creator's step."""
        coro = task.get_coro()
        if task.done() or coro is None or getattr(coro, "cr_await", None) is not None:
            end = self.stamp()
            self.log.eager.append((number, began, end))
            if task.done():
                self.task_ended(number, task, end)

    def owner_of(self, callback: Any, task: Any) -> int:
        """Whose step it is when the callback is no numbered task's."""
        if isinstance(task, asyncio.Future) and hasattr(task, "get_coro"):
            # Made past create_task, as by asyncio.Task(coro): numbered when it is first seen.
            coro: Any = task.get_coro()
            code = getattr(coro, "cr_code", None) or getattr(coro, "__name__", "awaitable")
            task.number = number = len(self.log.spawns)  # type: ignore[attr-defined]
            self.log.spawns.append((None, None, self.step_began, code))
            return number
        if callback is None or is_plumbing(callback):
            return PLUMBING
        self.log.callbacks.append(name_of(callback))
        return USER - (len(self.log.callbacks) - 1)

    # -- what happens --------------------------------------------------------------------------

    def task_ended(self, number: int, task: Any, time: float) -> None:
        """Note how a task ended."""
        outcome, error = "returned", ""
        if task.cancelled():
            outcome = "cancelled"
        elif (raised := task._exception) is not None:
            outcome, error = "raised", f"{type(raised).__name__}: {raised}".removesuffix(": ")
            self.raised.append(weakref.ref(task))
        elif task.cancelling():
            self.log.refused.add(number)
        self.log.ends[number] = End(time, outcome, task.get_name(), error)

    def _process_events(self, event_list: Any) -> None:
        """Called once per turn, after the wait: the place to stamp the turn and keep limits."""
        steps = self.log.steps
        self.waited_from = steps[-2] if steps else self.origin
        self.turn_began = self.stamp()
        if self.halt:
            why, self.halt = self.halt, ""
            raise RunTooLong(f"{why}; {still_going(self)}")
        if len(steps) > self.limit * FIELDS:
            taken, self.limit = len(steps) // FIELDS, float("inf")
            raise RunTooLong(f"the run took {taken} steps and did not end; {still_going(self)}")
        super()._process_events(event_list)  # type: ignore[misc]

    def note_busy(self, seconds: float, work: Work | None) -> None:
        """Note the line from which a step, or a thread's work, is `busy`."""
        if work is None and self.step != OUTSIDE and self.step not in self.log.lines:
            place = places.of_frame(sys._getframe(2))
            if place is not None:
                self.log.lines[self.step] = place

    def look(self, after: float) -> None:
        """Called from another thread: note the line that a step holds the loop at."""
        step = self.step
        if step in self.log.lines or self.held_for() < after:
            return
        frame = sys._current_frames().get(self._thread_id)  # type: ignore[attr-defined]
        place = places.of_frame(frame)
        if place is not None and step == self.step:
            self.log.lines[step] = place

    def held_for(self) -> float:
        """Real seconds for which the step that runs now has held the loop; 0 if none runs."""
        began = self.wall_began if self.is_virtual else self.step_began
        return 0.0 if self.step == OUTSIDE else time.perf_counter() - began

    def note_what_is_left(self) -> None:
        """At the end: note exceptions nobody retrieved, and tasks that would not end."""
        for ref in self.raised:
            task: Any = ref()
            if task is not None and task._log_traceback:
                self.log.unretrieved.add(task.number)
                task._log_traceback = False
        self.raised.clear()
        for task in asyncio.all_tasks(self):
            self.log.names[task.number] = task.get_name()  # type: ignore[attr-defined]
            self.log.left.setdefault(task.number, places.waiting(task))  # type: ignore[attr-defined]
            task._log_destroy_pending = False  # type: ignore[attr-defined]

    is_virtual = False

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Note what asyncio would log of a task; the rest is handled as asyncio does."""
        task = context.get("task")
        number = getattr(task, "number", None)
        if number is None:
            super().call_exception_handler(context)
        elif "exception" in context:
            self.log.unretrieved.add(number)
        else:
            self.log.vanished[number] = self.stamp()


class VirtualRecordingLoop(StampingLoop, VirtualLoop):
    """The virtual clock's loop, recorded."""

    handle_class = VirtualHandle
    timer_class = VirtualTimer
    stamp = VirtualLoop.stamp
    call_soon_threadsafe = VirtualLoop.call_soon_threadsafe
    is_virtual = True


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

    def time(self) -> float:
        """Seconds of the system's finest clock, from a start of its own."""
        return time.perf_counter()

    def call_soon_threadsafe(  # type: ignore[override]
        self, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """As asyncio's, with a stamped handle that says from which thread's work it came."""
        self._check_closed()  # type: ignore[attr-defined]
        handle = self.make_handle(callback, args, context)
        self._ready.append(handle)
        self._write_to_self()  # type: ignore[attr-defined]
        return handle

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """As asyncio's; the work gets a lane of its own."""
        self._check_closed()  # type: ignore[attr-defined]
        if executor is None:
            if self._default_executor is None:  # type: ignore[has-type]
                self._default_executor = ThreadPoolExecutor(thread_name_prefix="helper")
            executor = self._default_executor
        return self.ledger.hand_over(self, executor, func, args)

    def _add_callback(self, handle: Any) -> None:
        """A socket is ready: a fresh stamped handle runs the one that is kept for it."""
        if not handle._cancelled:
            self._ready.append(
                StampedHandle(handle._callback, handle._args, self, handle._context, IO)
            )


def still_going(loop: asyncio.AbstractEventLoop) -> str:
    """The tasks that have not ended and the lines they stand at, in words."""
    tasks = sorted(asyncio.all_tasks(loop), key=lambda task: getattr(task, "number", 0))
    each = [f"`{places.called(task)}` is at {places.waiting(task)}" for task in tasks[:5]]
    more = [f"and {len(tasks) - 5} more"] if len(tasks) > 5 else []
    return "; ".join(each + more) or "no task is left"
