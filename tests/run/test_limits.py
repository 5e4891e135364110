"""A run always ends, and says what it was: held threads, tasks that refuse, Stop and limits."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import math
import queue
import re
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from helpers import Deadlock, RunTooLong, Trace, record
from helpers.run import loop as loops
from helpers.run import session, threads
from helpers.run.session import Run
from tests.run.runs import CLOCKS, findings, recorded


class Door(queue.Queue[None]):
    """A queue whose `get` holds a thread in a lock of C's until the test puts something in."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = threading.Event()
        self.callbacks: list[Callable[[], Any]] = []

    def then(self, callback: Callable[[], Any]) -> None:
        """Call something when the door is opened."""
        self.callbacks.append(callback)

    def open(self) -> None:
        """Let all go on who stand before it."""
        for callback in self.callbacks:
            callback()
        for _ in range(4):
            self.put(None)


@pytest.fixture
def door() -> Iterator[Door]:
    """A door that is opened after the test; then every thread ends that was not there before."""
    before, door = set(threading.enumerate()), Door()
    yield door
    door.open()
    for thread in set(threading.enumerate()) - before:
        thread.join(60)
    assert not set(threading.enumerate()) - before


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that does not end is given up sooner, to save time."""
    monkeypatch.setattr(session, "_LEAVE_AFTER", 0.3)


def ended(coro: Coroutine[Any, Any, Any], **options: Any) -> BaseException:
    """The error that ends a run; it carries the trace."""
    with pytest.raises(BaseException) as caught:  # noqa: PT011
        recorded(coro, **options)
    assert isinstance(caught.value.trace, Trace)  # type: ignore[attr-defined]
    return caught.value


def stopped(
    coro: Coroutine[Any, Any, Any], begun: threading.Event, **options: Any
) -> BaseException:
    """The error that the caller of a run gets who is cancelled once it has begun."""

    async def caller() -> None:
        recording = asyncio.create_task(record(coro, **options))
        assert await asyncio.to_thread(begun.wait, 60)
        recording.cancel()
        await recording

    with pytest.raises(asyncio.CancelledError) as caught:
        asyncio.run(caller())
    assert isinstance(caught.value.trace, Trace)  # type: ignore[attr-defined]
    return caught.value


async def nothing() -> None:
    pass


async def gets_in_the_loop(door: Door) -> None:
    door.begun.set()
    door.get()


async def gets_in_a_thread(door: Door) -> None:
    door.begun.set()
    await asyncio.to_thread(door.get)


async def gets_in_a_pool_that_is_joined(door: Door) -> None:
    def order() -> None:
        door.begun.set()
        door.get()

    with ThreadPoolExecutor(1) as pool:
        await asyncio.get_running_loop().run_in_executor(pool, order)


async def waits_in_the_loop_for_the_loop(door: Door) -> None:
    door.begun.set()
    coro = nothing()
    future = asyncio.run_coroutine_threadsafe(coro, asyncio.get_running_loop())
    door.then(future.cancel)
    try:
        future.result()
    finally:
        coro.close()


async def holds_a_lock_over_an_await(door: Door) -> None:
    lock = threading.Lock()
    door.then(lock.release)

    async def locked() -> None:
        if lock.locked():
            door.begun.set()
        with lock:
            await asyncio.sleep(0)

    await asyncio.gather(locked(), locked())


async def waits_in_a_pool_of_one_for_that_pool(door: Door) -> None:
    with ThreadPoolExecutor(1) as pool:

        def order() -> None:
            inner = pool.submit(door.get)
            door.begun.set()
            door.then(inner.cancel)
            inner.result()

        await asyncio.get_running_loop().run_in_executor(pool, order)


HELD = pytest.mark.parametrize(
    ("program", "line"),
    [
        (gets_in_the_loop, "a step held the loop at line .*: `door.get"),
        (gets_in_a_thread, r"`get` holds a thread"),
        (gets_in_a_pool_that_is_joined, r"`order` holds a thread at line .*: `door.get"),
        (waits_in_the_loop_for_the_loop, r"a step held the loop at line .*: `future.result\(\)`"),
        (holds_a_lock_over_an_await, "a step held the loop at line .*: `with lock:`"),
        (waits_in_a_pool_of_one_for_that_pool, r"`order` holds a thread at line .*: `inner.res"),
    ],
)


@HELD
@CLOCKS
def test_a_thread_that_cannot_be_ended_does_not_hold_a_run_over_its_limit(
    program: Callable[[Door], Coroutine[Any, Any, Any]], line: str, clock: str, door: Door
) -> None:
    error = ended(program(door), clock=clock, max_seconds=0.2)
    assert isinstance(error, RunTooLong)
    assert re.search(line, str(error))
    assert str(error).endswith("its thread could not be ended")


@HELD
@CLOCKS
def test_a_thread_that_cannot_be_ended_does_not_hold_a_caller_who_stops_the_run(
    program: Callable[[Door], Coroutine[Any, Any, Any]], line: str, clock: str, door: Door
) -> None:
    error = stopped(program(door), door.begun, clock=clock)
    assert str(error).startswith("the run was stopped")
    if program is not gets_in_a_thread:  # which a task that is cancelled does not wait for
        assert str(error).endswith("its thread could not be ended")


async def refuse(begun: threading.Event | None = None, refused: list[str] | None = None) -> None:
    try:
        while True:
            try:
                if begun:
                    begun.set()
                await asyncio.sleep(0.05)
            except BaseException:
                pass
    finally:
        (refused or []).append("finalized")


@CLOCKS
def test_a_task_that_refuses_to_end_is_frozen_and_named_and_its_thread_turns_no_more(
    clock: str, door: Door
) -> None:
    error = stopped(refuse(door.begun), door.begun, clock=clock)
    assert re.search(
        "the run was stopped and did not end; `refuse` is at line .*in refuse", str(error)
    )
    (finding,) = findings(error.trace)  # type: ignore[attr-defined]
    assert re.search("`refuse` was asked to stop .* had not ended when the run was given", finding)


@CLOCKS
def test_a_stop_reaches_the_end_of_a_chain_of_tasks_that_is_longer_than_pythons_stack(
    clock: str, door: Door, capsys: pytest.CaptureFixture[str]
) -> None:
    async def chain(n: int) -> None:
        if n:
            await asyncio.create_task(chain(n - 1))
        else:
            door.begun.set()
            # Not a sleep, which is over at once on the virtual clock.
            await asyncio.to_thread(door.get)

    assert str(stopped(chain(3000), door.begun, clock=clock)).startswith("the run was stopped")
    assert capsys.readouterr().err == ""


async def spins() -> None:
    while True:
        pass


async def waits_in_a_thread(door: Door) -> None:
    await asyncio.to_thread(door.get)


@pytest.mark.parametrize("program", [lambda _: refuse(), lambda _: spins(), waits_in_a_thread])
def test_what_does_not_end_in_time_is_ended_as_at_a_limit(program: Any, door: Door) -> None:
    error = ended(program(door), clock="real", until=0.1)
    assert str(error).startswith("the run took more than 0.1 s and did not end; ")


def test_a_clock_that_a_program_sets_has_no_say_in_its_limits(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        with monkeypatch.context() as patch:
            patch.setattr("time.perf_counter", lambda: 5.0)
            await asyncio.to_thread(door.get)

    assert isinstance(ended(main(), max_seconds=0.2), RunTooLong)


def test_of_very_many_tasks_only_those_are_looked_at_that_are_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    described: list[Any] = []

    def describe(place: Any) -> str:
        described.append(place)
        return "a line"

    async def main() -> None:
        tasks = [asyncio.create_task(asyncio.sleep(1000)) for _ in range(5000)]
        while tasks:
            await asyncio.sleep(0)

    monkeypatch.setattr("helpers.run.source.describe", describe)
    assert "`sleep 4` is at a line and 4996 other tasks" in str(ended(main(), max_steps=20_000))
    assert len(described) < 20


@CLOCKS
def test_any_number_of_tasks_that_spin_and_make_garbage_are_ended_one_after_the_other(
    clock: str, door: Door
) -> None:
    async def spin(kept: list[Any]) -> None:
        while True:
            kept.append([kept])

    async def main() -> None:
        await asyncio.wait([asyncio.create_task(spin([])) for _ in range(6)])

    error = ended(main(), clock=clock, max_seconds=0.1)  # the fixture sees the thread end
    assert "could not be ended" not in str(error)
    assert gc.isenabled()


def test_a_run_that_is_given_up_turns_little_once_its_thread_is_back(door: Door) -> None:
    turns: list[int] = []

    async def turn_for_ever() -> None:
        with contextlib.suppress(BaseException):
            await gets_in_the_loop(door)
        while True:  # no timer is ever due beside this one
            with contextlib.suppress(BaseException):
                turns.append(1)
                await asyncio.sleep(0)

    before = set(threading.enumerate())
    assert "a step held the loop" in str(stopped(turn_for_ever(), door.begun))
    door.open()
    for thread in set(threading.enumerate()) - before:
        thread.join(60)
    assert len(turns) < 3 * session._STEPS_TO_END


def test_short_steps_that_take_long_on_a_starved_machine_are_not_one_that_held_the_loop(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse_at_work() -> None:
        while True:
            with contextlib.suppress(asyncio.CancelledError):
                door.begun.set()
                sum(range(50_000))
                await asyncio.sleep(0)

    monkeypatch.setattr(session, "_PATIENCE", 0.0)  # any step looks long
    monkeypatch.setattr(Run, "_raise_inside", lambda _: None)
    error = stopped(refuse_at_work(), door.begun)
    assert re.search("did not end; `refuse_at_work` is at line .*in refuse_at_work", str(error))


@CLOCKS
def test_a_task_that_refuses_to_end_when_main_returns_is_named(clock: str, door: Door) -> None:
    async def main() -> None:
        asyncio.create_task(refuse())
        await asyncio.sleep(0)

    error = ended(main(), clock=clock, max_seconds=0.2)
    assert isinstance(error, RunTooLong)
    assert [f.kind for f in findings(error.trace)] == ["left_running", "refused_cancel"]  # type: ignore[attr-defined]


SCRIPT = """
import asyncio, queue
from helpers import record
from tests.run.test_limits import refuse

