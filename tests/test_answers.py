"""What the answers to each lesson's "Try it" say is what the programs that they are about do."""

from __future__ import annotations

import ast
import asyncio
import re
import threading
from collections import Counter
from collections.abc import Coroutine
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from helpers import Trace, busy, record, select
from helpers.model import simulate

LESSONS = Path(__file__).resolve().parents[1] / "lessons"
DEFINITIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom


def lesson(number: str) -> str:
    """The source of a lesson."""
    (path,) = LESSONS.glob(f"{number}_*.py")
    return path.read_text(encoding="utf-8")


def answer(number: str, task: int) -> str:
    """The answer to one "Try it" of a lesson, on one line and without markup."""
    section = lesson(number).split("# ## Try it\n")[1].split("# ## What to take away")[0]
    last_three = re.split(r"(?m)^# \d\. ", section)[-3:]  # a list of answers follows its questions
    text = last_three[task - 1].split("</summary>")[-1].split("</details>")[0]
    return " ".join(re.sub(r"(?m)^#|</?(?:code|em)>|`", "", text).split())


def program(number: str, section: int, *edits: tuple[str, str]) -> SimpleNamespace:
    """What a lesson defines up to the end of a section, with each old text replaced by its new."""
    parts = re.split(r"(?m)^(?=# ## )", lesson(number))
    end = next(n for n, part in enumerate(parts) if part.startswith(f"# ## {section}. "))
    source = "".join(parts[: end + 1])
    for old, new in edits:
        assert source.count(old) == 1, f"lesson {number} has {source.count(old)} times {old!r}"
        source = source.replace(old, new)
    cells = compile(
        source, number, "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, True
    )
    defined = [node for node in cells.body if isinstance(node, DEFINITIONS) or is_constant(node)]
    names: dict[str, Any] = {}
    exec(compile(ast.Module(defined, []), number, "exec", dont_inherit=True), names)
    return SimpleNamespace(**names)


def is_constant(node: ast.stmt) -> bool:
    """Whether a statement gives a value to one name in capitals."""
    return isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).isupper()


def run(main: Coroutine[Any, Any, Any]) -> Trace:
    """Record a program on the virtual clock, in minutes."""
    return asyncio.run(record(main, unit="minutes"))


@pytest.mark.parametrize("names", [("market", "pantry"), ("pantry", "market")])
def test_05_two_that_end_while_the_chef_is_held_tie(names: tuple[str, str]) -> None:
    kitchen = program("05", 1)

    async def main() -> tuple[Any, float]:
        async def hold() -> None:
            await asyncio.sleep(1)
            busy(6)

        holding = asyncio.create_task(hold())
        won = await select({name: vars(kitchen)[name]() for name in names})
        assert holding.done()
        return won, kitchen.minute()

    won, minute = run(main()).result
    assert f"free in minute {minute:g}, and both" in answer("05", 1)
    assert "The one that you wrote first wins." in answer("05", 1)
    assert (won.name, list(won.also)) == (names[0], [names[1]])


def test_05_quick_loses_nothing_when_it_looks_at_who_came_too() -> None:
    line = "cards.extend(won.also.values())"
    assert f"After the loop: {line}." in answer("05", 2)
    end = "        await asyncio.sleep(1)  # write the card\n        cards.append(won.value)\n"
    for edits, loses in (((), True), (((end, f"{end}    {line}\n"),), False)):
        kitchen = program("05", 8, *edits)
        bells = (5.5, 6, 6.5)
        assert any(run(kitchen.evening(kitchen.quick, bell)).result for bell in bells) == loses


def test_05_a_second_copy_sent_sooner_costs_many_questions_and_gains_a_minute() -> None:
    crowd = program("05", 9).crowd
    (_, slow, sent), (_, sooner, more) = (run(crowd(after)).result for after in (3, 2))
    said = answer("05", 3)
    assert f"{more - sent} more: about half of all guests now ask twice" in said
    assert 450 < more - 1000 < 550
    assert f"The 990th guest has an answer at minute {sooner:g} in place of {slow:g}." in said


def test_06_a_token_for_the_oven_alone_makes_the_evening_no_shorter() -> None:
    whole = "    async with ovens:\n        return await dish(number)"
    oven = '    busy(1)\n    async with ovens:\n        await asyncio.sleep(4)\n    return "dish"'
    before, after = program("06", 5), program("06", 5, (whole, oven))
    took = {
        tokens: [run(lesson.with_tokens(9, tokens)).duration for lesson in (before, after)]
        for tokens in (1, 3, 4)
    }
    said = answer("06", 1)
    assert took[3][0] == took[3][1]
    assert f"No: {took[3][1]:g} minutes, as before." in said
    assert (
        f"With one token the evening is shorter ({took[1][1]:g} minutes in place of {took[1][0]:g})"
        in said
    )
    assert f"with four it is longer ({took[4][1]:g} in place of {took[4][0]:g})" in said
    cards = run(after.with_tokens(9, 3)).tasks[1:]
    rings = [f"{card.steps[1].ready:g}" for card in cards[:3]]
    assert f"ring at minutes {rings[0]}, {rings[1]} and {rings[2]} stay empty" in said
    assert f"until minute {cards[-1].steps[0].end:g}." in said
    assert min(card.steps[1].start for card in cards) == cards[-1].steps[0].end


