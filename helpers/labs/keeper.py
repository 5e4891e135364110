"""What the engine's thread holds: what is wanted, the run that is alive, and the loop that sees
to both. It holds no engine and no panel, so that these can be dropped while it still works.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time

from helpers.engine.run import HEARTBEAT, Run
from helpers.labs import program
from helpers.labs.events import NO_THREADS, Event, Listener, State, in_words
from helpers.labs.spec import LabSpec, Values
from helpers.words import seconds

# Seconds between two pictures of a run that goes on. Making one takes the interpreter from the
# run, so a picture that took long to make and to show is followed by a longer pause.
SNAPSHOT = 0.1
_SHARE = 0.2


class Keeper:
    """The shared state of an engine, guarded by one lock, and its loop.

    `due` is when the newest values are to be run (None: they are not), `since` when the first
    change came that has not been run. `ends_as` is what a run that is alive will be when it ends.
    """

    def __init__(self, spec: LabSpec, listener: Listener) -> None:
        """Keep a lab at its defaults."""
        self.spec, self.listener = spec, listener
        self.lock = threading.Condition()
        self.state = State.READY
        self.values = spec.defaults()
        self.following = self.alive = self.closed = self.blank = False
        self.due: float | None = None
        self.since = 0.0
        self.ends_as = State.DONE
        self.thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake = asyncio.Event()

    # -- from any thread -----------------------------------------------------------------------

    def request(self, values: Values, debounce: float, patience: float) -> None:
        """Note values that were checked, and when they are to be run."""
        with self.lock:
            if self.closed:
                return
            self.values = values
            if self.following:
                now = time.monotonic()
                if self.due is None:
                    self.since = now
                self.due = min(now + debounce, self.since + patience)
                self._poke()

    def order_now(self) -> None:
        """Have the newest values run at once."""
        with self.lock:
            if self.closed or not self._begin():
                return
            self.following, self.due = True, time.monotonic()
            self._poke()

    def halt(self, ends_as: State) -> None:
        """Have nothing run, and follow no longer."""
        with self.lock:
            if self.closed:
                return
            self.following, self.due, self.ends_as = False, None, ends_as
            if ends_as is State.READY:
                self.values, self.blank = self.spec.defaults(), True
            if self.thread is None:
                self.blank = False  # nothing was ever run, so there is nothing to clear
            self._poke()
            self.lock.notify_all()

    def close(self) -> None:
        """End the run, and with it the thread."""
        with self.lock:
            self.following, self.due, self.closed = False, None, True
            if self.thread is None:
                self.state = State.CLOSED
            self._poke()
            self.lock.notify_all()

    def wait(self, seconds: float) -> bool:
        """Wait until there is nothing to do."""
        with self.lock:
            return self.lock.wait_for(
                lambda: not (self.alive or self.blank or self.due is not None), seconds
            )

    def _begin(self) -> bool:
        """Start the thread at first; False, with a sentence told, where there are none."""
        if self.thread is not None:
            return True
        name = f"task-cards-lab-{self.spec.name}"
        thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self._loop = asyncio.new_event_loop()
        try:
            thread.start()
        except RuntimeError:
            self._loop.close()
            self.publish(Event(State.FAILED, self.values, sentence=NO_THREADS))
            return False
        self.thread = thread
        return True

    def _poke(self) -> None:
        """Wake the loop, from any thread."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # closed meanwhile
                self._loop.call_soon_threadsafe(self._wake.set)

    # -- in the thread -------------------------------------------------------------------------

    def _serve(self) -> None:
        loop = self._loop
        assert loop is not None
        try:
            with asyncio.Runner(loop_factory=lambda: loop) as runner:
                runner.run(self._work())
        finally:
            self.publish(Event(State.CLOSED, self.values))

    async def _work(self) -> None:
        while (values := await self._next()) is not None:
            try:
                await self._perform(values)
            except Exception as error:  # a fault in the lab itself must not end it
                logging.getLogger(__name__).exception("A fault in the %s lab", self.spec.name)
                sentence = f"The lab itself has a fault: {in_words(error)}."
                self.publish(Event(State.FAILED, values, sentence=sentence))
            with self.lock:
                self.alive = False
                self.lock.notify_all()

    async def _next(self) -> Values | None:
        """The values to run, once they are due; None when the lab is closed."""
        while True:
            with self.lock:
                if self.closed:
                    return None
                blank, left = self.blank, None
                if self.due is not None:
                    left = self.due - time.monotonic()
                    if left <= 0:
                        self.due, self.blank = None, False
                        self.alive, self.ends_as = True, State.DONE
                        return self.values
            if blank:
                self.publish(Event(State.READY, self.values))
                with self.lock:
                    self.blank = False
                    self.lock.notify_all()
            else:
                await self._nap(left)

    async def _nap(self, seconds: float | None) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), seconds)
        self._wake.clear()

    async def _perform(self, values: Values) -> None:
        """One run, from its start to the last event about it."""
        refused = self.spec.refusal(values)
        if refused:
            self.publish(Event(State.FAILED, values, sentence=refused))
            return
        self.publish(Event(State.RUNNING, values))
        try:
            run = Run(
                program.coroutine(self.spec, values),
                clock=self.spec.clock(values),
                max_seconds=self.spec.max_seconds,
            )
            run.start()
        except Exception as error:
            sentence = f"The run could not begin: {in_words(error)}."
            self.publish(Event(State.FAILED, values, sentence=sentence))
            return
        run.finished.add_done_callback(lambda _: self._poke())
        stopped = await self._look_after(run, values)
        self._conclude(run, values, stopped)

    async def _look_after(self, run: Run, values: Values) -> bool:
        """Until the run and all its threads' work have ended; True if it was stopped."""
        stopped, next_look = False, time.monotonic() + SNAPSHOT
        while not (run.finished.done() and threads_are_back(run)):
            await self._nap(HEARTBEAT)
            run.watch()
            if run.finished.done():
                continue
            with self.lock:
                must_end = self.closed or self.due is not None or self.ends_as is not State.DONE
            if must_end and not stopped:
                stopped = True
                run.stop()
                self.publish(Event(State.STOPPING, values, sentence="The run is being ended."))
            elif not (stopped or self.spec.shows_result) and time.monotonic() >= next_look:
                took = self._show_so_far(run, values)
                next_look = time.monotonic() + max(SNAPSHOT - took, took / _SHARE)
        return stopped

    def _show_so_far(self, run: Run, values: Values) -> float:
        """Publish the run's trace up to now; the seconds that took."""
        began = time.monotonic()
        self.publish(Event(State.RUNNING, values, run.snapshot()))
        return time.monotonic() - began

    def _conclude(self, run: Run, values: Values, stopped: bool) -> None:
        """Tell what became of the run, unless something newer is told next."""
        with self.lock:
            replaced = stopped and (self.closed or self.blank or self.due is not None)
        if replaced:
            return
        trace, error = self.spec.shown(run.finished.result()), run.error
        if stopped:
            sentence = f"Stopped after {seconds(trace.duration, exact=False)}."
            self.publish(Event(State.STOPPED, values, trace, sentence))
        elif error is not None:
            sentence = f"The run ended in an error: {in_words(error)}."
            self.publish(Event(State.FAILED, values, trace, sentence))
        else:
            numbers = tuple(self.spec.numbers(values, trace))
            self.publish(Event(State.DONE, values, trace, numbers=numbers))

    def publish(self, event: Event) -> None:
        """Tell the listener. What goes wrong there must not end the lab."""
        self.state = event.state
        try:
            self.listener(event)
        except Exception:
            logging.getLogger(__name__).exception("The %s lab could not show it", self.spec.name)


def threads_are_back(run: Run) -> bool:
    """Whether no thread works for the run any more. A thread cannot be ended from outside."""
    works = run.drive.loop.ledger.works if run.drive is not None else []
    return all(work.future is None or work.future.done() for work in works)
