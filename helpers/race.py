"""`select`: the first awaitable to finish wins; the others are cancelled and awaited.

The counterpart of `tokio::select!`. Tokio drops a loser, and only its destructors run. asyncio can
only ask: it raises an exception inside the loser, whose `finally` may await, take long, raise or
refuse. So `select` returns when the last loser has ended.

*Ownership.* A coroutine belongs to the race: it runs as a task with its racer's name and is
cancelled when it loses. A Task or future existed before, and others may wait for it, so it runs on
when it loses, as behind a JoinHandle in Tokio.

*A tie* is several racers that have finished by the time `select` gets its turn to look. Tokio picks
one at random; here the first in the order given wins, so that a run can be repeated.

*Cancelled from outside*, also by `asyncio.timeout`, the race cancels its own racers, once so that
no clean-up is interrupted, and awaits them. Then it raises CancelledError, even if one has won.
"""

from __future__ import annotations

import asyncio
import inspect
import random
from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Generic, TypeVar

T = TypeVar("T")
ErrorT = TypeVar("ErrorT", bound=BaseException)


class RacerCancelled(Exception):
    """A racer was first to end, because somebody else cancelled it.

    Not a CancelledError: that would look as if the caller of `select` had been cancelled.
    """


@dataclass(frozen=True, slots=True)
class Loser:
    """How a racer that did not win ended: "returned", "raised", "cancelled" or "pending".

    `asked` says whether `select` cancelled it: not if it had ended before, or was only listened to.
    One that was asked and "returned" refused to be cancelled.
    """

    name: str
    outcome: str
    value: Any = None
    error: BaseException | None = None
    asked: bool = False

    def __str__(self) -> str:
        details = {"returned": f" {self.value!r}", "raised": f" {self.error!r}"}
        return f"{self.name!r} {self.outcome}{details.get(self.outcome, '')}"


