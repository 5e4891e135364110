"""A run in which no time passes: the picture's order is the order in which the steps ran."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.draw.order import in_order, stands_still
from helpers.trace import Trace
from tests.pictured import Program, kitchen, lane, programs, recorded, run


def order(trace: Trace) -> list[str]:
    """The lanes' names in the order of their steps."""
    return [
        name for _, name in sorted((s.start, one.name) for one in trace.lanes for s in one.steps)
    ]


def test_each_step_has_a_place_of_its_own() -> None:
    trace = run(
        lane(0, "main", (0, 0, 0, "start"), (0, 0, 0, 2)),
        lane(1, "soup", (0, 0, 0, 0), (0, 0, 0, 1), parent=0),
        lane(2, "egg", (0, 0, 0, 0), parent=0),
        sequence=(0, 1, 2, 1, 0),
    )
    assert stands_still(trace)
    laid_out = in_order(trace)
    assert order(laid_out) == ["main", "soup", "egg", "soup", "main"]
    assert laid_out.duration == 5
    assert [(one.spawned, one.end) for one in laid_out.lanes] == [(0, 5), (1, 4), (2, 3)]
    assert [one.polls for one in laid_out.lanes] == [one.polls for one in trace.lanes]


def test_a_run_that_takes_time_or_has_no_step_does_not_stand_still() -> None:
    assert not stands_still(run(lane(0, "egg", (0, 0, 1))))
    assert not stands_still(run(lane(0, "egg")))
    assert not stands_still(Trace((), 0.0))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 5), max_size=7))
def test_tasks_that_yield_and_are_awaited_stand_in_the_order_in_which_they_ran(
    yields: list[int],
) -> None:
    ran: list[str] = []

    async def work(name: str, often: int) -> None:
        for _ in range(often):
            ran.append(name)
            await asyncio.sleep(0)
        ran.append(name)

    async def main() -> None:
        ran.append("main")
        names = [f"task {n}" for n in range(len(yields))]
        tasks = [
            asyncio.create_task(work(name, often), name=name)
            for name, often in zip(names, yields, strict=True)
        ]
        for task in tasks:
            if not task.done():
                await task
                ran.append("main")

    assert order(in_order(recorded(main()))) == ran


@settings(max_examples=60, deadline=None)
@given(programs(with_threads=False))
def test_of_any_run_each_step_has_one_place_behind_its_lane_s_last_one(program: Program) -> None:
    trace = recorded(kitchen([step for step in program if step[0] not in ("busy", "sleep")]))
    if not stands_still(trace):
        return
    laid_out = in_order(trace)
    steps = [step for one in laid_out.lanes for step in one.steps]
    assert sorted(step.start for step in steps) == list(range(len(steps)))
    for one in laid_out.lanes:
        assert [step.start for step in one.steps] == sorted(step.start for step in one.steps)
