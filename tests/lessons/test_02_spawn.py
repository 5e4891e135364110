"""Lesson 02: what its sentences and its answers to "Try it" say of tasks, handles and bells."""

from __future__ import annotations

import asyncio
import gc
import sys
from itertools import permutations
from typing import Any

import pytest

from helpers import busy
from tests.lessons.source import answer, lesson, program, run


def heard(loop: asyncio.AbstractEventLoop) -> list[str]:
    """What asyncio would log from now on."""
    told: list[str] = []
    loop.set_exception_handler(lambda _, context: told.append(context["message"]))
    return told


def test_a_pause_before_the_work_lets_the_soup_begin_at_once() -> None:
    work = "    busy(3)  # main has its hands full"
    trace = run(program("02", 1, (work, f"    await asyncio.sleep(0)\n{work}")).main())
    soup, main, said = trace.task("soup"), trace.task("main"), answer("02", 1)
    chopped, filled = soup.steps
    assert f"chopped from {chopped.start:g} to {chopped.end:g}" in said
    assert f"main is late by {main.steps[1].start - main.steps[1].ready:g} minutes" in said
    assert f"on the stove from {chopped.end:g} to {filled.ready:g}, which is longer" in said
    assert filled.ready > main.steps[1].end
    before = run(program("02", 1).main())
    assert f"at minute {trace.duration:g} and not {before.duration:g}." in said


def test_the_menu_as_it_stands_is_served_soonest() -> None:
    line = 'MENU = {"roast": (2, 6), "soup": (2, 3), "salad": (1, 1)}'
    menu = program("02", 2).MENU
    served = {}
    for order in permutations(menu):
        dishes = {dish: menu[dish] for dish in order}
        trace = run(program("02", 2, (line, f"MENU = {dishes}")).dinner_spawned())
        served[order] = trace.duration, trace.task("roast").steps[0].start
    said, (soonest, *_, before, latest) = answer("02", 2), sorted(served, key=served.__getitem__)
    assert soonest == tuple(menu)
    assert f"the menu as it stands is the best, minute {served[soonest][0]:g}." in said
    assert before[-1] == latest[-1] == "roast"
    assert f"minute {served[latest][1]:g} and dinner" in said
    assert f"at minute {served[latest][0]:g}." in said
    assert f"With cards it took {served[soonest][0]:g} minutes." in lesson("02")


def test_a_group_tells_of_a_failure_when_the_clean_up_of_the_others_is_done() -> None:
    waits = "    await asyncio.sleep(5)  # the pot is on the stove\n"
    tidies = """\
    try:
        await asyncio.sleep(5)
    except asyncio.CancelledError:
        busy(2)
        raise
"""
    trace = run(program("02", 6, (waits, tidies)).main())
    assert trace.result == "no dinner: burnt"
    assert f"At minute {trace.duration:g}: the group waits" in answer("02", 3)


def test_a_task_starts_at_an_await_that_yields_and_at_no_other() -> None:
    async def at_once() -> None:
        """Is awaited, and has nothing to wait for."""

    async def main(begun: list[str]) -> list[bool]:
        stub = asyncio.create_task(begin(begun))
        await at_once()
        before = bool(begun)
        await asyncio.sleep(0)
        await stub
        return [before, bool(begun)]

    async def begin(begun: list[str]) -> None:
        begun.append("soup")

    assert run(main([])).result == [False, True]


def test_a_handle_gives_the_same_result_each_time_it_is_awaited() -> None:
    async def main() -> bool:
        stub = asyncio.create_task(asyncio.sleep(1, result=object()))
        return await stub is await stub

    assert "gives the same result again" in lesson("02")
    assert run(main()).result


def test_asyncio_logs_a_failure_when_the_handle_is_thrown_away() -> None:
    async def burn() -> None:
        raise ValueError("burnt")

    async def main() -> tuple[list[str], list[str]]:
        told = heard(asyncio.get_running_loop())
        stub = asyncio.create_task(burn())
        await asyncio.sleep(0)
        kept = list(told)
        del stub
        gc.collect()
        return kept, told

    kept, told = asyncio.run(main())
    assert kept == []
    assert told == ["Task exception was never retrieved"]
    assert f"**{told[0]}**" in lesson("02")


def test_asyncio_logs_a_task_that_nobody_kept_in_these_words() -> None:
    async def main() -> list[str]:
        told = heard(asyncio.get_running_loop())
        bell = asyncio.Event()
        asyncio.create_task(program("02", 5).wait_for(bell))
        await asyncio.sleep(0)
        del bell
        gc.collect()
        return told

    (told,) = asyncio.run(main())
    assert f"**{told}**" in lesson("02")


@pytest.mark.parametrize(
    ("bell", "ring", "wait", "remembers"),
    [
        (asyncio.Event, "set", "wait", True),
        (asyncio.Queue, "put_nowait", "get", True),
        (lambda: asyncio.Semaphore(0), "release", "acquire", True),
        (asyncio.Condition, "notify", "wait", False),
    ],
    ids=["Event", "Queue", "Semaphore", "Condition"],
)
def test_some_bells_of_asyncio_remember_and_a_condition_does_not(
    bell: Any, ring: str, wait: str, remembers: bool
) -> None:
    async def main() -> bool:
        made = bell()
        if isinstance(made, asyncio.Condition):
            await made.acquire()
        getattr(made, ring)(*["dish"] * (ring == "put_nowait"))
        waiting = asyncio.create_task(getattr(made, wait)())
        await asyncio.sleep(1)
        done = waiting.done()
        waiting.cancel()
        return done

    assert run(main()).result is remembers


@pytest.mark.skipif(sys.version_info < (3, 12), reason="there are no eager tasks yet")
def test_an_eager_task_begins_inside_its_creators_step() -> None:
    async def main(begun: list[str]) -> list[str]:
        asyncio.get_running_loop().set_task_factory(vars(asyncio)["eager_task_factory"])
        stub = asyncio.create_task(begin(begun))
        seen = list(begun)
        await stub
        return seen

    async def begin(begun: list[str]) -> None:
        begun.append("soup")
        await asyncio.sleep(1)

    assert asyncio.run(main([])) == ["soup"]


def test_the_last_card_of_the_lab_begins_after_all_before_it() -> None:
    assert "begins at 3 + (cards - 1) * work." in lesson("02")
    for number in (1, 10, 100):
        for work in (0, 1, 4):
            _, *cards = run(program("02", 13).many_cards(number, work)).tasks
            assert cards[0].steps[0].start == 3
            assert cards[-1].steps[0].start == 3 + (number - 1) * work


def test_a_bell_wakes_each_who_waits_and_runs_none_of_them() -> None:
    bell = program("02", 8).Bell(remembers=False)

    async def guest() -> float:
        await bell
        busy(1)
        return asyncio.get_running_loop().time()

    async def main() -> list[float]:
        guests = [asyncio.create_task(guest()) for _ in range(2)]
        await asyncio.sleep(1)
        bell.ring()
        busy(3)
        return [await stub for stub in guests]

    assert run(main()).result == [5, 6]
