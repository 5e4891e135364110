"""The message of a picture is true: each number in it is in the trace."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings

from helpers import busy
from helpers.draw import title
from helpers.draw.picture import picture_of
from helpers.model import simulate
from helpers.task import CancelRequest
from helpers.trace import LaneKind, Outcome, Task, TaskState, Trace
from tests.draw.pictured import Program, crowd, dinner, kitchen, lane, programs, recorded, run


def say(trace: Trace) -> str:
    return picture_of(trace).title


def stopped(number: int, name: str, at: float, by: int | str, over: float) -> Task:
    return lane(
        number, name, (0, 0, 0), parent=0, over=over, outcome=Outcome.CANCELLED,
        cancels=(CancelRequest(at, by),),
    )  # fmt: skip


def test_who_waits_longest_for_the_chef_is_said_first() -> None:
    evening = recorded(dinner(), unit="minutes")
    assert say(evening) == "`roast` and `soup` hold the chef; `salad` is ready and waits 8 min"


def test_a_step_that_holds_the_chef_all_the_while_is_named() -> None:
    trace = run(
        lane(0, "chop", (0, 0, 0.3)),
        lane(1, "ticker", (0.1, 0.3, 0.3), (0.9, 0.9, 1)),
        clock="real",
    )
    assert say(trace) == "`chop` holds the chef; `ticker` is ready and waits 200 ms"


def test_in_a_team_whose_other_chefs_are_idle_nobody_is_said_to_wait_for_a_free_one() -> None:
    stall = simulate(chefs=4, tasks=2, work=0, yields=8, wait=1, blocking=0.5, blocks_after=1.5)
    assert say(stall) == "`card 2` is ready at 2 s and waits 7.5 s for its turn"


def test_the_others_who_wait_are_counted() -> None:
    trace = recorded(crowd_of_hands(5))
    assert say(trace).endswith("2 other tasks wait long too")


async def crowd_of_hands(count: int) -> None:
    async def chop() -> None:
        busy(2)

    for _ in range(count):
        asyncio.create_task(chop())
    await asyncio.sleep(2 * count)


@settings(max_examples=60, deadline=None)
@given(programs())
def test_the_longest_wait_is_the_longest_scheduled_span(program: Program) -> None:
    trace = recorded(kitchen(program))
    waits = [
        span
        for one in trace.lanes
        if one.kind is not LaneKind.THREAD
        for span in one.spans
        if span.state is TaskState.SCHEDULED
    ]
    found = trace.longest_wait
    assert (found is None) == (not waits)
    if found is not None:
        assert found.seconds == max(span.seconds for span in waits)
        assert found in waits


@settings(max_examples=60, deadline=None)
@given(programs())
def test_any_run_has_a_message_whose_names_are_lanes(program: Program) -> None:
    trace = recorded(kitchen(program))
    names = re.findall(r"`([^`]+)`", say(trace))
    assert say(trace)
    assert set(names) <= {one.name for one in trace.lanes}


def test_many_who_wait_side_by_side_are_added_up() -> None:
    trace = recorded(crowd(1000, seconds=0.01))
    assert say(trace) == "1,000 tasks wait side by side: 10 s of waiting in 0.01 s"


def test_a_crowd_that_waits_for_the_chef_more_than_for_anything_else_is_told_so() -> None:
    trace = recorded(crowd_of_hands(20))
    lanes = [lane(n, f"order {n}", (0, n, n + 1), over=n + 40) for n in range(20)]
    assert "wait side by side" in say(run(*lanes))
    lanes = [lane(n, f"order {n}", (0, 5 * n, 5 * n + 5), over=5 * n + 40) for n in range(20)]
    assert say(run(*lanes)).startswith("`order 19` is ready at once and waits 95 s")
    assert say(trace).startswith("`chop 20` is ready at once and waits 38 s")


def test_a_wait_that_is_the_machine_s_noise_is_not_the_message() -> None:
    trace = run(lane(0, "main", (0, 3e-6, 1e-5)), clock="real")
    assert say(trace) == "`main` runs alone for 10 µs: it works 7 µs"


@pytest.mark.parametrize(
    ("lanes", "message"),
    [
        ([lane(0, "main", (0, 0, 2))], "`main` runs alone for 2 s: it works 2 s"),
        (
            [lane(0, "main", (0, 0, 1), (9, 9, 9, 1)), lane(1, "soup", (1, 1, 9, 0), parent=0)],
            "`main` and `soup` take 9 s: `soup` works 8 s",
        ),
        (
            [
                lane(0, "main", (0, 0, 1), (9, 9, 9, 1)),
                lane(1, "grind", (1, 1, 9, 0), kind=LaneKind.THREAD, thread="helper 1"),
            ],
            "`main` and 1 piece of work in threads take 9 s: `grind` works 8 s in a thread",
        ),
        (
            [
                lane(0, "main", (0, 0, 9)),
                lane(1, "burn", (0, 0, 2), outcome=Outcome.RAISED, error="ValueError: black"),
            ],
            "`burn` raises ValueError at 2 s",
        ),
        (
            [lane(0, "main", (0, 0, 9)), stopped(1, "db", 4, 0, 4), stopped(2, "web", 4, 0, 4)],
            "`main` cancels `db` and `web` at 4 s",
        ),
        (
            [
                lane(0, "main", (0, 0, 9)),
                lane(1, "db", (0, 0, 0), over=8, cancels=(CancelRequest(4, 0),)),
            ],
            "`main` asks `db` to stop at 4 s",
        ),
        (
            [lane(0, "main", (0, 0, 9)), stopped(1, "db", 4, "deadline", 4)],
            "Time is up for `db` at 4 s",
        ),
        (
            [lane(0, "main", (0, 0, 9)), stopped(1, "db", 9, "main's return", 9)],
            "main returns at 9 s, and `db` is cancelled",
        ),
        ([lane(0, "egg", (0, 0, 0), (0, 0, 0))], "2 steps at one moment: no time passes"),
        ([], "Nothing ran"),
    ],
)
def test_every_other_run_is_told_by_what_is_most_telling(lanes: list[Task], message: str) -> None:
    assert say(run(*lanes)) == message


def test_the_line_below_says_what_ran_on_which_clock_and_for_how_long() -> None:
    trace = run(lane(0, "main", (0, 0, 0.5)), clock="real", workers=4, source="tokio")
    assert picture_of(trace).subtitle == (
        "main · real Tokio · real clock · 1 task · 500 ms · 4 chefs"
    )


def test_the_line_below_counts_threads_that_worked_beside_the_chef() -> None:
    works = lane(1, "chop", (0, 0, 3), kind=LaneKind.THREAD, thread="helper 1")
    subtitle = picture_of(run(lane(0, "main", (0, 0, 5)), works)).subtitle
    assert subtitle.endswith("one chef and 1 thread")


async def page() -> None:
    await asyncio.sleep(1)


async def awaits_one_after_another() -> None:
    for _ in range(5):
        await asyncio.create_task(page())


async def shares_a_lock() -> None:
    lock = asyncio.Lock()

    async def request() -> None:
        async with lock:
            await page()

    await asyncio.gather(*(request() for _ in range(5)))


async def plays_ping_pong() -> None:
    here, there = asyncio.Event(), asyncio.Event()

    async def play(mine: asyncio.Event, other: asyncio.Event) -> None:
        for _ in range(3):
            await mine.wait()
            mine.clear()
            await page()
            other.set()

    here.set()
    await asyncio.gather(play(here, there), play(there, here))


async def has_two_stages() -> None:
    await asyncio.create_task(asyncio.sleep(2))
    await asyncio.create_task(page())


async def serves_those_who_come() -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(5):
            await asyncio.sleep(1.5)
            group.create_task(page())


async def waits_for_a_full_pool() -> None:
    with ThreadPoolExecutor(2) as pool:
        loop = asyncio.get_running_loop()
        await asyncio.gather(*(loop.run_in_executor(pool, busy, 1) for _ in range(6)))


async def awaits_alone() -> None:
    for _ in range(5):
        await page()


_SIDE_BY_SIDE = "5 s one after another; side by side it would be 1 s"


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (
            awaits_one_after_another,
            f"5 tasks, never two at once: {_SIDE_BY_SIDE}, if none needs another",
        ),
        (shares_a_lock, f"5 tasks wait for one another: {_SIDE_BY_SIDE}"),
        (plays_ping_pong, "2 tasks wait for one another: 6 s one after another"),
        (has_two_stages, "2 tasks, never two at once: 3 s one after another"),
        (
            serves_those_who_come,
            "`serves_those_who_come`, `page 1`, `page 2` and 3 others take 8.5 s",
        ),
        (awaits_alone, "`awaits_alone` runs alone for 5 s: it waits 5 s for a timer (5 times)"),
    ],
)
def test_a_run_without_findings_is_told_by_how_long_it_took_and_why(
    program: Callable[[], Coroutine[Any, Any, None]], message: str
) -> None:
    trace = recorded(program())
    assert trace.findings == ()
    assert message in say(trace)
    assert ("side by side it would" in say(trace)) == (_SIDE_BY_SIDE in message)


def test_a_full_pool_is_told_as_what_went_wrong() -> None:
    assert say(recorded(waits_for_a_full_pool())).startswith(
        "`busy 5` waited 2 s for a free helper"
    )


def test_very_many_tasks_that_wait_one_after_another_are_told_so() -> None:
    async def main() -> None:
        for _ in range(500):
            await asyncio.create_task(page())

    assert say(recorded(main())).startswith(
        "500 tasks, never two at once: 500 s one after another;"
    )


def test_a_finding_outranks_what_else_could_be_said() -> None:
    async def main() -> None:
        asyncio.create_task(asyncio.sleep(99), name="left")
        await awaits_one_after_another()

    assert say(recorded(main())) == "`left` was left running"


def test_a_short_delay_by_a_long_step_is_told_by_the_step() -> None:
    async def chop() -> None:
        busy(0.2)

    async def main() -> None:
        await asyncio.sleep(60)
        await asyncio.gather(chop(), page())

    assert say(recorded(main())) == "`chop` blocked the loop for 0.2 s"


def test_a_run_of_very_many_steps_is_told_without_the_path_that_made_it_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trace = run(lane(0, "main", (0, 0, 1), (3, 3, 4)))
    assert say(trace).endswith(": it works 2 s (2 times)")
    monkeypatch.setattr(title, "_MOST_STEPS", 1)
    assert say(trace) == "`main` runs alone for 4 s"
