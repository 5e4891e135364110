"""What lesson 04 says beside its compared cells, and its answers to "Try it"."""

from __future__ import annotations

import asyncio
import sys
import warnings
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest

from helpers import busy, load_recording
from tests.lessons.source import answer, lesson, program, run


def says(*claims: str) -> bool:
    """Whether the lesson holds these sentences, wherever its lines end."""
    text = " ".join(lesson("04").replace("\n#", " ").split())
    return all(" ".join(claim.split()) in text for claim in claims)


@pytest.mark.parametrize("then", ["pass", "raise"])
def test_a_clean_up_may_have_a_deadline_of_its_own(then: str) -> None:
    cools = "        await asyncio.sleep(2)  # it must cool\n"
    hurries = f"""\
        try:
            async with asyncio.timeout(1):
                await asyncio.sleep(2)
        except TimeoutError as error:
            diary.append((minute(), error))
            {then}
"""
    kitchen = program("04", 3, (cools, hurries))

    async def guest() -> tuple[float, bool]:
        diary: list[Any] = []
        with pytest.raises(TimeoutError) as heard:
            async with asyncio.timeout(2):
                await kitchen.careful_soup(diary)
        minute, inner = diary[1]  # the first entry says that the soup was told to stop
        return minute, heard.value is inner

    minute, guest_gets_that_one = run(guest()).result
    assert f"The inner alarm rings at minute {minute:g}." in answer("04", 1)
    assert "must be caught in the finally, or the guest gets that one." in answer("04", 1)
    assert guest_gets_that_one == (then == "raise")


def test_smaller_pieces_are_heard_sooner_and_always_one_piece_late() -> None:
    kitchen = program("04", 6)
    told = {}
    for pieces in (5, 20):
        trace = run(kitchen.within(2, kitchen.in_pieces(pieces)))
        assert trace.result[0] == "Err"
        told[pieces] = trace.task("within").ended
        (asked,) = trace.task("within").cancels
        assert asked.time == told[pieces] == 2 + 5 / pieces
    said = f"In 20 pieces at minute {told[20]:g}, in 5 pieces at minute {told[5]:g}."
    assert said in answer("04", 2)


def test_who_awaits_the_same_card_loses_it_to_the_deadline_of_another(
    capsys: pytest.CaptureFixture[str],
) -> None:
    kitchen = program("04", 5)
    minute = kitchen.minute
    for told in (
        "What does it get at minute 2?",
        "<code>print(await plain, minute())</code> in a <code>try</code>",
        "in an <code>except BaseException as error</code>",
        "<code>print(repr(error), minute())</code>",
    ):
        assert told in lesson("04")

    async def two_guests(wrap: Callable[[Any], Any]) -> None:
        async def patient() -> None:
            try:
                print(await plain, minute())
            except BaseException as error:
                print(repr(error), minute())

        plain = asyncio.create_task(kitchen.roast())
        other = asyncio.create_task(patient())
        await kitchen.within(2, wrap(plain))
        await other

    run(two_guests(lambda card: card))
    assert capsys.readouterr().out == "CancelledError() 2.0\n"
    assert answer("04", 3).startswith("CancelledError, at its await plain")
    run(two_guests(asyncio.shield))
    assert capsys.readouterr().out == "roast 6.0\n"
    assert "in main it is served at minute 6." in answer("04", 3)


def test_timeout_makes_no_task_and_wait_for_did_up_to_python_3_11() -> None:
    async def main(spell: Callable[[], Awaitable[str]]) -> int:
        with suppress(TimeoutError):
            await spell()
        return 0

    kitchen = program("04", 1)

    async def waited() -> str:
        return str(await asyncio.wait_for(kitchen.soup(), 2))

    assert len(run(main(lambda: kitchen.guest(2))).tasks) == 1
    assert len(run(main(waited)).tasks) == 1 + (sys.version_info < (3, 12))
    assert says("and up to Python 3.11 it does make a task.")
    assert asyncio.TimeoutError is TimeoutError


def test_a_call_that_ends_when_told_to_is_told_of_at_the_earlier_of_deadline_and_work() -> None:
    kitchen = program("04", 2)

    async def by_hand(work: float) -> None:
        busy(work)

    for deadline in (1, 3, 5):
        for work in (2, 4, 6):
            oven = run(kitchen.within(deadline, asyncio.sleep(work)))
            assert oven.task("within").ended == min(deadline, work)
            assert run(kitchen.within(deadline, by_hand(work))).task("within").ended == work
    assert says("you are told at the earlier of deadline and work if it waits for the oven, and")


def test_an_alarm_over_blocking_code_is_taken_off_without_having_rung() -> None:
    kitchen = program("04", 6)

    async def main() -> tuple[str, bool, float]:
        leave_at = kitchen.minute() + 2
        async with asyncio.timeout_at(leave_at) as alarm:
            dish = await kitchen.in_one_go()
        return dish, alarm.expired(), kitchen.minute() - leave_at

    assert run(main()).result == ("sharp knives", False, 3)
    assert says("and three minutes late.", "its alarm was taken off without having rung.")
    blocking = load_recording("timeout_blocking", clock="virtual")
    assert [mark.text for mark in blocking.marks] == ["report: in time"]


