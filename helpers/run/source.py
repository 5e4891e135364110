"""What counts as the program's code, and where in it a task stands, in words, on any machine."""

import asyncio
import functools
import gc
import linecache
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextvars import Context
from inspect import isasyncgen
from itertools import groupby
from types import CodeType, FrameType
from typing import Any

Callback = Callable[..., Any]
Args = tuple[Any, ...]
InContext = Context | None
Place = tuple[str, int, str]  # file name, line, function

# Modules directly in these packages are plumbing, like asyncio's own: their lines are never shown,
# and their callbacks get no lane. Other folders of `helpers` (the labs, say) hold programs.
_PLUMBING = ("helpers", "helpers.run", "helpers.exercises")
_ASYNCIO = ("asyncio", "_asyncio", "concurrent")
_CLOCK = r"\b(?:time\.time|(?:time\.)?(?:perf_counter|monotonic))\(\)"
_MEASURES = rf"{_CLOCK}\)*\s*[-<>]|[-<>]=?\s*{_CLOCK}"
_STDLIB = os.path.dirname(os.__file__)
_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_PLUMBING_FOLDERS = [os.path.join(_ROOT, *package.split(".")) for package in _PLUMBING]
# A notebook's cells are compiled under a file name that changes with every kernel.
_CELL = re.compile(r"ipykernel_\d+|^<ipython-input|^<string>$|^<stdin>$|^<doctest|^<exec>$")
_AWAITS = {"cr": "cr_await", "gi": "gi_yieldfrom", "ag": "ag_await"}  # by the kind of coroutine
# What asyncio calls a task that nobody named; "None" is a slip of Python 3.13.0.
AUTO_NAME = re.compile(r"Task-\d+|None")


@functools.lru_cache(10_000)
def of_users(filename: str) -> bool:
    """Whether a file is the program's, and neither Python's library nor plumbing."""
    folder = os.path.dirname(os.path.abspath(filename))
    if filename.startswith("<frozen") or folder in _PLUMBING_FOLDERS:
        return False
    return not filename.startswith(_STDLIB) or "site-packages" in filename


def is_plumbing(callback: Callback) -> bool:
    """Whether a callback is asyncio's own or plumbing, and not the program's."""
    func = _unwrap(callback)
    # A method written in C has no module, but its object's class has.
    name = str(_ask(func, "__module__") or type(_ask(func, "__self__")).__module__)
    return name.rpartition(".")[0] in _PLUMBING or name.partition(".")[0] in _ASYNCIO


def name_of(func: Callback) -> str:
    """A function's name, looked up through the partials that `to_thread` wraps it in."""
    func = _unwrap(func)
    name = _ask(func, "__name__")
    return name if isinstance(name, str) and name else type(func).__name__


def _unwrap(func: Callback) -> Callback:
    """The function inside partials; `to_thread` hands over partial(context.run, func, ...)."""
    while isinstance(func, functools.partial):
        in_context = isinstance(_ask(func.func, "__self__"), Context) and func.args
        func = func.args[0] if in_context else func.func
    return func


def _ask(thing: Any, attribute: str) -> Any:
    """An attribute of an object of the program's, or None: its `__getattr__` may raise."""
    try:
        return getattr(thing, attribute, None)
    except Exception:
        return None


def describe(place: Place | None) -> str:
    """A place in words: "line 3 of the cell, in boil: `await oven.wait()`"."""
    if not place:
        return "a place unknown"
    filename, line, function = place
    if not of_users(filename):  # no number: it differs from Python to Python
        whose = "the course" if os.path.dirname(filename) in _PLUMBING_FOLDERS else "Python"
        return f"a line of {whose}'s own {os.path.basename(filename)}, in {function}"
    text = linecache.getline(filename, line).strip()
    quoted = f": `{text[:60]}{'...' if len(text) > 60 else ''}`" if text else ""
    return f"line {line} of {short(filename)}, in {function}{quoted}"


