"""The racers of a `select`: what is taken as one, what is refused in a sentence, how each ended."""

from __future__ import annotations

import asyncio
import inspect
import math
from collections.abc import Awaitable, Iterable, Mapping
from concurrent.futures import Future as ThreadFuture
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Loser:
    """How a racer that did not win ended: "returned", "raised", "cancelled" or "pending".

    `asked` says how many times `select` cancelled it: 0 if it had ended before, or was only
    listened to. "returned" with `asked` above 0 is a racer that refused to be cancelled.
    """

    name: str
    outcome: str
    value: Any = None
    error: BaseException | None = None
    asked: int = 0

    def __str__(self) -> str:
        what = {"returned": f" {self.value!r}", "raised": f" {self.error!r}"}
        return f"{self.name!r} {self.outcome}{what.get(self.outcome, '')}"


def how_it_ended(name: str, future: asyncio.Future[Any], asked: int) -> Loser:
    if not future.done():
        return Loser(name, "pending", asked=asked)
    if future.cancelled():
        return Loser(name, "cancelled", asked=asked)
    if (error := future.exception()) is not None:
        return Loser(name, "raised", error=error, asked=asked)
    return Loser(name, "returned", value=future.result(), asked=asked)


def line_up(mappings: Iterable[Any], racers: Mapping[str, Any]) -> dict[str, Awaitable[Any]]:
    """The racers by name, in the order given, each of them known to be good.

    TypeError or ValueError, in a sentence: see `select`.
    """
    field: dict[str, Any] = {}
    for group in (*mappings, racers):
        if not isinstance(group, Mapping):
            raise TypeError(
                f"select wants a name for each racer, but got {told(group)} without one; "
                f"write select(name=...), or give a mapping from names to racers"
            )
        for name, racer in group.items():
            if not isinstance(name, str) or not name:
                raise TypeError(f"a racer's name is a string that is not empty, not {name!r}")
            if name in field:
                raise ValueError(f"two racers are named {name!r}; each needs a name of its own")
            field[name] = racer
    if not field:
        raise ValueError("select got no racers; give at least one, as in select(db=query())")
    for name, racer in field.items():
        _check(name, racer)
    _check_twice(field)
    return field


def _check(name: str, racer: Any) -> None:
    if inspect.iscoroutinefunction(racer):
        call = f"{name}={getattr(racer, '__name__', name)}(...)"
        raise TypeError(f"the racer {name!r} is {told(racer)}, not called; write {call}")
    if isinstance(racer, ThreadFuture):
        raise TypeError(
            f"the racer {name!r} is a future of a thread pool; give asyncio.wrap_future(...) of it"
        )
    if not inspect.isawaitable(racer):
        raise TypeError(
            f"the racer {name!r} is {told(racer)}; a coroutine, Task, future or other awaitable "
            f"was expected"
        )
    if inspect.iscoroutine(racer) and (state := inspect.getcoroutinestate(racer)) != "CORO_CREATED":
        used = "has been awaited already" if state == "CORO_CLOSED" else "is running already"
        raise ValueError(f"the racer {name!r}, {told(racer)}, {used}; a race needs a fresh one")
    if asyncio.isfuture(racer):
        if racer.get_loop() is not asyncio.get_running_loop():
            raise ValueError(
                f"the racer {name!r} belongs to another event loop; make it inside this run"
            )
        if racer is asyncio.current_task():
            raise ValueError(f"the racer {name!r} is the task that awaits this race itself")


def _check_twice(field: dict[str, Any]) -> None:
    names: dict[int, str] = {}
    for name, racer in field.items():
        if (other := names.setdefault(id(racer), name)) != name:
            raise ValueError(
                f"the racers {other!r} and {name!r} are one and the same awaitable, {told(racer)}; "
                f"make one for each"
            )


def checked_patience(patience: float | None) -> float | None:
    number = isinstance(patience, int | float) and not isinstance(patience, bool)
    if patience is None or (number and math.isfinite(patience) and patience > 0):
        return patience
    raise ValueError(f"patience is {patience!r}; seconds above 0, or None, were expected")


def close_unstarted(groups: Iterable[Any]) -> None:
    """Close the coroutines of a race that is refused: nobody else will await them."""
    for group in groups:
        for each in group.values() if isinstance(group, Mapping) else [group]:
            if inspect.iscoroutine(each) and inspect.getcoroutinestate(each) == "CORO_CREATED":
                each.close()


def as_task(racer: Awaitable[Any], name: str) -> asyncio.Future[Any]:
    """A Task or future as it is; anything else as a new task of that name."""
    if asyncio.isfuture(racer):
        return racer
    return asyncio.create_task(racer if inspect.iscoroutine(racer) else _await(racer), name=name)


async def _await(racer: Awaitable[Any]) -> Any:
    return await racer


def told(value: Any) -> str:
    """A value in words that fit into a sentence."""
    if inspect.iscoroutine(value):
        return f"the coroutine {value.__qualname__}()"
    if isinstance(value, asyncio.Task):
        return f"the task {value.get_name()!r}"
    if inspect.isroutine(value):
        return f"the function {value.__qualname__}"
    text = repr(value)
    return f"{text if len(text) < 60 else text[:57] + '...'} ({type(value).__name__})"
