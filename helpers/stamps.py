"""A loop that stamps each step of each task while it runs, and the log that it writes.

Nothing global is patched: the loop is the run's own, and what it makes (handles, timers, tasks)
are subclasses of asyncio's. A handle knows when it was made and in which step; so who woke and who
spawned whom follows from the log after the run, at no cost while it runs.
"""

from __future__ import annotations

import asyncio
import heapq
import threading
import time
from collections.abc import Callable
from contextvars import Context
from typing import Any

from helpers import places
from helpers.runlog import OUTSIDE, THREAD, TIMER, name_of

# A step longer than this is looked at: which line holds the loop? Half of asyncio's own limit for
# a slow callback, so that a step over the limit has been looked at.
LOOK_AFTER = 0.05
# Under the virtual clock nothing should take real time; less than this may be the machine's doing.
REALLY_BLOCKED = 0.2

class RecordedTask(asyncio.Task):  # type: ignore[type-arg]
    """A task that knows its number and notes who asks it to stop."""

    number: int

    def cancel(self, msg: Any = None) -> bool:
        """Ask the task to stop, and note by which step that was asked."""
        asked = super().cancel(msg)
        if asked:
            loop: Any = self.get_loop()
            loop.log.cancels.append((self.number, loop.stamp(), loop.maker()))
        return asked


def _run(self: Any) -> None:
    """Run a handle as one step, and write the step to the log."""
    loop = self._loop
    steps = loop.log.steps
    stamp = loop.stamp
    callback = self._callback
    made, maker = self.made, self.maker
    loop.step = step = len(steps)
    loop.step_began = start = stamp()
    try:
        self._context.run(callback, *self._args)
    except (SystemExit, KeyboardInterrupt):
        raise
    except BaseException as error:
        _report(self, loop, error)
    finally:
        end = stamp()
        loop.step = OUTSIDE
        task = getattr(callback, "__self__", None)
        try:
            owner = task.number
        except AttributeError:
            owner = loop.owner_of(callback, task)
        steps += (made, maker, start, end, owner)
        if owner >= 0:
            if task.done():
                loop.task_ended(owner, task, end)
            elif end - start >= LOOK_AFTER:
                loop.log.suspended[step] = places.suspended(task)


def _report(handle: Any, loop: Any, error: BaseException) -> None:
    """Tell the loop's exception handler of a callback that raised, as asyncio does."""
    name = name_of(handle._callback)
    message = f"Exception in callback {name}"
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
        super().__init__(callback, args, loop, context)
        self.made: float = loop.stamp()
        self.maker = maker

    _run = _run


class StampedTimer(asyncio.TimerHandle):
    """A timer that is ready when it was due, also where the loop was held and saw it late."""

    __slots__ = ("made",)
    maker = TIMER

    def _run(self) -> None:
        loop: Any = self._loop  # type: ignore[attr-defined]
        due: float = self._when  # type: ignore[attr-defined]
        # Late because a step held the loop: ready since it was due. Late because the system woke
        # an idle loop late: ready when the loop woke.
        self.made = due if due < loop.waited_from else loop.turn_began
        _run(self)


def _with_wall(run: Callable[[Any], None]) -> Callable[[Any], None]:
    """Note the steps that took real time although they stood on the virtual clock."""

    def run_and_look(self: Any) -> None:
        loop = self._loop
        step = len(loop.log.steps)
        loop.wall_began = began = time.perf_counter()
        run(self)
        took = time.perf_counter() - began
        if took >= REALLY_BLOCKED:
            loop.log.wall[step] = took

    return run_and_look


class VirtualHandle(StampedHandle):
    """A stamped handle of the virtual clock, which also looks at the real one."""

    __slots__ = ()
    _run = _with_wall(StampedHandle._run)


class VirtualTimer(StampedTimer):
    """A stamped timer of the virtual clock, which also looks at the real one."""

    __slots__ = ()
    _run = _with_wall(StampedTimer._run)


