"""The loops that a run is recorded on: one on virtual time, one on real time."""

import asyncio
import contextlib
import gc
import heapq
import math
import re
import sys
import threading
import weakref
from collections.abc import Callable
from itertools import count
from time import perf_counter
from types import FrameType, MethodType
from typing import Any, NoReturn

from helpers.run import handles, source
from helpers.run.clock import VirtualLoop
from helpers.run.errors import THREAD_OF_ITS_OWN, RunStopped, RunTooLong, explain
from helpers.run.handles import FIELDS, OUTSIDE, PAUSE, RecordedHandle, RecordedTask, RecordedTimer
from helpers.run.source import Args, Callback, InContext
from helpers.run.threads import ThreadWork, cpu_time, cpu_used, current_job, set_aside
from helpers.task import DEADLINE, GROUP, Outcome

# What asyncio calls when a timeout is over, and when a task of a group ends.
_TIMEOUT, _GROUP = asyncio.Timeout._on_timeout, asyncio.TaskGroup._on_task_done
# How asyncio's messages end that tell what became of a task: a kind of finding each.
_AT_THE_END = "unhandled exception during asyncio.run() shutdown"
_TOLD = {"was destroyed but it is pending!": "vanished", _AT_THE_END: "never_retrieved"}
_TOLD |= dict.fromkeys(("was never retrieved", "is already completed"), "never_retrieved")
_FAULT = re.compile("Unclosed|xception|rror")  # in what is told of no task
_blank: Any = RecordedTask.__new__
_BaseEventLoop = asyncio.BaseEventLoop
# A run may take so many steps, and each task some of its own, but no more than the most.
SPARE_STEPS, PER_TASK, MAX_STEPS = 100_000, 3, 1_000_000


