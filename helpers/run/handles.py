"""The raw log of a run, and the handles, timers and tasks of a `RecordingLoop`, which write it.

A handle knows when it was created and in which step; so who woke and who spawned whom follows from
the log after the run. This is the hot path of every run: constructors set the slots themselves, and
a step, which starts when the one before it ended, takes one look at the clock.
"""

import asyncio
import sys
from asyncio import format_helpers
from collections.abc import Callable
from contextvars import copy_context
from copy import copy
from itertools import count
from time import perf_counter
from types import BuiltinFunctionType, CodeType, MethodType
from typing import Any, Self

from helpers.run.clock import RESOLUTION
from helpers.run.source import Args, Place, of_frame
from helpers.run.threads import REALLY_SLOW, cpu_used, held_on
from helpers.task import STOP, Outcome

# Who woke a step: the offset in `Log.steps` of the step that created its handle, or one of these.
OUTSIDE, TIMER, IO, THREAD = -1, -2, -3, -4  # THREAD - n: the run's job number n
# Whose step it was: a task's number, or one of these. USER - n: the callback of the n-th name.
PLUMBING, USER = -1, -2
FIELDS = 5  # of a step, in the flat list: created, waker, start, end, owner

PAUSE = 0.01  # seconds of the loop's own, or of the garbage collector, that are worth a word
LOOK_AFTER = 0.05  # half of asyncio's limit for a slow callback, so that all those are looked at
_CPU_TIME_AGE = 0.01  # the thread's CPU time is asked no more often: that may take microseconds

# What a gather calls when one of its tasks ends.
_GATHER = next(code for code in asyncio.gather.__code__.co_consts if isinstance(code, CodeType))
_timers_set = count()
_END_OF_SLEEP = asyncio.futures._set_result_unless_cancelled  # what asyncio.sleep's timer calls
# asyncio's task in C hands the loop a wrapper as its step and a builtin method as its wake-up; the
# task in Python hands over methods. Nothing else that is called is a step of a task.
_STEP, _WAKE_UP = "TaskStepMethWrapper", "task_wakeup"
_IN_PYTHON = asyncio.tasks._PyTask._Task__step, asyncio.tasks._PyTask._Task__wakeup


class Log:
    """What a run wrote down. Numbers are the tasks', in the order of their spawns."""

    def __init__(self, origin: float) -> None:
        self.origin = origin  # the loop's moment at which the run began
        self.steps: list[Any] = []  # flat, FIELDS entries a step
        self.spawns: list[Any] = []  # by number: the coroutine's code, or its name
        self.names: dict[int, str] = {}  # that the program gave
        self.foreign: dict[int, Callable[[], Any]] = {}  # how to find a task of another factory
        self.hidden: set[int] = set()  # tasks of the recorder's own
        self.queued: dict[int, tuple[float, int]] = {}  # not begun yet: created, waker
        self.eager: list[tuple[int, int, float, float]] = []  # number, step, start, end
        self.callbacks: dict[str, int] = {}  # by name: their number, from 0
        self.ended: list[int] = []  # tasks that are done
        self.outcomes: dict[int, tuple[Outcome, str]] = {}  # and why; not of who returned
        self.cancels: list[tuple[int, float, int]] = []  # number, time, waker
        self.askers = {OUTSIDE: STOP}  # whose requests a step makes, if they are not its own
        self.groups: dict[int, int] = {}  # steps in which a TaskGroup hears of a child: whose it is
        self.ignored: list[tuple[int, float, Place | None]] = []  # deadlines: number, left, block
        # By a long step's offset: "at" and the line that held the loop, or "before" and its await.
        self.held: dict[int, tuple[str, Place]] = {}
        self.wall: dict[int, float] = {}  # real seconds that a virtual step took
        self.raised: dict[str, str] = {}  # by a callback's name: its first exception, in words
        self.pauses: list[tuple[float, float]] = []  # of the garbage collector, in this thread
        # What went wrong with no task: a kind of finding, of what, and the line in words.
        self.told: list[tuple[str, str, str]] = []
        # Of a run with `lines`: step, task's number, moment, file and line, and what has changed.
        self.visits: list[tuple[int, int | None, float, tuple[str, int], dict[str, str]]] = []
        self.noticed: set[tuple[int, str]] = set()  # what went wrong with a task
        self.vanished: dict[int, float] = {}
        # Left running when main was over, and where it waited.
        self.left: dict[int, Place | None] = {}

    def copy(self) -> Self:
        """The log as it is now. The tasks of another factory are asked for their names now."""
        copied = copy(self)
        vars(copied).update({name: copy(value) for name, value in vars(self).items()})
        found = {number: find() for number, find in copied.foreign.items()}
        copied.names |= {number: task.get_name() for number, task in found.items() if task}
        copied.foreign.clear()
        return copied


