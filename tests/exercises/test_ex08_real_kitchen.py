"""Answers to the exercises of lesson 08 that people give, and what each is told."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import pytest

from tests.exercises.answers import accepted, refused, solved, wrong

SURVIVES = {("08.dish", "swapped: page = None"): "a function may as well be defined before"}
RIGHT = {"Ann": 3, "Bob": 6, "Cleo": 2, "Dora": 7, "Emil": 5.5}
ASK = "ask the waiter"
FIRST = asyncio.FIRST_COMPLETED


def said(**seconds: float) -> Any:
    return solved()["08.five"].scope["five_guests"], RIGHT | seconds


async def one_after_the_other(price: Any, left: Any, deadline: Any) -> Any:
    page = None
    with suppress(TimeoutError):
        async with asyncio.timeout(deadline):
            page = {"price": await price(), "left": ASK}
            with suppress(OSError):
                page["left"] = await left()
    return page


async def with_gather(price: Any, left: Any, deadline: Any) -> Any:
    try:
        async with asyncio.timeout(deadline):
            found = await asyncio.gather(price(), left())
    except TimeoutError:
        return None
    return {"price": found[0], "left": found[1]}


async def with_two_deadlines(price: Any, left: Any, deadline: Any) -> Any:
    asked = asyncio.create_task(left())
    try:
        page = {"price": await asyncio.wait_for(price(), deadline), "left": ASK}
    except TimeoutError:
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
        return None
    with suppress(OSError):
        page["left"] = await asyncio.wait_for(asked, deadline)
    return page


async def leaves_the_supplier(price: Any, left: Any, deadline: Any) -> Any:
    asked, page = asyncio.create_task(left()), None
    with suppress(TimeoutError):
        async with asyncio.timeout(deadline):
            page = {"price": await price(), "left": ASK}
            with suppress(OSError):
                page["left"] = await asked
    return page


async def with_wait(price: Any, left: Any, deadline: Any) -> Any:
    tasks = [asyncio.create_task(price()), asyncio.create_task(left())]
    try:
        end = asyncio.get_running_loop().time() + deadline
        await asyncio.wait(tasks[:1], timeout=deadline)
        if not tasks[0].done():
            return None
        page = {"price": tasks[0].result(), "left": ASK}
        await asyncio.wait(tasks[1:], timeout=end - asyncio.get_running_loop().time())
        if tasks[1].done() and not tasks[1].exception():
            page["left"] = tasks[1].result()
        return page
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def with_a_group(price: Any, left: Any, deadline: Any) -> Any:
    page: dict[str, Any] = {"left": ASK}

    async def look_up() -> None:
        page["price"] = await price()

    async def ask() -> None:
        with suppress(OSError):
            page["left"] = await left()

    try:
        async with asyncio.timeout(deadline), asyncio.TaskGroup() as group:
            group.create_task(look_up())
            group.create_task(ask())
    except TimeoutError:
        pass
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return page if "price" in page else None


async def writes_unshielded(gone: Any, price: Any, write: Any) -> Any:
    return await write(await price())


async def shields_and_leaves(gone: Any, price: Any, write: Any) -> Any:
    total = asyncio.create_task(price())
    left = asyncio.create_task(gone.wait())
    try:
        await asyncio.wait([total, left], return_when=FIRST)
        if not total.done():
            return None
    finally:
        for task in (total, left):
            task.cancel()
        await asyncio.gather(total, left, return_exceptions=True)
    return await asyncio.shield(write(total.result()))


async def shields_once(gone: Any, price: Any, write: Any) -> Any:
    total = asyncio.create_task(price())
    left = asyncio.create_task(gone.wait())
    try:
        await asyncio.wait([total, left], return_when=FIRST)
        if not total.done():
            return None
    finally:
        for task in (total, left):
            task.cancel()
        await asyncio.gather(total, left, return_exceptions=True)
    writing = asyncio.create_task(write(total.result()))
    try:
        return await asyncio.shield(writing)
    finally:
        await asyncio.wait([writing])


async def races_it_all(gone: Any, price: Any, write: Any) -> Any:
    async def whole() -> Any:
        return await write(await price())

    tasks = [asyncio.create_task(whole()), asyncio.create_task(gone.wait())]
    try:
        await asyncio.wait(tasks, return_when=FIRST)
        return tasks[0].result() if tasks[0].done() else None
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def swallows_the_cancel(gone: Any, price: Any, write: Any) -> Any:
    return await order_in(gone, price, write, again=False)


async def tells_it_in_the_end(gone: Any, price: Any, write: Any) -> Any:
    return await order_in(gone, price, write, again=True)


async def order_in(gone: Any, price: Any, write: Any, *, again: bool) -> Any:
    """A write with a shield that is put up again and again; a cancel is told in the end, or not."""
    hang_up = asyncio.ensure_future(gone.wait())
    total = asyncio.ensure_future(price())
    try:
        done, _ = await asyncio.wait({hang_up, total}, return_when=FIRST)
    finally:
        hang_up.cancel()
        total.cancel()
        await asyncio.wait({hang_up, total})
    if total not in done:
        return None
    writing, cut = asyncio.ensure_future(write(total.result())), None
    while not writing.done():
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError as error:
            cut = error
    if cut and again:
        raise cut
    return writing.result()


async def stands_at_the_queue(orders: Any, cook: Any, closing: Any, grace: Any) -> Any:
    return await closes_in(orders, cook, closing, grace, stands=True)


async def forgets_who_is_late(orders: Any, cook: Any, closing: Any, grace: Any) -> Any:
    return await closes_in(orders, cook, closing, grace, cancels=False)


async def leaves_the_last_order(orders: Any, cook: Any, closing: Any, grace: Any) -> Any:
    return await closes_in(orders, cook, closing, grace, looks=False)


async def has_no_grace(orders: Any, cook: Any, closing: Any, grace: Any) -> Any:
    return await closes_in(orders, cook, closing, 0)


async def waits_for_all(orders: Any, cook: Any, closing: Any, grace: Any) -> Any:
    return await closes_in(orders, cook, closing, 60)


async def waits_the_whole_grace(orders: Any, cook: Any, closing: Any, grace: Any) -> Any:
    return await closes_in(orders, cook, closing, grace, sleeps=True)


async def keeps_one_getter(orders: Any, cook: Any, closing: Any, grace: Any) -> Any:
    return await closes_in(orders, cook, closing, grace)


async def closes_in(orders: Any, cook: Any, closing: Any, grace: float, **but: bool) -> list[str]:
    """A service with a task for each cook, which makes one of the mistakes."""
    taken: dict[asyncio.Task[Any], str] = {}

    async def door() -> None:
        while not (but.get("stands") and closing.is_set()):
            order = await orders.get()
            taken[asyncio.create_task(cook(order))] = order

    getter = asyncio.create_task(door())
    await (getter if but.get("stands") else closing.wait())
    if but.get("looks", True):
        await asyncio.sleep(0)  # who was handed over has been taken by then
    getter.cancel()
    await asyncio.wait([getter])
    if but.get("sleeps"):
        await asyncio.sleep(grace)
    await asyncio.wait([getter, *taken], timeout=grace)
    if but.get("cancels", True):
        for task in taken:
            task.cancel()
        await asyncio.gather(*taken, return_exceptions=True)
    return [order for task, order in taken.items() if task.done() and not task.cancelled()]


async def looks_at_the_bell_first(orders: Any, cook: Any, closing: Any, grace: Any) -> Any:
    return await races_bell_and_order(orders, cook, closing, grace, loses=True)


async def looks_at_the_order_first(orders: Any, cook: Any, closing: Any, grace: Any) -> Any:
    return await races_bell_and_order(orders, cook, closing, grace, loses=False)


async def races_bell_and_order(
    orders: Any, cook: Any, closing: Any, grace: Any, *, loses: bool
) -> list[str]:
    tasks: dict[str, asyncio.Task[Any]] = {}
    while not closing.is_set():
        getter = asyncio.ensure_future(orders.get())
        bell = asyncio.ensure_future(closing.wait())
        await asyncio.wait([getter, bell], return_when=FIRST)
        for one in (getter, bell):
            one.cancel()
        await asyncio.gather(getter, bell, return_exceptions=True)
        if loses and closing.is_set():
            break
        if not getter.cancelled():
            tasks[getter.result()] = asyncio.ensure_future(cook(getter.result()))
    with suppress(TimeoutError):
        async with asyncio.timeout(grace):
            await asyncio.gather(*tasks.values())
    await asyncio.gather(*tasks.values(), return_exceptions=True)
    return [name for name, task in tasks.items() if not task.cancelled()]


@wrong(
    ("08.five", said(Cleo=3), "Not right yet: `Cleo`."),
    ("08.five", said(Bob=10, Dora=8), "`Bob` and `Dora`"),
    ("08.five", said(Bob=7), "`Bob`"),
    ("08.five", said(Emil=6.5), "`Emil`"),
    ("08.dish", one_after_the_other, "are both asked at the same time?"),
    ("08.dish", with_gather, "had to return"),
    ("08.dish", with_two_deadlines, "s are enough"),
    ("08.dish", leaves_the_supplier, "still"),
    ("08.order", writes_unshielded, "`order, "),
    ("08.order", shields_and_leaves, "was still under way"),
    ("08.order", shields_once, "was still under way"),
    ("08.order", races_it_all, "had to return"),
    ("08.order", swallows_the_cancel, "had to raise CancelledError()"),
    ("08.closing", stands_at_the_queue, "took an order"),
    ("08.closing", forgets_who_is_late, "was still running"),
    ("08.closing", looks_at_the_bell_first, "returned ['order 1'], and had to return"),
    ("08.closing", has_no_grace, "had to return"),
    ("08.closing", waits_for_all, "had to return"),
    ("08.closing", waits_the_whole_grace, "s are enough"),
)
def test_a_wrong_answer_is_told_what_it_did(name: str, answer: Any, told: str) -> None:
    refused(name, answer, told)


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("08.five", said()),
        ("08.dish", with_wait),
        ("08.dish", with_a_group),
        ("08.order", tells_it_in_the_end),
        ("08.closing", keeps_one_getter),
        ("08.closing", leaves_the_last_order),
        ("08.closing", looks_at_the_order_first),
    ],
)
def test_another_right_answer_is_right(name: str, answer: Any) -> None:
    accepted(name, answer)