@dataclass(frozen=True, slots=True, repr=False)
class Winner(Generic[T]):
    """The racer that won: its name, its value, its place in the order given (from 0).

    `losers` holds every other racer by name, in the order given. Two winners are equal when name
    and value are.
    """

    name: str
    value: T
    index: int = field(default=0, compare=False)
    losers: Mapping[str, Loser] = field(default_factory=dict, compare=False)

    @property
    def also(self) -> dict[str, Any]:
        """The values of losers that finished too: in a tie, or by refusing to be cancelled."""
        return {k: v.value for k, v in self.losers.items() if v.outcome == "returned"}

    def __repr__(self) -> str:
        # A value or an error that might otherwise go unseen is shown.
        finished = ", ".join(map(str, _finished(self.losers.values())))
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
    returned or raised. One that somebody else cancelled counts as raising RacerCancelled.

    biased: in a tie the first in the order given wins; False: one at random, by `rng` if given.
    first_success: a racer that raises drops out; if all do, an ExceptionGroup holds the exceptions.
    cancel_tasks: Tasks and futures that lose are cancelled and awaited too, instead of running on.

    Cancelled from outside, it drops the values of racers, which the CancelledError's notes name
    (hand in a Task whose value must not be lost), and reports what racers raised to the loop's
    exception handler.
    """
    awaitables = _by_name([*mappings, racers])
    owned = [n for n, each in awaitables.items() if cancel_tasks or not asyncio.isfuture(each)]
    futures = {name: _as_future(each, name) for name, each in awaitables.items()}
    chance = None if biased else rng or random.Random()
    first: str | None = None
    cut: tuple[Any, ...] | None = None
    try:
        first = await _first(futures, chance, first_success=first_success)
    except asyncio.CancelledError as error:
        cut = error.args
    asked = [n for n in owned if n != first and not futures[n].done()]
    late_cut = await _cancel([futures[name] for name in asked])
    ends = {name: _how_it_ended(name, each, asked=name in asked) for name, each in futures.items()}
    cut = late_cut if cut is None else cut
    dropped = [ends[name] for name in owned]
    outcome = _outcome(ends, first) if cut is None else _cancelled(dropped, cut)
    if isinstance(outcome, Winner):
        return outcome
    try:
        raise outcome
    finally:  # break the cycle exception -> this frame -> future -> exception
        del outcome, ends, dropped, futures


def _by_name(groups: Iterable[Any]) -> dict[str, Awaitable[Any]]:
    """Refuse what asyncio itself would answer with a hang, in silence or with a riddle."""
    racers: dict[str, Awaitable[Any]] = {}
    for group in groups:
        if not isinstance(group, Mapping):
            raise TypeError(f"{group!r} has no name; write select(name=...), or give a mapping")
        racers |= group
    for name, racer in racers.items():
        if not inspect.isawaitable(racer):
            raise TypeError(f"the racer {name!r} is {racer!r}, not an awaitable such as query()")
        if asyncio.isfuture(racer) and racer.get_loop() is not asyncio.get_running_loop():
            raise ValueError(f"the racer {name!r} belongs to another event loop")
    if len(set(map(id, racers.values()))) < len(racers):
        raise ValueError(f"one awaitable has two of the names {', '.join(racers)}")
    if not racers:
        raise ValueError("select got no racers; give at least one, as in select(db=query())")
    return racers


def _as_future(racer: Awaitable[Any], name: str) -> asyncio.Future[Any]:
    """A Task or future as it is; anything else as a new task of that name."""
    if asyncio.isfuture(racer):
        return racer
    return asyncio.create_task(racer if inspect.iscoroutine(racer) else _await(racer), name=name)


async def _await(racer: Awaitable[Any]) -> Any:
    return await racer


async def _first(
    futures: dict[str, asyncio.Future[Any]], chance: random.Random | None, *, first_success: bool
) -> str | None:
    """Name the winner; None if a success was wanted and no racer had one."""
    left = dict(futures)
    while left:
        await asyncio.wait(left.values(), return_when=asyncio.FIRST_COMPLETED)
        done = [name for name, future in left.items() if future.done()]
        if first_success:
            left = {name: future for name, future in left.items() if not future.done()}
            done = [n for n in done if not (futures[n].cancelled() or futures[n].exception())]
        if done:
            return chance.choice(done) if chance else done[0]
    return None


async def _cancel(losers: list[asyncio.Future[Any]]) -> tuple[Any, ...] | None:
    """Cancel the losers and wait for their end.

    A cancel from outside that comes meanwhile is put off: its arguments are returned.
    """
    for future in losers:
        future.cancel()
    cut = None
    while losers:
        try:
            await asyncio.wait(losers)
        except asyncio.CancelledError as error:
            cut = error.args if cut is None else cut
        losers = [future for future in losers if not future.done()]
    return cut


def _how_it_ended(name: str, future: asyncio.Future[Any], *, asked: bool) -> Loser:
    if not future.done() or future.cancelled():
        return Loser(name, "cancelled" if future.done() else "pending", asked=asked)
    if (error := future.exception()) is not None:
        return Loser(name, "raised", error=error, asked=asked)
    return Loser(name, "returned", value=future.result(), asked=asked)


def _outcome(ends: dict[str, Loser], first: str | None) -> Winner[Any] | BaseException:
    """The winner, or what the race raises."""
    errors = {name: _error(end) for name, end in ends.items()}
    if first is None:
        each = ", ".join(f"{name!r} ({type(error).__name__})" for name, error in errors.items())
        failed = [error for error in errors.values() if isinstance(error, Exception)]
        return ExceptionGroup(f"no racer succeeded: {each}", failed)
    losers = {name: end for name, end in ends.items() if name != first}
    if (error := errors[first]) is not None:
        return _with_notes(error, losers.values())
    return Winner(first, ends[first].value, list(ends).index(first), MappingProxyType(losers))


def _error(end: Loser) -> BaseException | None:
    if end.outcome == "cancelled":
        return RacerCancelled(f"the racer {end.name!r} was cancelled by somebody else")
    return end.error


def _cancelled(dropped: list[Loser], args: tuple[Any, ...]) -> asyncio.CancelledError:
    """The cancel from outside, with what it made the race drop; errors are reported."""
    for racer in dropped:
        if racer.error is not None:
            message = f"the racer {racer.name!r} raised in a race that was cancelled"
            context = {"message": message, "exception": racer.error}
            asyncio.get_running_loop().call_exception_handler(context)
    return _with_notes(asyncio.CancelledError(*args), dropped)


def _finished(racers: Iterable[Loser]) -> list[Loser]:
    return [racer for racer in racers if racer.outcome in ("returned", "raised")]


def _with_notes(error: ErrorT, losers: Iterable[Loser]) -> ErrorT:
    """The error, noting what losers returned or raised: nobody gets a Winner to read it from."""
    for loser in _finished(losers):
        error.add_note(f"in the same race, {loser}")
    return error
