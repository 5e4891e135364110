"""Answers to the exercises of lesson 07 that people give, and what each is told."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from contextlib import suppress
from typing import Any

import pytest

from tests.exercises.answers import accepted, refused, solved, wrong

_BELOW = "the functions are called below both lines"
SURVIVES = {
    ("07.device", "swapped: future = loop.create_future()"): _BELOW,
    ("07.device", "swapped: def end(set_it, value):"): _BELOW,
    ("07.device", "swapped: def done(value):"): _BELOW,
}


async def as_given(scan: Any, pages: Any) -> Any:
    total = 0

    def scan_one(page: str) -> None:
        nonlocal total
        total += scan(page)

    await asyncio.gather(*(asyncio.to_thread(scan_one, page) for page in pages))
    return total


async def lock_round_all(scan: Any, pages: Any) -> Any:
    total, lock = 0, threading.Lock()

    def scan_one(page: str) -> None:
        nonlocal total
        with lock:
            total += scan(page)

    await asyncio.gather(*(asyncio.to_thread(scan_one, page) for page in pages))
    return total


async def no_threads(scan: Any, pages: Any) -> Any:
    return sum(map(scan, pages))


async def one_thread(scan: Any, pages: Any) -> Any:
    return await asyncio.to_thread(lambda: sum(map(scan, pages)))


async def lock_of_the_loop(scan: Any, pages: Any) -> Any:
    total, lock = 0, asyncio.Lock()

    async def scan_one(page: str) -> None:
        nonlocal total
        async with lock:
            total += await asyncio.to_thread(scan, page)

    await asyncio.gather(*map(scan_one, pages))
    return total


async def lost_in_the_loop(scan: Any, pages: Any) -> Any:
    total = 0

    async def scan_one(page: str) -> None:
        nonlocal total
        total += await asyncio.to_thread(scan, page)

    await asyncio.gather(*map(scan_one, pages))
    return total


async def lock_round_the_sum(scan: Any, pages: Any) -> Any:
    total, lock = 0, threading.Lock()

    def scan_one(page: str) -> None:
        nonlocal total
        found = scan(page)
        with lock:
            total += found

    await asyncio.gather(*(asyncio.to_thread(scan_one, page) for page in pages))
    return total


async def adds_in_the_loop(scan: Any, pages: Any) -> Any:
    total, tasks = 0, [asyncio.create_task(asyncio.to_thread(scan, page)) for page in pages]
    for each in asyncio.as_completed(tasks):
        found = await each
        total += found
    return total


async def a_pool_of_its_own(scan: Any, pages: Any) -> Any:
    loop = asyncio.get_running_loop()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        async with asyncio.TaskGroup() as group:

            async def one(page: str) -> Any:
                return await loop.run_in_executor(pool, scan, page)

            tasks = [group.create_task(one(page)) for page in pages]
    return sum(task.result() for task in tasks)


async def keeps_the_lock(orders: Any, book: Any, print_bill: Any) -> Any:
    async def bill(order: str) -> Any:
        with book.lock:
            number = book.number
            await print_bill(number, order)
            book.number = number + 1
        return number

    return await asyncio.gather(*map(bill, orders))


async def locks_twice(orders: Any, book: Any, print_bill: Any) -> Any:
    async def bill(order: str) -> Any:
        with book.lock:
            number = book.number
        await print_bill(number, order)
        with book.lock:
            book.number = number + 1
        return number

    return await asyncio.gather(*map(bill, orders))


async def one_by_one(orders: Any, book: Any, print_bill: Any) -> Any:
    numbers = []
    for order in orders:
        with book.lock:
            numbers.append(book.number)
            book.number += 1
        await print_bill(numbers[-1], order)
    return numbers


async def loops_lock(orders: Any, book: Any, print_bill: Any) -> Any:
    lock = asyncio.Lock()

    async def bill(order: str) -> Any:
        async with lock:
            number = book.number
            book.number += 1
        await print_bill(number, order)
        return number

    return await asyncio.gather(*map(bill, orders))


async def by_acquire(orders: Any, book: Any, print_bill: Any) -> Any:
    async def bill(order: Any) -> Any:
        book.lock.acquire(timeout=1)
        try:
            number = book.number
            book.number += 1
        finally:
            book.lock.release()
        await print_bill(number, order)
        return number

    return await asyncio.gather(*map(bill, orders))


async def hides_it(orders: Any, book: Any, print_bill: Any) -> Any:
    await asyncio.gather(
        *(keeps_the_lock([order], book, print_bill) for order in orders), return_exceptions=True
    )


async def all_numbers_first(orders: Any, book: Any, print_bill: Any) -> Any:
    with book.lock:
        numbers = [book.number + n for n, _ in enumerate(orders)]
        book.number += len(orders)
    async with asyncio.TaskGroup() as group:
        for number, order in zip(numbers, orders, strict=True):
            group.create_task(print_bill(number, order))
    return numbers


async def a_function_that_takes(orders: Any, book: Any, print_bill: Any) -> Any:
    def take() -> Any:
        with book.lock:
            book.number += 1
            return book.number - 1

    numbers = {order: take() for order in orders}
    tasks = [asyncio.create_task(print_bill(n, order)) for order, n in numbers.items()]
    await asyncio.wait(tasks)
    return [*numbers.values()]


async def sets_it_in_the_thread(start: Any) -> Any:
    future = asyncio.get_running_loop().create_future()
    start(future.set_result, future.set_exception)
    return await future


async def forgets_who_gave_up(start: Any) -> Any:
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    start(
        lambda value: loop.call_soon_threadsafe(future.set_result, value),
        lambda error: loop.call_soon_threadsafe(future.set_exception, error),
    )
    return await future


async def wraps(start: Any) -> Any:
    future: Any = concurrent.futures.Future()
    start(future.set_result, future.set_exception)
    return await asyncio.wrap_future(future)


async def waits_in_the_loop(start: Any) -> Any:
    over, ends = threading.Event(), []

    def end(value: Any) -> None:
        ends.append(value)
        over.set()

    start(end, end)
    over.wait()
    if isinstance(ends[0], Exception):
        raise ends[0]
    return ends[0]


async def returns_nothing(start: Any) -> None:
    await with_an_event(start)


async def returns_the_error(start: Any) -> Any:
    loop, rail = asyncio.get_running_loop(), asyncio.Queue()  # type: ignore[var-annotated]

    def put(value: Any) -> None:
        loop.call_soon_threadsafe(rail.put_nowait, value)

    start(put, put)
    return await rail.get()


async def sets_an_event_in_the_thread(start: Any) -> Any:
    over, ends = asyncio.Event(), []

    def end(value: Any) -> None:
        ends.append(value)
        over.set()

    start(end, end)
    await over.wait()
    if isinstance(ends[0], Exception):
        raise ends[0]
    return ends[0]


async def never_told(start: Any) -> Any:
    future = asyncio.get_running_loop().create_future()
    start(print, print)
    return await future


async def goes_on(start: Any) -> Any:
    loop = asyncio.get_running_loop()
    future = loop.create_future()

    def end(set_it: Any, value: Any) -> None:
        if not future.done():
            set_it(value)

    start(
        lambda value: loop.call_soon_threadsafe(end, future.set_result, value),
        lambda error: loop.call_soon_threadsafe(end, future.set_exception, error),
    )
    while True:
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            pass


async def guards_the_good_end_alone(start: Any) -> Any:
    loop = asyncio.get_running_loop()
    future = loop.create_future()

    def done(value: Any) -> None:
        if not future.done():
            future.set_result(value)

    start(
        lambda value: loop.call_soon_threadsafe(done, value),
        lambda error: loop.call_soon_threadsafe(future.set_exception, error),
    )
    return await future


async def asks_again_and_again(start: Any, pause: float = 0.002) -> Any:
    ends: list[Any] = []
    start(ends.append, ends.append)
    while not ends:
        await asyncio.sleep(pause)
    if isinstance(ends[0], Exception):
        raise ends[0]
    return ends[0]


async def asks_now_and_then(start: Any) -> Any:
    return await asks_again_and_again(start, 0.03)


async def asks_in_a_task(start: Any) -> Any:
    return await asyncio.create_task(asks_now_and_then(start))


async def asks_when_an_alarm_rings(start: Any) -> Any:
    over, ends = asyncio.Event(), []  # type: ignore[var-annotated]
    start(ends.append, ends.append)
    while not ends:
        with suppress(TimeoutError):
            await asyncio.wait_for(over.wait(), 0.03)
    if isinstance(ends[0], Exception):
        raise ends[0]
    return ends[0]


async def with_patience(start: Any) -> Any:
    return await asyncio.wait_for(asyncio.create_task(with_an_event(start)), 5)


async def on_a_queue(start: Any) -> Any:
    end = await returns_the_error(start)
    if isinstance(end, Exception):
        raise end
    return end


async def with_an_event(start: Any) -> Any:
    loop, over, ends = asyncio.get_running_loop(), asyncio.Event(), []

    def end(value: Any) -> None:
        ends.append(value)
        loop.call_soon_threadsafe(over.set)

    start(end, end)
    await over.wait()
    if isinstance(ends[0], Exception):
        raise ends[0]
    return ends[0]


async def in_a_thread(start: Any) -> Any:
    over, ends = threading.Event(), []

    def end(value: Any) -> None:
        ends.append(value)
        over.set()

    start(end, end)
    await asyncio.to_thread(over.wait)
    if isinstance(ends[0], Exception):
        raise ends[0]
    return ends[0]


async def wraps_with_care(start: Any) -> Any:
    future: Any = concurrent.futures.Future()
    future.set_running_or_notify_cancel()  # from here on nobody can cancel it
    start(future.set_result, future.set_exception)
    return await asyncio.wrap_future(future)


def took(**numbers: float) -> Any:
    return solved()["07.team"].scope["JOBS"], {"e": 6} | numbers


def where(**sets: Any) -> Any:
    scope, one = solved()["07.kitchens"].scope, {"asyncio", "current_thread"}
    team: Any = {"multi_thread"}
    return scope["one_chef"], {"a": team, "b": one, "c": set(), "d": team, "e": one} | sets


@wrong(
    ("07.team", took(a=8, b=8, c=18, d=9), "Not right yet: `a`."),
    ("07.team", took(a=12, b=12, c=9, d=24), "Not right yet: `b`, `c` and `d`."),
    ("07.team", took(a=12, b=8, c=12, d=9), "Not right yet: `c`."),
    ("07.kitchens", where(a={"current_thread", "multi_thread"}), "Not right yet: `a`."),
    ("07.kitchens", where(b={"asyncio"}, c={"multi_thread"}), "Not right yet: `b` and `c`."),
    ("07.kitchens", where(d=set(), e="asyncio"), "Not right yet: `d` and `e`."),
    ("07.scans", as_given, "faults in all, and you returned"),
    ("07.scans", lost_in_the_loop, "faults in all, and you returned"),
    ("07.scans", lock_round_all, "s; 0.5 s are enough."),
    ("07.scans", no_threads, "s; 0.5 s are enough."),
    ("07.scans", one_thread, "s; 0.5 s are enough."),
    ("07.scans", lock_of_the_loop, "s; 0.5 s are enough."),
    ("07.bills", keeps_the_lock, "At 0 s a task wants the lock that another task keeps across an"),
    ("07.bills", hides_it, "a task wants the lock that another task keeps across an `await`"),
    ("07.bills", loops_lock, "`book.number` was read without `book.lock`: another thread"),
    ("07.bills", locks_twice, "from 1 to 10, each once; they are [1, 1, "),
    ("07.bills", one_by_one, "The calls lie one after another: `bill of order 2` began at"),
    ("07.device", sets_it_in_the_thread, "thread called the loop itself, which sleeps on"),
    ("07.device", sets_an_event_in_the_thread, "thread called the loop itself, which sleeps on"),
    ("07.device", forgets_who_gave_up, "A device answered when its caller had given up."),
    ("07.device", wraps, "had given up; what it called raised `InvalidStateError"),
    ("07.device", waits_in_the_loop, "the loop was held, or did not hear."),
    ("07.device", asks_again_and_again, "looks whether the answer is there, by the clock"),
    ("07.device", asks_now_and_then, "`device 1` looks whether the answer is there, by the clock"),
    ("07.device", asks_in_a_task, "looks whether the answer is there, by the clock"),
    ("07.device", asks_when_an_alarm_rings, "looks whether the answer is there, by the clock"),
    ("07.device", goes_on, "your answer did not end as cancelled."),
    ("07.device", guards_the_good_end_alone, "A device answered when its caller had given up."),
    ("07.device", never_told, "the loop was held, or did not hear."),
    ("07.device", returns_nothing, ", and you returned or raised None."),
    ("07.device", returns_the_error, "OSError('no contact')`: raise that."),
)
def test_a_wrong_answer_is_told_what_happened(name: str, answer: Any, told: str) -> None:
    refused(name, answer, told)


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("07.scans", lock_round_the_sum),
        ("07.scans", adds_in_the_loop),
        ("07.scans", a_pool_of_its_own),
        ("07.bills", all_numbers_first),
        ("07.bills", a_function_that_takes),
        ("07.bills", by_acquire),
        ("07.device", on_a_queue),
        ("07.device", with_an_event),
        ("07.device", with_patience),
        ("07.device", in_a_thread),
        ("07.device", wraps_with_care),
    ],
)
def test_other_right_answers_are_right_too(name: str, answer: Any) -> None:
    accepted(name, answer)
