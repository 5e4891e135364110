"""What the rules say of a run, where no exercise's own tests do."""

from __future__ import annotations

import asyncio

import pytest

from helpers import busy, record
from helpers.exercises.rules import on_time


async def ticker(held: float) -> None:
    async def tick() -> None:
        await asyncio.sleep(1)

    ticking = asyncio.create_task(tick(), name="ticker 1")
    await asyncio.sleep(0.5)
    busy(held)
    await ticking


@pytest.mark.parametrize(
    ("held", "told"),
    [
        (0.5, None),
        (0.7, None),
        (0.75, "`ticker 1` was due at 1 s and ran 0.25 s late; at most 0.2 s is allowed."),
    ],
)
def test_on_time_bears_a_little_and_tells_who_was_due_when(held: float, told: str | None) -> None:
    trace = asyncio.run(record(ticker(held)))
    fault = on_time("ticker", 0.2)(trace)
    assert (fault and fault.sentence) == told
    if fault:
        assert (fault.lane, fault.start, fault.end) == (trace.task("ticker 1").id, 1, 1.25)


def test_on_time_misses_who_never_ran() -> None:
    fault = on_time("bell")(asyncio.run(record(ticker(0))))
    assert fault
    assert fault.sentence == "No `bell` ever ran."
