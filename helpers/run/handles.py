"""Handles, timers and tasks that stamp what happens to them, for a `StampingLoop`.

Nothing global is patched: the loop is the run's own, and what it makes are subclasses of asyncio's.
A handle knows when it was made and in which step; so who woke and who spawned whom follows from
the log after the run, at no cost while it runs.

This is the hot path of every recorded run, so it is written for speed: constructors set the slots
themselves instead of calling up, a step takes one look at the clock (it starts when the one before
it ended), and the log is a flat list.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextvars import Context, copy_context
from types import BuiltinFunctionType, MethodType
from typing import Any

from helpers.run.processor import Queue
from helpers.run.runlog import OUTSIDE, PLUMBING, TIMER, name_of

# A step longer than this is looked at: which line holds the loop? Half of asyncio's own limit for
# a slow callback, so that a step over the limit has been looked at.
LOOK_AFTER = 0.05
# Under the virtual clock nothing should take real time. A step that took this long, without the
# time when the system had no processor for it, and hardly computed has really blocked; so has one
# that computed for as long as the second limit. Others may have stood back for other threads.
REALLY_BLOCKED = 0.2
REALLY_COMPUTED = 1.0
_HARDLY = 0.1
_LOOKS_FOR_THE_LOCK = 0.01  # seconds at most: Python's own switch interval is half of it
_cpu_time = getattr(time, "thread_time", time.process_time)

# What asyncio.sleep sets its timer to call.
_END_OF_SLEEP = getattr(asyncio.futures, "_set_result_unless_cancelled", None)
# asyncio's task in C hands the loop a wrapper as its step and a builtin method as its wake-up; the
# task in Python hands over methods. Nothing else that is called is a step of a task.
_STEP, _WAKE_UP = "TaskStepMethWrapper", "task_wakeup"
_PYTHON_TASK: Any = vars(asyncio.tasks)["_PyTask"]
_PYTHON_STEPS = (_PYTHON_TASK._Task__step, _PYTHON_TASK._Task__wakeup)
_wrappers: set[type] = set()  # the wrapper's class, which has no public name, once it was seen


class RecordedTask(asyncio.Task):
    """A task that knows its number, notes who asks it to stop, and how it is called."""

    __slots__ = ("recorded_as",)

    def __hash__(self) -> int:
        """Its number, so that asyncio's sets of tasks have an order that is not chance."""
        return self.recorded_as

    def cancel(self, msg: Any = None) -> bool:
        """Ask the task to stop, and note by which step that was asked."""
        asked = super().cancel(msg)
        if asked:
            loop: Any = self.get_loop()
            loop.log.cancels.append((self.recorded_as, loop.stamp(), loop.maker()))
        return asked

    def set_name(self, value: object) -> None:
        """Name the task, and note the name: the task may be gone when it is needed."""
        super().set_name(value)
        loop: Any = self.get_loop()
        loop.log.names[self.recorded_as] = str(value)


def _run(self: Any) -> None:
    """Run a handle as one step, and write the step to the log."""
    loop = self._loop
    callback = self._callback
    kind = type(callback)
    if kind in _wrappers or (kind is BuiltinFunctionType and callback.__name__ == _WAKE_UP):
        task = callback.__self__
    else:
        task = _task_of(callback)
    if task is None:
        owner = loop.owner_of(callback)
    else:
        try:
            owner = task.recorded_as
        except AttributeError:
            owner = loop.number(task)
    steps = loop.steps
    loop.step = step = len(steps)
    try:
        self._context.run(callback, *self._args)
    except (SystemExit, KeyboardInterrupt):
        raise
    except BaseException as error:
        _report(self, loop, error)
    finally:
        start = loop.at
        loop.at = end = loop.stamp()
        loop.step = OUTSIDE
        steps += (self.made, self.maker, start, end, owner)
        if task is not None and (task.done() or end - start >= LOOK_AFTER):
            loop.look_at(owner, task, step)


def _task_of(callback: Any) -> Any:
    """The task whose step a callback is, or None; for what `_run` does not know by its class."""
    kind = type(callback)
    if kind.__name__ == _STEP:
        _wrappers.add(kind)
        return callback.__self__
    own = kind is MethodType and any(callback.__func__ is step for step in _PYTHON_STEPS)
    return callback.__self__ if own else None


