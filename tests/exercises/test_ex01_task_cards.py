"""Answers to the exercises of lesson 01 that people give, and what each is told."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.exercises.answers import accepted, refused, solved, wrong

pytestmark = pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")

SURVIVES = {
    (
        "01.chefs",
        "swapped: cards = [wait() for wait in waiting]",
    ): "nothing runs before `gather`, whichever list is made first",
}


async def in_a_list_of_coroutines(tables: Any, cook: Any) -> Any:
    cards = [cook(table) for table in tables]
    return [await card for card in cards]


async def forgets_to_await(tables: Any, cook: Any) -> Any:
    return [asyncio.create_task(cook(table)) for table in tables]


async def as_they_come(tables: Any, cook: Any) -> Any:
    cards = [asyncio.create_task(cook(table)) for table in tables]
    return [await card for card in asyncio.as_completed(cards)]


async def keeps_the_set(tables: Any, cook: Any) -> Any:
    done, _ = await asyncio.wait([asyncio.create_task(cook(table)) for table in tables])
    return done


async def reads_the_set(tables: Any, cook: Any) -> Any:
    done, _ = await asyncio.wait([asyncio.create_task(cook(table)) for table in tables])
    return [card.result() for card in done]


async def sleeps(tables: Any, cook: Any, seconds: float = 2) -> Any:
    cards = [asyncio.create_task(cook(table)) for table in tables]
    while not all(card.done() for card in cards):
        await asyncio.sleep(seconds)
    return [card.result() for card in cards]


async def looks_again_and_again(tables: Any, cook: Any) -> Any:
    return await sleeps(tables, cook, 0.1)


async def gathers(tables: Any, cook: Any) -> Any:
    return await asyncio.gather(*map(cook, tables))


async def in_a_group(tables: Any, cook: Any) -> Any:
    async with asyncio.TaskGroup() as rail:
        cards = [rail.create_task(cook(table)) for table in tables]
    return [card.result() for card in cards]


async def waits(tables: Any, cook: Any) -> Any:
    cards = [asyncio.create_task(cook(table)) for table in tables]
    await asyncio.wait(cards)
    return [card.result() for card in cards]


async def in_turn(n: int, bake: Any, carry: Any) -> Any:
    return sum([await carry(guest, await bake(guest)) for guest in range(1, n + 1)])


async def in_two_rounds(n: int, bake: Any, carry: Any) -> Any:
    pies = await asyncio.gather(*[bake(guest) for guest in range(1, n + 1)])
    return sum(await asyncio.gather(*map(carry, range(1, n + 1), pies)))


async def carries_in_turn(n: int, bake: Any, carry: Any) -> Any:
    pies = {guest: asyncio.create_task(bake(guest)) for guest in range(1, n + 1)}
    return sum([await carry(guest, await pie) for guest, pie in pies.items()])


async def loses_coins(n: int, bake: Any, carry: Any) -> Any:
    paid = 0

    async def guest(k: int) -> None:
        nonlocal paid
        paid += await carry(k, await bake(k))

    await asyncio.gather(*map(guest, range(1, n + 1)))
    return paid


async def with_names_like_the_calls(n: int, bake: Any, carry: Any) -> Any:
    async def bake_and_carry(k: int) -> Any:
        pie = await bake(k)
        return await asyncio.create_task(carry(k, pie), name=f"carry {k}")

    return sum(await asyncio.gather(*map(bake_and_carry, range(1, n + 1))))


async def forgets_the_last(n: int, bake: Any, carry: Any) -> Any:
    async def guest(k: int) -> Any:
        return await carry(k, await bake(k))

    return sum(await asyncio.gather(*map(guest, range(1, n))))


async def carries_twice(n: int, bake: Any, carry: Any) -> Any:
    async def guest(k: int) -> Any:
        pie = await bake(k)
        await carry(k, pie)
        return await carry(k, pie)

    return sum(await asyncio.gather(*map(guest, range(1, n + 1))))


async def from_zero(n: int, bake: Any, carry: Any) -> Any:
    async def serve_one(guest: int) -> Any:
        return await carry(guest, await bake(guest))

    return sum(await asyncio.gather(*map(serve_one, range(n))))


async def counts_no_coins(n: int, bake: Any, carry: Any) -> None:
    async def serve_one(guest: int) -> None:
        await carry(guest, await bake(guest))

    await asyncio.gather(*map(serve_one, range(1, n + 1)))


async def adds_up_in_a_group(n: int, bake: Any, carry: Any) -> Any:
    total = 0

    async def serve_one(guest: int) -> None:
        nonlocal total
        pie = await bake(guest)
        coins = await carry(guest, pie)
        total += coins

    async with asyncio.TaskGroup() as rail:
        for guest in range(1, n + 1):
            rail.create_task(serve_one(guest))
    return total


async def sums_as_they_come(n: int, bake: Any, carry: Any) -> Any:
    async def serve_one(guest: int) -> Any:
        return await carry(guest, await bake(guest))

    ends = asyncio.as_completed([serve_one(guest) for guest in range(1, n + 1)])
    return sum([await coins for coins in ends])


async def calls_what_blocks(waiting: Any, blocking: Any) -> Any:
    return await asyncio.gather(*[f() for f in waiting]) + [f() for f in blocking]


async def wraps_what_blocks(waiting: Any, blocking: Any) -> Any:
    async def card(block: Any) -> Any:
        return block()

    return await asyncio.gather(*[f() for f in waiting], *map(card, blocking))


async def calls_before_the_thread(waiting: Any, blocking: Any) -> Any:
    lent = [asyncio.to_thread(f()) for f in blocking]
    return await asyncio.gather(*[f() for f in waiting], *lent)


async def threads_for_all(waiting: Any, blocking: Any) -> Any:
    return await asyncio.gather(*[asyncio.to_thread(f) for f in [*waiting, *blocking]])


async def one_thread_for_all(waiting: Any, blocking: Any) -> Any:
    cards = asyncio.gather(*[f() for f in waiting])
    lent = await asyncio.to_thread(lambda: [f() for f in blocking])
    return [*await cards, *lent]


async def threads_in_turn(waiting: Any, blocking: Any) -> Any:
    results = await asyncio.gather(*[f() for f in waiting])
    return results + [await asyncio.to_thread(f) for f in blocking]


async def blocks_on_a_pool(waiting: Any, blocking: Any) -> Any:
    with ThreadPoolExecutor() as pool:
        lent = list(pool.map(lambda f: f(), blocking))
    return await asyncio.gather(*[f() for f in waiting]) + lent


def lend(blocking: Any, end: Any) -> list[threading.Thread]:
    threads = [
        threading.Thread(target=lambda n=n, f=f: end(n, f())) for n, f in enumerate(blocking)
    ]
    for thread in threads:
        thread.start()
    return threads


async def joins_threads(waiting: Any, blocking: Any) -> Any:
    ends: dict[int, Any] = {}
    threads = lend(blocking, ends.__setitem__)
    results = await asyncio.gather(*[f() for f in waiting])
    for thread in threads:
        thread.join()
    return results + [ends[n] for n in sorted(ends)]


async def leaves_the_pool(waiting: Any, blocking: Any) -> Any:
    with ThreadPoolExecutor() as pool:
        lent = [pool.submit(f) for f in blocking]
        results = await asyncio.gather(*[f() for f in waiting])
    return results + [each.result() for each in lent]


async def joins_in_threads(waiting: Any, blocking: Any) -> Any:
    ends: dict[int, Any] = {}
    threads = lend(blocking, ends.__setitem__)
    results = await asyncio.gather(*[f() for f in waiting])
    await asyncio.gather(*[asyncio.to_thread(thread.join) for thread in threads])
    return results + [ends[n] for n in sorted(ends)]


async def threads_that_tell(waiting: Any, blocking: Any) -> Any:
    loop = asyncio.get_running_loop()
    ends = [loop.create_future() for _ in blocking]
    lend(blocking, lambda n, end: loop.call_soon_threadsafe(ends[n].set_result, end))
    return await asyncio.gather(*[f() for f in waiting], *ends)


async def threads_in_a_group(waiting: Any, blocking: Any) -> Any:
    async with asyncio.TaskGroup() as rail:
        cards = [rail.create_task(f()) for f in waiting]
        cards += [rail.create_task(asyncio.to_thread(f)) for f in blocking]
    return [card.result() for card in cards]


async def in_the_loops_executor(waiting: Any, blocking: Any) -> Any:
    loop = asyncio.get_running_loop()
    lent = [loop.run_in_executor(None, f) for f in blocking]
    cards = [asyncio.create_task(f()) for f in waiting]
    await asyncio.wait([*cards, *lent])
    return [each.result() for each in [*cards, *lent]]


def said(**minutes: float) -> Any:
    scope = solved()["01.orders"].scope
    answer = {name.replace("_", " "): each for name, each in minutes.items()}
    return (scope["with_cards"], scope["in_turn"]), {"pizza waits": 1} | answer


@wrong(
    ("01.orders", said(pizza=7, gratin=11, toast=9, in_turn=20), "Not right yet: `pizza`."),
    ("01.orders", said(pizza=7, gratin=9, toast=4, in_turn=20), "`pizza`, `gratin` and `toast`."),
    ("01.orders", said(pizza=8, gratin=11, toast=9, in_turn=11), "Not right yet: `in turn`."),
    ("01.waiter", in_a_list_of_coroutines, "one after another: `dish of table 2"),
    ("01.waiter", forgets_to_await, " of what you returned are no results yet"),
    ("01.waiter", as_they_come, "in this order; you returned ['soup of table"),
    ("01.waiter", reads_the_set, "in this order; you returned ['soup of table"),
    ("01.waiter", keeps_the_set, "Return a list, not {<Task finished"),
    ("01.waiter", sleeps, "It took 2 s; 1.84 s are enough: so long takes the slowest `dish`."),
    ("01.waiter", looks_again_and_again, "s are enough: so long takes the slowest `dish`."),
    ("01.guests", in_turn, "The calls lie one after another: `bake 2` began at"),
    ("01.guests", in_two_rounds, "and carried only at"),
    ("01.guests", carries_in_turn, "and carried only at"),
    ("01.guests", loses_coins, "Do two of them read the same sum, and each write its own?"),
    ("01.guests", forgets_the_last, "Nothing was carried to guest"),
    ("01.guests", carries_twice, "and again at"),
    ("01.orders", (said()[0], [8, 11, 9]), "Answer with a dictionary; its keys are pizza, gratin"),
    ("01.orders", (said()[0], {"pizza": 8}), "its keys are pizza, gratin, toast, pizza waits and"),
    ("01.guests", from_zero, "There is no guest 0; they are 1 to"),
    ("01.guests", counts_no_coins, "in all, and you returned None."),
    ("01.chefs", calls_what_blocks, "`run_all` holds the loop for"),
    ("01.chefs", wraps_what_blocks, "holds the loop for"),
    ("01.chefs", calls_before_the_thread, "`TypeError: 'str' object is not callable`"),
    ("01.chefs", threads_for_all, "3 of what you returned are no results yet"),
    ("01.chefs", one_thread_for_all, "0.95 s are enough."),
    ("01.chefs", threads_in_turn, "0.95 s are enough."),
    ("01.chefs", blocks_on_a_pool, "holds the loop for"),
    ("01.chefs", joins_threads, "`run_all` holds the loop for 0."),
    ("01.chefs", leaves_the_pool, "holds the loop for"),
)
def test_a_wrong_answer_is_told_what_happened(name: str, answer: Any, told: str) -> None:
    refused(name, answer, told)


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("01.waiter", gathers),
        ("01.waiter", in_a_group),
        ("01.waiter", waits),
        ("01.guests", with_names_like_the_calls),
        ("01.guests", adds_up_in_a_group),
        ("01.guests", sums_as_they_come),
        ("01.chefs", joins_in_threads),
        ("01.chefs", threads_that_tell),
        ("01.chefs", threads_in_a_group),
        ("01.chefs", in_the_loops_executor),
    ],
)
def test_other_right_answers_are_right_too(name: str, answer: Any) -> None:
    accepted(name, answer)
