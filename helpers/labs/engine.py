"""What runs a lab, with no widget in it: at most one run is alive, and the newest wish wins.

Callers, from any thread, leave one wish: an `Event` that is to come. The engine, in a thread of its
own, serves the newest and tells its listener; a wish overtaken by a newer one is forgotten.
"""

import enum
import logging
import threading
import time
from collections.abc import Callable
from concurrent import futures
from contextlib import suppress
from traceback import extract_tb
from typing import NamedTuple

from helpers.labs.spec import FILE, LabSpec, Values
from helpers.run.session import HEARTBEAT, Run
from helpers.run.source import in_words
from helpers.text import seconds as in_seconds
from helpers.trace import Trace

log = logging.getLogger(__name__)
# Seconds to the first picture of a run, between two, and the share of its time that drawing them
# may take: Python's lock is taken from the run meanwhile, so that a short one is left alone.
FIRST, SNAPSHOT, SHARE = 1.0, 0.1, 0.2
NO_THREADS = "This lab runs on real threads, which Python in a browser has not."


class State(enum.StrEnum):
    """Where a lab stands."""

    READY = "ready"  # nothing has been run since it was opened or reset
    RUNNING = "running"
    STOPPING = "stopping"  # the run was asked to end, for Stop or for newer values
    DONE = "done"  # the run came to its end
    STOPPED = "stopped"  # Stop ended the run; its picture up to then is kept
    FAILED = "failed"  # the run ended in an error
    CLOSED = "closed"


class Event(NamedTuple):
    """What the listener is told: the lab's state, the values it is about, and what to show.

    `trace` is the run so far; without one the picture stays, but for READY, which clears it.
    A `pale` one is a preview, on the virtual clock: the state may be about other values.
    """

    state: State
    values: Values
    trace: Trace | None = None
    sentence: str = ""
    pale: bool = False


