"""Races: the first to finish wins, the others are cancelled and awaited.

The counterpart of `tokio::select!`. Tokio drops a loser, and none of its code but destructors runs
again. asyncio can only ask: an exception is raised inside the loser, whose `finally` may await,
take long, raise or refuse. So `select` comes back when the last loser is done with that.

Three rules, and why they are so:

*Whose task is it?* A coroutine belongs to the race: it runs as a task that bears its racer's name,
and is cancelled when it loses. A Task or future was there before the race, and others may wait for
it: it is only listened to and runs on when it loses, as behind a JoinHandle in Tokio. So a loop of
races can keep one `stop = create_task(...)`, or one `queue.get()` that must lose no message.

*A tie* is several racers that have finished by the time `select` gets its turn to look. Tokio takes
one at random; here the first in the order given, so that a run can be repeated.

*Cancelled from outside*, also by `asyncio.timeout`: each racer of the race is cancelled, once, so
that a clean-up under way is not cut, and awaited. Then CancelledError goes on, even if there is a
winner.
"""

from __future__ import annotations

import asyncio
import random
import warnings
from collections.abc import Awaitable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from helpers._racers import Loser, as_task, checked_patience, close_unstarted, how_it_ended, line_up

T = TypeVar("T")


class RacerCancelled(Exception):
    """A racer was first to end, because somebody else cancelled it.

    Not a CancelledError: that would look as if the caller of `select` had been cancelled.
    """


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
        said = [str(v) for v in self.losers.values() if v.outcome in ("returned", "raised")]
        tail = f"; losers: {', '.join(said)}" if said else ""
        return f"Winner(name={self.name!r}, value={self.value!r}{tail})"


async def select(
    *mappings: Mapping[str, Awaitable[T]],
    biased: bool = True,
    rng: random.Random | None = None,
    first_success: bool = False,
    cancel_tasks: bool = False,
    patience: float | None = None,
    **racers: Awaitable[T],
) -> Winner[T]:
    """Return the first racer to finish, after the others were cancelled and awaited.

    Racers are named awaitables: `select(db=query(), cache=lookup())`, or a mapping where names are
    computed. A coroutine is cancelled when it loses, a Task or future runs on.

    biased: in a tie the first in the order given wins; False: one at random, by `rng` if given.
    first_success: a racer that raises drops out. If none is left, an ExceptionGroup holds their
        exceptions in the order given. Without it, the exception of the first to finish is raised
        here when the losers are done, and its notes say what those returned or raised.
    cancel_tasks: Tasks and futures that lose are cancelled and awaited too.
    patience: seconds. A loser that refuses is awaited however long that takes; with patience it is
        cancelled again, with a RuntimeWarning, each time they pass. Choose more than any clean-up.

    Cancelled from outside while a racer has its value: the value is dropped and named in the notes
    of the CancelledError; hand in a Task if it must not be lost. What racers raise then goes to the
    loop's exception handler. A racer that somebody else cancelled counts as raising RacerCancelled.
    TypeError or ValueError: no racers, no name, no awaitable, one awaitable twice or used up.
    """
    try:
        race = _Race(line_up(mappings, racers), cancel_tasks, checked_patience(patience))
    except (TypeError, ValueError):
        close_unstarted([*mappings, racers])
        raise
    chance = None if biased else rng or random.Random()
    first: str | None = None
    cut: tuple[Any, ...] | None = None
    try:
        first = await race.first(chance, first_success)
    except asyncio.CancelledError as error:
        cut = error.args
    late = await race.settle(first)
    try:
        return race.result(first, late if cut is None else cut)
    finally:
        race.futures.clear()  # for the same reason as in `result`


