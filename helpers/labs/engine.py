"""What runs a lab, with no widget in it: at most one run is alive, and the newest wish wins.

Callers, from any thread, leave one `Wish`. The engine's loop, in a thread of its own, serves the
newest and tells the listener of each `Event`; a wish that is overtaken by a newer one is forgotten.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from helpers.labs.spec import LabSpec, Values
from helpers.run.session import HEARTBEAT, Run
from helpers.text import seconds as in_seconds
from helpers.trace import Trace

log = logging.getLogger(__name__)
# Seconds between two pictures of a run, and the share of its time that drawing them may take:
# Python's lock is taken from the run meanwhile.
SNAPSHOT, SHARE = 0.1, 0.2
NO_THREADS = (
    "There are no threads here (Python runs in a browser), and a lab needs one. Copy its code "
    'into a cell, with clock="virtual".'
)


class State(enum.StrEnum):
    """Where a lab stands."""

    READY = "ready"  # nothing has been run since it was opened or reset
    RUNNING = "running"
    STOPPING = "stopping"  # the run was asked to end, for Stop or for newer values
    DONE = "done"  # the run came to its end
    STOPPED = "stopped"  # Stop ended the run; its picture up to then is kept
    FAILED = "failed"  # the run ended in an error
    CLOSED = "closed"


@dataclass(frozen=True)
class Event:
    """What the listener is told: the lab's state, the values it is about, and what to show.

    `trace` is the run so far, or to its end; without one the picture stays as it is, but is cleared
    in READY. `sentence` says in words what happened, `numbers` what a run came to that has ended.
    """

    state: State
    values: Values
    trace: Trace | None = None
    sentence: str = ""
    numbers: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Wish:
    """The state that a caller wants: RUNNING, from the time `due` on, STOPPED, READY or CLOSED."""

    state: State
    values: Values
    due: float = 0.0
    asked: float = 0.0  # when the first of the values came that have not been run


class Engine:
    """Runs one lab's program for the newest values; `listener` gets each Event, in the thread.

    The thread starts with the first run and ends with `close`, after which calls do nothing.
    """

    # While a slider is dragged, a value that nothing follows for `debounce` seconds is run, and the
    # newest one at least every `patience` seconds.
    debounce, patience = 0.08, 0.3

    def __init__(self, spec: LabSpec, listener: Callable[[Event], None]) -> None:
        self.spec, self._listener = spec, listener
        self.state, self.values = State.READY, spec.defaults()
        self.thread: threading.Thread | None = None
        self._changed = threading.Condition()
        self._wish = self._served = Wish(State.READY, self.values)
        self._cut: Event | None = None  # how a run ended that made way for a newer wish
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake = asyncio.Event()

    # -- from any thread -----------------------------------------------------------------------

    def request(self, values: Values) -> None:
        """Note new values; after `run`, run them once no newer ones come in."""
        now = time.monotonic()
        with self._changed:
            self.values = values
            if self._wish.state is State.RUNNING:
                asked = self._wish.asked if now < self._wish.due else now
                due = min(now + self.debounce, asked + self.patience)
                self._leave(Wish(State.RUNNING, values, due, asked))

    def run(self) -> None:
        """Run the newest values now instead of a run that is alive, and from now on new ones."""
        now = time.monotonic()
        with self._changed:
            if self._wish.state is not State.CLOSED and self._start_thread():
                self._leave(Wish(State.RUNNING, self.values, now, now))

    def stop(self) -> None:
        """End the run that is alive and drop the one that waits; new values are only noted."""
        self._halt(State.STOPPED)

    def reset(self) -> None:
        """Like `stop`, and go back to the defaults; the listener is told READY."""
        self._halt(State.READY)

    def close(self) -> None:
        """Like `stop`, for good: the thread ends as soon as the run has ended."""
        self._halt(State.CLOSED)

    def wait(self, seconds: float) -> bool:
        """Wait until the newest wish is served; False if that takes longer."""
        with self._changed:
            return self._changed.wait_for(lambda: self._wish is self._served, seconds)

    def _halt(self, state: State) -> None:
        with self._changed:
            if self._wish.state is State.CLOSED:
                return
            if (state, self._wish.state) == (State.STOPPED, State.READY):
                return  # the reset has ended the run, or will
            if state is State.READY:
                self.values = self.spec.defaults()
            self._leave(Wish(state, self.values))
            if self.thread is None:  # nothing was ever run, so there is nothing to tell
                self._served, self.state = self._wish, state

    def _leave(self, wish: Wish) -> None:
        self._wish = wish
        self._wake_up()

    def _wake_up(self) -> None:
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
                self._loop.call_soon_threadsafe(self._wake.set)

    def _start_thread(self) -> bool:
        if self.thread is not None:
            return True
        name = f"task-cards-lab-{self.spec.name}"
        thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name=name, daemon=True)
        try:
            thread.start()
        except RuntimeError:
            self._publish(Event(State.FAILED, self.values, sentence=NO_THREADS))
            return False
        self.thread = thread
        return True

    # -- in the thread -------------------------------------------------------------------------

    async def _serve(self) -> None:
        """Serve one wish after another until the lab is closed."""
        self._loop = asyncio.get_running_loop()
        while self._served.state is not State.CLOSED:
            wish = self._wish
            if wish is self._served or (early := wish.due - time.monotonic()) > 0:
                await self._nap(None if wish is self._served else early)
                continue
            try:
                await self._grant(wish)
            except Exception as error:  # a fault in the lab itself must not end it
                log.exception("A fault in the %s lab", self.spec.name)
                self._fail(wish.values, f"The lab itself has a fault: {_in_words(error)}.")
            with self._changed:
                self._served = wish
                self._changed.notify_all()

    async def _grant(self, wish: Wish) -> None:
        cut, self._cut = self._cut, None
        if wish.state is State.RUNNING:
            await self._perform(wish)
        elif wish.state is not State.STOPPED:
            self._publish(Event(wish.state, wish.values))
        elif self.state in (State.DONE, State.STOPPING):
            self._publish(cut or Event(State.STOPPED, wish.values))

    async def _perform(self, wish: Wish) -> None:
        """One run, from its start to the last event about it."""
        values, spec = wish.values, self.spec
        self._publish(Event(State.RUNNING, values))
        main, clock = spec.coroutine(values), spec.clock(values)
        run = Run(main, clock=clock, max_seconds=spec.max_seconds)
        run.start()
        run.finished.add_done_callback(lambda _: self._wake_up())
        stopped = await self._look_after(run, wish)
        trace = run.finished.result()
        if spec.shows_result and isinstance(trace.result, Trace):
            trace = trace.result
        if stopped:
            sentence = f"Stopped after {in_seconds(trace.duration, exact=False)}."
            self._cut = Event(State.STOPPED, values, trace, sentence)
        elif run.error is not None:
            self._fail(values, f"The run ended in an error: {_in_words(run.error)}.", trace)
        else:
            numbers = tuple(spec.numbers(values, trace))
            self._publish(Event(State.DONE, values, trace, numbers=numbers))

    async def _look_after(self, run: Run, wish: Wish) -> bool:
        """Wait until the run and its threads have ended; True if a newer wish stopped it."""
        stopped, next_look = False, time.monotonic() + SNAPSHOT
        while not (run.finished.done() and _jobs_are_done(run)):
            await self._nap(HEARTBEAT)
            run.watch()
            now = time.monotonic()
            if run.finished.done():
                continue
            if self._wish is not wish and not stopped:
                stopped = True
                run.stop()
                self._publish(Event(State.STOPPING, wish.values))
            elif not (stopped or self.spec.shows_result) and now >= next_look:
                self._publish(Event(State.RUNNING, wish.values, run.snapshot()))
                shown = time.monotonic()
                next_look = max(now + SNAPSHOT, shown + (shown - now) / SHARE)
        return stopped

    async def _nap(self, seconds: float | None) -> None:
        """Sleep until something changes, or for so long."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), seconds)
        self._wake.clear()

    def _fail(self, values: Values, sentence: str, trace: Trace | None = None) -> None:
        self._publish(Event(State.FAILED, values, trace, sentence))

    def _publish(self, event: Event) -> None:
        """Tell the listener. What goes wrong there must not end the lab."""
        self.state = event.state
        try:
            self._listener(event)
        except Exception:
            log.exception("The %s lab could not show it", self.spec.name)


def _jobs_are_done(run: Run) -> bool:
    works = run.drive.loop.ledger.works if run.drive is not None else []
    return all(work.future is None or work.future.done() for work in works)


def _in_words(error: BaseException) -> str:
    """The error's type and message, without a full stop at the end."""
    return f"{type(error).__name__}: {error}".removesuffix(": ").removesuffix(".")
