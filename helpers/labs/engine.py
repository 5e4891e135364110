"""The machine of a lab, with no widget in it: at most one run is alive, and the last value wins.

`Engine` may be called from any thread: the kernel's main thread, a subshell's, a test's. A call
only notes what is wanted, under a lock, and wakes the engine's own loop in a thread of its own;
runs are started, watched and ended there, and events are published from there.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from inspect import ismethod
from typing import Any

from helpers.labs.events import Event, Listener, State
from helpers.labs.keeper import Keeper
from helpers.labs.spec import LabSpec, Values

__all__ = ["Engine", "Event", "State"]

# A value that nothing follows for this long, in seconds, is run; while a slider is dragged, the
# newest value is run at least this often.
DEBOUNCE = 0.08
PATIENCE = 0.3


class Engine:
    """Runs one lab's program for the newest values.

    `listener` gets each `Event`, from the engine's thread; a bound method is held weakly. The
    thread starts with the first run, and ends with `close` or when nobody holds the engine any
    more. After `close`, calls do nothing. Values out of their limits are a ValueError, and change
    nothing.
    """

    def __init__(
        self,
        spec: LabSpec,
        listener: Callable[[Event], None],
        *,
        debounce: float = DEBOUNCE,
        patience: float = PATIENCE,
    ) -> None:
        """Make the engine; it stands at the lab's defaults and runs nothing."""
        self.spec = spec
        self._debounce, self._patience = debounce, patience
        self._keeper = Keeper(spec, _held_weakly(listener))
        self._finalizer = weakref.finalize(self, self._keeper.close)

    @property
    def state(self) -> State:
        """Where the engine stands now; it may have moved on when you read it."""
        return self._keeper.state

    @property
    def values(self) -> Values:
        """The newest values."""
        return self._keeper.values

    @property
    def following(self) -> bool:
        """Whether a changed value is run by itself: from `run` to `stop` or `reset`."""
        return self._keeper.following

    def request(self, values: Values) -> None:
        """Note new values; when the engine follows, run them once no newer ones come in.

        A run of older values is stopped at once.
        """
        self._keeper.request(self.spec.check(values), self._debounce, self._patience)

    def run(self) -> None:
        """Run the newest values now, instead of a run that is alive, and follow from here on."""
        self._keeper.order_now()

    def stop(self) -> None:
        """End the run that is alive, drop the one that waits, and follow no longer."""
        self._keeper.halt(State.STOPPED)

    def reset(self) -> None:
        """Like `stop`, and go back to the defaults; what had come out is forgotten."""
        self._keeper.halt(State.READY)

    def close(self) -> None:
        """Like `stop`, for good: the thread ends as soon as the run has ended."""
        self._finalizer()

    def wait(self, seconds: float) -> bool:
        """Wait until no run is alive and none is wanted; False if that takes too long.

        For tests and scripts. A widget's callback never waits.
        """
        return self._keeper.wait(seconds)

    @property
    def thread(self) -> threading.Thread | None:
        """The engine's own thread, None before the first run."""
        return self._keeper.thread


def _held_weakly(listener: Callable[[Event], None]) -> Listener:
    """The listener, so held that the engine's thread keeps no panel alive."""
    if not ismethod(listener):
        return listener
    reference = weakref.WeakMethod(listener)

    def tell(event: Any) -> None:
        method = reference()
        if method is not None:
            method(event)

    return tell
