"""The sentences with which `record` answers arguments that it cannot work with."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

CLOCKS = ("virtual", "real")
UNITS = ("seconds", "minutes")


def check_coroutine(coro: Any) -> None:
    """Refuse what is not a fresh coroutine."""
    if inspect.iscoroutinefunction(coro):
        name = getattr(coro, "__name__", "main")
        raise TypeError(f"record expects a coroutine, got the function {name}: write {name}()")
    if isinstance(coro, asyncio.Future):
        raise TypeError(
            "record expects a coroutine, got a task or future, which belongs to another loop: "
            "pass the coroutine itself"
        )
    if not inspect.iscoroutine(coro):
        raise TypeError(f"record expects a coroutine such as main(), got {coro!r}")
    if inspect.getcoroutinestate(coro) != inspect.CORO_CREATED:
        raise ValueError(
            f"record expects a fresh coroutine, and {coro.__name__}() has already been run: "
            f"call {coro.__name__}() again"
        )


def check_options(clock: Any, unit: Any, max_steps: Any, max_seconds: Any) -> None:
    """Refuse a clock, a unit or a limit that is none."""
    if clock not in CLOCKS:
        raise ValueError(f'clock is "virtual" or "real", got {clock!r}')
    if unit not in UNITS:
        raise ValueError(f'unit is "seconds" or "minutes", got {unit!r}')
    for name, value in (("max_steps", max_steps), ("max_seconds", max_seconds)):
        if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
            raise ValueError(f"{name} is a number above 0, got {value!r}")