class RecordingLoop(asyncio.BaseEventLoop):
    """What makes an event loop write a `Log`: mixed in front of a loop's own class."""

    handle_class = RecordedHandle
    timer_class = RecordedTimer
    thread_work: ThreadWork
    stamp: Callable[[], float]  # the moment in the loop's seconds; the loop's own, found sooner
    halt: BaseException | None = None  # set from another thread: raised at the next turn
    passes_request_on = False  # asyncio cancels a task that is recorded
    broken_off: tuple[str, source.Place] | None = None  # where a step was ended by force

    def prepare(self, limit: int | None, ends_at: float = math.inf) -> None:
        """Make the loop ready to record so many steps, by default what its tasks may need."""
        self.at = self.turn_began = self.waited_from = self.stamp()  # `at`: the running step began
        self.log = handles.Log(self.at)
        self.steps = self.log.steps
        self.jobs = self.thread_work.jobs
        self.cpu_used = cpu_used()
        self.collects_since = math.inf, math.inf
        gc.callbacks.append(self._note_collection)
        self.auto_names = count(1)  # each run's own, as a fresh interpreter's
        self.limit: float = limit or SPARE_STEPS  # where the number of steps is looked at next
        self.most: float = limit or MAX_STEPS
        self.ends_at = ends_at  # to halt by itself, on the real clock: no other thread can say so
        self.raised: list[weakref.ref[asyncio.Task[Any]]] = []  # their errors may be retrieved yet
        self.step_class: type | None = None  # of what a task hands over as its step, once seen
        self.sleep_over: float | None = None  # since when, while a sleep's timer sets its future
        self.step = OUTSIDE  # the offset in the log of the step that runs
        self.wall_began = self.cpu_asked_at = -math.inf  # when it began on the real clock

    # nest_asyncio leaves this class alone, and may have swapped these in that of a kernel's loop.
    _nest_patched = True
    run_until_complete = _BaseEventLoop.run_until_complete
    _run_once = _BaseEventLoop._run_once

    def _check_running(self) -> None:
        if self._thread_id != threading.get_ident() or not hasattr(asyncio, "_nest_patched"):
            _BaseEventLoop._check_running(self)

    def run_forever(self) -> None:
        """As asyncio's; where nest_asyncio is applied, also inside a step, which it cuts in two."""
        self._check_running()
        outer, ready, task = self._thread_id, len(self._ready), asyncio.current_task(self)
        if outer is None:
            _BaseEventLoop.run_forever(self)
            return
        owner = self.number(task) if task else handles.PLUMBING
        self.log.noticed.add((owner, "nested"))
        self.steps += (self.at, OUTSIDE, self.at, self.stamp(), owner)
        self.at, self._thread_id = self.stamp(), None
        try:
            with set_aside():
                _BaseEventLoop.run_forever(self)
        finally:
            self._thread_id, self.step = outer, len(self.steps)
            # The turn that goes on takes as many handles as were ready when it began.
            taken = asyncio.Handle(id, (), self)
            taken.cancel()
            self._ready.extend([taken] * (ready - len(self._ready)))

    def _note_collection(self, phase: str, _: Any) -> None:
        if self._thread_id == threading.get_ident():
            (began, used), self.collects_since = self.collects_since, (perf_counter(), cpu_time())
            now, computed = self.collects_since
            if phase == "stop":  # no step of the virtual clock is told to have held on for it
                self.wall_began += now - began
                self.cpu_used = (self.cpu_used[0] + computed - used, *self.cpu_used[1:])
                if self.stamp is perf_counter and now - began >= PAUSE:
                    self.log.pauses.append((began, now))

    def add_signal_handler(self, *_: Any) -> NoReturn:
        """Refused, with the error of a system whose loops have no signals."""
        raise NotImplementedError(THREAD_OF_ITS_OWN)

    def log_so_far(self) -> handles.Log:
        """The log as another thread sees it, with the step that runs and the tasks in the queue."""
        log, task, now = self.log.copy(), asyncio.current_task(self), self.stamp()
        if task is not None and self.step == len(log.steps):
            log.steps += (self.at, OUTSIDE, self.at, now, self.number(task))
        for handle in list(self._ready):
            queued = getattr(handle._callback, "__self__", None)
            if isinstance(queued, RecordedTask):
                log.queued[queued.recorded_as] = handle.created, handle.waker
        return log

    def waker(self) -> int:
        """Who acts now: the step that runs, or the job of the calling thread."""
        job = current_job()
        if job is not None and job.loop is self:
            return handles.THREAD - job.number
        return self.step if self._thread_id in (None, threading.get_ident()) else handles.THREAD

    def call_soon(self, callback: Callback, *args: Any, context: InContext = None) -> Any:
        """As asyncio's, with a recorded handle."""
        # A loop that is closed runs no step; one that runs none is called by other threads.
        if self.step == OUTSIDE or self._debug or self.jobs:
            if self._closed or self._debug:
                return super().call_soon(callback, *args, context=context)  # it calls _call_soon
            if self._thread_id not in (None, threading.get_ident()):
                return self._call_soon_from_elsewhere(callback, args, context)
        handle = self.handle_class(callback, args, self, context, self.step)
        self._ready.append(handle)
        return handle

    def _call_soon(self, callback: Callback, args: Args, context: InContext) -> asyncio.Handle:
        # What asyncio's `call_soon` and `call_soon_threadsafe` call.
        handle = self.handle_class(callback, args, self, context, self.waker())
        self._ready.append(handle)
        return handle

    def _call_soon_from_elsewhere(self, callback: Callback, args: Args, context: InContext) -> Any:
        """As plain asyncio does it: the loop is not woken, but it is noted who called."""
        job, place = current_job(), source.of_frame(sys._getframe(2))
        # The number in "Thread-7 (ring)" is chance.
        name = job.name if job else threading.current_thread().name.rpartition("(")[2].rstrip(")")
        told = "wrong_thread", name, source.describe(place) if place else ""
        if told not in self.log.told:
            self.log.told.append(told)
        handle: Any = self._call_soon(callback, args, context)
        handle.created = math.inf  # it is ready only when the loop sees it
        return handle

    def end_with(self, callback: Callback, *args: Any) -> None:
        """From another thread: let go of jobs, and call something before all that is ready."""
        self._ready.appendleft(self.handle_class(callback, args, self, None, self.waker()))
        self.thread_work.stop()
        self._write_to_self()

    def call_at(self, when: float, callback: Any, *args: Any, context: InContext = None) -> Any:
        """As asyncio's, with a recorded timer."""
        if when is None:
            raise TypeError("when cannot be None")
        if self._closed or self._debug:
            self._check_closed()
            self._check_thread()
            self._check_callback(callback, "call_at")
        timer: Any = self.timer_class(when, callback, args, self, context)
        heapq.heappush(self._scheduled, timer)
        return timer

    def call_later(self, delay: float, callback: Any, *args: Any, context: InContext = None) -> Any:
        """As asyncio's, with a recorded timer; every sleep calls it, so it repeats `call_at`."""
        if self._closed or self._debug:
            return self.call_at(self.time() + delay, callback, *args, context=context)
        timer: Any = self.timer_class(self.time() + delay, callback, args, self, context)
        heapq.heappush(self._scheduled, timer)
        return timer

    def run_in_executor(self, executor: Any, func: Callback, *args: Any) -> asyncio.Future[Any]:
        """As asyncio's, noted as a job; a virtual clock stands still until it is back."""
        self._check_closed()
        if self._debug:
            self._check_callback(func, "run_in_executor")
        if executor is None:
            self._check_default_executor()
        return self.thread_work.submit(self, executor, func, args)

    def create_task(self, coro: Any, **options: Any) -> Any:
        """As asyncio's, with a task that is numbered and that notes who cancels it."""
        if self._closed:
            self._check_closed()
        number = len(self.log.spawns)
        self.log.spawns.append(source.code_of(coro))
        # Either may begin the task inside its creator's step.
        may_begin = self._task_factory is not None or "eager_start" in options
        began = self.stamp() if may_begin else 0.0
        name = options.get("name")
        try:
            if self._task_factory is None:
                if name is None:
                    options["name"] = f"Task-{next(self.auto_names)}"
                task = _blank(RecordedTask)
                task.recorded_as = number  # before asyncio puts it into a set
                task.__init__(coro, loop=self, **options)
            else:
                task = super().create_task(coro, **options)
                task.recorded_as = number
                if name is None and getattr(task, "get_name", str)().startswith("Task-"):
                    task.set_name(f"Task-{next(self.auto_names)}")
                # One that is over is kept until `asyncio.create_task` (up to 3.12) has named it.
                self.log.foreign[number] = (lambda: task) if task.done() else weakref.ref(task)
        except Exception:  # there is no such task
            self.log.spawns[number] = ""
            self.log.hidden.add(number)
            raise
        if name is not None:
            self.log.names[number] = str(name)
        if may_begin and (task.done() or getattr(coro, "cr_await", None) is not None):
            self.log.eager.append((number, self.step, began, self.stamp()))
            if task.done():
                self.look_at(number, task, self.step)
        return task

    def _process_events(self, event_list: Any) -> None:
        """Called once per turn, after the wait: the place to stamp the turn and keep limits."""
        self.waited_from = self.at
        self.at = self.turn_began = self.stamp()
        if self.halt or (self.ends_at < math.inf and perf_counter() > self.ends_at):
            raise self.halt or RunStopped
        taken = len(self.steps) // FIELDS
        if taken > self.limit:
            self.limit = min(self.most, SPARE_STEPS + PER_TASK * len(self.log.spawns))
            if taken > self.limit:
                self.limit = math.inf
                raise RunTooLong(f"the run took {taken} steps")
        super()._process_events(event_list)

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Note what asyncio tells of a task, and do as asyncio does but for the message it logs."""
        task, message = context.get("task") or context.get("future"), str(context.get("message"))
        number = getattr(task, "recorded_as", None) if asyncio.isfuture(task) else None
        kinds = [kind for end, kind in _TOLD.items() if message.endswith(end)]
        if number is not None and kinds:
            # When the trace is made, a finding may say it already, but can be made no more.
            is_said = not self._closed or (number, kinds[0]) in self.log.noticed
            self.log.noticed.add((number, kinds[0]))
            self.log.vanished[number] = self.stamp()
            if is_said and self._exception_handler is None:
                return
        error, handle = context.get("exception"), context.get("handle")
        words = source.in_words(error) if error else ""
        if isinstance(handle, asyncio.Handle) and not source.is_plumbing(handle._callback):
            self.log.raised.setdefault(source.name_of(handle._callback), words)
        elif number is None and _FAULT.search(message):
            told = f"{message.partition(chr(10))[0]}: {words}".removesuffix(": ")
            self.log.told.append(("told", told, ""))
        super().call_exception_handler(context)

    def number(self, task: Any) -> int:
        """A task's number; one made past create_task, as by asyncio.Task(coro), gets it here."""
        if not hasattr(task, "recorded_as"):
            task.recorded_as = len(self.log.spawns)
            self.log.spawns.append(source.code_of(task.get_coro()))
            if source.AUTO_NAME.fullmatch(getattr(task, "get_name", str)()):
                task.set_name(f"Task-{next(self.auto_names)}")
        return task.recorded_as

    def owner_of(self, callback: Any) -> int:
        """Whose step it is when the callback is no task's own step or wake-up."""
        method = callback.__func__ if type(callback) is MethodType else None
        if method is _TIMEOUT:
            self.log.askers[len(self.steps)] = DEADLINE
        elif method is _GROUP:
            self.log.askers[len(self.steps)] = GROUP
            self.log.groups[len(self.steps)] = self.number(callback.__self__._parent_task)
        elif not source.is_plumbing(callback):
            known = self.log.callbacks
            return handles.USER - known.setdefault(source.name_of(callback), len(known))
        return handles.PLUMBING

    def look_at(self, number: int, task: Any, step: int) -> None:
        """After a step of a task that has ended with it, or that took long: note which."""
        log = self.log
        if not task.done():
            if place := source.suspended(task):
                log.held.setdefault(step, ("before", place))
            return
        log.ended.append(number)
        if number in log.foreign:
            log.names[number] = task.get_name()
        if task.cancelled():
            log.outcomes[number] = Outcome.CANCELLED, ""
        elif (error := task._exception) is None:
            if task.cancelling():
                log.noticed.add((number, "refused_cancel"))
        else:
            words = source.in_words(error)
            log.outcomes[number] = Outcome.RAISED, words
            explain(error, words)
            self.raised.append(weakref.ref(task))

    def note_line(self, step: int, frame: FrameType | None) -> None:
        """Note the line at which a step, if it is the one that runs, holds the loop."""
        if step not in self.log.held and (at := source.of_frame(frame)) and step == self.step:
            self.log.held[step] = "at", at

    def held_for(self) -> float:
        """Real seconds for which the step that runs now has held the loop; 0 if none runs."""
        began = self.wall_began if isinstance(self, VirtualLoop) else self.at
        return 0.0 if self.step == OUTSIDE else perf_counter() - began

    def cancel_all(self) -> None:
        """Ask every task to stop, in the name of whoever stopped the run."""
        self.step = OUTSIDE
        tasks = self.in_order()
        try:
            for task in tasks:
                task.cancel()
        except RecursionError:  # a chain is too long to be gone down: its last task ends it
            for task in tasks:
                if not hasattr(task._fut_waiter, "get_coro"):
                    task.cancel()

    def in_order(self) -> list[Any]:
        """The tasks that have not ended, in the order of their spawns."""
        return sorted(asyncio.all_tasks(self), key=self.number)

    def note_what_is_left(self, error: BaseException | None, *, refused: bool) -> None:
        """Note exceptions that nobody retrieved, but the caller's `error`, and tasks not ended.

        Those are kept for ever: a finalizer that refuses to end would hang Python.
        """
        for ref in self.raised:
            task: Any = ref()
            if task is not None and task._log_traceback:
                if task._exception is error:
                    task._log_traceback = False
                    continue
                self.log.noticed.add((task.recorded_as, "never_retrieved"))
                if task.recorded_as in self.log.left:  # as `asyncio.run` tells
                    told = {"message": _AT_THE_END, "exception": task.exception(), "task": task}
                    self.call_exception_handler(told)
        left = self.in_order()
        for task in left:
            self.log.left.setdefault(task.recorded_as, source.suspended(task))
            if refused:
                self.log.noticed.add((task.recorded_as, "refused_cancel"))
            task._log_destroy_pending = False
        if left:
            import ctypes  # loaded by the rare run that needs it

            ctypes.pythonapi.Py_IncRef(ctypes.py_object((self, left)))
        with contextlib.suppress(ValueError):  # of a run that was given up
            gc.callbacks.remove(self._note_collection)
        if isinstance(self, VirtualLoop) and self._now:
            self.log.told += [("wall_clock", *at) for at in source.clock_reads(self.log.spawns)]


