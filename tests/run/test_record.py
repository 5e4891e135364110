"""`record`: what it gives back, and what it refuses."""

from __future__ import annotations

import asyncio
import contextvars
import math
from typing import Any

import pytest

from helpers import Trace, busy, record
from tests.run.runs import CLOCKS, recorded


@CLOCKS
def test_the_trace_has_the_result_and_every_task(clock: str) -> None:
    async def boil() -> str:
        await asyncio.sleep(0.05)
        return "soup"

    async def main() -> str:
        return await asyncio.create_task(boil(), name="pot")

    trace = recorded(main(), clock=clock)
    assert trace.result == "soup"
    assert [(task.name, task.parent, task.outcome) for task in trace.tasks] == [
        ("main", None, "returned"),
        ("pot", 0, "returned"),
    ]
    assert trace.duration == 0.05 if clock == "virtual" else trace.duration >= 0.05


def test_a_dinner_is_recorded_to_the_minute() -> None:
    async def soup() -> None:
        busy(3)
        await asyncio.sleep(20)
        busy(1)

    async def salad() -> None:
        busy(2)
        await asyncio.sleep(0)
        busy(2)

    async def dinner() -> None:
        busy(2)
        async with asyncio.TaskGroup() as group:
            group.create_task(soup(), name="soup")
            group.create_task(salad(), name="salad")

    trace = recorded(dinner(), unit="minutes")
    spans = [[(str(s.state), s.start, s.end) for s in task.spans] for task in trace.tasks]
    assert spans == [
        [("running", 0, 2), ("idle", 2, 26), ("running", 26, 26)],
        [("running", 2, 5), ("idle", 5, 25), ("running", 25, 26)],
        [("scheduled", 2, 5), ("running", 5, 7), ("running", 7, 9)],
    ]
    wakers = [[trace.name_of(step.woken_by) for step in task.steps] for task in trace.tasks]
    assert wakers == [["start", "soup"], ["dinner", "timer"], ["dinner", "salad"]]


def test_a_timer_that_came_due_while_the_loop_was_held_counts_as_scheduled_since_then() -> None:
    async def ticker() -> None:
        await asyncio.sleep(1)

    async def main() -> None:
        tick = asyncio.create_task(ticker())
        await asyncio.sleep(0)
        busy(4)
        await tick

    task = recorded(main()).task("ticker")
    assert task.idle == 1
    assert task.scheduled == 3
    assert task.steps[1].ready == 1


def test_context_variables_reach_the_run() -> None:
    cell = contextvars.ContextVar[str]("cell")

    async def main() -> str:
        return await asyncio.to_thread(cell.get)

    async def caller() -> Trace:
        cell.set("cell 7")
        return await record(main())

    assert asyncio.run(caller()).result == "cell 7"


@CLOCKS
def test_what_the_coroutine_raises_is_raised_with_the_trace(clock: str) -> None:
    async def main() -> None:
        raise ValueError("burnt")

    with pytest.raises(ValueError, match="burnt") as caught:
        recorded(main(), clock=clock)
    task = caught.value.trace.task("main")  # type: ignore[attr-defined]
    assert (task.outcome, task.error) == ("raised", "ValueError: burnt")


@CLOCKS
def test_tasks_left_when_main_returns_are_cancelled_and_awaited(clock: str) -> None:
    ended: list[str] = []

    async def stew() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0.05)
            ended.append("stew")

    async def main() -> None:
        asyncio.create_task(stew())
        await asyncio.sleep(0)

    trace = recorded(main(), clock=clock)
    assert ended == ["stew"]
    assert trace.task("stew").outcome == "cancelled"
    assert trace.task("stew").cancelled_by == "main's return"


@pytest.mark.parametrize(
    ("wrong", "options", "sentence"),
    [
        (7, {}, "such as main.*got 7"),
        (asyncio.sleep, {}, r"such as sleep\(\), got <function"),
        (asyncio.sleep(0), {"clock": "fast"}, "got 'fast' and 'seconds'"),
        (asyncio.sleep(0), {"unit": "hours"}, "got 'virtual' and 'hours'"),
        (asyncio.sleep(0), {"max_steps": 0}, "max_steps=0, "),
        (asyncio.sleep(0), {"max_seconds": -1}, "max_seconds=-1"),
        (asyncio.sleep(0), {"max_seconds": None}, "max_seconds=None"),
        (asyncio.sleep(0), {"max_seconds": math.nan}, "max_seconds=nan"),
        (asyncio.sleep(0), {"until": "5"}, "until='5'"),
    ],
)
def test_what_cannot_be_recorded_is_refused_in_a_sentence(
    wrong: Any, options: dict[str, Any], sentence: str
) -> None:
    with pytest.raises((TypeError, ValueError), match=sentence):
        recorded(wrong, **options)
