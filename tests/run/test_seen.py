"""Findings of what only the loop sees: clocks, threads, lost errors and coroutines, pauses."""

from __future__ import annotations

import asyncio
import gc
import queue
import re
import threading
import time
import warnings
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import Any

import pytest

from helpers import busy, record
from helpers.findings import find
from helpers.run.handles import RecordedTimer
from helpers.trace import Finding, Outcome, Step, Task, Trace


def found(coro: Coroutine[Any, Any, Any], **options: Any) -> list[Finding]:
    """The findings of a run."""
    return list(asyncio.run(record(coro, **options)).findings)


async def wait(seconds: float = 1) -> None:
    await asyncio.sleep(seconds)


def only(kind: str, coro: Coroutine[Any, Any, Any], **options: Any) -> list[Finding]:
    """The findings of one kind."""
    return [finding for finding in found(coro, **options) if finding.kind == kind]


async def to_thread(work: Callable[[], Any]) -> None:
    await asyncio.to_thread(work)


def test_a_job_that_takes_real_time_under_the_virtual_clock_is_found() -> None:
    def stare() -> None:
        threading.Event().wait(0.3)

    def knead_and_stare() -> None:
        busy(1)
        threading.Event().wait(0.3)

    for work in (stare, knead_and_stare):
        (finding,) = found(to_thread(work))
        assert finding.kind == "really_blocked"
        assert finding.startswith(f"`{work.__name__}` took ")
        assert "of real time in its thread, and the virtual clock does not show it" in finding
    assert only("really_blocked", to_thread(stare), clock="real") == []


def test_a_job_that_waits_for_the_loop_or_is_busy_takes_no_real_time() -> None:
    plates: queue.Queue[int] = queue.Queue()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        eats = asyncio.create_task(asyncio.to_thread(plates.get))
        for _ in range(3):
            await asyncio.sleep(0)
        plates.put(1)
        await eats
        await asyncio.to_thread(lambda: asyncio.run_coroutine_threadsafe(wait(2), loop).result())
        await asyncio.to_thread(busy, 5)

    assert found(main()) == []


async def measures_a_wait() -> None:
    began = time.perf_counter()
    await asyncio.sleep(1)
    print(f"took {time.perf_counter() - began:.1f}")


async def notes_both_moments() -> None:
    began = time.time()
    async with asyncio.timeout(9):
        await asyncio.sleep(1)
    ended = time.time()
    print(ended - began)


async def has_a_deadline() -> None:
    deadline = time.monotonic() + 0.01
    while time.monotonic() < deadline:
        await asyncio.sleep(0.1)


async def is_told_the_beginning() -> None:
    async def cook(began: float) -> None:
        await asyncio.sleep(1)
        print(perf_counter() - began)

    began = perf_counter()
    await asyncio.gather(cook(began), cook(began))


@pytest.mark.parametrize(
    "program", [measures_a_wait, notes_both_moments, has_a_deadline, is_told_the_beginning]
)
def test_a_clock_of_the_machine_read_on_both_sides_of_an_await_is_found(program: Any) -> None:
    (finding,) = only("wall_clock", program())
    assert re.match(r"`\S+\(\)`, read at line \d+ of test_seen.py, in ", finding)
    assert finding.endswith("does not move with the virtual clock: use `loop.time()`.")
    assert only("wall_clock", program(), clock="real") == []


def test_a_clock_of_the_machine_that_measures_work_or_is_logged_is_no_finding() -> None:
    async def measures_work() -> None:
        for _ in range(2):
            began = time.perf_counter()
            sum(range(10))
            print(time.perf_counter() - began)
            await asyncio.sleep(1)

    async def logs() -> None:
        print("begins", time.time())
        await asyncio.sleep(1)
        print(f"{time.time():.1f} - ends")

    async def measures_the_loop() -> None:
        began = asyncio.get_running_loop().time()
        await asyncio.sleep(1)
        print(asyncio.get_running_loop().time() - began)

    for program in (measures_work, logs, measures_the_loop):
        assert found(program()) == []


def test_a_forgotten_coroutine_is_found_with_the_line_that_made_it() -> None:
    async def main() -> None:
        soups = [wait() for _ in range(2)]
        await asyncio.sleep(1)
        del soups
        serve = wait
        serve()  # type: ignore[unused-coroutine]

    findings = found(main())
    line = main.__code__.co_firstlineno
    assert [finding.kind for finding in findings] == ["never_awaited"] * 2
    at = [int(one.partition(" line ")[2].partition(" ")[0]) - line for one in findings]
    assert at == [1, 5]
    assert findings[0].endswith("In all 2 times.")


def test_a_coroutine_forgotten_before_the_run_is_no_fault_of_the_run() -> None:
    old: list[Any] = [wait()]
    cycle: list[Any] = [wait()]
    cycle.append(cycle)
    del cycle

    async def main() -> None:
        old.clear()
        gc.collect()
        await wait()
        await asyncio.create_task(wait())

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert found(main()) == []
    assert ["never awaited" in str(warning.message) for warning in caught] == [True, True]


