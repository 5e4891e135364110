"""Work that a run hands to threads, and how the virtual clock waits for it.

Under the virtual clock a thread at work holds the clock: it jumps on only when each piece of work
is over, or is parked in `busy` until a later moment. What the threads send to the loop meanwhile
is handed over sorted by the number of the work, so that the order in which real threads happened
to run is never seen.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any

from helpers.run.errors import RunStopped
from helpers.run.runlog import name_of

# The same on every machine, unlike the default of Python's executor, which depends on the cores.
HELPERS = 32
# How long a turn of the loop that has something ready waits for the threads to come to rest.
# As long, a thread that sent the loop something holds the clock: it may wait for the answer.
_GRACE = 0.25
_LOOK = 0.05

_local = threading.local()


def current_work() -> Work | None:
    """The work that the calling thread does for a run, or None."""
    return getattr(_local, "work", None)


class Work:
    """One function that runs in a thread for a run. Times are the run's loop's, in its seconds."""

    def __init__(self, number: int, func: Callable[..., Any], loop: Any) -> None:
        """Note the work's number and name; it has not started."""
        self.number = number
        self.name = name_of(func)
        self.loop = loop
        self.parent = getattr(asyncio.current_task(loop), "recorded_as", None)
        self.pool, self.room = 0, HELPERS  # which executor, and how many threads it has
        self.parked: threading.Event | None = None
        self.asked: float | None = None  # when it last sent the loop something, in real time
        self.submitted = loop.stamp()
        self.started: float | None = None
        self.ended: float | None = None
        self.error: BaseException | None = None
        self.future: Future[Any] | None = None

    def rests(self) -> bool:
        """Whether it does not hold the virtual clock: parked, or waiting for the loop's answer."""
        if self.ended is not None:  # what it sent is its result, and it is over in a moment
            return False
        waits = self.asked is not None and time.perf_counter() - self.asked > _GRACE
        return self.parked is not None or waits

    def run(self, func: Callable[..., Any], *args: Any) -> Any:
        """Call the function in this thread, noted as this work."""
        _local.work = self
        self.started = self.loop.stamp()
        try:
            return func(*args)
        except BaseException as exc:
            self.error = exc
            raise
        finally:
            self.ended = self.loop.stamp()