class _Race:
    """The racers as futures, and what is known of them."""

    def __init__(
        self, racers: dict[str, Awaitable[Any]], cancel_tasks: bool, patience: float | None
    ) -> None:
        self.patience = patience
        self.asked = dict.fromkeys(racers, 0)
        self.futures: dict[str, asyncio.Future[Any]] = {}
        self.owned: list[str] = []
        self.settling = 0.0  # when the losers were first cancelled, in the loop's time
        for name, racer in racers.items():
            known = asyncio.isfuture(racer)
            self.futures[name] = as_task(racer, name)
            if cancel_tasks or not known:
                self.owned.append(name)

    async def first(self, chance: random.Random | None, first_success: bool) -> str | None:
        """Name the winner; None if a success was wanted and no racer had one."""
        left = dict(self.futures)
        while left:
            await asyncio.wait(left.values(), return_when=asyncio.FIRST_COMPLETED)
            done = [name for name, future in left.items() if future.done()]
            if first_success:
                left = {name: future for name, future in left.items() if name not in done}
                done = [name for name in done if not isinstance(self.error(name), Exception)]
            if done:
                return chance.choice(done) if chance else done[0]
        return None

    async def settle(self, first: str | None) -> tuple[Any, ...] | None:
        """Cancel the losers and wait for their end.

        A cancel from outside that comes meanwhile is put off, for the caller to raise: its
        arguments are returned.
        """
        hunted = [name for name in self.owned if name != first]
        self.settling = asyncio.get_running_loop().time()
        cut = None
        late: Collection[asyncio.Future[Any]] = self.ask(hunted)
        while late:
            try:
                _, late = await asyncio.wait(late, timeout=self.patience)
            except asyncio.CancelledError as error:
                cut = error.args if cut is None else cut
                late = [future for future in late if not future.done()]
            else:  # some are late only if patience has run out
                late = self.ask([name for name in hunted if self.futures[name] in late])
        return cut

    def ask(self, names: list[str]) -> list[asyncio.Future[Any]]:
        """Cancel those of the named racers that still run, and return them."""
        running = [name for name in names if not self.futures[name].done()]
        for name in running:
            said = self.complaint(name) if self.asked[name] else ""
            self.asked[name] += 1
            self.futures[name].cancel()
            if said:
                _warn(said)
        return [self.futures[name] for name in running]

    def complaint(self, name: str) -> str:
        task = self.futures[name]
        stack = task.get_stack(limit=1) if isinstance(task, asyncio.Task) else []
        where = "".join(f" at line {f.f_lineno} of {f.f_code.co_qualname}" for f in stack)
        waited = asyncio.get_running_loop().time() - self.settling
        return (
            f"the racer {name!r} lost and was cancelled, but {waited:.3g} s later it still "
            f"runs{where}; it is cancelled once more"
        )

    def error(self, name: str) -> BaseException | None:
        """What a racer that is done raised, if it did."""
        if self.futures[name].cancelled():
            return RacerCancelled(f"the racer {name!r} was cancelled by somebody else")
        return self.futures[name].exception()

    def loser(self, name: str) -> Loser:
        return how_it_ended(name, self.futures[name], self.asked[name])

    def result(self, first: str | None, cut: tuple[Any, ...] | None) -> Winner[Any]:
        """Return the winner, or raise what the race ended with."""
        if cut is not None:
            raise self.cancelled(cut)
        losers = {name: self.loser(name) for name in self.futures if name != first}
        if first is None:
            raise self.all_failed()
        if (error := self.error(first)) is not None:
            try:
                raise _with_notes(error, losers.values())
            finally:
                del error  # else the exception would hold this frame and the frame the exception
        index = list(self.futures).index(first)
        return Winner(first, self.futures[first].result(), index, MappingProxyType(losers))

    def cancelled(self, args: tuple[Any, ...]) -> asyncio.CancelledError:
        """The cancel from outside, with what it made the race drop; errors are reported."""
        dropped = [self.loser(name) for name in self.owned]
        for each in dropped:
            if each.error is not None:
                _report(f"the racer {each.name!r} raised in a race that was cancelled", each.error)
        return _with_notes(asyncio.CancelledError(*args), dropped)

    def all_failed(self) -> ExceptionGroup[Exception]:
        errors = {name: self.error(name) for name in self.futures}
        what = ", ".join(f"{name!r} ({type(error).__name__})" for name, error in errors.items())
        failed = [error for error in errors.values() if isinstance(error, Exception)]
        return ExceptionGroup(f"no racer succeeded: {what}", failed)


ErrorT = TypeVar("ErrorT", bound=BaseException)


def _with_notes(error: ErrorT, others: Iterable[Loser]) -> ErrorT:
    """The error, telling what other racers came to: nobody gets a Winner to read it from."""
    for each in (other for other in others if other.outcome in ("returned", "raised")):
        error.add_note(f"in the same race, {each}")
    return error


def _report(message: str, error: BaseException) -> None:
    asyncio.get_running_loop().call_exception_handler({"message": message, "exception": error})


def _warn(sentence: str) -> None:
    try:
        warnings.warn(sentence, RuntimeWarning, stacklevel=5)  # at the line that awaits select
    except RuntimeWarning as warning:  # turned into an error, it would leave racers behind
        _report(sentence, warning)
