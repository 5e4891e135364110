"""What a lab does in the keeper's thread: one run, from its start to the last event about it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from helpers.labs import program
from helpers.labs.events import Event, State, in_words
from helpers.labs.spec import Values
from helpers.run.session import HEARTBEAT, Run
from helpers.text import seconds

if TYPE_CHECKING:
    from helpers.labs.keeper import Keeper

# Seconds between two pictures of a run that goes on. Making one takes the interpreter from the
# run, so a picture that took long to make and to show is followed by a longer pause.
SNAPSHOT = 0.1
_SHARE = 0.2


async def perform(keeper: Keeper, values: Values) -> None:
    """One run, from its start to the last event about it."""
    refused = keeper.spec.refusal(values)
    if refused:
        keeper.publish(Event(State.FAILED, values, sentence=refused))
        return
    keeper.publish(Event(State.RUNNING, values))
    try:
        run = Run(
            program.coroutine(keeper.spec, values),
            clock=keeper.spec.clock(values),
            max_seconds=keeper.spec.max_seconds,
        )
        run.start()
    except Exception as error:
        sentence = f"The run could not begin: {in_words(error)}."
        keeper.publish(Event(State.FAILED, values, sentence=sentence))
        return
    run.finished.add_done_callback(lambda _: keeper.poke())
    stopped = await _look_after(keeper, run, values)
    await _conclude(keeper, run, values, stopped)


async def _look_after(keeper: Keeper, run: Run, values: Values) -> bool:
    """Until the run and all its threads' work have ended; True if it was stopped."""
    stopped, next_look = False, time.monotonic() + SNAPSHOT
    while not (run.finished.done() and threads_are_back(run)):
        await keeper.nap(HEARTBEAT)
        run.watch()
        if run.finished.done():
            continue
        with keeper.lock:
            must_end = keeper.closed or keeper.due is not None or keeper.ends_as is not State.DONE
        if must_end and not stopped:
            stopped = True
            run.stop()
            keeper.publish(Event(State.STOPPING, values, sentence="The run is being ended."))
        elif not (stopped or keeper.spec.shows_result) and time.monotonic() >= next_look:
            took = _show_so_far(keeper, run, values)
            next_look = time.monotonic() + max(SNAPSHOT - took, took / _SHARE)
    return stopped


def _show_so_far(keeper: Keeper, run: Run, values: Values) -> float:
    """Publish the run's trace up to now; the seconds that took."""
    began = time.monotonic()
    keeper.publish(Event(State.RUNNING, values, run.snapshot()))
    return time.monotonic() - began


async def _conclude(keeper: Keeper, run: Run, values: Values, stopped: bool) -> None:
    """Tell what became of the run, unless something newer is told next."""
    if stopped:
        with keeper.lock:
            replaced = keeper.closed or keeper.blank or keeper.due is not None
            keeper.untold = (run, values) if replaced else None
        if not replaced:
            await tell_stopped(keeper, run, values)
        return
    trace, error = keeper.spec.shown(run.finished.result()), run.error
    if error is not None:
        sentence = f"The run ended in an error: {in_words(error)}."
        keeper.publish(Event(State.FAILED, values, trace, sentence))
    else:
        numbers = tuple(keeper.spec.numbers(values, trace))
        keeper.publish(Event(State.DONE, values, trace, numbers=numbers))


async def tell_ready(keeper: Keeper, values: Values) -> None:
    """Tell that what had come out is forgotten."""
    keeper.publish(Event(State.READY, values))


async def tell_stopped(keeper: Keeper, run: Run | None, values: Values) -> None:
    """Tell that values are followed no longer, and what a run had come to."""
    if run is None:
        keeper.publish(Event(State.STOPPED, values))
        return
    trace = keeper.spec.shown(run.finished.result())
    sentence = f"Stopped after {seconds(trace.duration, exact=False)}."
    keeper.publish(Event(State.STOPPED, values, trace, sentence))


def threads_are_back(run: Run) -> bool:
    """Whether no thread works for the run any more. A thread cannot be ended from outside."""
    works = run.drive.loop.ledger.works if run.drive is not None else []
    return all(work.future is None or work.future.done() for work in works)
