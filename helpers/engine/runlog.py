"""The raw log of a run: what the stamping loop writes, and `assemble` reads after the run.

Everything is kept as flat and as small as it can be, since it is written while the run goes on.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any

from helpers.engine.places import Place

# Who made a handle: the offset of a step in `Log.steps`, or one of these codes.
OUTSIDE, TIMER, IO, THREAD = -1, -2, -3, -4  # THREAD - n: sent by the run's work number n
# Whose step it was: a task's number, or one of these. USER - n: the program's n-th callback.
PLUMBING, USER = -1, -2
# made, maker, start, end, owner: how many entries of the flat list a step takes.
FIELDS = 5

# Callbacks of these modules are asyncio's own: how a task is woken, not what the program does.
# This package's engine counts among them; what lies in its other folders is a program.
_OWN_MODULES = re.compile(r"_?asyncio\b|concurrent\.|helpers\.(engine\.)?\w+$")


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
    return str(getattr(func, "__name__", None) or type(func).__name__)


def unwrap(func: Callable[..., Any]) -> Callable[..., Any]:
    """The function inside partials; `to_thread` hands over partial(context.run, func, ...)."""
    while isinstance(func, functools.partial):
        inner = func.func
        func = func.args[0] if getattr(inner, "__name__", "") == "run" and func.args else inner
    return func


def is_plumbing(callback: Callable[..., Any]) -> bool:
    """Whether a callback is asyncio's own, and not the program's."""
    func = unwrap(callback)
    module = getattr(func, "__module__", None)
    if module is None:  # a method written in C: its object tells
        module = type(getattr(func, "__self__", None)).__module__
    return _OWN_MODULES.match(module) is not None
