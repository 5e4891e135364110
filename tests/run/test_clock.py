"""Virtual time: exact, without waiting; `busy` holds the chef; a deadlock is told in words."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from helpers.run.clock import VirtualLoop, block, busy
from helpers.run.errors import Deadlock


def run(coro: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine on a bare virtual loop."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(coro)
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.call_soon(loop.stop)
        loop.run_forever()
        loop.close()


def test_a_sleep_of_a_day_takes_no_time_and_is_exact() -> None:
    async def main() -> float:
        await asyncio.sleep(86_400)
        return asyncio.get_running_loop().time()

    assert run(main()) == 86_400


def test_tenths_add_up_to_the_decimal_that_a_reader_expects() -> None:
    async def main() -> list[float]:
        times = []
        for _ in range(3):
            await asyncio.sleep(0.1)
            times.append(asyncio.get_running_loop().time())
        return times

    assert run(main()) == [0.1, 0.2, 0.3]


def test_a_thousand_years_pass_as_well_as_a_second() -> None:
    async def main() -> float:
        for _ in range(1000):
            await asyncio.sleep(365 * 86_400)
        await asyncio.sleep(0.25)
        return asyncio.get_running_loop().time()

    assert run(main()) == 1000 * 365 * 86_400 + 0.25


def test_tasks_run_in_the_order_of_their_deadlines() -> None:
    order: list[int] = []

    async def boil(minutes: int) -> None:
        await asyncio.sleep(minutes)
        order.append(minutes)

    async def main() -> None:
        await asyncio.gather(*(boil(n) for n in (3, 1, 2)))

    run(main())
    assert order == [1, 2, 3]


def test_busy_moves_the_clock_and_lets_nobody_else_run() -> None:
    seen: list[tuple[str, float]] = []

    async def cook(name: str) -> None:
        busy(5)
        seen.append((name, asyncio.get_running_loop().time()))

    async def main() -> None:
        await asyncio.gather(cook("soup"), cook("roast"))

    run(main())
    assert seen == [("soup", 5), ("roast", 10)]


def test_work_in_a_thread_holds_the_clock_until_it_is_back() -> None:
    def wash() -> str:
        block(0.05)
        return "washed"

    async def main() -> tuple[str, float]:
        timer = asyncio.create_task(asyncio.sleep(3600))
        done = await asyncio.to_thread(wash)
        now = asyncio.get_running_loop().time()
        timer.cancel()
        return done, now

    assert run(main()) == ("washed", 0)


def test_helpers_that_are_busy_work_side_by_side_in_virtual_time() -> None:
    async def main() -> list[tuple[str, float]]:
        loop, ended = asyncio.get_running_loop(), []

        async def hand_over(name: str, minutes: float) -> None:
            await asyncio.to_thread(busy, minutes)
            ended.append((name, loop.time()))

        await asyncio.gather(hand_over("long", 7), hand_over("short", 2), asyncio.sleep(3))
        return [*ended, ("all", loop.time())]

    for _ in range(20):  # the same whichever real thread happens to run first
        assert run(main()) == [("short", 2), ("long", 7), ("all", 7)]


def test_more_work_than_helpers_queues_for_them() -> None:
    async def main() -> float:
        await asyncio.gather(*(asyncio.to_thread(busy, 10) for _ in range(40)))
        return asyncio.get_running_loop().time()

    assert run(main()) == 20  # 32 helpers: two rounds


def test_a_small_pool_of_helpers_is_as_many_as_it_says() -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(2))
        await asyncio.gather(*(asyncio.to_thread(busy, 2) for _ in range(3)))
        return loop.time()

    assert run(main()) == 4


def test_a_thread_that_waits_for_the_loop_is_answered() -> None:
    async def cook() -> str:
        await asyncio.sleep(2)
        return "soup"

    async def main() -> tuple[str, float]:
        loop = asyncio.get_running_loop()

        def ask() -> str:
            return asyncio.run_coroutine_threadsafe(cook(), loop).result()

        return await asyncio.to_thread(ask), loop.time()

    assert run(main()) == ("soup", 2)


def test_a_deadlock_names_the_tasks_that_wait_and_their_lines() -> None:
    async def wait_for_bread(basket: asyncio.Queue[str]) -> None:
        await basket.get()

    async def main() -> None:
        await asyncio.create_task(wait_for_bread(asyncio.Queue()), name="waiter")

    with pytest.raises(Deadlock) as told:
        run(main())
    words = str(told.value)
    assert "`waiter` waits at line" in words
    assert "await basket.get()" in words
    assert "test_clock.py" in words


def test_a_loop_that_waits_for_nobody_says_so() -> None:
    loop = VirtualLoop()
    with pytest.raises(Deadlock, match="no task waits"):
        loop.run_forever()
    loop.close()


def test_sockets_are_refused_in_a_sentence() -> None:
    async def main() -> None:
        await asyncio.open_connection("127.0.0.1", 9)

    with pytest.raises(RuntimeError, match='clock="real"'):
        run(main())


@pytest.mark.parametrize("wrong", [-1, float("inf"), float("nan")])
def test_busy_refuses_a_time_that_is_none(wrong: float) -> None:
    with pytest.raises(ValueError, match="0 or more"):
        busy(wrong)


@pytest.mark.parametrize("wrong", ["2", None, True])
def test_busy_refuses_what_is_no_number(wrong: Any) -> None:
    with pytest.raises(TypeError, match="number of seconds"):
        busy(wrong)


def test_busy_outside_a_run_really_blocks_the_thread() -> None:
    began = time.perf_counter()
    busy(0.05)
    assert time.perf_counter() - began >= 0.05


def test_block_can_be_broken_off_between_its_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    import ctypes

    class Stop(Exception):
        pass

    ended = []
    blocks, sleep = threading.Event(), time.sleep

    def one_slice(seconds: float) -> None:
        blocks.set()
        sleep(seconds)

    def work() -> None:
        try:
            block(30)
        except Stop:
            ended.append(True)

    monkeypatch.setattr(time, "sleep", one_slice)
    thread = threading.Thread(target=work)
    thread.start()
    assert blocks.wait(60)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread.ident or 0), ctypes.py_object(Stop)
    )
    thread.join(timeout=10)
    assert ended == [True]