SWALLOWS = {
    "except BaseException": "except BaseException:\n        pass",
    "bare except": "except:\n        pass",
    "return in finally": 'finally:\n        return "a bowl of soup"',
}


@pytest.mark.parametrize("swallows", SWALLOWS.values(), ids=SWALLOWS)
def test_whoever_swallows_the_cancel_gives_the_guest_a_value(swallows: str) -> None:
    soup = f"""\
async def soup():
    try:
        await asyncio.sleep(6)
    {swallows}
    return "a bowl of soup"
"""
    names: dict[str, Any] = {"asyncio": asyncio}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)  # since Python 3.14, for the last one
        exec(soup, names)

    async def main() -> tuple[str, bool]:
        card = asyncio.create_task(names["soup"]())
        async with asyncio.timeout(2) as alarm:
            dish = await card
        return dish, alarm.expired()

    assert run(main()).result == ("a bowl of soup", True)
    assert says(
        "`except BaseException`, or a bare `except:`, or there is a `return` in a `finally`."
    )


def test_an_alarm_that_is_set_for_none_is_off() -> None:
    async def main() -> str:
        async with asyncio.timeout(2) as alarm:
            alarm.reschedule(None)
            await asyncio.sleep(5)
        return "in time"

    assert (run(main()).result, says("`reschedule(None)` takes the alarm off.")) == (
        "in time",
        True,
    )


def test_a_pause_past_the_deadline_is_not_begun() -> None:
    stop = "if minute() + pause >= end: raise TimeoutError"
    assert says(f"`{stop}`, and has the bad news at minute 9.")
    pause = "            await asyncio.sleep(2 ** (call - 1))"
    edits = (
        ("keep_trying():\n", "keep_trying(end):\n"),
        (pause, f"            pause = 2 ** (call - 1)\n            {stop}\n{pause}"),
    )
    before, after = program("04", 12), program("04", 12, *edits)
    for kitchen, trying, minute in ((before, (), 12), (after, (12,), 9)):
        trace = run(kitchen.within(12, kitchen.keep_trying(*trying)))
        assert (trace.result, trace.duration) == (("Err", "Elapsed"), minute)
    patient = run(after.within(20, after.keep_trying(20)))
    assert patient.result == run(before.within(20, before.keep_trying())).result


@pytest.mark.parametrize("others", range(10))
def test_an_alarm_is_heard_at_the_end_of_the_turn_after_the_one_in_which_its_minute_comes(
    others: int,
) -> None:
    kitchen = program("04", 14)
    trace = run(kitchen.beside(others))
    turn = 1.25 * (others + 1)
    alarm_comes_in = 2 if turn < 2 else 1
    assert trace.task("within").ended == (alarm_comes_in + 1) * turn
    assert says("and with *n* others 2 × (*n* + 1) × 1.25.", "3 × 1.25 minutes alone")


def missed(how: str, works: list[int], period: int = 5) -> list[int]:
    """When each round begins, as Tokio's documentation has it of its three behaviours."""
    began, now, due = [], 0, 0
    for work in works:
        now = max(now, due)
        began.append(now)
        late = now > due
        due += period
        if late and how == "Delay":
            due = now + period
        if late and how == "Skip":
            due = now - now % period + period
        now += work
    return began


@pytest.mark.parametrize("how", ["Burst", "Delay", "Skip"])
def test_the_table_of_missed_ticks_is_what_the_three_rules_give(how: str) -> None:
    (row,) = [line for line in lesson("04").splitlines() if line.startswith(f"# | `{how}`")]
    began = missed(how, [1, 12, 1, 1, 1, 1])
    assert row.split("|")[2].strip() == ", ".join(map(str, began))
    if how == "Burst":
        kitchen = program("04", 15)
        assert run(kitchen.by_the_clock([1, 12, 1, 1, 1, 1])).result == began
    assert says("for seconds in [1, 12, 1, 1, 1, 1] {", "MissedTickBehavior::Skip")


def test_a_shield_holds_off_who_waits_and_not_the_end_of_the_run() -> None:
    async def pay(diary: list[str]) -> None:
        try:
            await asyncio.sleep(5)
            diary.append("paid")
        except asyncio.CancelledError:
            diary.append("cut in half")
            raise

    async def main(diary: list[str], *, awaits: bool) -> None:
        stub = asyncio.create_task(pay(diary))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(stub), 2)
        if awaits:
            await stub

    for awaits, end in ((False, ["cut in half"]), (True, ["paid"])):
        diary: list[str] = []
        run(main(diary, awaits=awaits))
        assert diary == end
