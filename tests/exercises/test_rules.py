"""Rules that no exercise asks in each of their branches."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from helpers.exercises.rules import kept_full
from helpers.exercises.spec import call
from helpers.run import record


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
