"""Which lines of its own code a run comes to, and which names those change: for the film of a run.

A trace function does it (`sys.settrace`), in the loop's thread alone. It asks the program's objects
for their `repr`, and so is wanted by name: `record(..., lines=True)`.
"""

import asyncio
import contextlib
import re
import reprlib
import sys
from collections.abc import Iterator
from types import CodeType, FrameType
from typing import Any

from helpers.run import source

MOST = 20_000  # lines of a run; those that follow are not kept
_ADDRESS = re.compile(r" (object )?at 0x[0-9a-fA-F]+")

_repr: Any = reprlib.Repr()
_repr.maxlevel, _repr.maxstring, _repr.maxother, _repr.maxlong = 2, 40, 40, 20
_repr.repr_Task = lambda task, _: f"<task {task.get_name()}>"  # it is looked up by this name


class _Watch:
    """Notes each line in the loop's log."""

    def __init__(self, loop: Any, main: CodeType | str) -> None:
        self.loop, self.visits = loop, loop.log.visits
        self.main_file = getattr(main, "co_filename", "")
        self.begun: dict[int, int] = {}  # the numbers of tasks that do not know them yet
        self.seen: dict[int, dict[str, str]] = {}  # by frame: its names, as last told

    def call(self, frame: FrameType, _: str, __: Any) -> Any:
        """Follow a function of the program's; one that goes on after an await is at a line."""
        code = frame.f_code
        known = code.co_filename == self.main_file or source.in_cell(code.co_filename)
        if not known or code.co_name.startswith("<") or len(self.visits) >= MOST:
            return None
        if frame.f_lineno == code.co_firstlineno:
            self.seen.pop(id(frame), None)  # of a frame that was here before
        else:
            self.line(frame, "line", None)
        return self.line

    def line(self, frame: FrameType, event: str, _: Any) -> Any:
        """Note where a frame is, and what has changed in it since it was last at a line."""
        if len(self.visits) >= MOST:
            return None  # no more of this function, however long it goes on
        data = {k: v for k, v in frame.f_locals.items() if not isinstance(v, type)}
        told = {k: _told(v) for k, v in data.items() if not hasattr(v, "__code__")}
        before = self.seen.get(id(frame), {})
        self.seen[id(frame)] = told
        changed = {name: value for name, value in told.items() if before.get(name) != value}
        if event == "line" or changed:
            task, loop = asyncio.current_task(self.loop), self.loop
            number = getattr(task, "recorded_as", None)
            if task is not None and number is None:  # it began in the step that makes it
                number = self.begun.setdefault(id(task), len(loop.log.spawns) - 1)
            place = frame.f_code.co_filename, frame.f_lineno
            self.visits.append((loop.step, number, loop.stamp(), place, changed))
        return self.line


def _told(value: Any) -> str:
    try:
        return _ADDRESS.sub("", _repr.repr(value))
    except Exception:  # the program's own `__repr__` may raise
        return f"a {type(value).__name__}"


@contextlib.contextmanager
def watch(loop: Any, main: Any) -> Iterator[None]:
    """Note the lines of a coroutine's file, and of a notebook's cells, while the block runs."""
    before = sys.gettrace()
    sys.settrace(_Watch(loop, source.code_of(main)).call)
    try:
        yield
    finally:
        sys.settrace(before)
