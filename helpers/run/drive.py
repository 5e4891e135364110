"""What happens in the thread of a run: main to its end, then everything that main left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from helpers.run import source as places
from helpers.run import unawaited
from helpers.run.errors import RunError, RunStopped, RunTooLong
from helpers.run.runlog import FIELDS, OUTSIDE
from helpers.run.stamping import StampingLoop

# What tasks may still do after main is over, so that one that refuses to end cannot hold the run.
_STEPS_TO_END = 100_000


class Drive:
    """Drives one loop through one run. `error` is what ended the run, or None.

    `stopped` and `too_long` are set from another thread: somebody pressed Stop, or the run went
    over its seconds. `RunStopped` may then be raised into this thread at any line.
    """

    def __init__(self, loop: StampingLoop) -> None:
        """Take a loop that is prepared to record."""
        self.loop = loop
        self.error: BaseException | None = None
        self.stopped = self.too_long = False

    def run(self, coro: Coroutine[Any, Any, Any]) -> Any:
        """Run the coroutine and all that it leaves; its result, or None if `error` is set."""
        note = self.loop.log.unawaited.append
        result = None
        try:
            with unawaited.watch(lambda name, place: note((name, place))):
                result = self._main(coro)
                self._end_the_rest()
        except BaseException as error:  # nothing may keep the one who waits from being told
            self.error = self.error or error
        return result

    def cancel_all(self) -> None:
        """Ask every task to stop: called in the loop when somebody stops the run."""
        self.loop.step = OUTSIDE  # not this callback cancels them, but whoever stopped the run
        for task in asyncio.all_tasks(self.loop):
            task.cancel()

    def _main(self, coro: Coroutine[Any, Any, Any]) -> Any:
        loop = self.loop
        main = loop.create_task(coro)
        try:
            _insist(lambda: loop.run_until_complete(main), main)
            return main.result()
        except RunStopped:
            self.error = self._why_stopped()
        except asyncio.CancelledError as error:
            self.error = self._why_stopped() if self.too_long else error
        except BaseException as error:
            self.error = error
        finally:
            loop.log.main_over = None if self.stopped else loop.stamp()
        return None

    def _why_stopped(self) -> BaseException:
        """The error of a run that was ended while main stood in a step that did not end."""
        if not self.too_long:
            return asyncio.CancelledError("the run was stopped")
        return RunTooLong(self.loop.why_halted())

    def _end_the_rest(self) -> None:
        """Cancel and await what is left, as `asyncio.run` does, and wait for threads' work."""
        loop, log = self.loop, self.loop.log
        loop.limit = len(log.steps) // FIELDS + _STEPS_TO_END
        for task in loop.in_order():
            if not self.stopped and not isinstance(self.error, RunError):
                log.left[task.recorded_as] = places.waiting(task)
            task.cancel()
        try:
            _run_until_done(loop, loop.in_order())
            if loop._asyncgens:  # type: ignore[attr-defined]
                log.hidden.add(len(log.spawns))
                loop.run_until_complete(loop.shutdown_asyncgens())
            if not self.stopped:
                works = [w.future for w in loop.ledger.works if w.future and not w.future.done()]
                _run_until_done(loop, [asyncio.wrap_future(w, loop=loop) for w in works])
        except (RunError, RunStopped) as error:
            self.error = self.error or error
        loop.note_what_is_left()


def _insist(go: Callable[[], Any], until: asyncio.Future[Any]) -> None:
    """Run the loop; an exception raised into its thread that missed its step is let pass."""
    while not until.done():
        try:
            go()
        except RunStopped:
            if until.done():
                raise


def _run_until_done(loop: asyncio.BaseEventLoop, futures: Iterable[asyncio.Future[Any]]) -> None:
    """Run the loop until all are done, without a task of its own in the picture."""
    waiting = {future for future in futures if not future.done()}
    everyone = tuple(waiting)

    def one_done(future: asyncio.Future[Any]) -> None:
        waiting.discard(future)
        if not waiting:
            loop.stop()

    for future in everyone:
        future.add_done_callback(one_done)
    try:
        if waiting:
            loop.run_forever()
    finally:
        for future in everyone:
            future.remove_done_callback(one_done)