async def child():
    asyncio.create_task(refuse())
    await asyncio.sleep(0)

async def held():
    await asyncio.to_thread(queue.Queue().get)

async def stop(coro, clock):
    await asyncio.wait_for(record(coro, clock=clock), 0.2)

for clock in ("virtual", "real"):
    for program in (refuse, child, held):
        for run in (stop(program(), clock), record(program(), clock=clock, max_seconds=0.2)):
            try:
                asyncio.run(run)
            except (RuntimeError, TimeoutError) as error:
                print(type(error).__name__)
"""


def test_a_script_ends_whose_runs_refused_to_end() -> None:
    command = [sys.executable, "-c", SCRIPT]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert ran.stderr == ""
    words = ran.stdout.split()
    assert (len(words), set(words)) == (12, {"TimeoutError", "RunTooLong"})


@pytest.mark.parametrize("until", [math.inf, 1e300])
def test_an_infinite_timer_is_no_timer(until: float) -> None:
    async def main() -> None:
        async with asyncio.timeout(math.inf):
            await asyncio.sleep(until)
        await asyncio.sleep(math.inf)

    assert isinstance(ended(main()), Deadlock)


def test_a_deadlock_shows_who_waits_at_which_line_up_to_the_moment_it_was_given_up() -> None:
    async def eat(first: asyncio.Lock, then: asyncio.Lock) -> None:
        async with first:
            await asyncio.sleep(0.1)
            async with then:
                pass

    async def main() -> None:
        left, right = asyncio.Lock(), asyncio.Lock()
        await asyncio.gather(eat(left, right), eat(right, left))

    error = ended(main())
    trace: Trace = error.trace  # type: ignore[attr-defined]
    assert isinstance(error, Deadlock)
    assert re.search("`eat 1` waits at line .*`async with then:` and `eat 2` waits at", str(error))
    headline = "Deadlock at 0.1 s: `eat 1` and `eat 2` wait, and nothing can wake them"
    assert str(trace).splitlines()[0] == headline
    assert [(task.outcome, task.end) for task in trace.tasks] == [("pending", 0.1)] * 3
    assert [finding.kind for finding in trace.findings] == ["deadlock"] * 3
    assert re.fullmatch("`eat 2` waits at .*, and nothing can wake it.", trace.findings[2])


def test_a_deadlock_of_a_kitchen_is_told_in_minutes() -> None:
    async def main() -> None:
        await asyncio.sleep(1)
        await asyncio.Event().wait()

    with pytest.raises(Deadlock, match="^deadlock at 1 min: "):
        recorded(main(), unit="minutes")


@CLOCKS
@pytest.mark.parametrize("kept", [True, False])
def test_an_async_generator_that_never_ends_is_an_error_with_the_trace(
    clock: str, kept: bool
) -> None:
    keep: list[Any] = []

    async def pages() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            await asyncio.Event().wait()

    async def main() -> None:
        book = pages()
        await anext(book)
        if kept:
            keep.append(book)

    error = ended(main(), clock=clock, max_seconds=0.2)
    assert isinstance(error, Deadlock if clock == "virtual" else RunTooLong)


async def exits() -> None:
    async def leave() -> None:
        raise SystemExit(3)

    asyncio.create_task(leave())
    await asyncio.sleep(5)


async def stops_the_loop() -> None:
    asyncio.get_running_loop().stop()
    await asyncio.sleep(5)


@CLOCKS
@pytest.mark.parametrize(
    ("program", "what"),
    [
        (exits, "SystemExit: 3"),
        (stops_the_loop, "RuntimeError: Event loop stopped before Future completed."),
    ],
)
def test_what_ended_a_run_before_main_was_over_is_told(
    program: Callable[[], Coroutine[Any, Any, Any]], what: str, clock: str
) -> None:
    error = ended(program(), clock=clock)
    (finding,) = findings(error.trace)  # type: ignore[attr-defined]
    assert finding.endswith(f"when {what} ended the run; it was cancelled then.")


def test_a_lab_does_not_wait_for_ever_for_a_job_that_holds_its_thread(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(gets_in_a_thread(door))
    run.start()
    assert door.begun.wait(60)
    run.stop()
    run.finished.result(60)
    assert not run.jobs_are_done()
    monkeypatch.setattr(session, "_LEAVE_JOBS_AFTER", 0.0)
    assert run.jobs_are_done()


def test_a_run_over_its_limit_is_drawn_up_to_the_limit() -> None:
    async def tick() -> None:
        while True:
            await asyncio.sleep(1)

    error = ended(tick(), max_steps=1000)
    (task,) = error.trace.tasks  # type: ignore[attr-defined]
    (finding,) = findings(error.trace)  # type: ignore[attr-defined]
    assert (task.outcome, task.cancels) == ("pending", ())
    assert re.search("`tick` had not ended when the run was given up, at line", finding)


@CLOCKS
def test_a_run_until_a_moment_ends_there_like_any_other(clock: str) -> None:
    ticks: list[int] = []

    async def tick() -> None:
        for n in itertools.count():
            await asyncio.sleep(0.02)
            ticks.append(n)

    async def serve() -> int:
        await asyncio.create_task(tick())
        return 1

    trace = recorded(serve(), clock=clock, until=0.1)
    # A starved machine's pause is told of, and is nobody's fault.
    assert findings(trace) == []
    assert trace.result is None
    assert trace.task("tick").outcome == "cancelled"
    assert {request.by for task in trace.tasks for request in task.cancels} == {"deadline"}
    if clock == "virtual":
        assert (trace.duration, len(ticks)) == (0.1, 4)


def test_a_run_that_is_over_before_its_until_ends_then() -> None:
    trace = recorded(asyncio.sleep(1, "done"), until=60)
    assert (trace.result, trace.duration) == ("done", 1)


def test_an_endless_run_is_ended_soon_and_one_of_many_tasks_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(loops, "SPARE_STEPS", 500)
    monkeypatch.setattr(loops, "MAX_STEPS", 20_000)

    async def serve() -> None:
        while True:
            asyncio.create_task(asyncio.sleep(1))
            await asyncio.sleep(1)
            await asyncio.sleep(1)

    async def crowd() -> None:
        await asyncio.gather(*(asyncio.sleep(1) for _ in range(3000)))

    async def spawn() -> None:
        while True:
            asyncio.create_task(nothing())
            await asyncio.sleep(0)

    recorded(crowd())
    took = {spawn: 20_001, serve: 5000}
    for program, most in took.items():
        error = ended(program())
        steps = re.search(r"the run took (\d+) steps and did not end", str(error))
        assert steps
        assert int(steps[1]) <= most


async def is_told_by_a_timer() -> str:
    loop = asyncio.get_running_loop()
    told: asyncio.Future[str] = loop.create_future()
    threading.Timer(0.05, loop.call_soon_threadsafe, (told.set_result, "told")).start()
    return await told


async def asks_a_pool() -> str:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(int).result()
        return await asyncio.wrap_future(pool.submit(lambda: "told"))


@pytest.mark.parametrize("program", [is_told_by_a_timer, asks_a_pool])
@CLOCKS
def test_what_a_thread_of_the_programs_own_sends_is_waited_for(
    program: Callable[[], Coroutine[Any, Any, Any]], clock: str, door: Door
) -> None:
    assert recorded(program(), clock=clock).result == "told"


def test_a_pool_that_has_nothing_to_do_does_not_keep_a_deadlock_unseen(door: Door) -> None:
    async def main() -> None:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(int).result()
            await asyncio.Event().wait()

    assert isinstance(ended(main()), Deadlock)


def test_a_deadlock_beside_a_thread_that_stays_silent_says_what_could_be(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "LISTENS", 0.1)

    async def main() -> None:
        threading.Thread(target=door.get).start()
        await asyncio.Event().wait()

    words = 'unless by a thread that asyncio did not start: record with clock="real". `main` waits'
    assert words in str(ended(main()))
