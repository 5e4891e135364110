"""Virtual time: exact, without waiting; `busy` holds the chef; a deadlock is told in words."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from helpers.run.clock import busy
from tests.run.runs import recorded


def run(coro: Coroutine[Any, Any, Any]) -> Any:
    """What a coroutine returns on the virtual clock."""
    return recorded(coro).result


def test_work_in_a_thread_holds_the_clock_until_it_is_back() -> None:
    def wash() -> str:
        time.sleep(0.05)
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


def test_sockets_are_refused_in_a_sentence() -> None:
    async def main() -> None:
        await asyncio.open_connection("127.0.0.1", 9)

    with pytest.raises(RuntimeError, match='clock="real"'):
        run(main())


@pytest.mark.parametrize(
    ("sleeps", "now"),
    [
        ([86_400], 86_400),
        ([0.1, 0.2], 0.3),  # the decimal that a reader expects
        ([365 * 86_400] * 1000 + [0.25], 1000 * 365 * 86_400 + 0.25),
    ],
)
def test_sleeps_take_no_time_and_add_up_exactly(sleeps: list[float], now: float) -> None:
    async def main() -> float:
        for seconds in sleeps:
            await asyncio.sleep(seconds)
        return asyncio.get_running_loop().time()

    assert run(main()) == now


def test_a_timer_that_is_set_again_until_its_moment_has_come_rings_then() -> None:
    rung = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        deadline = 0.1 + 0.2  # a hair above 0.3

        def look() -> None:
            rung.append(loop.time())
            if loop.time() < deadline and len(rung) < 9:  # as anyio's scopes do
                loop.call_at(deadline, look)

        look()
        await asyncio.sleep(1)

    run(main())
    assert rung[-1] == 0.1 + 0.2
    assert len(rung) == 3


def test_a_timer_at_no_number_rings_at_once_as_on_the_real_clock() -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(3)
        rings = loop.create_future()
        loop.call_later(float("nan"), rings.set_result, None)
        await rings
        return loop.time()

    assert run(main()) == 3


@pytest.mark.parametrize(("pool", "rounds"), [(None, 2), (2, 20)])  # without one: 32 helpers
def test_more_work_than_helpers_queues_for_them(pool: int | None, rounds: int) -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        if pool:
            loop.set_default_executor(ThreadPoolExecutor(pool))
        await asyncio.gather(*(asyncio.to_thread(busy, 10) for _ in range(40)))
        return loop.time()

    assert run(main()) == 10 * rounds


def test_busy_refuses_a_time_that_is_none() -> None:
    for wrong in (-1, float("inf"), float("nan")):
        with pytest.raises(ValueError, match="0 or more"):
            busy(wrong)
    for foreign in ("2", None, True):
        with pytest.raises(TypeError, match="a number of seconds, got"):
            busy(foreign)  # type: ignore[arg-type]
