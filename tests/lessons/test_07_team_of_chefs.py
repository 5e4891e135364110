"""Lesson 07: what it says of teams, of the driver and of several loops."""

from __future__ import annotations

import asyncio
import re
import sys
import threading
import time
from collections import Counter
from typing import Any

import pytest

from helpers import Trace, load_recording
from helpers.model import simulate
from tests.lessons.source import answer, lesson, program

PANS: dict[str, Any] = {"tasks": 5, "work": 0, "yields": 8, "wait": 0.05}


def latest(trace: Trace) -> float:
    """The longest time in ms for which a task was ready and not taken up."""
    steps = [step for task in trace.tasks for step in task.steps]
    return round(1000 * max(step.start - step.ready for step in steps), 1)


def text() -> str:
    """The lesson's prose on one line."""
    return " ".join(lesson("07").replace("\n#", "\n").split())


def stalled(after: float) -> float:
    return latest(simulate(chefs=4, **PANS, blocking=1 / 5, blocks_after=after))


def test_thieves_are_robbed_as_well() -> None:
    trace = simulate(chefs=4, tasks=8, work=0.01, spawner="task")
    steals = [re.findall(r"\d", mark.text)[1:] for mark in trace.marks]  # behind the card's
    assert (len(steals), len({mark.task for mark in trace.marks})) == (10, 7)
    robbed = Counter(victim for victim, _ in steals)
    assert robbed == {"1": 7, "2": 2, "3": 1}
    assert [thief for _, thief in steals[:5]] == ["2"] * 4 + ["3"]
    assert answer("07", 1) == (
        "Ten steals of seven cards: seven from worker-1, two from worker-2, one from worker-3. "
        "Thieves are robbed as well: the first one takes four of seven and puts three on her "
        "board, and others take two of those."
    )


def test_a_lonely_bell_takes_the_driver_away_and_one_in_company_does_not() -> None:
    assert (stalled(0.073), stalled(0.075), stalled(0.05)) == (373, 375, 0)
    assert answer("07", 2).startswith(
        "After 75 ms: by 375 ms, for the pans were due at 100 and the roast stares until 475. "
        "After 50 ms: not at all."
    )


def test_two_starers_whose_bells_ring_together_harm_nobody() -> None:
    late = {
        starers: latest(simulate(chefs=3, **PANS, blocking=starers / 5, blocks_after=0.073))
        for starers in (1, 2, 3)
    }
    assert late == {1: 373, 2: 0, 3: 373}


def test_all_chefs_but_one_may_stare_from_their_first_step_on() -> None:
    for chefs in (2, 3, 4):
        late = [latest(simulate(chefs=chefs, **PANS, blocking=starers / 5)) for starers in range(5)]
        assert [ms == 0 for ms in late] == [starers < chefs for starers in range(5)]


def test_three_of_four_chefs_are_idle_while_the_pans_wait() -> None:
    stall = load_recording("stall", runtime="multi_thread", workers=4)
    roast = stall.task("roast").steps[1]
    others = [
        step.end
        for task in stall.tasks
        for step in task.steps
        if step.thread not in ("main", roast.thread)
    ]
    assert max(others) < 0.002
    assert "Three of four have nothing to do from the second millisecond on" in text()
    waits = [step.start - step.ready for task in stall.tasks for step in task.steps]
    assert f"for {1000 * max(waits):.0f} ms. It is no accident" in text()


def test_five_of_eight_peels_woke_sous_chef() -> None:
    nested = load_recording("nested", runtime="multi_thread", workers=2)
    wakers = [step.woken_by for step in nested.task("sous_chef").steps[1:]]
    assert len(wakers) == 8 - 3
    assert "Three of the eight were done already when they were awaited" in text()
    assert f"With two it took {nested.duration * 1000:.0f}." in text()


def test_no_bake_is_late_in_a_kitchen_where_nobody_stares() -> None:
    assert "All three bakes go to the second kitchen." in answer("07", 3)
    kitchen, bakes_done = program("07", 5), threading.Event()

    async def stare() -> None:
        bakes_done.wait()

    with kitchen.kitchens(2) as (first, second):
        roast = asyncio.run_coroutine_threadsafe(stare(), first)
        bakes = [asyncio.run_coroutine_threadsafe(kitchen.bake(), second) for _ in range(3)]
        for bake in bakes:
            bake.result()
        assert not roast.done()
        bakes_done.set()
        roast.result()


@pytest.mark.skipif(
    not getattr(sys, "_is_gil_enabled", lambda: True)(), reason="this Python has no GIL"
)
def test_two_kitchens_knead_no_faster_than_one() -> None:
    async def knead() -> None:
        for _ in range(2_000_000):
            pass

    with program("07", 5).kitchens(2) as loops:
        wall, cpu = time.perf_counter(), time.process_time()
        for done in [asyncio.run_coroutine_threadsafe(knead(), loop) for loop in loops]:
            done.result()
        assert time.process_time() - cpu < 1.4 * (time.perf_counter() - wall)
    assert "They knead no faster" in text()


def test_a_lock_belongs_to_the_loop_in_which_somebody_first_waited_for_it() -> None:
    lock = asyncio.Lock()

    async def contend() -> None:
        async with lock:
            waiting = asyncio.ensure_future(lock.acquire())
            await asyncio.sleep(0)
        await waiting
        lock.release()

    asyncio.run(contend())
    with pytest.raises(RuntimeError, match="is bound to a different event loop"):
        asyncio.run(contend())
    assert '**"is bound to a different event loop"**' in text()


def test_the_recordings_are_of_the_tokio_that_the_lesson_names() -> None:
    for name in ("blocking_sleep", "async_sleep", "nested", "held", "stall", "cpu", "cpu_yield"):
        about = load_recording(name, runtime="multi_thread", workers=4).about
        assert str(about["tokio"]).startswith("1.53.")
        assert about["cores"] == 2
    assert "by Tokio 1.53 on the real clock of a machine with two cores" in text()
