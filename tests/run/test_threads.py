"""Jobs in threads: their names, the order of what they send, and what holds the virtual clock."""

from __future__ import annotations

import asyncio
import multiprocessing
import sys
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import pytest

from helpers import RunTooLong, busy, record
from helpers.task import LaneKind


def wash() -> str:
    """A helper's work."""
    return "washed"


def square(n: int) -> int:
    """Work for a process."""
    return n * n


@pytest.mark.parametrize("clock", ["virtual", "real"])
def test_jobs_end_while_others_are_submitted(clock: str) -> None:
    async def main() -> int:
        with ThreadPoolExecutor(50) as pool:
            loop = asyncio.get_running_loop()
            return sum(
                await asyncio.gather(*(loop.run_in_executor(pool, square, 1) for _ in range(3000)))
            )

    switched = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # threads go on between any two lines
    try:
        assert asyncio.run(record(main(), clock=clock)).result == 3000
    finally:
        sys.setswitchinterval(switched)


@pytest.mark.parametrize("clock", ["virtual", "real"])
def test_an_executor_of_ones_own_gets_lanes_too(clock: str) -> None:
    async def main() -> int:
        with ThreadPoolExecutor(2) as pool:
            loop = asyncio.get_running_loop()
            return sum(
                await asyncio.gather(*(loop.run_in_executor(pool, square, n) for n in (2, 3)))
            )

    trace = asyncio.run(record(main(), clock=clock))
    assert trace.result == 13
    assert [lane.name for lane in trace.lanes] == ["main", "square 1", "square 2"]


@pytest.mark.parametrize("clock", ["virtual", "real"])
def test_work_in_another_process_holds_the_clock_and_has_a_lane(clock: str) -> None:
    async def main() -> tuple[int, float]:
        loop = asyncio.get_running_loop()
        # The other process is begun anew: a fork of one that has threads may hang.
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            value = await loop.run_in_executor(pool, square, 5)
        return value, loop.time()

    trace = asyncio.run(record(main(), clock=clock))
    assert trace.result[0] == 25
    assert trace.task("square").outcome == "returned"
    if clock == "virtual":
        assert trace.result[1] == 0


def test_what_threads_send_is_taken_in_the_order_of_the_work_not_of_chance() -> None:
    async def main() -> list[int]:
        loop = asyncio.get_running_loop()
        seen: list[int] = []
        last_first = [threading.Event() for _ in range(4)]
        last_first[3].set()

        def report(n: int) -> None:
            last_first[n].wait(5)  # really, the last piece of work reports first
            loop.call_soon_threadsafe(seen.append, n)
            if n:
                last_first[n - 1].set()

        await asyncio.gather(*(asyncio.to_thread(report, n) for n in range(4)))
        return seen

    for _ in range(5):
        assert asyncio.run(record(main())).result == [0, 1, 2, 3]


def test_a_step_that_moves_the_clock_leaves_a_job_the_moment_at_which_it_began() -> None:
    async def hold() -> None:
        busy(1)

    async def main() -> None:
        await asyncio.to_thread(wash)  # from now on a helper waits for work, and no thread begins
        await asyncio.gather(asyncio.to_thread(busy, 2), hold(), hold())
        await asyncio.gather(asyncio.to_thread(busy, 1), asyncio.to_thread(busy, 1), late())

    async def late() -> None:
        await asyncio.sleep(1)  # up to the moment at which both helpers are done
        busy(1)

    trace = asyncio.run(record(main()))
    jobs = [(lane.spawned, lane.end) for lane in trace.lanes if lane.kind is LaneKind.THREAD]
    assert jobs == [(0, 0), (0, 2), (2, 3), (2, 3)]
    assert trace.duration == 4
    assert "really_blocked" not in {finding.kind for finding in trace.findings}


@pytest.fixture
def no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """No thread can be started, as in a browser."""

    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)


@pytest.mark.usefixtures("no_threads")
def test_without_threads_a_job_takes_its_time_beside_the_loop_when_a_helper_is_free() -> None:
    seen = []

    def peel(name: str) -> str:
        with pytest.raises(RuntimeError, match="no running event loop"):
            asyncio.get_running_loop()  # as in a thread
        busy(2)
        return name

    async def note(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        seen.append(name)

    async def main() -> list[str]:
        loop, noted = asyncio.get_running_loop(), asyncio.create_task(note("task", 1))
        with ThreadPoolExecutor(1) as crew:
            jobs = [loop.run_in_executor(crew, peel, name) for name in ("leek", "kale", "left")]
            jobs[2].cancel()  # before a helper was free
            seen.extend(await asyncio.gather(*jobs[:2]))
        await noted
        return seen

    trace = asyncio.run(record(main()))
    assert trace.result == ["task", "leek", "kale"]
    assert trace.duration == 4.0, "one helper, two jobs"
    steps = [step for lane in trace.lanes if "peel" in lane.name for step in lane.steps]
    assert [(step.start, step.end) for step in steps] == [(0.0, 2.0), (2.0, 4.0)]


@pytest.mark.usefixtures("no_threads")
def test_without_threads_a_helper_takes_up_all_that_waited_for_it_once() -> None:
    taken: list[int] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1) as crew:
            held = loop.run_in_executor(crew, busy, 2)
            short = [loop.run_in_executor(crew, taken.append, n) for n in range(3)]
            await asyncio.gather(held, *short)

    trace = asyncio.run(record(main()))
    assert (taken, trace.duration) == ([0, 1, 2], 2.0)
    assert not [finding for finding in trace.findings if finding.kind == "told"]


@pytest.mark.usefixtures("no_threads")
def test_without_threads_a_run_ends_itself_at_its_limit() -> None:
    async def main() -> None:
        while True:
            await asyncio.sleep(1)

    with pytest.raises(RunTooLong, match=r"^the run took more than 0\.1 s and did not end; `main`"):
        asyncio.run(record(main(), max_seconds=0.1))


@pytest.mark.usefixtures("no_threads")
def test_without_threads_the_virtual_clock_runs_in_the_callers() -> None:
    async def cook() -> str:
        busy(2)
        await asyncio.sleep(3)
        return threading.current_thread().name

    async def caller() -> tuple[float, str, bool]:
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        trace = await record(cook())
        same = asyncio.current_task() is task and asyncio.get_running_loop() is loop
        return trace.duration, trace.result, same

    async def real() -> None:
        await record(cook(), clock="real")

    assert asyncio.run(caller()) == (5, threading.current_thread().name, True)
    with pytest.raises(RuntimeError, match='there are no threads here.*clock="virtual"'):
        asyncio.run(real())


class Tardy(ThreadPoolExecutor):
    """A pool on a machine that has no processor for its new threads."""

    def submit(self, *args: Any, **options: Any) -> Any:
        threading.Event().wait(0.3)
        return super().submit(*args, **options)


def test_a_step_is_not_blamed_for_a_thread_that_begins_late() -> None:
    async def main(pool: Tardy) -> None:
        await asyncio.get_running_loop().run_in_executor(pool, int)

    with Tardy(1) as pool:  # it is joined by no step
        trace = asyncio.run(record(main(pool)))
    assert [step.wall for lane in trace.lanes for step in lane.steps] == [0, 0, 0]
