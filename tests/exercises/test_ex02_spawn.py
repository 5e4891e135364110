"""Answers to the exercises of lesson 02 that people give, and what each is told."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.exercises.answers import accepted, refused, solved, wrong

SURVIVES = {
    (
        "02.lost_handle",
        "swapped: receipts = [asyncio.create_task(send(order)) for order in orders]",
    ): "the answers need no receipt",
    (
        "02.lost_handle",
        "swapped: answers = [f'thanks for {order}' for order in orders]",
    ): "the answers need no receipt",
}


async def answers_alone(orders: Any, send: Any) -> Any:
    for order in orders:
        asyncio.create_task(send(order))
    return [f"thanks for {order}" for order in orders], 2


async def one_by_one(orders: Any, send: Any) -> Any:
    answers, failed = [], 0
    for order in orders:
        try:
            await send(order)
        except OSError:
            failed += 1
        answers.append(f"thanks for {order}")
    return answers, failed


async def in_a_group(orders: Any, send: Any) -> Any:
    async with asyncio.TaskGroup() as group:
        for order in orders:
            group.create_task(send(order))
    return [f"thanks for {order}" for order in orders], 0


async def sleeps(orders: Any, send: Any) -> Any:
    receipts = [asyncio.create_task(send(order)) for order in orders]
    await asyncio.sleep(2)
    failed = [receipt for receipt in receipts if receipt.exception()]
    return [f"thanks for {order}" for order in orders], len(failed)


async def sleeps_till_all_are_there(fetch: Any, urls: Any) -> Any:
    tasks = {url: asyncio.create_task(fetch(url)) for url in urls}
    await asyncio.sleep(2)
    return {url: task.exception() or task.result() for url, task in tasks.items()}


async def counts_in_the_task(orders: Any, send: Any) -> Any:
    failed = []

    async def try_to_send(order: str) -> None:
        try:
            await send(order)
        except OSError as error:
            failed.append(error)

    async with asyncio.TaskGroup() as group:
        for order in orders:
            group.create_task(try_to_send(order))
    return [f"thanks for {order}" for order in orders], len(failed)


async def in_turn(fetch: Any, urls: Any) -> Any:
    pages = {}
    for url in urls:
        try:
            pages[url] = await fetch(url)
        except OSError as error:
            pages[url] = error
    return pages


async def gathers_bare(fetch: Any, urls: Any) -> Any:
    return dict(zip(urls, await asyncio.gather(*map(fetch, urls)), strict=True))


async def as_they_come(fetch: Any, urls: Any) -> Any:
    pages = {}

    async def keep(url: str) -> None:
        try:
            pages[url] = await fetch(url)
        except OSError as error:
            pages[url] = error

    await asyncio.gather(*map(keep, urls))
    return pages


async def gathers(fetch: Any, urls: Any) -> Any:
    pages = await asyncio.gather(*map(fetch, urls), return_exceptions=True)
    return dict(zip(urls, pages, strict=True))


async def reads_the_set(fetch: Any, urls: Any) -> Any:
    done, _ = await asyncio.wait([asyncio.create_task(fetch(url)) for url in urls])
    ends = [task.exception() or task.result() for task in done]
    return dict(zip(urls, ends, strict=True))


async def raises_anew(fetch: Any, urls: Any) -> Any:
    async def one(url: str) -> Any:
        try:
            return await fetch(url)
        except OSError:
            return OSError("failed")

    return dict(zip(urls, await asyncio.gather(*map(one, urls)), strict=True))


def said(**minutes: float) -> Any:
    return solved()["02.minutes"].scope["evening"], {"rice begins": 3, "beans begins": 8} | minutes


@wrong(
    ("02.minutes", said(fish=5, rice=7, beans=11), "Not right yet: `fish`."),
    ("02.minutes", said(fish=8, rice=8, beans=8), "Not right yet: `rice` and `beans`."),
    ("02.minutes", said(fish=6, rice=9, beans=12), "Not right yet: `fish`, `rice` and `beans`."),
    ("02.lost_handle", answers_alone, "was still running when your answer had returned"),
    ("02.lost_handle", one_by_one, "The calls lie one after another: `receipt of order 2`"),
    ("02.lost_handle", in_a_group, "Your answer raised `OSError: no paper for order"),
    ("02.lost_handle", sleeps, "s are enough: so long takes the slowest `receipt`."),
    ("02.pages", sleeps_till_all_are_there, "s are enough: so long takes the slowest `page`."),
    ("02.pages", reads_the_set, "as `fetch` has it, would be right."),
    ("02.pages", raises_anew, "there is OSError('failed'); OSError('page"),
    ("02.pages", in_turn, "The calls lie one after another: `page 2` began at"),
    ("02.pages", gathers_bare, "Your answer raised `OSError: page"),
    ("02.pages", as_they_come, "The keys are to be ['page 1'"),
)
def test_a_wrong_answer_is_told_what_happened(name: str, answer: Any, told: str) -> None:
    refused(name, answer, told)


@pytest.mark.parametrize(
    ("name", "answer"),
    [("02.lost_handle", counts_in_the_task), ("02.pages", gathers)],
)
def test_other_right_answers_are_right_too(name: str, answer: Any) -> None:
    accepted(name, answer)