def short(filename: str) -> str:
    """A file's name without its folder; that of a notebook's cell is chance."""
    return "the cell" if in_cell(filename) else os.path.basename(filename)


def in_cell(filename: str) -> bool:
    """Whether a file name is that of a notebook's cell."""
    return bool(_CELL.search(filename))


@functools.lru_cache(1000)
def of_code(code: CodeType) -> str:
    """Where a function is defined, shortly: "kitchen.py:12", or "cell:12" in a notebook."""
    name = "cell" if in_cell(code.co_filename) else os.path.basename(code.co_filename)
    return f"{name}:{code.co_firstlineno}"


def of_frame(frame: FrameType | None) -> Place | None:
    """The innermost line of the program's code at or below a frame, or None."""
    while frame is not None and not of_users(frame.f_code.co_filename):
        frame = frame.f_back
    return None if frame is None else _here(frame)


def suspended(task: asyncio.Task[Any]) -> Place | None:
    """The line of the program's code at which a task is suspended, or None if unknown."""
    found: Place | None = None
    awaited: Any = _generator(task.get_coro())
    for _ in range(1000):  # a chain of awaits has no loop, but a foreign awaitable might
        kind = next((x for x in _AWAITS if hasattr(awaited, f"{x}_frame")), "")
        frame = getattr(awaited, f"{kind}_frame", None)
        if frame is None:
            break
        if of_users(frame.f_code.co_filename) or not found:
            found = _here(frame)
        awaited = _generator(getattr(awaited, _AWAITS[kind], None))
    return found


def lines_of(codes: Iterable[Any]) -> Iterator[list[tuple[str, Place]]]:
    """The lines of each function, in the order of its code: what stands there, and where it is."""
    for code in {id(code): code for code in codes if isinstance(code, CodeType)}.values():
        places = [(code.co_filename, line or 0, code.co_name) for *_, line in code.co_lines()]
        yield [(linecache.getline(*place[:2]), place) for place, _ in groupby(places)]


def clock_reads(codes: Iterable[Any]) -> Iterator[tuple[str, str]]:
    """Which clock of the machine a coroutine reads again after an await, and where in words."""
    for lines in lines_of(codes):
        awaited = stored = False
        for text, place in lines:
            if read := re.search(_CLOCK, text):
                stores = bool(re.match(rf"\s*[\w.]+ = {_CLOCK}", text))
                # Read for the first time, it is compared with a moment from elsewhere.
                if awaited and (re.search(_MEASURES, text) or (stored and stores)):
                    yield read[0], describe(place)
                stored, awaited = stores, False
            awaited = awaited or bool(re.search(r"\bawait\b|\basync (for|with)\b", text))


def code_of(coro: Any) -> CodeType | str:
    """The code of a coroutine; of another awaitable, its name."""
    code = getattr(coro, "cr_code", None) or getattr(_generator(coro), "ag_code", None)
    return code or str(getattr(coro, "__name__", type(coro).__name__))


def _generator(awaited: Any) -> Any:
    """The asynchronous generator that its `anext` or `aclose` keeps; any other object itself."""
    if type(awaited).__name__ in ("async_generator_asend", "async_generator_athrow"):
        return next(filter(isasyncgen, gc.get_referents(awaited)), awaited)
    return awaited


def in_words(error: BaseException) -> str:
    """An exception as the last line of its traceback has it: "ValueError: burnt"."""
    try:
        message = str(error)
    except Exception:  # the words of a traceback
        message = "<exception str() failed>"
    return f"{type(error).__name__}: {message}".removesuffix(": ")


def _here(frame: FrameType) -> Place:
    code, line = frame.f_code, frame.f_lineno
    if line is None:  # between two lines, as a loop jumps back: at the one before
        before = (n for start, _, n in code.co_lines() if n and start <= frame.f_lasti)
        line = [code.co_firstlineno, *before][-1]
    return code.co_filename, line, code.co_name
