"""Lesson 00: what its sentences and its answers to "Try it" say of loops and of a first dinner."""

from __future__ import annotations

import asyncio
import gc
import json
import subprocess
import sys
import warnings
from collections.abc import Callable
from typing import Any

import pytest

from helpers import Trace
from tests.lessons.source import answer, lesson, program, run


def test_a_roast_that_is_first_makes_the_soup_wait_twice() -> None:
    soup, roast = (
        f'        kitchen.create_task({dish}(), name="{dish}")\n' for dish in ("soup", "roast")
    )
    trace = run(program("00", 3, (soup + roast, roast + soup)).cook_dinner())
    first, second = trace.task("soup").steps
    said = answer("00", 1)
    assert f"The soup, for {first.start - first.ready:g} minutes" in said
    assert f"minute {second.ready:g}, while the roast is being carved, so it waits for one" in said
    assert second.start - second.ready == 1
    before = run(program("00", 3).cook_dinner())
    assert f"at minute {trace.duration:g} instead of {before.duration:g}." in said


def test_a_stare_with_one_pause_is_as_long_for_the_soup_as_one_without() -> None:
    stare = "busy(6)  # was: await asyncio.sleep(6)"

    def served(*pieces: float, pause: float = 0) -> Trace:
        steps = f"\n    await asyncio.sleep({pause})\n    ".join(f"busy({n})" for n in pieces)
        return run(program("00", 3, (stare, steps)).cook_badly())

    halves, sixths, longer = served(3, 3), served(*[1] * 6), served(3, 3, pause=0.5)
    said = answer("00", 2)
    soup, roast = halves.task("soup"), halves.task("roast")
    assert soup.ended == served(6).task("soup").ended
    assert f"At minute {soup.ended:g}, as before" in said
    assert f"rings at minute {soup.steps[1].ready:g}, and" in said
    assert f"ends a step at minute {roast.steps[0].end:g};" in said
    assert roast.steps[1].start == roast.steps[0].end
    assert f"until minute {roast.ended:g}." in said
    rings, comes = sixths.task("soup").steps[1].ready, sixths.task("soup").steps[1].start
    pauses = [step for step in sixths.task("roast").steps if rings < step.end <= comes]
    assert (len(pauses), "it needs two such pauses" in said) == (2, True)
    minute = f"the soup is served at minute {sixths.task('soup').ended:g}:"
    assert f"Write six pieces of one minute, and {minute}" in said
    minute = f"the soup is served at minute {longer.task('soup').ended:g}."
    assert f"asyncio.sleep(0.5) for the sleep(0): now the roast really waits, and {minute}" in said


def test_the_salad_has_two_more_steps_when_the_soups_bell_has_rung() -> None:
    trace = run(program("00", 3).big_dinner())
    woken = trace.task("soup").steps[1]
    steps = [step for step in trace.task("salad").steps if woken.ready <= step.start]
    assert all(step.start <= woken.start for step in steps)
    assert (len(steps), "the salad had two more steps before" in lesson("00")) == (2, True)


def test_every_state_of_a_task_adds_up_to_its_life() -> None:
    for task in run(program("00", 3).big_dinner()).tasks:
        assert task.scheduled + task.busy + task.idle == task.end - task.spawned


def test_python_warns_of_a_coroutine_that_is_thrown_away_in_these_words() -> None:
    async def soup() -> None:
        """Is never run."""

    soup.__qualname__ = "soup"
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        soup()  # type: ignore[unused-coroutine]
        gc.collect()
    assert f"**{told[0].message}**" in lesson("00")


@pytest.mark.parametrize(
    ("thing", "wait"),
    [
        (asyncio.Event, "wait"),
        (asyncio.Queue, "get"),
        (asyncio.Lock, "acquire"),
        (asyncio.Condition, "wait"),
    ],
)
def test_a_thing_that_two_loops_wait_at_belongs_to_the_first(
    thing: Callable[[], Any], wait: str
) -> None:
    shared = thing()

    async def wait_a_moment() -> None:
        if wait == "acquire":
            await shared.acquire()  # is free: nobody waits
        elif isinstance(shared, asyncio.Condition) and not shared.locked():
            await shared.acquire()
        try:
            async with asyncio.timeout(0.001):
                await getattr(shared, wait)()
        finally:
            if wait == "acquire":
                shared.release()

    assert "(*is bound to a different event loop*)" in lesson("00")
    with pytest.raises(TimeoutError):
        asyncio.run(wait_a_moment())
    with pytest.raises(RuntimeError, match="is bound to a different event loop"):
        asyncio.run(wait_a_moment())


NEST = """
import asyncio, json
try:
    import nest_asyncio as nest
except ImportError:
    import nest_asyncio2 as nest

async def main():
    loop = asyncio.get_running_loop()
    names = "run_until_complete", "run_forever"
    before = [getattr(type(loop), name) for name in names], asyncio.get_event_loop
    nest.apply()
    after = [getattr(type(loop), name) for name in names], asyncio.get_event_loop
    same = [a is b for a, b in zip(before[0], after[0])] + [before[1] is after[1]]
    print(json.dumps(same))

asyncio.run(main())
"""


def test_nest_asyncio_replaces_more_than_the_lesson_prints() -> None:
    command = [sys.executable, "-W", "ignore", "-c", NEST]
    assert not any(json.loads(subprocess.check_output(command)))
    assert "(`run_until_complete`, `run_forever`, `get_event_loop`)" in lesson("00")


def test_a_groups_own_tasks_belong_to_it_and_no_others() -> None:
    async def main() -> list[bool]:
        async with asyncio.TaskGroup() as group:
            own = group.create_task(asyncio.sleep(1))
            other = asyncio.create_task(asyncio.sleep(2))
        done = [own.done(), other.done()]
        await other
        return done

    assert run(main()).result == [True, False]
    assert "Tasks that its own `create_task` makes belong to it" in lesson("00")
