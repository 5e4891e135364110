"""Jobs in threads: their names, the order of what they send, and what holds the virtual clock."""

from __future__ import annotations

import asyncio
import functools
import multiprocessing
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import pytest

from helpers import busy, record
from helpers.run.clock import VirtualLoop
from helpers.run.threads import Job, current_job


def wash() -> str:
    """A helper's work."""
    job = current_job()
    return job.name if job else "nobody"


def square(n: int) -> int:
    """Work for a process."""
    return n * n


def test_work_knows_its_name_through_the_partials_of_to_thread() -> None:
    async def main() -> list[str]:
        return [
            await asyncio.to_thread(wash),
            await asyncio.get_running_loop().run_in_executor(None, functools.partial(wash)),
        ]

    assert asyncio.run(record(main())).result == ["wash", "wash"]


def test_outside_a_run_a_thread_works_for_nobody() -> None:
    assert wash() == "nobody"


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


def test_without_threads_the_sentence_names_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async def main() -> None:
        await asyncio.to_thread(wash)

    loop = VirtualLoop()
    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(RuntimeError, match="no thread can be started here.*`wash`"):
        loop.run_until_complete(main())
    loop.close()


def test_without_threads_the_virtual_clock_runs_in_the_callers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

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

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert asyncio.run(caller()) == (5, threading.current_thread().name, True)
    with pytest.raises(RuntimeError, match='there are no threads here.*clock="virtual"'):
        asyncio.run(real())


def test_a_thread_that_sent_its_result_holds_the_clock_until_it_is_back() -> None:
    loop = VirtualLoop()
    with ThreadPoolExecutor(1) as pool:
        job = Job(1, wash, loop, pool)
    job.asked = float("-inf")
    assert job.rests(), "it has waited for the loop's answer for long"
    job.ended = 0.0
    assert not job.rests(), "it waits for no answer: others may begin in its thread"
    loop.close()
