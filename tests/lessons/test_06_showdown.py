"""Lesson 06: what it says of many tasks, of limits and of queues."""

from __future__ import annotations

import asyncio
import gc
from types import SimpleNamespace

from helpers import record
from helpers.costs import measure_all, per_unit
from helpers.labs import spec_of
from helpers.labs.spec import Choice
from tests.lessons.source import answer, lesson, program, run


def text() -> str:
    """The lesson's prose on one line."""
    return " ".join(lesson("06").replace("\n#", "\n").replace("`", "").split())


def test_cards_that_are_written_by_the_hundred_let_others_in_between() -> None:
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
        "Writing and first steps are mixed now, the scheduled part stays low during the first part",
        "a turn after every hundred cards, not only after all of them.",
        "each card still has its two steps, and main has a hundred more.",
    ):
        assert claim in answer("06", 1)


def test_orders_that_come_one_by_one_do_not_wait_and_their_writer_does() -> None:
    kitchen = program("06", 4)

    async def come(every: float) -> None:
        cards = []
        for _ in range(20):
            cards.append(asyncio.create_task(kitchen.chop()))
            await asyncio.sleep(every)
        await asyncio.gather(*cards)

    waits = [
        [sum(card.scheduled for card in trace.tasks[1:]), trace.tasks[0].scheduled]
        for trace in (run(kitchen.line_up(20)), run(come(1)), run(come(0.5)))
    ]
    assert waits == [[190, 0], [0, 0], [0, 10]]
    assert answer("06", 2).startswith(
        "Not at all, both times: each order is taken up as soon as it is written, where 20 at "
        "once wait for 190 minutes in all."
    )
    assert "comes 10 minutes late" in answer("06", 2)


def test_the_smallest_limit_for_a_fifth_of_a_second_is_53() -> None:
    kitchen = program("06", 6)
    took = {limit: run(kitchen.some_at_once(1000, limit)).duration for limit in (50, 52, 53, 60)}
    assert took == {50: 0.2, 52: 0.2, 53: 0.19, 60: 0.17}
    assert answer("06", 3).startswith("53, that is nineteen rounds of 10 ms. With 52")
    assert "in steps of ten, says 60" in answer("06", 3)


def test_a_token_for_the_oven_alone_makes_the_evening_no_shorter() -> None:
    whole = "    async with ovens:\n        return await dish(number)"
    oven = '    busy(1)\n    async with ovens:\n        await asyncio.sleep(4)\n    return "dish"'
    before, after = program("06", 9), program("06", 9, (whole, oven))
    took = {
        tokens: [run(lesson.with_tokens(9, tokens)).duration for lesson in (before, after)]
        for tokens in (1, 3, 4)
    }
    said = text()
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


def test_two_ovens_that_keep_the_pace_never_feel_a_limit() -> None:
    card = 'card = asyncio.create_task(slow_oven(slips, rail, ages), name="oven")'
    end = '    card.cancel()\n    return {"rail"'
    edits = (
        (card, f"cards = [{card.removeprefix('card = ')} for _ in range(2)]"),
        (end, end.replace("card.cancel()", "[card.cancel() for card in cards]")),
    )
    kitchen = program("06", 11, *edits)
    endless, limited = (run(kitchen.slow_evening(hooks)).result for hooks in (0, 2))
    assert max(slips for _, slips in endless["rail"]) <= 1
    assert endless == limited
    assert len(endless["rail"]) == 1 + 2 * 10
    assert endless["door closed"] == 10, "a guest a minute"
    assert "With *two* ovens one slip a minute goes out, as many as come in" in text()


def test_in_each_batch_two_ovens_are_empty_for_six_minutes_and_more() -> None:
    cards = run(program("06", 9).in_batches()).tasks[1:]
    for n in (0, 3, 6):
        short, long = sorted(card.steps[1].ready for card in cards[n : n + 3])[1:]
        assert long - short >= 6
    assert "two ovens are empty for six minutes and more" in text()


def test_what_the_table_says_of_one_more_is_of_the_right_size() -> None:
    costs = asyncio.run(measure_all((100, 1000), repeats=1))
    each = per_unit(costs)
    assert 8_000 < (each["thread"].bytes or 0) < 64_000
    assert 500 < (each["task"].bytes or 0) < 4_000
    assert "tasks, at 1 to 2 kB each" in text()
    assert "threads, at about 16 kB of memory in use each" in text()


def test_some_three_hundred_dishes_are_in_their_ovens_on_a_calm_evening() -> None:
    trace = run(program("06", 12).long_evening())
    orders = [task for task in trace.tasks if task.name.startswith("order")]
    in_oven = sum(task.steps[0].end <= 7.25 < task.steps[1].ready for task in orders)
    assert in_oven == 300
    assert "some 300 dishes in their ovens" in text()


def test_a_second_failure_under_gather_is_told_to_nobody() -> None:
    async def fail(after: float) -> None:
        await asyncio.sleep(after)
        raise ValueError(after)

    async def main() -> list[str]:
        told: list[str] = []
        asyncio.get_running_loop().set_exception_handler(
            lambda _, context: told.append(str(context))
        )
        try:
            await asyncio.gather(fail(1), fail(2))
        except ValueError as error:
            told.append(str(error))
        await asyncio.sleep(2)
        gc.collect()
        return told

    assert asyncio.run(record(main())).result == ["1"]
    assert "a second failure after that is told to nobody, not even in the log" in text()


def test_a_token_may_be_taken_before_the_card_is_written() -> None:
    async def main() -> int:
        tokens, alive, most = asyncio.Semaphore(5), set(), 0
        for _ in range(50):
            await tokens.acquire()
            card = asyncio.create_task(asyncio.sleep(1))
            alive.add(card)
            card.add_done_callback(alive.discard)
            card.add_done_callback(lambda _: tokens.release())
            most = max(most, len(alive))
        return most

    assert asyncio.run(record(main())).result == 5


def test_the_lab_has_a_limit_once_the_style_that_the_lesson_names_is_chosen() -> None:
    spec = spec_of("showdown")
    (limit,) = [control for control in spec.controls if control.name == "limit"]
    (style,) = [control for control in spec.controls if control.name == "style"]
    assert "choose the style *semaphore*" in text()
    assert isinstance(style, Choice)
    assert ("semaphore", "semaphore") in style.options
    assert not limit.shown(spec.defaults())
    assert limit.shown({**spec.defaults(), "style": "semaphore"})