class Ledger:
    """Which work is out, which is parked in `busy`, and what threads sent to the loop.

    `helpers` is how many threads the run's own pool has; None: as many as asyncio's would.
    """

    def __init__(self, helpers: int | None = None) -> None:
        """Start with no work out."""
        self._helpers = helpers
        self._gate = threading.Condition()
        self._out: dict[int, Work] = {}
        self.works: list[Work] = []
        self._sent: list[tuple[int, int, asyncio.Handle]] = []
        self._stopped = False

    def hand_over(
        self, loop: Any, executor: Executor | None, func: Callable[..., Any], args: tuple[Any, ...]
    ) -> asyncio.Future[Any]:
        """Submit a function, noted as work; what `run_in_executor` gives back.

        Without an executor it goes to the run's own pool, which the loop keeps, and ends, as its
        default one.
        """
        executor = executor or self._pool(loop)
        with self._gate:
            work = Work(len(self.works) + 1, func, loop)
            work.pool, work.room = id(executor), getattr(executor, "_max_workers", HELPERS)
            self.works.append(work)
            self._out[work.number] = work
        try:
            if isinstance(executor, ThreadPoolExecutor):
                work.future = executor.submit(work.run, func, *args)
            else:  # an executor of processes: the function must travel alone
                work.started = work.submitted
                work.future = executor.submit(func, *args)
        except RuntimeError as error:
            self.close(work)
            if "start new thread" in str(error):
                raise RuntimeError(
                    "no thread can be started here (Python in a browser has none), so "
                    f"`{work.name}` cannot run beside the loop: call it directly, or use Python "
                    "on a machine"
                ) from error
            raise
        # Work that is over already sends its result from here, and it is the work that sends it.
        _local.work, before = work, current_work()
        try:
            wrapped = asyncio.wrap_future(work.future, loop=loop)
        finally:
            _local.work = before
        # After asyncio's own callback, so that the result is on its way before the work is over.
        work.future.add_done_callback(lambda _: self.close(work))
        return wrapped

    def _pool(self, loop: Any) -> Executor:
        if loop._default_executor is None:
            loop._default_executor = ThreadPoolExecutor(self._helpers, thread_name_prefix="helper")
        pool: Executor = loop._default_executor
        return pool

    def close(self, work: Work) -> None:
        """Note that a piece of work is over, or was cancelled before it began."""
        if current_work() is work:
            # Not sooner: what asyncio sends to the loop when the work is over comes from it too.
            _local.work = None
        with self._gate:
            self._out.pop(work.number, None)
            if work.ended is None and work.started is not None:
                work.ended = work.loop.stamp()
            self._gate.notify_all()

    def at_work(self) -> bool:
        """Whether any work is out that is not parked until a later moment."""
        rooms: dict[int, list[Work]] = {}
        for work in list(self._out.values()):
            rooms.setdefault(work.pool, []).append(work)
        # With every helper of a pool parked, what still queues for it cannot begin.
        return any(
            min(len(works), works[0].room) > sum(work.rests() for work in works)
            for works in rooms.values()
        )

    def holds_anything(self) -> bool:
        """Whether any work is out that is not parked in `busy`."""
        return any(work.parked is None for work in list(self._out.values()))

    def jumped(self) -> None:
        """The clock has moved: who waited for the loop may have its answer now, and needs time."""
        for work in list(self._out.values()):
            if work.asked is not None:
                work.asked = time.perf_counter()

    def wait_a_little(self) -> None:
        """Wait a moment for what threads send."""
        with self._gate:
            if not self._sent:
                self._gate.wait(_LOOK)

    def wait(self, *, until_quiet: bool) -> None:
        """Wait until no work is going on, or one of them needs the loop.

        A thread may wait for something that only the loop can do: when the loop has something
        ready (`until_quiet` false), or work that goes on has sent it something, the wait has an
        end. What comes from outside the run's own threads is never kept waiting.
        """
        patience: float | None = None
        with self._gate:
            while self.at_work():
                if self._stopped:
                    self._gate.wait(0.02)
                    return
                if any(number == 0 for number, _, _ in self._sent):
                    return
                if patience is None and (not until_quiet or self._sent_by_active()):
                    patience = time.perf_counter() + _GRACE
                left = None if patience is None else patience - time.perf_counter()
                if left is not None and left <= 0:
                    return
                self._gate.wait(_LOOK if left is None else min(left, _LOOK))

    def _sent_by_active(self) -> bool:
        active = {n for n, work in self._out.items() if work.parked is None}
        return any(number in active for number, _, _ in self._sent)

    def send(self, handle: asyncio.Handle, work: Work | None) -> None:
        """Keep a handle that a thread sends to the loop until the loop takes it."""
        with self._gate:
            if work is not None:
                work.asked = time.perf_counter()
            self._sent.append((work.number if work else 0, len(self._sent), handle))
            self._gate.notify_all()

    def take(self) -> list[asyncio.Handle]:
        """What was sent, sorted by the number of the work that sent it."""
        with self._gate:
            sent, self._sent = sorted(self._sent, key=lambda item: item[:2]), []
        return [handle for _, _, handle in sent]

    def park(self, loop: Any, work: Work, seconds: float) -> None:
        """Keep a thread that is `busy` until the virtual clock has moved by `seconds`."""
        gate = threading.Event()

        def unpark() -> None:
            with self._gate:
                work.parked = None
            gate.set()

        with self._gate:  # parked and sent at once, or the clock could jump in between
            work.parked = gate
            loop.call_soon_threadsafe(loop.call_at, loop.time() + seconds, unpark)
        gate.wait()
        if self._stopped:
            raise RunStopped("the run was stopped while this thread was busy for it")

    def notify(self) -> None:
        """Wake the loop if it waits for threads."""
        with self._gate:
            self._gate.notify_all()

    def stop(self) -> None:
        """Let every parked thread and the waiting loop go on: the run is being stopped."""
        with self._gate:
            self._stopped = True
            for work in self._out.values():
                if work.parked is not None:
                    work.parked.set()
            self._gate.notify_all()