class VirtualRecordingLoop(RecordingLoop, VirtualLoop):
    """The virtual clock's loop, recorded."""

    handle_class = handles.VirtualHandle
    timer_class = handles.VirtualTimer

    def call_soon_threadsafe(self, callback: Any, *args: Any, context: InContext = None) -> Any:
        """Like `call_soon`, from any thread. What a job sends waits for its turn."""
        self._check_closed()
        handle = self.handle_class(callback, args, self, context, self.waker())
        self.thread_work.send(handle, current_job())
        return handle

    async def shutdown_default_executor(self, timeout: Any = None) -> None:  # noqa: ASYNC109
        """As asyncio's, with no thread of its own, for which the clock would not wait."""
        self._executor_shutdown_called = True
        if (pool := self._default_executor) is not None:
            if jobs := self.thread_work.unfinished(pool):
                await asyncio.wait(map(asyncio.wrap_future, jobs), timeout=timeout)
            pool.shutdown(wait=False)


class RealRecordingLoop(RecordingLoop, asyncio.SelectorEventLoop):
    """The system's own selector loop, recorded; its clock is the finest, also on Windows."""

    time = staticmethod(perf_counter)

    def __init__(self, selector: Any = None) -> None:
        super().__init__(selector)
        self.stamp = self.time
        self.thread_work = ThreadWork()

    def _add_callback(self, handle: Any) -> None:
        """A socket is ready: a fresh recorded handle runs the one that is kept for it."""
        if not handle._cancelled:
            callback, args, context = handle._callback, handle._args, handle._context
            fresh = handles.KeptHandle(callback, args, self, context, handles.IO)
            fresh.kept = handle
            self._ready.append(fresh)
