"""Answers to the exercises of lesson 04 that people give, and what each is told."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import suppress
from typing import Any

import pytest

from tests.exercises.answers import accepted, refused, solved, wrong

SURVIVES = {
    ("04.page", "swapped: end = now() + total"): "the empty page takes no time",
}
NONE = "no price today"


def said(**seconds: float) -> Any:
    return solved()["04.clients"].scope["requests"], {"new": 1} | seconds


async def as_given(ask: Any, seconds: Any) -> Any:
    return await loop_that_catches(BaseException, ask, seconds)


async def catches_a_slow_call_alone(ask: Any, seconds: Any) -> Any:
    return await loop_that_catches(TimeoutError, ask, seconds)


async def catches_what_is_one_of_the_other(ask: Any, seconds: Any) -> Any:
    return await loop_that_catches(OSError, ask, seconds)


async def without_a_limit(ask: Any, seconds: Any) -> Any:
    return await loop_that_catches((OSError, TimeoutError), ask, seconds, limit=None)


async def without_a_pause(ask: Any, seconds: Any) -> Any:
    return await loop_that_catches((OSError, TimeoutError), ask, seconds, pause=0)


async def catches_exceptions(ask: Any, seconds: Any) -> Any:
    return await loop_that_catches(Exception, ask, seconds)


async def loop_that_catches(
    errors: Any, ask: Any, seconds: Any, limit: float | None = 1, pause: float = 0.5
) -> Any:
    try:
        async with asyncio.timeout(seconds):
            while True:
                try:
                    async with asyncio.timeout(limit):
                        return await ask()
                except errors:
                    await asyncio.sleep(pause)
    except TimeoutError:
        return NONE


async def looks_at_the_alarm(ask: Any, seconds: Any) -> Any:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds) as alarm:
            while not alarm.expired():
                try:
                    return await asyncio.wait_for(ask(), 1)
                except BaseException:
                    if alarm.expired():
                        raise
                    await asyncio.sleep(0.5)
    return NONE


async def gives_up_at_a_cancel(ask: Any, seconds: Any) -> Any:
    async with asyncio.timeout(seconds):
        while True:
            try:
                return await asyncio.wait_for(ask(), 1)
            except asyncio.CancelledError:
                return NONE
            except Exception:
                await asyncio.sleep(0.5)


async def looks_at_the_clock_between(ask: Any, seconds: Any) -> Any:
    now = asyncio.get_running_loop().time
    end = now() + seconds
    while now() < end:
        try:
            return await asyncio.wait_for(ask(), 1)
        except (OSError, TimeoutError):
            await asyncio.sleep(0.5)
    return NONE


async def shares_what_is_left(ask: Any, seconds: Any) -> Any:
    now = asyncio.get_running_loop().time
    end = now() + seconds
    while (left := end - now()) > 0:
        try:
            return await asyncio.wait_for(ask(), min(1, left))
        except (OSError, TimeoutError):
            await asyncio.sleep(min(0.5, max(0, end - now())))
    return NONE


async def lets_a_cancel_through(ask: Any, seconds: Any) -> Any:
    async def again_and_again() -> Any:
        while True:
            try:
                return await asyncio.wait_for(ask(), 1)
            except asyncio.CancelledError:
                raise
            except BaseException:
                await asyncio.sleep(0.5)

    try:
        return await asyncio.wait_for(again_and_again(), seconds)
    except TimeoutError:
        return NONE


async def for_each_alone(parts: Any, each: Any, total: Any) -> Any:
    page = dict.fromkeys(parts)
    for name, part in parts.items():
        with suppress(TimeoutError):
            async with asyncio.timeout(each):
                page[name] = await part()
    return page


async def for_all_alone(parts: Any, each: Any, total: Any) -> Any:
    page = dict.fromkeys(parts)
    with suppress(TimeoutError):
        async with asyncio.timeout(total):
            for name, part in parts.items():
                page[name] = await part()
    return page


async def all_at_once(parts: Any, each: Any, total: Any) -> Any:
    async def one(part: Any) -> Any:
        with suppress(TimeoutError):
            return await asyncio.wait_for(part(), each)

    return dict(zip(parts, await asyncio.gather(*map(one, parts.values())), strict=True))


async def stops_at_the_first(parts: Any, each: Any, total: Any) -> Any:
    page = dict.fromkeys(parts)
    with suppress(TimeoutError):
        async with asyncio.timeout(total):
            for name, part in parts.items():
                async with asyncio.timeout(each):
                    page[name] = await part()
    return page


async def waits_and_leaves(parts: Any, each: Any, total: Any) -> Any:
    now = asyncio.get_running_loop().time
    end, page = now() + total, dict.fromkeys(parts)
    for name, part in parts.items():
        task = asyncio.create_task(part())
        done, _ = await asyncio.wait([task], timeout=min(each, end - now()))
        if done:
            page[name] = task.result()
    return page


async def waits_and_cancels(parts: Any, each: Any, total: Any) -> Any:
    now = asyncio.get_running_loop().time
    end, page = now() + total, dict.fromkeys(parts)
    for name, part in parts.items():
        task = asyncio.create_task(part())
        done, _ = await asyncio.wait([task], timeout=max(0, min(each, end - now())))
        if done:
            page[name] = task.result()
        task.cancel()
        await asyncio.wait([task])
    return page


async def a_block_in_a_block(parts: Any, each: Any, total: Any) -> Any:
    page = dict.fromkeys(parts)
    with suppress(TimeoutError):
        async with asyncio.timeout(total):
            for name, part in parts.items():
                with suppress(TimeoutError):
                    async with asyncio.timeout(each):
                        page[name] = await part()
    return page


async def waits_for_what_is_left(parts: Any, each: Any, total: Any) -> Any:
    now = asyncio.get_running_loop().time
    end, page = now() + total, {}
    for name, part in parts.items():
        try:
            page[name] = await asyncio.wait_for(part(), min(each, end - now()))
        except TimeoutError:
            page[name] = None
    return page


async def undoes_failures(orders: Any, save: Any, undo: Any) -> Any:
    try:
        return [await save(order) for order in orders]
    except Exception:
        await undo()
        raise


async def catches_every_end(orders: Any, save: Any, undo: Any) -> Any:
    try:
        return [await save(order) for order in orders]
    except BaseException:
        await undo()
        raise


async def with_a_lost_shield(orders: Any, save: Any, undo: Any) -> Any:
    try:
        return [await save(order) for order in orders]
    except BaseException:
        await asyncio.shield(undo())
        raise


async def with_one_more_await(orders: Any, save: Any, undo: Any) -> Any:
    try:
        return [await save(order) for order in orders]
    except BaseException:
        undoing = asyncio.create_task(undo())
        try:
            await asyncio.shield(undoing)
        except asyncio.CancelledError:
            await undoing
        raise


async def swallows_the_cancel(orders: Any, save: Any, undo: Any) -> Any:
    try:
        return [await save(order) for order in orders]
    except (Exception, asyncio.CancelledError):
        undoing = asyncio.create_task(undo())
        while not undoing.done():
            with suppress(asyncio.CancelledError):
                await asyncio.shield(undoing)


async def begins_anew(orders: Any, save: Any, undo: Any) -> Any:
    try:
        return [await save(order) for order in orders]
    except BaseException:
        while True:
            with suppress(asyncio.CancelledError):
                await undo()
                break
        raise


async def undoes_always(orders: Any, save: Any, undo: Any) -> Any:
    try:
        return [await save(order) for order in orders]
    finally:
        await undo()


async def shields_each_save(orders: Any, save: Any, undo: Any) -> Any:
    return await waits_in_the_end(orders, lambda order: asyncio.shield(save(order)), undo)


async def lets_the_save_end(orders: Any, save: Any, undo: Any) -> Any:
    async def save_whole(order: str) -> Any:
        saving = asyncio.create_task(save(order))
        try:
            return await asyncio.shield(saving)
        finally:
            while not saving.done():
                with suppress(asyncio.CancelledError):
                    await asyncio.wait([saving])

    return await waits_in_the_end(orders, save_whole, undo)


async def cancels_a_task(orders: Any, save: Any, undo: Any) -> Any:
    async def save_them() -> Any:
        return [await save(order) for order in orders]

    saving = asyncio.create_task(save_them())
    try:
        return await asyncio.shield(saving)
    except BaseException:
        saving.cancel()
        undoing = asyncio.create_task(undo())
        while not undoing.done():
            with suppress(asyncio.CancelledError):
                await asyncio.shield(undoing)
        raise


async def waits_in_the_end(orders: Any, save: Any, undo: Any) -> Any:
    saved = []
    try:
        for order in orders:
            saved += [await save(order)]
        return saved
    finally:
        if len(saved) < len(orders):
            pending = {asyncio.ensure_future(undo())}
            while pending:
                with suppress(asyncio.CancelledError):
                    _, pending = await asyncio.wait(pending)


async def with_an_event(orders: Any, save: Any, undo: Any) -> Any:
    over = asyncio.Event()

    async def undo_all() -> None:
        await undo()
        over.set()

    async with contextlib.AsyncExitStack() as stack:

        @stack.push_async_callback
        async def clean_up() -> None:
            task = asyncio.create_task(undo_all())
            while not over.is_set():
                with suppress(asyncio.CancelledError):
                    await over.wait()
            await task

        saved = [await save(order) for order in orders]
        stack.pop_all()
    return saved


async def in_a_group(orders: Any, save: Any, undo: Any) -> Any:
    try:
        return [await save(order) for order in orders]
    except BaseException:
        async with asyncio.TaskGroup() as group:
            group.create_task(undo())
        raise


@wrong(
    ("04.clients", said(Anna=2, Bob=5, Cleo=7, Dora=6), "Not right yet: `Anna`."),
    ("04.clients", said(Anna=3, Bob=6, Cleo=5, Dora=8), "Not right yet: `Bob`, `Cleo` and `Dora`."),
    ("04.clients", said(Anna=3, Bob=5, Cleo=7, Dora=8), "Not right yet: `Dora`."),
    ("04.retries", as_given, "In a run in which time is up after"),
    ("04.retries", catches_a_slow_call_alone, "Your answer raised `OSError: the line is dead`"),
    ("04.retries", without_a_limit, "In a run in which the price is there after"),
    ("04.retries", without_a_pause, "In a run in which the price is there after"),
    ("04.retries", looks_at_the_alarm, "`keep_asking` was cancelled from outside after"),
    ("04.retries", gives_up_at_a_cancel, "and did not end as cancelled."),
    ("04.retries", looks_at_the_clock_between, "In a run in which time is up after"),
    ("04.page", for_each_alone, "comes at 8 s, and it takes 1 s: None would be right"),
    ("04.page", for_all_alone, "s, and it takes 5 s: None would be right, and not"),
    ("04.page", all_at_once, "was under way: call one after another."),
    ("04.page", stops_at_the_first, "would be right, and not None."),
    ("04.page", waits_and_leaves, "was under way: call one after another."),
    ("04.undo", undoes_failures, "cancels` was cancelled, and `undo` was never called."),
    ("04.undo", catches_every_end, "and a cancel` was cancelled, not with the `OSError`."),
    ("04.undo", with_a_lost_shield, "and a cancel` was cancelled, not with the `OSError`."),
    ("04.undo", with_one_more_await, "`undo, three cancels` was cancelled at"),
    ("04.undo", swallows_the_cancel, "ended with None"),
    ("04.undo", begins_anew, "`undo` was called 2 times by `request, "),
    ("04.undo", undoes_always, "and a cancel` was cancelled, not with the `OSError`."),
    ("04.undo", shields_each_save, "` was still being saved when its undo began at"),
    ("04.undo", in_a_group, "and a cancel` was cancelled, not with the `OSError`."),
)
def test_a_wrong_answer_is_told_what_happened(name: str, answer: Any, told: str) -> None:
    refused(name, answer, told)


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("04.retries", catches_exceptions),
        ("04.retries", catches_what_is_one_of_the_other),
        ("04.retries", shares_what_is_left),
        ("04.retries", lets_a_cancel_through),
        ("04.page", waits_and_cancels),
        ("04.page", a_block_in_a_block),
        ("04.page", waits_for_what_is_left),
        ("04.undo", lets_the_save_end),
        ("04.undo", cancels_a_task),
        ("04.undo", waits_in_the_end),
        ("04.undo", with_an_event),
    ],
)
def test_other_right_answers_are_right_too(name: str, answer: Any) -> None:
    accepted(name, answer)
