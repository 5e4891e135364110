"""The raw log of a run: what the stamping loop writes, and `assemble` reads after the run.

Everything is kept as flat and as small as it can be, since it is written while the run goes on.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from contextvars import Context
from typing import Any

from helpers.run.source import Place

# Who made a handle: the offset of a step in `Log.steps`, or one of these codes.
OUTSIDE, TIMER, IO, THREAD = -1, -2, -3, -4  # THREAD - n: sent by the run's work number n
# Whose step it was: a task's number, or one of these. USER - n: the program's n-th callback.
PLUMBING, USER = -1, -2
# made, maker, start, end, owner: how many entries of the flat list a step takes.
FIELDS = 5

# Callbacks of these modules are asyncio's own: how a task is woken, not what the program does.
# This package's engine counts among them; what lies in its other folders is a program.
_OWN_MODULES = re.compile(r"_?asyncio\b|concurrent\.|helpers\.(run\.)?\w+$")


class Log:
    """What a run wrote down. Numbers are the tasks', in the order of their spawns."""

    def __init__(self) -> None:
        """Start empty."""
        self.steps: list[Any] = []  # flat, FIELDS entries a step
        self.spawns: list[Any] = []  # by number: the coroutine's code, or its name
        self.returned: list[int] = []
        self.cancelled: list[int] = []
        self.errors: dict[int, str] = {}  # of those that raised
        self.cancels: list[tuple[int, float, int]] = []  # number, time, maker
        self.callbacks: list[str] = []
        self.deadlines: set[int] = set()  # steps in which an asyncio.timeout ran out
        self.eager: list[tuple[int, int, float, float]] = []  # number, step, start, end
        self.lines: dict[int, Place] = {}  # by step: the line that held the loop
        self.suspended: dict[int, Place | None] = {}  # by step: the await that ended a long one
        self.wall: dict[int, float] = {}  # by step: real seconds that a virtual step took
        self.unawaited: list[tuple[str, Place | None]] = []
        self.unretrieved: set[int] = set()
        self.refused: set[int] = set()  # returned with a cancel request not taken back
        self.vanished: dict[int, float] = {}
        self.hidden: set[int] = set()  # tasks of the recorder's own
        self.left: dict[int, str] = {}  # left running when main was over, and where it waited
        self.names: dict[int, str] = {}  # that the program gave
        self.foreign: dict[int, Callable[[], Any]] = {}  # how to find a task not of the recorder's
        self.main_over: float | None = None


def name_of(func: Callable[..., Any]) -> str:
    """A function's name, looked up through the partials that `to_thread` wraps it in."""
    func = unwrap(func)
    name = ask(func, "__name__")
    return name if isinstance(name, str) and name else type(func).__name__


def unwrap(func: Callable[..., Any]) -> Callable[..., Any]:
    """The function inside partials; `to_thread` hands over partial(context.run, func, ...)."""
    while isinstance(func, functools.partial):
        inner = func.func
        in_context = isinstance(ask(inner, "__self__"), Context) and func.args
        func = func.args[0] if in_context else inner
    return func


def ask(thing: Any, attribute: str) -> Any:
    """An attribute of an object of the program's, or None: its `__getattr__` may raise."""
    try:
        return getattr(thing, attribute, None)
    except Exception:
        return None


def is_plumbing(callback: Callable[..., Any]) -> bool:
    """Whether a callback is asyncio's own, and not the program's."""
    func = unwrap(callback)
    module = ask(func, "__module__")
    if module is None:  # a method written in C: its object tells
        module = type(ask(func, "__self__")).__module__
    return _OWN_MODULES.match(str(module)) is not None
