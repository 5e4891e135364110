"""What one sees of a running loop from another thread: the line that holds it, who has not ended.

It also keeps the words with which a run is ended from outside.
"""

from __future__ import annotations

import asyncio
import sys
import time
import weakref
from typing import Any

from helpers import text as words
from helpers.run import source as places
from helpers.run.runlog import OUTSIDE, Log
from helpers.run.threads import Work


class WatchedLoop(asyncio.BaseEventLoop):
    """A loop that can be looked at while it runs."""

    log: Log
    step: int  # the offset in the log of the step that runs, or OUTSIDE
    at: float  # when it began, in the loop's seconds
    wall_began: float  # and in real ones, under the virtual clock
    raised: list[weakref.ref[asyncio.Task[Any]]]  # tasks whose exception may be retrieved yet
    is_virtual = False
    halt = ""  # set from another thread, in words: raised as RunTooLong at the next turn
    broken_off: places.Place | None = None  # the line of a step that was ended by force

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
        place = places.of_frame(sys._current_frames().get(self._thread_id))
        if place is not None and step == self.step:
            self.log.lines[step] = place

    def held_for(self) -> float:
        """Real seconds for which the step that runs now has held the loop; 0 if none runs."""
        began = self.wall_began if self.is_virtual else self.at
        return 0.0 if self.step == OUTSIDE else time.perf_counter() - began

    def note_what_is_left(self) -> None:
        """At the end: note exceptions nobody retrieved, and tasks that would not end."""
        for ref in self.raised:
            task: Any = ref()
            if task is not None and task._log_traceback:
                self.log.unretrieved.add(task.recorded_as)
                task._log_traceback = False
        self.raised.clear()
        for task in self.in_order():
            self.log.left.setdefault(task.recorded_as, places.waiting(task))
            task._log_destroy_pending = False

    def why_halted(self) -> str:
        """Why the run was ended from outside, and where it stood; told once."""
        why, self.halt = self.halt, ""
        if self.broken_off is not None:
            return f"{why}; a step held the loop at {places.describe(*self.broken_off)}"
        return f"{why}; {self.still_going()}"

    def still_going(self) -> str:
        """The tasks that have not ended and the lines they stand at, in words."""
        each = [f"`{places.called(task)}` is at {places.waiting(task)}" for task in self.in_order()]
        return words.listing(each, most=5, what="other tasks") or "no task is left"

    def in_order(self) -> list[Any]:
        """The tasks that have not ended, in the order of their spawns."""
        return sorted(asyncio.all_tasks(self), key=self.number)

    def number(self, task: Any) -> int:
        """A task's number; one made past create_task, as by asyncio.Task(coro), gets it here."""
        if not hasattr(task, "recorded_as"):
            task.recorded_as = len(self.log.spawns)
            self.log.spawns.append(places.code_of(task.get_coro()))
        number: int = task.recorded_as
        return number
