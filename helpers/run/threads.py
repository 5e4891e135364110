"""Jobs that a run hands to threads, and how the virtual clock waits for them.

Under the virtual clock a thread at work holds the clock: it jumps on only when each job is over, or
is parked in `busy` until a later moment. What the threads send meanwhile is handed over sorted by
the number of the job, so that the order in which real threads happened to run is never seen.
"""

import asyncio
import contextlib
import math
import operator
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from concurrent.futures import thread as pools
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from helpers.run.errors import RunStopped
from helpers.run.source import Args, Callback, describe, in_words, name_of, of_frame
from helpers.task import Outcome

POOL_SIZE = 32  # on every machine; the default of Python's executor depends on the cores
# How long a turn of the loop that has something ready waits for the threads to come to rest. As
# long, a thread that sent the loop something holds the clock: it may wait for the answer.
_GRACE = 0.25
_LOOK = 0.05  # how often a loop that waits for threads looks again
LISTENS = 5.0  # seconds in which a thread of the program's own may end what looks like a deadlock
_OWN = ("task-cards", "helper_")  # how the names of the recorder's threads begin
# A step of the virtual clock that takes so many real seconds is let pass if it neither computed for
# as long, nor slept: computed for this share of it, and looked for Python's lock so rarely.
REALLY_SLOW, _HARDLY, _LOOKS_FOR_LOCK = 0.2, 0.1, 0.01
_SCHEDULED = Path("/proc/thread-self/schedstat")
cpu_time = getattr(time, "thread_time", time.process_time)  # a browser's has no thread_time
_queues: Any = pools._threads_queues  # whose threads Python waits for at its exit
_IDLE = pools._worker.__code__  # where a pool's thread waits for work
_local = threading.local()


def cpu_used() -> tuple[float, float, int]:
    """For how long this thread has computed and queued for a CPU, and how often it got one."""
    try:
        _, queued, turns = map(int, _SCHEDULED.read_text("ascii").split())
    except (OSError, ValueError):  # only Linux tells
        queued = turns = 0
    return cpu_time(), queued / 1e9, turns


def held_on(took: float, since: tuple[float, float, int]) -> bool:
    """Whether this thread blocked or computed in the time it took, and not just had no CPU."""
    computed, queued, turns = map(operator.sub, cpu_used(), since)
    slept = computed < _HARDLY * took and computed + queued < took / 2
    return computed >= REALLY_SLOW or bool(slept and turns < took / _LOOKS_FOR_LOCK)


class Job:
    """One function that runs in a thread for a run. Times are the run's loop's, in its seconds."""

    def __init__(self, number: int, func: Callback, loop: Any, executor: Executor) -> None:
        self.number, self.name, self.loop = number, name_of(func), loop
        self.parent = getattr(asyncio.current_task(loop), "recorded_as", None)
        self.executor = executor
        self.parked = False  # in `busy`
        self.worked: float | None = None  # for how long it was `busy`, where there are no threads
        self.asked = math.inf  # when it last sent the loop something, in real time
        self.submitted = loop.stamp()
        self.started: float | None = None
        self.ended: float | None = None
        self.wall = 0.0  # real seconds for which it held the virtual clock, if it did
        self.thread: threading.Thread | None = None
        self.future: Future[Any] | None = None

    def outcome(self) -> tuple[Outcome, str]:
        """How it ended, and what the function raised, in words."""
        if self.future is None or not self.future.done():
            return Outcome.PENDING, ""
        if self.future.cancelled():
            return Outcome.CANCELLED, ""
        error = self.future.exception()
        return (Outcome.RAISED, in_words(error)) if error is not None else (Outcome.RETURNED, "")

    def run(self, func: Callback, *args: Any) -> Any:
        """Call the function in this thread, which works for this job meanwhile."""
        _local.job, self.thread = self, threading.current_thread()
        self.started = self.loop.stamp()
        began, used = perf_counter(), cpu_used()
        try:
            result = func(*args)
            if asyncio.iscoroutine(result):
                self.loop.log.told.append(("never_called", self.name, ""))
            return result
        finally:
            self.ended, now = self.loop.stamp(), perf_counter()
            work = self.loop.thread_work
            alone = now - max(began, work.jumped_at, work.went_on_at)  # or it waited for the loop
            virtual = self.loop.stamp is not perf_counter
            if virtual and alone >= REALLY_SLOW and held_on(alone, used):
                self.wall = now - max(began, work.jumped_at)


def current_job() -> Job | None:
    """The job that the calling thread does for a run, or None."""
    return getattr(_local, "job", None)


