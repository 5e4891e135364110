"""Lesson 05: what it says of races, of what is lost in them, and of an orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import re
from typing import Any

import pytest

from helpers import busy, select
from tests.lessons.source import answer, lesson, program, run


@pytest.mark.parametrize("names", [("pantry", "market"), ("market", "pantry")])
def test_two_that_end_while_the_chef_is_held_tie(names: tuple[str, str]) -> None:
    kitchen = program("05", 9)  # what is defined when the learner comes to it
    market = 'asyncio.sleep(5, "basil from the market")'
    assert f"Race <code>{market}</code> against <code>pantry()</code>" in lesson("05")
    runners = {"market": lambda: eval(market), "pantry": kitchen.pantry}

    async def main() -> tuple[Any, float]:
        async def hold() -> None:
            await asyncio.sleep(1)
            busy(6)

        holding = asyncio.create_task(hold())
        won = await select({name: runners[name]() for name in names})
        assert holding.done()
        return won, kitchen.minute()

    won, minute = run(main()).result
    assert f"free at minute {minute:g}, and both" in answer("05", 1)
    assert "The one that you wrote first wins, and the other one's basil" in answer("05", 1)
    assert (won.name, list(won.also)) == (names[0], [names[1]])


def test_quick_loses_nothing_when_it_looks_at_who_came_too() -> None:
    line = "cards.extend(won.also.values())"
    assert f"After the loop: {line}." in answer("05", 2)
    end = "        await asyncio.sleep(1)  # write the card\n        cards.append(won.value)\n"
    for edits, loses in (((), True), (((end, f"{end}    {line}\n"),), False)):
        kitchen = program("05", 6, *edits)
        bells = (5.5, 6, 6.5)
        assert any(run(kitchen.evening(kitchen.quick, bell)).result for bell in bells) == loses


def test_both_ticks_of_the_evening_s_end_come_after_the_bell() -> None:
    kitchen = program("05", 6)
    trace = run(kitchen.evening(kitchen.hasty, 6.5))
    evening, bell = trace.task("evening"), trace.task("bell")
    order = list(trace.steps_in_order)
    last = [(evening.id, n) for n, step in enumerate(evening.steps) if step.start == 6.5]
    assert len(last) == 2
    assert order.index((bell.id, bell.polls - 1)) < order.index(last[0])
    text = " ".join(lesson("05").replace("\n#", "").split())
    assert "The two last ticks of `evening` are both of minute 6.5, and come after the bell" in text


@pytest.mark.parametrize(
    ("racing", "minute", "says"),
    [("race", 3, "Your race: at minute 3."), ("select", 4, "select: at minute 4.")],
)
def test_an_alarm_cuts_the_ride_home_short_in_race_alone(
    racing: str, minute: float, says: str
) -> None:
    kitchen = program("05", 3)

    async def main() -> float:
        bike = asyncio.Lock()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(3):
                await vars(kitchen)[racing](market=kitchen.market(bike), pantry=kitchen.pantry())
        assert not bike.locked()
        return float(kitchen.minute())

    trace = run(main())
    assert (trace.result, trace.task("market").end) == (minute, minute)
    assert says in answer("05", 3)


def test_a_race_that_cancels_in_finally_takes_its_runners_along() -> None:
    """The mend that section 4 names."""
    assert "cancelling and awaiting of all runners into `finally:`" in lesson("05")

    async def mended(**recipes: Any) -> Any:
        runners = [asyncio.create_task(recipe, name=name) for name, recipe in recipes.items()]
        try:
            done, _ = await asyncio.wait(runners, return_when=asyncio.FIRST_COMPLETED)
            return done.pop().result()
        finally:
            for runner in runners:
                runner.cancel()
            await asyncio.gather(*runners, return_exceptions=True)

    trace = run(program("05", 4).late_race(mended))
    assert [trace.task(name).end for name in ("market", "pantry")] == [1, 1]


@pytest.mark.skipif(not hasattr(asyncio.Queue, "shutdown"), reason="from Python 3.13 on")
@pytest.mark.parametrize("bell", [5.5, 6, 6.5])
def test_a_queue_that_is_shut_loses_nothing(bell: float) -> None:
    kitchen = program("05", 6)
    [source] = re.findall(r"(?ms)^# ```python\n(.*?)^# ```$", lesson("05"))
    names = {"asyncio": asyncio, "select": select}
    exec(re.sub(r"(?m)^# ?", "", source), names)
    assert run(kitchen.evening(names["keeper"], bell)).result == []


def test_who_gives_up_a_lock_and_comes_again_is_last() -> None:
    async def main() -> list[str]:
        lock, had = asyncio.Lock(), []

        async def take(name: str) -> None:
            async with lock:
                had.append(name)

        await lock.acquire()
        first = asyncio.create_task(take("first"))
        second = asyncio.create_task(take("second"))
        await asyncio.sleep(0)
        first.cancel()
        again = asyncio.create_task(take("first again"))
        await asyncio.sleep(0)
        lock.release()
        await asyncio.gather(second, again)
        return had

    assert run(main()).result == ["second", "first again"]


def test_a_second_copy_costs_one_question_in_twenty_and_spares_the_unlucky() -> None:
    crowd = program("05", 15).crowd
    for after, least, most in ((None, 20, 20), (3, 5, 6)):
        median, slow, sent = run(crowd(after)).result
        assert median == 2
        assert least <= slow <= most
        assert sent == 1000 if after is None else 1040 < sent < 1060


def test_a_stream_loses_what_it_has_read_only_when_it_reads_to_the_end() -> None:
    async def main(read: str) -> bytes:
        stream = asyncio.StreamReader()
        stream.feed_data(b"half")
        hurried = asyncio.create_task(getattr(stream, read)())
        await asyncio.sleep(1)
        hurried.cancel()
        await asyncio.wait([hurried])
        stream.feed_data(b" and half\n")
        stream.feed_eof()
        return await getattr(stream, read)()  # type: ignore[no-any-return]

    assert run(main("readline")).result == b"half and half\n"
    assert run(main("read")).result == b" and half\n"
    assert "the reads of a `StreamReader` but for `read()` to the end" in lesson("05")