@pytest.mark.parametrize("clock", ["virtual", "real"])
def test_errors_that_no_task_has_are_found_and_logged(
    clock: str, caplog: pytest.LogCaptureFixture
) -> None:
    def ring() -> None:
        raise ValueError("burnt")

    def chop() -> None:
        raise KeyError("knife")

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(0.01, ring)
        loop.create_future().set_exception(OSError("cold"))
        loop.run_in_executor(None, chop)
        loop.call_exception_handler({"message": "Unclosed client session", "client_session": 1})
        loop.call_exception_handler({"message": "hello"})
        await asyncio.sleep(0.1)

    trace = asyncio.run(record(main(), clock=clock))
    assert sorted(one for one in trace.findings if one.kind in ("told", "raised")) == [
        "The loop's exception handler was told: Future exception was never retrieved: "
        "KeyError: 'knife'.",
        "The loop's exception handler was told: Future exception was never retrieved: "
        "OSError: cold.",
        "The loop's exception handler was told: Unclosed client session.",
        "`ring` raised ValueError: burnt, and nobody can retrieve it.",
    ]
    assert (trace.task("ring").outcome, trace.task("ring").error) == ("raised", "ValueError: burnt")
    assert len(caplog.records) == 5  # as plain asyncio does


def test_an_async_function_handed_to_a_thread_is_found() -> None:
    async def main() -> None:
        made = await asyncio.get_running_loop().run_in_executor(None, wait)
        made.close()

    (finding,) = found(main())
    assert finding.startswith("`wait` is an async function: a thread makes its coroutine")


def test_a_job_that_waited_for_a_full_pool_is_found() -> None:
    async def main(jobs: int) -> None:
        with ThreadPoolExecutor(2) as pool:
            loop = asyncio.get_running_loop()
            await asyncio.gather(*(loop.run_in_executor(pool, busy, 1) for _ in range(jobs)))

    full = "the pool was full, with 2 threads. Give it more, or less at a time."
    assert found(main(6)) == [f"`busy 5` waited 2 s for a free helper: {full}"]
    assert found(main(2)) == []


@pytest.mark.parametrize("clock", ["virtual", "real"])
def test_another_thread_that_does_not_wake_the_loop_is_found(clock: str) -> None:
    async def main() -> None:
        rung, late = asyncio.Event(), asyncio.create_task(wait(0.5))

        def ring() -> None:
            rung.set()

        await asyncio.sleep(0)
        timer = threading.Timer(0.1, ring)
        timer.start()
        await rung.wait()
        await late
        await asyncio.to_thread(asyncio.Queue[int]().put_nowait, 1)

    (finding,) = only("wrong_thread", main(), clock=clock)
    assert "called the loop at line" in finding
    assert "in ring: `rung.set()`, and did not wake it: use `loop.call_soon_threadsafe`" in finding


@pytest.mark.parametrize("clock", ["virtual", "real"])
def test_a_thread_that_wakes_the_loop_is_no_finding(clock: str) -> None:
    async def main() -> None:
        loop, rung = asyncio.get_running_loop(), asyncio.Event()
        thread = threading.Thread(target=loop.call_soon_threadsafe, args=(rung.set,))
        thread.start()
        await rung.wait()
        await asyncio.to_thread(asyncio.run_coroutine_threadsafe, wait(0), loop)
        thread.join()

    assert only("wrong_thread", main(), clock=clock) == []


def test_the_pause_of_the_garbage_collector_is_no_fault_of_a_task() -> None:
    held = threading.Event()

    async def main() -> None:
        other = asyncio.create_task(wait(0))
        for note in gc.callbacks[-1:]:  # as a collection of 0.2 s calls them
            note("start", {})
            held.wait(0.2)
            note("stop", {})
        await other

    trace = asyncio.run(record(main(), clock="real"))
    assert "garbage collector" in [whose for *_, whose in trace.pauses]
    assert " of the garbage collector" in str(trace)
    asks = Task(0, "main", None, 0.0, 0.3, Outcome.RETURNED, 0.3, (Step(0, 0, 0.3, "chef", None),))
    waits = Task(1, "late", 0, 0.0, 0.3, Outcome.RETURNED, 0.3, (Step(0, 0.3, 0.3, "chef", 0),))
    pauses = ((0.02, 0.28, "garbage collector"),)
    (finding,) = find(Trace((asks, waits), 0.3, "real", pauses=pauses))
    assert finding.startswith("The garbage collector held the chef for 260 ms (from 0.02 to 0.28")
    assert finding.endswith("no task's fault.")


def test_what_the_loop_does_for_itself_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        await asyncio.sleep(0.01)

    before = RecordedTimer._run

    def run(timer: Any) -> None:
        before(timer)
        busy(0.2)

    monkeypatch.setattr(RecordedTimer, "_run", run)
    trace = asyncio.run(record(main(), clock="real"))
    assert "loop's own work" in [whose for *_, whose in trace.pauses]
    assert any(
        finding.startswith("The loop's own work held the chef") for finding in trace.findings
    )