@contextlib.contextmanager
def set_aside() -> Iterator[None]:
    """Set the running loop and task of this thread aside, so that a second loop can run nested."""
    loop: Any = asyncio._get_running_loop()
    task = asyncio.current_task() if loop else None
    if task:
        asyncio.tasks._leave_task(loop, task)
    asyncio._set_running_loop(None)
    try:
        yield
    finally:
        asyncio._set_running_loop(loop)
        if task:
            asyncio.tasks._enter_task(loop, task)


class ThreadWork:
    """Which jobs are out, which are parked in `busy`, and what threads sent to the loop."""

    def __init__(self, pool_size: int | None = None) -> None:
        self._pool_size = pool_size
        self._gate = threading.Condition()
        self.jobs: list[Job] = []
        self._out: dict[int, Job] = {}  # those that are not over, by number
        self._sent: list[tuple[int, asyncio.Handle]] = []  # the number of the job, or 0
        self._queue: list[tuple[Job, Callback, Args]] = []  # for a helper, without threads
        self._stopped, self._stirred = False, False  # a job has begun, or gone on, in this turn
        self._before = set(threading.enumerate())  # when the run began
        # When the clock last moved: who waited for the loop may have its answer, and needs time.
        self.jumped_at = 0.0
        self.went_on_at = 0.0  # when the loop last went on beside a job at work

    def submit(self, loop: Any, executor: Executor | None, func: Callback, args: Args) -> Any:
        """Submit a function, noted as a job; what `run_in_executor` gives back."""
        executor = executor or loop._default_executor
        if executor is None:  # the run's own pool, which the loop keeps, and ends
            executor = loop._default_executor = ThreadPoolExecutor(self._pool_size, "helper")
        with self._gate:
            job = Job(len(self.jobs) + 1, func, loop, executor)
            self.jobs.append(job)
            self._out[job.number], self._stirred = job, True
        began = perf_counter()
        try:
            if isinstance(executor, ThreadPoolExecutor):
                job.future = executor.submit(job.run, func, *args)
            else:  # an executor of processes: the function must travel alone
                job.started = job.submitted
                job.future = executor.submit(func, *args)
        except RuntimeError as error:
            if "start new thread" not in str(error):
                self._close(job)
                raise
            job.future, job.worked = Future(), 0.0  # Python in a browser has no threads
            self._queue.append((job, func, args))
        # That a thread begins late is no fault of the step that submits.
        loop.wall_began += perf_counter() - began
        # A job that is over already sends its result from here, and it is the job that sends it.
        _local.job, before = job, current_job()
        wrapped = asyncio.wrap_future(job.future, loop=loop)
        _local.job = before
        # After asyncio's own callback, so that the result is on its way before the job is over.
        job.future.add_done_callback(lambda _: self._close(job))
        if self._queue:
            self._perform_queued()
        return wrapped

    def _perform_queued(self) -> None:
        """Where there are no threads: run what a helper is free for, in this one, now.

        What is `busy` holds its helper, and not the loop: its result is sent when that is over.
        """
        taken = Counter(job.executor for job in [*self._out.values()] if job.parked)
        queue, self._queue = self._queue, []  # each job's end comes here again
        for job, func, args in queue:
            if taken[job.executor] >= getattr(job.executor, "_max_workers", 1):
                self._queue.append((job, func, args))
                continue
            if job.future is None or not job.future.set_running_or_notify_cancel():
                continue
            before = current_job()
            with set_aside():
                try:
                    send = partial(job.future.set_result, job.run(func, *args))
                except BaseException as error:
                    send = partial(job.future.set_exception, error)
            _local.job = before
            if job.worked:
                taken[job.executor] += 1
                job.parked, job.ended = True, None
                over = job.loop.time() + job.worked
                job.loop.call_soon_threadsafe(job.loop.call_at, over, self._end, job, send)
            else:
                self._end(job, send)

    def _end(self, job: Job, send: Callback) -> None:
        """Send what a job gave back, as its thread would."""
        before, job.ended, job.parked = current_job(), job.loop.stamp(), False
        _local.job = job
        send()
        _local.job = before
        self._perform_queued()

    def _close(self, job: Job) -> None:
        if current_job() is job:  # not sooner: what asyncio sends when a job is over is the job's
            _local.job = None
        if done := getattr(job.future, "_done_callbacks", None):
            done[0] = bool  # asyncio's keeps its future, whose error is told of when that is gone
        with self._gate:
            self._out.pop(job.number, None)
            if job.ended is None and job.future is not None:
                job.ended = job.loop.stamp()
            self._gate.notify_all()

    def unfinished(self, executor: Executor | None = None) -> list[Future[Any]]:
        """The futures of the jobs that have not ended: all, or one executor's."""
        jobs = (job for job in self.jobs if executor in (None, job.executor))
        return [job.future for job in jobs if job.future and not job.future.done()]

    def held(self) -> Iterator[str]:
        """The jobs that hold a thread, each with its line, in words."""
        frames = sys._current_frames()
        for job in self.jobs:
            if job.thread is not None and job.ended is None:
                place = of_frame(frames.get(job.thread.ident or 0))
                at = f" at {describe(place)}" if place else ""
                yield f"`{job.name}` holds a thread{at}"

    def let_go(self) -> None:
        """Let Python exit without the threads of jobs that nobody awaits any more."""
        for thread in [job.thread for job in [*self._out.values()] if job.thread]:
            _queues.pop(thread, None)

    def at_work(self) -> bool:
        """Whether any job is out that is neither parked, nor waits for the loop's answer by now."""
        out, long_ago = list(self._out.values()), perf_counter() - _GRACE
        rest = Counter(
            job.executor
            for job in out  # one that has ended sent its result, and is over in a moment
            if job.ended is None and (job.parked or max(job.asked, self.jumped_at) < long_ago)
        )
        # With every helper of a pool parked, what still queues for it cannot begin.
        return any(
            rest[pool] < min(jobs, getattr(pool, "_max_workers", jobs))
            for pool, jobs in Counter(job.executor for job in out).items()
        )

    def collect(self, *, until_quiet: bool) -> list[asyncio.Handle]:
        """What threads sent, sorted by the number of the job, once no job is at work.

        It waits no longer than `_GRACE` seconds if the loop has something ready (`until_quiet` is
        false) or a job at work may be waiting for the loop: it has sent it something. What comes
        from outside the run's own threads is never kept waiting.
        """
        if not self._out and not self._sent:
            return []
        with self._gate:
            self._wait_for_rest(until_quiet=until_quiet)
            sent, self._sent = sorted(self._sent, key=operator.itemgetter(0)), []
        return [handle for _, handle in sent]

    def settle(self, loop: Any) -> None:
        """Before a step moves the clock: let jobs that were stirred in this turn come to rest."""
        if self._stirred:
            began = perf_counter()
            with self._gate:
                self._wait_for_rest(until_quiet=False)
            loop.wall_began += perf_counter() - began  # the wait is no fault of the step

    def _wait_for_rest(self, *, until_quiet: bool) -> None:
        give_up = left = math.inf
        while left > 0 and not self._stopped and self.at_work() and 0 not in dict(self._sent):
            asked = any(not self._out[n].parked for n, _ in self._sent if n in self._out)
            if asked or not until_quiet:
                give_up = min(give_up, perf_counter() + _GRACE)
            left = give_up - perf_counter()
            self._gate.wait(max(0, min(left, _LOOK)))
        self.went_on_at, self._stirred = perf_counter(), False

    def may_hear(self, silent_for: float = 0) -> bool:
        """Whether a thread that the program began in the run may yet send the loop something."""
        frames = sys._current_frames()
        return any(
            silent_for < (_GRACE if frames[thread.ident].f_code is _IDLE else LISTENS)
            for thread in set(threading.enumerate()) - self._before
            if thread.ident in frames and not thread.name.startswith(_OWN)
        )

    def wait_a_little(self, silent_for: float) -> bool:
        """Wait a moment for what threads send; False if none can after so long a silence."""
        with self._gate:
            out = self.may_hear(silent_for) or any(not job.parked for job in self._out.values())
            if out and not self._sent:
                self._gate.wait(_LOOK)
            return out or bool(self._sent)

    def send(self, handle: asyncio.Handle, job: Job | None) -> None:
        """Keep a handle that a thread sends to the loop until the loop takes it."""
        with self._gate:
            if job is not None:
                job.asked = perf_counter()
            self._sent.append((job.number if job else 0, handle))
            self._gate.notify_all()

    def park(self, loop: Any, job: Job, seconds: float) -> None:
        """Keep a thread that is `busy` until the virtual clock has moved by `seconds`."""
        if job.worked is not None:
            job.worked += seconds
            return

        def unpark() -> None:
            with self._gate:
                job.parked, job.asked = False, math.inf  # it works on, and waits for no answer
                self._stirred = True
                self._gate.notify_all()

        with self._gate:  # parked and sent at once, or the clock could jump in between
            job.parked = True
            loop.call_soon_threadsafe(loop.call_at, loop.time() + seconds, unpark)
            self._gate.wait_for(lambda: self._stopped or not job.parked)
        if self._stopped:
            raise RunStopped("the run was stopped while this thread was busy for it")

    def stop(self) -> None:
        """Let every parked thread and the waiting loop go on: the run is being stopped."""
        with self._gate:
            self._stopped = True
            self._gate.notify_all()