def _report(handle: Any, loop: Any, error: BaseException) -> None:
    """Tell the loop's exception handler of a callback that raised, as asyncio does."""
    message = f"Exception in callback {name_of(handle._callback)}"
    loop.call_exception_handler({"message": message, "exception": error, "handle": handle})


class StampedHandle(asyncio.Handle):
    """A handle that notes when it was made, by which step, and when it ran."""

    __slots__ = ("made", "maker")

    def __init__(
        self,
        callback: Callable[..., Any],
        args: tuple[Any, ...],
        loop: Any,
        context: Context | None,
        maker: int,
    ) -> None:
        """Make the handle; it is ready from now on."""
        if loop._debug:
            super().__init__(callback, args, loop, context)
        else:
            self._context = copy_context() if context is None else context
            self._loop = loop
            self._callback = callback
            self._args = args
            self._cancelled = False
            self._repr = self._source_traceback = None
        # What the end of a sleep wakes was ready when the sleep was over: no look at the clock.
        self.made: float = loop.at if loop.in_timer else loop.stamp()
        self.maker = maker

    _run = _run


class StampedTimer(asyncio.TimerHandle):
    """A timer that is ready when it was due, also where the loop was held and saw it late."""

    __slots__ = ("made",)
    maker = TIMER

    def __init__(
        self,
        when: float,
        callback: Callable[..., Any],
        args: tuple[Any, ...],
        loop: Any,
        context: Context | None,
    ) -> None:
        """Make the timer; it is not yet set."""
        if loop._debug:
            super().__init__(when, callback, args, loop, context)
            return
        # What ends a sleep runs no code of the program's, so it needs no context of its own.
        plain = callback is _END_OF_SLEEP and context is None
        self._context = None if plain else copy_context() if context is None else context
        self._loop = loop
        self._callback = callback
        self._args = args
        self._cancelled = self._scheduled = False
        self._repr = self._source_traceback = None
        self._when = when

    # Timers are compared more often than anything else is done; see the class's one caller, heapq.
    def __lt__(self, other: Any) -> bool:
        """Which is due first. A loop's timers are all of this class."""
        return self._when < other._when

    __hash__ = asyncio.TimerHandle.__hash__

    def _run(self) -> None:
        loop = self._loop
        due = self._when
        # Late because a step held the loop: ready since it was due. Late because the system woke
        # an idle loop late: ready when the loop woke.
        self.made = made = due if due < loop.waited_from else loop.turn_began
        if self._context is not None:
            _run(self)
            return
        at, steps = loop.at, loop.steps
        loop.step = len(steps)
        loop.in_timer = True
        try:
            self._callback(*self._args)
        except Exception as error:
            _report(self, loop, error)
        finally:
            loop.in_timer = False
            loop.step = OUTSIDE
        steps += (made, TIMER, at, at, PLUMBING)


def _with_wall(run: Callable[[Any], None]) -> Callable[[Any], None]:
    """Note the steps that took real time although they stood on the virtual clock."""

    def run_and_look(self: Any) -> None:
        loop = self._loop
        step = len(loop.log.steps)
        loop.wall_began = began = time.perf_counter()
        computed, queue = _cpu_time(), loop.queue()
        run(self)
        took = time.perf_counter() - began
        if took >= REALLY_BLOCKED and _has_blocked(
            took, _cpu_time() - computed, queue, loop.queue()
        ):
            loop.log.wall[step] = took

    return run_and_look


def _has_blocked(took: float, computed: float, before: Queue, after: Queue) -> bool:
    """Whether a step that took so many seconds blocked by itself, or others held it up."""
    if computed >= REALLY_COMPUTED:
        return True
    queued = after.seconds - before.seconds
    own = took - queued
    if own < REALLY_BLOCKED or computed > _HARDLY * own:
        return False
    # Who waits for Python's lock looks for it every few milliseconds. Who does so on a busy machine
    # waits for a thread that has the lock and no processor.
    often = own - computed < _LOOKS_FOR_THE_LOCK * (after.turns - before.turns)
    return not (often and queued > _HARDLY * took)


class VirtualHandle(StampedHandle):
    """A stamped handle of the virtual clock, which also looks at the real one."""

    __slots__ = ()
    _run = _with_wall(StampedHandle._run)


class VirtualTimer(StampedTimer):
    """A stamped timer of the virtual clock, which also looks at the real one."""

    __slots__ = ()
    _run = _with_wall(StampedTimer._run)
