"""The raw log of a run, and the handles, timers and tasks of a `RecordingLoop`, which write it.

Nothing global is patched: the loop is the run's own, and what it makes are subclasses of asyncio's.
A handle knows when it was created and in which step; so who woke and who spawned whom follows from
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

from helpers.run.source import Args, Callback, Place, name_of

# Who woke a step: the offset in `Log.steps` of the step that created its handle, or one of these.
OUTSIDE, TIMER, IO, THREAD = -1, -2, -3, -4  # THREAD - n: the run's job number n
# Whose step it was: a task's number, or one of these. USER - n: the program's n-th callback.
PLUMBING, USER = -1, -2
# created, waker, start, end, owner: how many entries of the flat list a step takes.
FIELDS = 5

# The line that holds the loop is looked up during a step longer than this. Half of asyncio's own
# limit for a slow callback, so that a step over the limit has been looked at.
LOOK_AFTER = 0.05
# Under the virtual clock a step of this many real seconds is looked at: was it blocked?
REALLY_SLOW = 0.2
# A system may take microseconds to tell the thread's CPU time, so it is asked this often at most.
CPU_TIME_AGE = 0.01

# What asyncio.sleep sets its timer to call.
_END_OF_SLEEP = getattr(asyncio.futures, "_set_result_unless_cancelled", None)
# asyncio's task in C hands the loop a wrapper as its step and a builtin method as its wake-up; the
# task in Python hands over methods. Nothing else that is called is a step of a task.
_STEP, _WAKE_UP = "TaskStepMethWrapper", "task_wakeup"
_PYTHON_TASK: Any = vars(asyncio.tasks)["_PyTask"]
_PYTHON_STEPS = (_PYTHON_TASK._Task__step, _PYTHON_TASK._Task__wakeup)
_wrappers: set[type] = set()  # the wrapper's class, which has no public name, once it was seen


class Log:
    """What a run wrote down. Numbers are the tasks', in the order of their spawns.

    `origin` is the loop's moment at which the run began.
    """

    def __init__(self, origin: float) -> None:
        """Start empty."""
        self.origin = origin
        self.steps: list[Any] = []  # flat, FIELDS entries a step
        self.spawns: list[Any] = []  # by number: the coroutine's code, or its name
        self.names: dict[int, str] = {}  # that the program gave
        self.foreign: dict[int, Callable[[], Any]] = {}  # how to find a task not of the recorder's
        self.hidden: set[int] = set()  # tasks of the recorder's own
        self.eager: list[tuple[int, int, float, float]] = []  # number, step, start, end
        self.callbacks: list[str] = []
        # How tasks ended.
        self.returned: list[int] = []
        self.cancelled: list[int] = []
        self.errors: dict[int, str] = {}  # of those that raised
        self.cancels: list[tuple[int, float, int]] = []  # number, time, waker
        self.deadlines: set[int] = set()  # steps in which an asyncio.timeout ran out
        self.main_over: float | None = None
        # Long steps, by their offset.
        self.lines: dict[int, Place] = {}  # the line that held the loop
        self.suspended: dict[int, Place | None] = {}  # the await that ended it
        self.wall: dict[int, float] = {}  # real seconds that a virtual step took
        # What went wrong.
        self.unawaited: list[tuple[str, Place | None]] = []
        self.unretrieved: set[int] = set()
        self.refused: set[int] = set()  # returned with a cancel request not taken back
        self.vanished: dict[int, float] = {}
        self.left: dict[int, str] = {}  # left running when main was over, and where it waited


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
            loop.log.cancels.append((self.recorded_as, loop.stamp(), loop.waker()))
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
        steps += (self.created, self.waker, start, end, owner)
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


class RecordedHandle(asyncio.Handle):
    """A handle that notes when it was created, by which step, and when it ran."""

    __slots__ = ("created", "waker")

    def __init__(
        self, callback: Callback, args: Args, loop: Any, context: Context | None, waker: int
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
        self.created: float = loop.at if loop.in_timer else loop.stamp()
        self.waker = waker

    _run = _run


class RecordedTimer(asyncio.TimerHandle):
    """A timer that is ready when it was due, also where the loop was held and saw it late."""

    __slots__ = ("created",)
    waker = TIMER

    def __init__(
        self, when: float, callback: Callback, args: Args, loop: Any, context: Context | None
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
        self.created = created = due if due < loop.waited_from else loop.turn_began
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
        steps += (created, TIMER, at, at, PLUMBING)


def _with_wall(run: Callable[[Any], None]) -> Callable[[Any], None]:
    """Note the steps that took real time although they stood on the virtual clock."""

    def run_and_look(self: Any) -> None:
        loop = self._loop
        step = len(loop.steps)
        loop.wall_began = began = time.perf_counter()
        if began - loop.cpu_asked_at > CPU_TIME_AGE:
            loop.ask_cpu_time(began)
        run(self)
        took = time.perf_counter() - began
        if took >= REALLY_SLOW:
            loop.note_wall(step, took)

    return run_and_look


class VirtualHandle(RecordedHandle):
    """A recorded handle of the virtual clock, which also looks at the real one."""

    __slots__ = ()
    _run = _with_wall(RecordedHandle._run)


class VirtualTimer(RecordedTimer):
    """A recorded timer of the virtual clock, which also looks at the real one."""

    __slots__ = ()
    _run = _with_wall(RecordedTimer._run)