class Engine:
    """Runs one lab's program for the newest values; `listener` gets each Event, in the thread.

    The thread starts with the first run or preview. Calls may come from any thread.
    """

    def __init__(self, spec: LabSpec, listener: Callable[[Event], None]) -> None:
        self.spec, self._listener = spec, listener
        self.state, self.values = State.READY, spec.defaults()
        self.thread: threading.Thread | None = None
        self._lock = threading.RLock()
        self.patience = 0.15  # seconds from a change to its run, if that takes real time
        self.at_once = 0.05  # on the virtual clock, a run that takes less is not said to run
        self._wish = self._served = Event(State.READY, self.values)
        self._due = 0.0  # when to serve the wish; the order of the two keeps an older one from it
        self._cut: Event | None = None  # how a run ended that made way for a newer wish
        self._pale: Values | None = None  # to preview while there is no wish, or it is not due yet
        self._wake = threading.Event()

    def request(self, values: Values) -> None:
        """Note new values: preview them, and once RUNNING was asked for, run them in a moment."""
        now = time.monotonic()
        with self._lock:
            changed, self.values = values != self.values, values
            runs, real = self._wish.state is State.RUNNING, self.spec.clock(values) == "real"
            if runs:
                self._due = self._due if now < self._due else now + self.patience * real
                self._wish = Event(State.RUNNING, values)
            pale = changed and self._wish.state is not State.CLOSED and (real or not runs)
            self._pale = values if pale and self._has_thread() else None
            if pale and self.thread is None:
                self._publish(Event(self._wish.state, values, self.spec.preview(values), pale=True))
            elif runs and self.thread is None and changed:
                self._perform_here()
            self._wake.set()

    def ask(self, state: State) -> None:
        """Ask for a state in place of what was asked for before; a run that is alive is ended.

        RUNNING runs the newest values now, and from now on new ones; STOPPED does not. READY goes
        back to the defaults. CLOSED is for good: the thread ends, and calls do nothing any more.
        """
        with self._lock:
            before = self._wish.state
            if before is State.CLOSED or (before, state) == (State.READY, State.STOPPED):
                return  # a reset has ended the run, or will
            if state is State.RUNNING and not self._has_thread():
                self._perform_here()
                return
            if state is State.READY:
                self.values = self.spec.defaults()
            self._wish, self._due, self._pale = Event(state, self.values), 0.0, None
            self._wake.set()
            if self.thread is None:
                if self.state is not State.READY and state is not State.STOPPED:
                    self._publish(self._wish)
                self._served, self.state = self._wish, state  # or nothing was ever run, nor told

    def _has_thread(self) -> bool:
        """Start the engine's thread, unless it was; False where there are no threads."""
        if self.thread is None:
            name = f"task-cards-lab-{self.spec.name}"
            thread = threading.Thread(target=self._serve, name=name, daemon=True)
            with suppress(RuntimeError):
                thread.start()
                self.thread = thread
        return self.thread is not None

    def _perform_here(self) -> None:
        """Where there are no threads, the caller runs what can be run on the virtual clock."""
        if self.spec.clock(self.values) == "real":
            self._publish(Event(State.FAILED, self.values, sentence=NO_THREADS))
            return
        self._wish = Event(State.RUNNING, self.values)
        self._perform(self._wish)

    def _serve(self) -> None:
        while self._served.state is not State.CLOSED:
            wish, pale = self._wish, self._pale
            early = self._due - time.monotonic()
            waits = wish is self._served or early > 0
            if waits and pale is None:
                self._wake.wait(None if wish is self._served else early)
                self._wake.clear()
                continue
            try:
                if waits and pale is not None:
                    self._publish(Event(wish.state, pale, self.spec.preview(pale), pale=True))
                elif wish.state is State.RUNNING:
                    self._perform(wish)
                elif wish.state is not State.STOPPED:
                    self._publish(wish)
                elif self.state in (State.DONE, State.STOPPING):
                    self._publish(self._cut or wish)
            except Exception as error:  # a fault in the lab itself must not end it
                log.exception("A fault in the %s lab", self.spec.name)
                self._fail(wish.values, "The lab itself has a fault", error, None)
            with self._lock:
                self._served = self._served if waits else wish
                self._pale = None if waits and self._pale is pale else self._pale

    def _perform(self, wish: Event) -> None:
        values, spec = wish.values, self.spec
        with self._lock:
            self._cut, self._pale = None, None if self._wish is wish else self._pale
        if (clock := spec.clock(values)) == "real":
            self._publish(wish)
            time.sleep(0.05)  # in which the page shows it: else that would make the run longer
        run = Run(spec.coroutine(values), clock=clock, max_seconds=spec.max_seconds)
        run.start()
        if clock == "virtual" and futures.wait([run.finished], self.at_once).not_done:
            self._publish(wish)
        run.finished.add_done_callback(lambda _: self._wake.set())
        stopped = self._look_after(run, wish)
        trace = spec.came_out(run.finished.result())
        if stopped:
            sentence = f"Stopped after {in_seconds(trace.duration, exact=False)}."
            self._cut = Event(State.STOPPED, values, trace, sentence)
        elif run.error is not None:
            self._fail(values, "The run ended in an error", run.error, trace)
        else:
            self._publish(Event(State.DONE, values, trace))

    def _look_after(self, run: Run, wish: Event) -> bool:
        """Wait until the run and its threads have ended; True if a newer wish stopped it."""
        stopped, next_look = False, time.monotonic() + FIRST
        while not (run.finished.done() and run.jobs_are_done()):
            self._wake.wait(HEARTBEAT)
            self._wake.clear()
            now = time.monotonic()
            if stopped or run.finished.done():
                continue
            if self._wish is not wish:
                stopped = True
                run.stop()
                self._publish(Event(State.STOPPING, wish.values))
            elif not self.spec.shows_result and now >= next_look:
                self._publish(Event(State.RUNNING, wish.values, run.snapshot()))
                shown = time.monotonic()
                next_look = max(now + SNAPSHOT, shown + (shown - now) / SHARE)
        return stopped

    def _fail(self, values: Values, what: str, error: BaseException, trace: Trace | None) -> None:
        text = in_words(error).removesuffix(".")
        frames, file = extract_tb(error.__traceback__), FILE.format(self.spec.name)
        lines = [frame.lineno for frame in frames if frame.filename == file]
        where = f" (line {lines[-1]} of the code)" if lines else ""
        self._publish(Event(State.FAILED, values, trace, f"{what}: {text}{where}."))

    def _publish(self, event: Event) -> None:
        """Tell the listener. What goes wrong there must not end the lab."""
        self.state = self.state if event.pale else event.state
        try:
            self._listener(event)
        except Exception:
            log.exception("The %s lab could not show it", self.spec.name)
