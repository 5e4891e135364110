"""Rules that no exercise asks in each of their branches."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from helpers import busy, record
from helpers.exercises.ex03_not_blocking import on_time
from helpers.exercises.ex06_showdown import kept_full
from helpers.exercises.rules import cancelled_and_awaited
from helpers.exercises.spec import call


async def in_pairs() -> None:
    for pair in ((2, 1), (1, 1)):
        await asyncio.gather(*(call(f"page {seconds}", seconds) for seconds in pair))


async def one_after_the_other() -> None:
    await call("page 1", 2)
    await call("page 2", 2)


@pytest.mark.parametrize(
    ("program", "places", "told"),
    [
        (in_pairs, 2, "From 1 s on one of 2 places was free, and `page 1 2` began at 2 s only."),
        (one_after_the_other, 2, "From 0 s on one of 2 places was free, and `page 2` began"),
        (one_after_the_other, 1, ""),
    ],
)
def test_a_place_that_stays_empty_is_told(
    program: Callable[[], Coroutine[Any, Any, None]], places: int, told: str
) -> None:
    trace = asyncio.run(record(program()))
    fault = kept_full(places, "page")(trace)
    assert told in fault.sentence if told else fault is None  # type: ignore[union-attr]
    assert kept_full(places, "other")(trace) is None


async def ticker(held: float) -> None:
    async def tick() -> None:
        await asyncio.sleep(1)

    ticking = asyncio.create_task(tick(), name="heartbeat")
    await asyncio.sleep(0.5)
    busy(held)
    await ticking


@pytest.mark.parametrize(
    ("held", "told"),
    [
        (0.5, None),
        (0.7, None),
        (0.75, "`heartbeat` was due at 1 s and ran 0.25 s late; at most 0.2 s is allowed."),
    ],
)
def test_on_time_bears_a_little_and_tells_who_was_due_when(held: float, told: str | None) -> None:
    trace = asyncio.run(record(ticker(held)))
    fault = on_time(0.2)(trace)
    assert (fault and fault.sentence) == told
    if fault:
        assert (fault.lane, fault.start, fault.end) == (trace.task("heartbeat").id, 1, 1.25)


async def race(*, cancels: bool, late: float) -> None:
    loser = asyncio.create_task(call("loser", late), name="racer")
    await asyncio.sleep(1)
    if cancels:
        loser.cancel()
        await asyncio.wait([loser])


@pytest.mark.parametrize(
    ("cancels", "late", "told"),
    [
        (True, 5, None),
        (False, 5, "`loser` was left running; it had to be cancelled and awaited."),
        (False, 0.5, "`loser` returned at 0.5 s; it had to be cancelled and awaited."),
    ],
)
def test_a_loser_is_cancelled_and_awaited(cancels: bool, late: float, told: str | None) -> None:
    fault = cancelled_and_awaited("loser")(asyncio.run(record(race(cancels=cancels, late=late))))
    assert (fault and fault.sentence) == told
