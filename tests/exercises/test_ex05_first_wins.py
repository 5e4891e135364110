"""Answers to the exercises of lesson 05 that people give, and what each is told."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import pytest

from helpers import select
from tests.exercises.answers import accepted, refused, solved, wrong

SURVIVES: dict[tuple[str, str], str] = {}
NONE = "no price"
FIRST = asyncio.FIRST_COMPLETED


def said(**won: Any) -> Any:
    right = {"race_1": ("far", 5.5), "race_2": ("near", 9), "race_3": ("nobody", 5)}
    return solved()["05.searches"].scope["searches"], {**right, "race_4": ("near", 4), **won}


async def as_given(asks: Any) -> Any:
    tasks = [asyncio.create_task(ask()) for ask in asks]
    done, losers = await asyncio.wait(tasks, return_when=FIRST)
    for loser in losers:
        loser.cancel()
    return done.pop().result()


async def awaits_the_losers(asks: Any) -> Any:
    tasks = [asyncio.create_task(ask()) for ask in asks]
    done, losers = await asyncio.wait(tasks, return_when=FIRST)
    for loser in losers:
        loser.cancel()
    await asyncio.gather(*losers, return_exceptions=True)
    return done.pop().result()


async def lets_the_losers_run(asks: Any) -> Any:
    tasks = [asyncio.create_task(ask()) for ask in asks]
    try:
        done, _ = await asyncio.wait(tasks, return_when=FIRST)
        return done.pop().result()
    finally:
        await asyncio.wait(tasks)


async def gathers_what_it_cancelled(asks: Any) -> Any:
    tasks = [asyncio.create_task(ask()) for ask in asks]
    try:
        done, _ = await asyncio.wait(tasks, return_when=FIRST)
        return done.pop().result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks)


async def cancels_twice(asks: Any) -> Any:
    tasks = [asyncio.create_task(ask()) for ask in asks]
    try:
        done, _ = await asyncio.wait(tasks, return_when=FIRST)
        return done.pop().result()
    finally:
        while not all(task.done() for task in tasks):
            for task in tasks:
                task.cancel()
            await asyncio.sleep(0.1)


async def sleeps_half_a_second(asks: Any) -> Any:
    tasks = [asyncio.create_task(ask()) for ask in asks]
    try:
        done, _ = await asyncio.wait(tasks, return_when=FIRST)
        return done.pop().result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.sleep(0.5)


async def looks_who_is_home(asks: Any) -> Any:
    tasks = [asyncio.create_task(ask()) for ask in asks]
    try:
        done, _ = await asyncio.wait(tasks, return_when=FIRST)
        return done.pop().result()
    finally:
        for task in tasks:
            task.cancel()
        while not all(task.done() for task in tasks):
            await asyncio.sleep(0.1)


async def gathers_all(asks: Any) -> Any:
    answers = await asyncio.gather(*(ask() for ask in asks), return_exceptions=True)
    return answers[0]


async def selects(asks: Any) -> Any:
    return (await select({str(n): ask() for n, ask in enumerate(asks)})).value


async def as_they_complete(asks: Any) -> Any:
    tasks = [asyncio.ensure_future(ask()) for ask in asks]
    try:
        for first in asyncio.as_completed(tasks):
            return await first
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def in_a_group(asks: Any) -> Any:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_quietly(ask)) for ask in asks]
        done, _ = await asyncio.wait(tasks, return_when=FIRST)
        for task in tasks:
            task.cancel()
    answer = done.pop().result()
    if isinstance(answer, Exception):
        raise answer
    return answer


async def _quietly(ask: Any) -> Any:
    try:
        return await ask()
    except Exception as error:
        return error


async def through_a_queue(asks: Any) -> Any:
    ends: Any = asyncio.Queue()

    async def ask_one(ask: Any) -> None:
        ends.put_nowait(await _quietly(ask))

    tasks = [asyncio.create_task(ask_one(ask)) for ask in asks]
    try:
        answer = await ends.get()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    if isinstance(answer, Exception):
        raise answer
    return answer


async def takes_a_failure(cache: Any, database: Any, seconds: Any) -> Any:
    try:
        async with asyncio.timeout(seconds):
            return (await select(cache=cache(), database=database())).value
    except (TimeoutError, LookupError):
        return NONE


async def forgets_that_both_may_fail(cache: Any, database: Any, seconds: Any) -> Any:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            won = await select(cache=cache(), database=database(), first_success=True)
            return won.value
    return NONE


async def one_after_the_other(cache: Any, database: Any, seconds: Any) -> Any:
    for ask in (cache, database):
        with suppress(TimeoutError, LookupError):
            return await asyncio.wait_for(ask(), seconds)
    return NONE


async def races_the_alarm_and_leaves(cache: Any, database: Any, seconds: Any) -> Any:
    pending = {asyncio.create_task(cache()), asyncio.create_task(database())}
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while pending:
                done, pending = await asyncio.wait(pending, return_when=FIRST)
                for task in done:
                    if not task.exception():
                        return task.result()
    return NONE


async def cancels_and_goes(cache: Any, database: Any, seconds: Any) -> Any:
    pending = {asyncio.create_task(cache()), asyncio.create_task(database())}
    end = asyncio.get_running_loop().time() + seconds
    try:
        while pending:
            left = max(0, end - asyncio.get_running_loop().time())
            done, pending = await asyncio.wait(pending, timeout=left, return_when=FIRST)
            for task in done:
                if not task.exception():
                    return task.result()
            if not done:
                return NONE
    finally:
        for task in pending:
            task.cancel()
    return NONE


async def sleeps_and_returns(cache: Any, database: Any, seconds: Any) -> Any:
    tasks = [asyncio.create_task(cache()), asyncio.create_task(database())]
    pending = set(tasks)
    try:
        async with asyncio.timeout(seconds):
            while pending:
                done, pending = await asyncio.wait(pending, return_when=FIRST)
                for task in done:
                    if not task.exception():
                        return task.result()
    except TimeoutError:
        pass
    finally:
        if pending:
            for task in pending:
                task.cancel()
            await asyncio.sleep(0.6)
    return NONE


async def by_hand(cache: Any, database: Any, seconds: Any) -> Any:
    tasks = [asyncio.create_task(cache()), asyncio.create_task(database())]
    pending = set(tasks)
    try:
        async with asyncio.timeout(seconds):
            while pending:
                done, pending = await asyncio.wait(pending, return_when=FIRST)
                for task in done:
                    if not task.exception():
                        return task.result()
    except TimeoutError:
        pass
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return NONE


async def with_an_alarm_beside(cache: Any, database: Any, seconds: Any) -> Any:
    async def either() -> Any:
        try:
            won = await select(cache=cache(), database=database(), first_success=True)
        except ExceptionGroup:
            return NONE
        return won.value

    won = await select(alarm=asyncio.sleep(seconds, NONE), price=either())
    return won.value


async def as_they_come(cache: Any, database: Any, seconds: Any) -> Any:
    tasks = [asyncio.ensure_future(ask()) for ask in (database, cache)]
    try:
        for next_one in asyncio.as_completed(tasks, timeout=seconds):
            with suppress(LookupError):
                return await next_one
    except TimeoutError:
        return NONE
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return NONE


async def bell_first(queue: Any, bell: Any, cook: Any) -> None:
    while not bell.is_set():
        order = asyncio.create_task(queue.get())
        closing = asyncio.create_task(bell.wait())
        await asyncio.wait([order, closing], return_when=FIRST)
        if closing.done():
            order.cancel()
            break
        closing.cancel()
        await cook(order.result())


async def order_first(queue: Any, bell: Any, cook: Any) -> None:
    while not bell.is_set():
        won = await select(order=queue.get(), bell=bell.wait())
        if won.name == "order":
            await cook(won.value)


async def empties_the_queue(queue: Any, bell: Any, cook: Any) -> None:
    while (await select(bell=bell.wait(), order=_cook_one(queue, cook))).name == "order":
        pass
    while not queue.empty():
        await cook(queue.get_nowait())


async def _cook_one(queue: Any, cook: Any) -> None:
    await cook(await queue.get())


async def drops_the_tie(queue: Any, bell: Any, cook: Any) -> None:
    while (won := await select(bell=bell.wait(), order=queue.get())).name == "order":
        await cook(won.value)
    while not queue.empty():
        await cook(queue.get_nowait())


async def cooks_at_the_end(queue: Any, bell: Any, cook: Any) -> None:
    await bell.wait()
    while not queue.empty():
        await cook(queue.get_nowait())


async def looks_now_and_then(queue: Any, bell: Any, cook: Any) -> None:
    while not (bell.is_set() and queue.empty()):
        with suppress(TimeoutError):
            await cook(await asyncio.wait_for(queue.get(), 0.3))


async def never_hears(queue: Any, bell: Any, cook: Any) -> None:
    while not (bell.is_set() and queue.empty()):
        await cook(await queue.get())


async def cancels_the_cook(queue: Any, bell: Any, cook: Any) -> None:
    async def take_and_cook() -> None:
        while True:
            await cook(await queue.get())

    cooking = asyncio.create_task(take_and_cook())
    await bell.wait()
    while not queue.empty():
        await asyncio.sleep(0.01)
    cooking.cancel()
    await asyncio.wait([cooking])


async def cooks_all_at_once(queue: Any, bell: Any, cook: Any) -> None:
    async with asyncio.TaskGroup() as group:
        while True:
            won = await select(bell=bell.wait(), order=queue.get())
            for order in [won.value] if won.name == "order" else won.also.values():
                group.create_task(cook(order))
            if won.name == "bell":
                break
        while not queue.empty():
            group.create_task(cook(queue.get_nowait()))


async def takes_what_else_came(queue: Any, bell: Any, cook: Any) -> None:
    while (won := await select(bell=bell.wait(), order=queue.get())).name == "order":
        await cook(won.value)
    for order in won.also.values():
        await cook(order)
    while not queue.empty():
        await cook(queue.get_nowait())


async def joins_the_queue(queue: Any, bell: Any, cook: Any) -> None:
    async def take_and_cook() -> None:
        while True:
            order = await queue.get()
            await cook(order)
            queue.task_done()

    async with asyncio.TaskGroup() as group:
        cooking = group.create_task(take_and_cook())
        await bell.wait()
        await queue.join()
        cooking.cancel()


async def mends_the_given_one(queue: Any, bell: Any, cook: Any) -> None:
    closing = asyncio.create_task(bell.wait())
    order = asyncio.create_task(queue.get())
    while True:
        await asyncio.wait([order, closing], return_when=FIRST)
        if order.done():
            await cook(order.result())
            order = asyncio.create_task(queue.get())
        elif queue.empty():
            break
    order.cancel()
    await asyncio.gather(order, return_exceptions=True)


async def looks_before_it_waits(queue: Any, bell: Any, cook: Any) -> None:
    closing = asyncio.create_task(bell.wait())
    while True:
        while not queue.empty():
            await cook(queue.get_nowait())
        if bell.is_set():
            break
        order = asyncio.create_task(queue.get())
        await asyncio.wait([order, closing], return_when=FIRST)
        order.cancel()
        with suppress(asyncio.CancelledError):
            await cook(await order)
    await closing


@wrong(
    ("05.searches", said(race_1=("near", 6)), "Not right yet: `race_1`."),
    ("05.searches", said(race_2=("near", 4), race_4=("near", 11)), "`race_2` and `race_4`."),
    ("05.searches", said(race_3=("nobody", 2)), "Not right yet: `race_3`."),
    ("05.left_out", as_given, "`server 2, left` was left running; it had to be cancelled"),
    ("05.left_out", awaits_the_losers, "`server 2, left` was left running; it had to be cancelled"),
    ("05.left_out", lets_the_losers_run, "cancel the losers, and wait for them, not for a time."),
    ("05.left_out", gathers_what_it_cancelled, "ended as cancelled; the first to end came with"),
    ("05.left_out", cancels_twice, "` was cancelled at"),
    ("05.left_out", sleeps_half_a_second, "cancel the losers, and wait for them, not for a time."),
    ("05.left_out", looks_who_is_home, "cancel the losers, and wait for them, not for a time."),
    ("05.look_up", sleeps_and_returns, " s are enough, clean-ups and all."),
    ("05.left_out", gathers_all, "The race of the case"),
    ("05.look_up", takes_a_failure, "you returned 'no price'; '5.20' would be right."),
    ("05.look_up", forgets_that_both_may_fail, "Your answer raised `LookupError: not here`"),
    ("05.look_up", one_after_the_other, "you returned"),
    ("05.look_up", races_the_alarm_and_leaves, "was still under way when `race, "),
    ("05.look_up", cancels_and_goes, "`clean-up "),
    ("05.bell", bell_first, "and `work` never cooked order"),
    ("05.bell", order_first, "and `work` never cooked order"),
    ("05.bell", empties_the_queue, "and `work` never cooked order"),
    ("05.bell", drops_the_tie, ", and `work` never cooked order 3, which came before."),
    ("05.bell", cooks_at_the_end, "cook each order when it comes."),
    ("05.bell", looks_now_and_then, "that is too late."),
    ("05.bell", never_hears, "and `work` had not returned 9 s later."),
    ("05.bell", cancels_the_cook, "and `work` never cooked order"),
    ("05.bell", cooks_all_at_once, "Each order once, and in their order"),
)
def test_a_wrong_answer_is_told_what_happened(name: str, answer: Any, told: str) -> None:
    refused(name, answer, told)


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("05.left_out", selects),
        ("05.left_out", as_they_complete),
        ("05.left_out", in_a_group),
        ("05.left_out", through_a_queue),
        ("05.look_up", by_hand),
        ("05.look_up", with_an_alarm_beside),
        ("05.look_up", as_they_come),
        ("05.bell", takes_what_else_came),
        ("05.bell", joins_the_queue),
        ("05.bell", mends_the_given_one),
        ("05.bell", looks_before_it_waits),
    ],
)
def test_other_right_answers_are_right_too(name: str, answer: Any) -> None:
    accepted(name, answer)