def test_06_cards_that_are_written_by_the_hundred_let_others_in_between() -> None:
    at_once = "    await asyncio.gather(*(order() for _ in range(orders)))"
    by_hundreds = """\
    cards = []
    for number in range(1, orders + 1):
        cards.append(asyncio.create_task(order()))
        if number % 100 == 0:
            await asyncio.sleep(0)
    await asyncio.gather(*cards)"""

    async def tick() -> None:
        for _ in range(20):
            await asyncio.sleep(0)

    async def beside_a_ticker(kitchen: SimpleNamespace) -> None:
        ticking = asyncio.create_task(tick())
        await kitchen.rush(1000)
        ticking.cancel()

    def turns_and_steps(*edits: tuple[str, str]) -> tuple[int, int, set[int]]:
        evening = beside_a_ticker(program("06", 1, *edits))
        main, ticker, *cards = asyncio.run(record(evening, clock="real")).tasks
        mixed = all(a.steps[0].start <= b.spawned for a, b in zip(cards, cards[100:], strict=False))
        assert mixed == bool(edits), "the next hundred are written when the first have begun"
        turns = sum(step.start <= cards[-1].spawned for step in ticker.steps)
        return turns, main.polls, {card.polls for card in cards}

    assert turns_and_steps() == (0, 2, {2})
    assert turns_and_steps((at_once, by_hundreds)) == (9, 2 + 10, {2})
    for claim in (
        "Writing and first steps are mixed now, the orange stays low during the first part",
        "a turn after every hundred cards, not only after all of them.",
        "each card still has its two steps, and main has a hundred more.",
    ):
        assert claim in answer("06", 2)


def test_06_two_ovens_that_keep_the_pace_never_feel_a_limit() -> None:
    card = 'card = asyncio.create_task(slow_oven(slips, rail, ages), name="oven")'
    end = '    card.cancel()\n    return {"rail"'
    edits = (
        (card, f"cards = [{card.removeprefix('card = ')} for _ in range(2)]"),
        (end, end.replace("card.cancel()", "[card.cancel() for card in cards]")),
    )
    kitchen = program("06", 7, *edits)
    endless, limited = (run(kitchen.slow_evening(hooks)).result for hooks in (0, 2))
    assert max(slips for _, slips in endless["rail"]) <= 1
    assert endless == limited
    assert len(endless["rail"]) == 1 + 2 * 10
    assert endless["door closed"] == 10, "a guest a minute"
    assert "one slip a minute, as many as come in. The rail stays almost empty" in answer("06", 3)
    assert "a limit would never be felt" in answer("06", 3)


def test_07_thieves_are_robbed_as_well() -> None:
    trace = simulate(chefs=4, tasks=8, work=0.01, spawner="task")
    steals = [re.findall(r"worker-\d", mark.text) for mark in trace.marks]
    assert (len(steals), len({mark.task for mark in trace.marks})) == (10, 7)
    robbed = Counter(victim for _, victim in steals)
    assert robbed == {"worker-1": 7, "worker-2": 2, "worker-3": 1}
    assert [thief for thief, _ in steals[:5]] == ["worker-2"] * 4 + ["worker-3"]
    assert answer("07", 1) == (
        "Ten steals of seven cards: seven from worker-1, two from worker-2, one from worker-3. "
        "Thieves are robbed as well: the first one takes four of seven and puts three on her "
        "board, and others take two of those."
    )


def test_07_all_chefs_but_one_may_stare_from_their_first_step_on() -> None:
    ovens: dict[str, Any] = {"chefs": 3, "tasks": 5, "work": 0, "yields": 4, "wait": 1}
    two, three = (simulate(**ovens, blocking=number / 5) for number in (2, 3))
    assert not any(card.scheduled for card in two.tasks)
    waits = [card.scheduled for card in three.tasks if card.scheduled]
    assert waits == [3, 3]
    assert answer("07", 2).startswith(
        "Two held and one free: nobody is late. "
        "Three held: the other two cards are 3 minutes late. All chefs but one may stare, if they "
        "do from their first step on."
    )


def test_07_no_bake_is_late_in_a_kitchen_where_nobody_stares() -> None:
    assert "All three bakes go to the second kitchen." in answer("07", 3)
    kitchen, bakes_done = program("07", 6), threading.Event()

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
