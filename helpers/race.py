"""`select`: the first awaitable to finish wins; the others are cancelled and awaited.

The counterpart of `tokio::select!`, which drops a loser. asyncio can only ask: a loser's `finally`
may await, take long, raise or refuse. So `select` returns when the last loser has ended.

A coroutine belongs to the race: it runs as a task and is cancelled when it loses. A Task or future
existed before, so it runs on when it loses, as behind a JoinHandle in Tokio. A tie is several
racers that have finished by the time `select` gets its turn to look. Cancelled from outside, the
race cancels its own racers, once, and awaits them; then it raises CancelledError, even if one won.
"""

import asyncio
import inspect
import random
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

T = TypeVar("T")


class Loser(NamedTuple):
    """How a racer that did not win ended: "returned", "raised", "cancelled" or "pending"."""

    name: str
    outcome: str
    value: Any = None
    error: BaseException | None = None

    def __str__(self) -> str:
        details = {"returned": f" {self.value!r}", "raised": f" {self.error!r}"}
        return f"{self.name!r} {self.outcome}{details.get(self.outcome, '')}"


@dataclass(frozen=True, slots=True, repr=False)
class Winner(Generic[T]):
    """The racer that won: its name and its value.

    `losers` holds the other racers by name, in the order given; it does not count for equality.
    """

    name: str
    value: T
    losers: dict[str, Loser] = field(default_factory=dict, compare=False)

    @property
    def also(self) -> dict[str, Any]:
        """The values of losers that finished too: in a tie, or by refusing to be cancelled."""
        return {k: v.value for k, v in self.losers.items() if v.outcome == "returned"}

    def __repr__(self) -> str:
        # A value or an error that might otherwise go unseen is shown.
        finished = ", ".join(_finished(self.losers))
        losers = f"; losers: {finished}" if finished else ""
        return f"Winner(name={self.name!r}, value={self.value!r}{losers})"


async def select(
    *mappings: Mapping[str, Awaitable[T]],
    biased: bool = True,
    rng: random.Random | None = None,
    first_success: bool = False,
    cancel_tasks: bool = False,
    **racers: Awaitable[T],
) -> Winner[T]:
    """Return the first racer to finish, after the others were cancelled and awaited.

    Racers are named awaitables: `select(db=query(), cache=lookup())`, or a mapping where names are
    computed. If the first to finish raised, its exception is raised here; the notes say what losers
    returned or raised. One that somebody else cancelled counts as raising RuntimeError.

    biased: in a tie the first in the order given wins; False: one at random, by `rng` if given.
    first_success: a racer that raises drops out; if all do, an ExceptionGroup holds the exceptions.
    cancel_tasks: Tasks and futures that lose are cancelled and awaited too, instead of running on.
    """
    awaitables: dict[str, Awaitable[T]] = {}
    for mapping in (*mappings, racers):
        awaitables |= _checked(mapping)
    if not awaitables:
        raise ValueError("select got no racers; give at least one, as in select(db=query())")
    futures = {name: asyncio.ensure_future(each) for name, each in awaitables.items()}
    own = {name: task for name, task in futures.items() if task is not awaitables[name]}
    for name, task in own.items():
        task.set_name(name)
    left, won = futures, list[str]()
    try:
        while left and not won:
            await asyncio.wait(left.values(), return_when=asyncio.FIRST_COMPLETED)
            done = [name for name, future in left.items() if future.done()]
            won = [n for n in done if not first_success or _error(n, futures[n]) is None]
            left = {name: future for name, future in left.items() if name not in done}
    finally:
        await _cancel([*(futures if cancel_tasks else own).values()])
    if not won:
        errors = {name: _error(name, future) for name, future in futures.items()}
        each = ", ".join(f"{name!r} ({type(error).__name__})" for name, error in errors.items())
        raise BaseExceptionGroup(f"no racer succeeded: {each}", list(filter(None, errors.values())))
    first = won[0] if biased else (rng or random.Random()).choice(won)
    losers = {name: _loser(name, future) for name, future in futures.items() if name != first}
    if (error := _error(first, futures[first])) is not None:
        for loser in _finished(losers):
            error.add_note(f"in the same race, {loser}")
        raise error
    return Winner(first, futures[first].result(), losers)


def _checked(racers: Mapping[str, Awaitable[T]]) -> Mapping[str, Awaitable[T]]:
    if not isinstance(racers, Mapping):
        raise TypeError(f"{racers!r} has no name; write select(name=...), or give a mapping")
    for name, racer in racers.items():
        if not inspect.isawaitable(racer):
            raise TypeError(f"the racer {name!r} is {racer!r}; give an awaitable, as query()")
    return racers


async def _cancel(losers: list[asyncio.Future[Any]]) -> None:
    """Cancel the losers and wait for their end; a cancel from outside is put off until then."""
    for future in losers:
        future.cancel()
    cancelled = None
    while losers := [future for future in losers if not future.done()]:
        try:
            await asyncio.wait(losers)
        except asyncio.CancelledError as error:
            cancelled = cancelled or error
    if cancelled:
        raise cancelled


def _error(name: str, future: asyncio.Future[Any]) -> BaseException | None:
    if future.cancelled():  # a CancelledError would look as if the caller had been cancelled
        return RuntimeError(f"the racer {name!r} was cancelled by somebody else")
    return future.exception()


def _loser(name: str, future: asyncio.Future[Any]) -> Loser:
    if not future.done() or future.cancelled():
        return Loser(name, "cancelled" if future.done() else "pending")
    if (error := future.exception()) is not None:
        return Loser(name, "raised", error=error)
    return Loser(name, "returned", future.result())


def _finished(losers: dict[str, Loser]) -> list[str]:
    return [str(loser) for loser in losers.values() if loser.outcome in ("returned", "raised")]