_CANCEL = asyncio.Task.cancel  # nest_asyncio puts another class in its place


class _Cancel:
    """What asks a task to stop, and notes by which step; a program may set another on a task."""

    def __get__(self, task: Any, _: Any) -> Any:
        if task is None:
            return self
        loop = task.get_loop()
        if not loop.passes_request_on:
            return MethodType(cancel, task)
        if not task.done():
            loop.log.cancels.append((task.recorded_as, loop.stamp(), loop.waker()))
        # asyncio's own in C: a chain of tasks may be longer than Python's limit of calls.
        return _CANCEL.__get__(task)


class RecordedTask(asyncio.Task):
    """A task that knows its number, notes who asks it to stop, and how it is called."""

    __slots__ = ("recorded_as",)

    def __hash__(self) -> int:
        """Its number, so that asyncio's sets of tasks have an order that is not chance."""
        return self.recorded_as

    cancel: Any = _Cancel()

    def uncancel(self) -> int:
        """As asyncio's, which a timeout calls at its end; notes if the request is gone by then."""
        if not isinstance(sys.exc_info()[1], asyncio.CancelledError):
            loop, block = self.get_loop(), of_frame(sys._getframe(1))
            loop.log.ignored.append((self.recorded_as, loop.stamp(), block))
        return super().uncancel()

    def exception(self) -> Any:
        """As asyncio's; notes if nobody hears of it but a gather that has failed already."""
        error = super().exception()
        if error is not None:
            asker, noticed = sys._getframe(1), self.get_loop().log.noticed
            deaf = asker.f_code is _GATHER and asker.f_locals["outer"].done()
            (noticed.add if deaf else noticed.discard)((self.recorded_as, "not_told"))
        return error

    def set_name(self, value: object) -> None:
        """Name the task, and note the name: the task may be gone when it is needed."""
        super().set_name(value)
        self.get_loop().log.names[self.recorded_as] = str(value)


def cancel(task: Any, msg: Any = None) -> bool:
    """Ask a task, and what it waits for, and so on down a chain, to stop."""
    loop = task.get_loop()
    loop.passes_request_on = True
    try:
        return task.cancel(msg)
    finally:
        loop.passes_request_on = False


def _run(self: Any) -> None:
    """Run a handle as one step, and write the step to the log."""
    loop = self._loop
    callback = self._callback
    kind = type(callback)
    if kind is loop.step_class or (kind is BuiltinFunctionType and callback.__name__ == _WAKE_UP):
        task = callback.__self__
    else:
        task = _python_task_of(callback, loop)
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
        called = format_helpers._format_callback_source(callback, self._args)
        told = {"message": f"Exception in callback {called}", "exception": error, "handle": self}
        if self._source_traceback:
            told["source_traceback"] = self._source_traceback
        loop.call_exception_handler(told)
    finally:
        start = loop.at
        loop.at = end = loop.stamp()
        loop.step = OUTSIDE
        steps += (self.created, self.waker, start, end, owner)
        if task is not None and (task.done() or end - start >= LOOK_AFTER):
            loop.look_at(owner, task, step)
    # An error that a task keeps has this frame, which would keep the task.
    self = callback = task = None


def _python_task_of(callback: Any, loop: Any) -> Any:
    """The task in Python whose step or wake-up a callback is, or of C's first step, or None."""
    kind = type(callback)
    if kind is MethodType:
        own = callback.__func__ in _IN_PYTHON
    elif own := kind.__name__ == _STEP:
        loop.step_class = kind  # it has no public name, so it is known once it was seen
    return callback.__self__ if own else None


