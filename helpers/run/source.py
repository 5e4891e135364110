"""Where a coroutine or a frame stands, in words that are the same on every run and machine."""

from __future__ import annotations

import asyncio
import linecache
import os
import re
from types import CodeType, FrameType
from typing import Any

Place = tuple[str, int, str]  # file name, line, function

# A notebook's cells are compiled under a file name that changes with every kernel.
_CELL = re.compile(r"ipykernel_\d+|^<ipython-input|^<string>$|^<stdin>$|^<doctest|^<exec>$")
# What asyncio calls a task that nobody named; "None" is a slip of Python 3.13.0.
AUTO_NAME = re.compile(r"Task-\d+|None")
_STDLIB = os.path.dirname(os.__file__)
_ENGINE = os.path.dirname(os.path.abspath(__file__))
# What lies in other folders of the package (a lab, say) is a program.
_OURS = (_ENGINE, os.path.dirname(_ENGINE))


def describe(filename: str, line: int, function: str) -> str:
    """A place in words: "line 3 of the cell, in boil: `await oven.wait()`"."""
    if not _CELL.search(filename) and not of_users(filename):
        # Its lines differ from one version of Python to the next.
        return f"a line of Python's own {os.path.basename(filename)}, in {function}"
    where = "the cell" if _CELL.search(filename) else os.path.basename(filename)
    source = linecache.getline(filename, line).strip()
    shown = f": `{source[:60]}{'...' if len(source) > 60 else ''}`" if source else ""
    return f"line {line} of {where}, in {function}{shown}"


def of_code(code: CodeType | None) -> str:
    """Where a function is defined, shortly: "kitchen.py:12", or "cell:12" in a notebook."""
    if code is None:
        return ""
    name = "cell" if _CELL.search(code.co_filename) else os.path.basename(code.co_filename)
    return f"{name}:{code.co_firstlineno}"


def of_users(filename: str) -> bool:
    """Whether a file is the user's own, and neither Python's library nor this package's engine."""
    if filename.startswith("<frozen") or os.path.dirname(os.path.abspath(filename)) in _OURS:
        return False
    return not filename.startswith(_STDLIB) or "site-packages" in filename


def of_frame(frame: FrameType | None) -> Place | None:
    """The innermost line of the user's own code at or below a frame, or None."""
    while frame is not None and not of_users(frame.f_code.co_filename):
        frame = frame.f_back
    return None if frame is None else _here(frame)


def suspended(task: asyncio.Task[Any]) -> Place | None:
    """The line of the user's own code at which a task is suspended, or None if unknown."""
    found: Place | None = None
    awaited: Any = task.get_coro()
    for _ in range(1000):  # a chain of awaits has no loop, but a foreign awaitable might
        frame = getattr(awaited, "cr_frame", None) or getattr(awaited, "gi_frame", None)
        if frame is None:
            break
        if of_users(frame.f_code.co_filename) or not found:
            found = _here(frame)
        awaited = getattr(awaited, "cr_await", None) or getattr(awaited, "gi_yieldfrom", None)
    return found


def called(task: asyncio.Task[Any]) -> str:
    """A task's name; where nobody gave it one, its coroutine's."""
    name = task.get_name()
    if AUTO_NAME.fullmatch(name):
        return coroutine_name(task.get_coro())
    return name


def code_of(coro: Any) -> CodeType | str:
    """The code of a coroutine; of another awaitable, its name."""
    code: CodeType | None = getattr(coro, "cr_code", None)
    return coroutine_name(coro) if code is None else code


def coroutine_name(coro: Any) -> str:
    """The name of a coroutine's function."""
    return str(getattr(coro, "__name__", type(coro).__name__))


def waiting(task: asyncio.Task[Any]) -> str:
    """Where a task is suspended, in words."""
    place = suspended(task)
    return describe(*place) if place else "a place unknown"


def _here(frame: FrameType) -> Place:
    return frame.f_code.co_filename, _line(frame), frame.f_code.co_name


def _line(frame: FrameType) -> int:
    """The line a frame is at; between two lines, as a loop jumps back, the one before."""
    line: int | None = frame.f_lineno
    if line is None:
        line = frame.f_code.co_firstlineno
        for start, _, of_code in frame.f_code.co_lines():
            if of_code and start <= frame.f_lasti:
                line = of_code
    return line
