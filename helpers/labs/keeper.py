"""What the engine's thread holds: what is wanted, and the loop that sees to it. It holds no engine
and no panel, so that these can be dropped while it still works.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from helpers.labs import lab_run
from helpers.labs.events import NO_THREADS, Event, Listener, State, in_words
from helpers.labs.spec import LabSpec, Values
from helpers.run.session import Run

Act = Callable[[Values], Coroutine[Any, Any, None]]


class Keeper:
    """The shared state of an engine, guarded by one lock, and its loop.

    `due` is when the newest values are to be run (None: they are not), `since` when the first
    change came that has not been run. `ends_as` is what a run that is alive will be when it ends.
    `untold` is a run that was ended for a newer one: if that is stopped before it begins, the first
    one's end is told after all.
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
        self.untold: tuple[Run, Values] | None = None
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
                self.poke()

    def order_now(self) -> None:
        """Have the newest values run at once."""
        with self.lock:
            if self.closed or not self._begin():
                return
            self.following, self.due = True, time.monotonic()
            self.poke()

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
            self.poke()
            self.lock.notify_all()

    def close(self) -> None:
        """End the run, and with it the thread."""
        with self.lock:
            self.following, self.due, self.closed = False, None, True
            if self.thread is None:
                self.state = State.CLOSED
            self.poke()
            self.lock.notify_all()

    def wait(self, seconds: float) -> bool:
        """Wait until there is nothing to do."""
        with self.lock:
            return self.lock.wait_for(self._idle, seconds)

    def _idle(self) -> bool:
        """Whether nothing is done, and nothing is to be run or to be told."""
        return not (self.alive or self.blank or self.due is not None or self._outdated())

    def _outdated(self) -> bool:
        """Whether the last that was told, that a changed value is run, is true no longer."""
        return not self.following and self.state in (State.DONE, State.STOPPING)

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

    def poke(self) -> None:
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
        while (wanted := await self._next()) is not None:
            act, values = wanted
            try:
                await act(values)
            except Exception as error:  # a fault in the lab itself must not end it
                logging.getLogger(__name__).exception("A fault in the %s lab", self.spec.name)
                sentence = f"The lab itself has a fault: {in_words(error)}."
                self.publish(Event(State.FAILED, values, sentence=sentence))
            with self.lock:
                self.alive = False
                self.lock.notify_all()

    async def _next(self) -> tuple[Act, Values] | None:
        """What is to be done, and for which values, once it is due; None when the lab is closed."""
        while True:
            with self.lock:
                if self.closed:
                    return None
                left = None if self.due is None else self.due - time.monotonic()
                wanted = self._wanted(left)
                if wanted is not None:
                    self.alive = True
                    return wanted
            await self.nap(left)

    def _wanted(self, left: float | None) -> tuple[Act, Values] | None:
        """What is to be done now, where values are due in `left` seconds; None: nothing."""
        if left is not None and left <= 0:
            self.due, self.blank, self.untold, self.ends_as = None, False, None, State.DONE
            return partial(lab_run.perform, self), self.values
        if self.blank:
            self.blank, self.untold = False, None
            return partial(lab_run.tell_ready, self), self.values
        if self._outdated():
            run, values = self.untold or (None, self.values)
            self.untold = None
            return partial(lab_run.tell_stopped, self, run), values
        return None

    async def nap(self, seconds: float | None) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), seconds)
        self._wake.clear()

    def publish(self, event: Event) -> None:
        """Tell the listener. What goes wrong there must not end the lab."""
        self.state = event.state
        try:
            self.listener(event)
        except Exception:
            logging.getLogger(__name__).exception("The %s lab could not show it", self.spec.name)