class RecordedHandle(asyncio.Handle):
    """A handle that notes when it was created, by which step, and when it ran."""

    __slots__ = ("created", "waker")

    def __init__(self, callback: Any, args: Args, loop: Any, context: Any, waker: int) -> None:
        self._context = copy_context() if context is None else context
        self._loop = loop
        self._callback = callback
        self._args = args
        self._cancelled = False
        self._repr = None
        self._source_traceback = format_helpers.extract_stack() if loop._debug else None
        # What the end of a sleep wakes was ready when the sleep was over: no look at the clock.
        self.created: float = loop.stamp() if loop.sleep_over is None else loop.sleep_over
        self.waker = waker

    _run = _run


class KeptHandle(RecordedHandle):
    """Runs once a handle that a socket keeps, unless that one is cancelled by then."""

    __slots__ = ("kept",)

    def _run(self) -> None:
        if not self.kept._cancelled:
            super()._run()


class RecordedTimer(asyncio.TimerHandle):
    """A timer that is ready when it was due, also where the loop was held and saw it late."""

    __slots__ = ("created", "number")
    waker = TIMER

    def __init__(self, when: float, callback: Any, args: Args, loop: Any, context: Any) -> None:
        # What ends a sleep runs no code of the program's, so it needs no context of its own.
        plain = callback is _END_OF_SLEEP and context is None
        self._context = None if plain else copy_context() if context is None else context
        self._loop = loop
        self._callback = callback
        self._args = args
        self._cancelled, self._scheduled = False, True  # its maker puts it into the heap at once
        self._repr = None
        self._source_traceback = format_helpers.extract_stack() if loop._debug else None
        self._when = when
        self.number = next(_timers_set)

    def __lt__(self, other: Any) -> bool:
        """Which is due first; heapq asks this more often than anything else is done."""
        return self._when < other._when

    def _run(self) -> None:
        loop = self._loop
        due = self._when
        # If the system woke an idle loop late, it is ready since the loop woke.
        self.created = created = due if due < loop.waited_from else loop.turn_began
        if self._context is not None:
            _run(self)
            return
        # It runs nothing of the program's, so it is no step: the timer itself wakes the task.
        loop.step, loop.sleep_over = TIMER, created
        self._callback(*self._args)
        loop.step, loop.sleep_over = OUTSIDE, None


def _with_wall(run: Callable[[Any], None]) -> Callable[[Any], None]:
    """A handle's `_run` that also notes steps which took real time on the virtual clock."""

    def _run(self: Any) -> None:
        loop = self._loop
        step = len(loop.steps)
        loop.wall_began = began = perf_counter()
        if began - loop.cpu_asked_at > _CPU_TIME_AGE:
            loop.cpu_asked_at, loop.cpu_used = began, cpu_used()
        run(self)
        took = perf_counter() - loop.wall_began
        # The end of a sleep is no step.
        if took >= REALLY_SLOW and step < len(loop.steps) and held_on(took, loop.cpu_used):
            loop.log.wall[step] = took
        del self  # as above

    return _run


class VirtualHandle(RecordedHandle):
    """A handle of the virtual clock."""

    __slots__ = ()
    _run = _with_wall(RecordedHandle._run)


class VirtualTimer(RecordedTimer):
    """A timer of the virtual clock, whose deadlines are often equal: the first set is the first."""

    __slots__ = ()
    _run = _with_wall(RecordedTimer._run)

    def __lt__(self, other: Any) -> bool:
        """Which is due first, or was set first."""
        later = other._when - self._when
        return later >= RESOLUTION or (later > -RESOLUTION and self.number < other.number)


# What a program prints of its tasks and handles looks as without `record`.
RecordedTask.__name__, RecordedTask.__module__ = "Task", asyncio.Task.__module__
RecordedHandle.__name__ = KeptHandle.__name__ = VirtualHandle.__name__ = "Handle"
RecordedTimer.__name__ = VirtualTimer.__name__ = "TimerHandle"
