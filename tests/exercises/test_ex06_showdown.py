"""Answers to the exercises of lesson 06 that people give, and what each is told."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Any

import pytest

from helpers.run.clock import busy
from tests.exercises.answers import accepted, refused, solved, wrong

_ORDER = "the functions of its own are called below both lines"
_ALONE = "each line of the test stands alone"
_TEST = {
    "now = asyncio.get_running_loop().time": "`now` is read where the functions are called",
    "async def run(*ends):": _ORDER,
    "errors, wrong = ([OSError(n) for n in range(4)], ValueError())": _ORDER,
    "assert await run('sent') == ([0], 'sent', 0)": _ALONE,
    "assert await run(*errors[:3], 'sent') == ([0, 1, 3, 7], 'sent', 7)": _ALONE,
    "assert await run(*errors) == ([0, 1, 3, 7], errors[3], 7)": _ALONE,
    "assert await run(wrong) == ([0], wrong, 0)": _ALONE,
    "began, at, answers = (now(), [], AsyncMock(side_effect=ends))": _ORDER,
}
SURVIVES = {
    ("06.stock", "swapped: locks = {item: asyncio.Lock() for item, _ in orders}"): _ORDER,
    ("06.crawler", "swapped: tokens, texts = (asyncio.Semaphore(3), {})"): _ORDER,
    ("06.five_at_once", "swapped: tokens = asyncio.Semaphore(5)"): _ORDER,
    **{("06.retry_test", f"swapped: {line}"): why for line, why in _TEST.items()},
}


async def one_lock(read: Any, write: Any, orders: Any) -> Any:
    lock = asyncio.Lock()

    async def serve(item: str, pieces: int) -> bool:
        async with lock:
            left = await read(item)
            if left >= pieces:
                await write(item, left - pieces)
            return bool(left >= pieces)

    return await asyncio.gather(*(serve(*order) for order in orders))


async def lock_for_the_write(read: Any, write: Any, orders: Any) -> Any:
    locks: Any = defaultdict(asyncio.Lock)

    async def serve(item: str, pieces: int) -> bool:
        left = await read(item)
        async with locks[item]:
            if left >= pieces:
                await write(item, left - pieces)
            return bool(left >= pieces)

    return await asyncio.gather(*(serve(*order) for order in orders))


async def a_lock_of_its_own(read: Any, write: Any, orders: Any) -> Any:
    async def serve(item: str, pieces: int) -> bool:
        async with asyncio.Lock():
            left = await read(item)
            if left >= pieces:
                await write(item, left - pieces)
            return bool(left >= pieces)

    return await asyncio.gather(*(serve(*order) for order in orders))


async def last_first(read: Any, write: Any, orders: Any) -> Any:
    return (await solution_of("06.stock")(read, write, orders[::-1]))[::-1]


async def nothing_back(read: Any, write: Any, orders: Any) -> None:
    await solution_of("06.stock")(read, write, orders)


async def item_by_item(read: Any, write: Any, orders: Any) -> Any:
    served = [False] * len(orders)

    async def serve(item: str) -> None:
        left = await read(item)
        for n, (one, pieces) in enumerate(orders):
            if one == item and pieces <= left:
                left, served[n] = left - pieces, True
        await write(item, left)

    async with asyncio.TaskGroup() as group:
        for item in {item for item, _ in orders}:
            group.create_task(serve(item))
    return served


async def a_queue_for_each_item(read: Any, write: Any, orders: Any) -> Any:
    rails: Any = defaultdict(asyncio.Queue)
    served = [asyncio.get_running_loop().create_future() for _ in orders]

    async def clerk(item: str) -> None:
        while not rails[item].empty():
            n, pieces = rails[item].get_nowait()
            if (left := await read(item)) >= pieces:
                await write(item, left - pieces)
            served[n].set_result(left >= pieces)

    for n, (item, pieces) in enumerate(orders):
        rails[item].put_nowait((n, pieces))
    await asyncio.gather(*map(clerk, rails))
    return await asyncio.gather(*served)


async def tokens_of_one(read: Any, write: Any, orders: Any) -> Any:
    tokens = {item: asyncio.Semaphore(1) for item, _ in orders}

    async def serve(item: str, pieces: int) -> bool:
        await tokens[item].acquire()
        try:
            left = await read(item)
            if left < pieces:
                return False
            await write(item, left - pieces)
            return True
        finally:
            tokens[item].release()

    tasks = [asyncio.create_task(serve(*order)) for order in orders]
    return [await task for task in tasks]


async def no_tokens(fetch: Any, start: Any) -> Any:
    texts: dict[str, str] = {}

    async def visit(page: str) -> None:
        if page not in texts:
            texts[page] = ""
            texts[page], links = await fetch(page)
            await asyncio.gather(*map(visit, links))

    await visit(start)
    return texts


async def twice(fetch: Any, start: Any) -> Any:
    tokens, texts = asyncio.Semaphore(3), {}

    async def visit(page: str) -> None:
        if page in texts:
            return
        async with tokens:
            texts[page], links = await fetch(page)
        await asyncio.gather(*map(visit, links))

    await visit(start)
    return texts


async def page_by_page(fetch: Any, start: Any) -> Any:
    texts: dict[str, str] = {}
    left = [start]
    while left:
        page = left.pop()
        if page not in texts:
            texts[page], links = await fetch(page)
            left += links
    return texts


def holds_tokens(places: int) -> Any:
    """A crawler whose tasks keep their tokens while they wait for the links of their pages."""

    async def crawl(fetch: Any, start: Any) -> Any:
        tokens, texts = asyncio.Semaphore(places), {}

        async def visit(page: str) -> None:
            async with tokens:
                if page not in texts:
                    texts[page], links = await fetch(page)
                    await asyncio.gather(*map(visit, links))

        await visit(start)
        return texts

    return crawl


async def level_by_level(fetch: Any, start: Any) -> Any:
    tokens = asyncio.Semaphore(3)

    async def get(page: str) -> Any:
        async with tokens:
            return await fetch(page)

    texts: dict[str, str] = {}
    level = [start]
    while level:
        got = dict(zip(level, await asyncio.gather(*map(get, level)), strict=True))
        texts |= {page: text for page, (text, _) in got.items()}
        level = [*{link for _, links in got.values() for link in links} - texts.keys()]
    return texts


async def three_workers(fetch: Any, start: Any) -> Any:
    rail: Any = asyncio.Queue()
    texts, known = {}, {start}

    async def worker() -> None:
        while True:
            page = await rail.get()
            texts[page], links = await fetch(page)
            for link in links:
                if link not in known:
                    known.add(link)
                    rail.put_nowait(link)
            rail.task_done()

    rail.put_nowait(start)
    workers = [asyncio.create_task(worker()) for _ in range(3)]
    await rail.join()
    for each in workers:
        each.cancel()
    await asyncio.wait(workers)
    return texts


async def in_a_growing_group(fetch: Any, start: Any) -> Any:
    tokens, texts, known = asyncio.Semaphore(3), {}, {start}

    async def visit(page: str) -> None:
        async with tokens:
            texts[page], links = await fetch(page)
        for link in links:
            if link not in known:
                known.add(link)
                group.create_task(visit(link))

    async with asyncio.TaskGroup() as group:
        group.create_task(visit(start))
    return texts


async def all_at_once(fetch: Any, urls: Any) -> Any:
    pages = await asyncio.gather(*map(fetch, urls), return_exceptions=True)
    return dict(zip(urls, pages, strict=True))


async def in_batches(fetch: Any, urls: Any) -> Any:
    pages: dict[str, Any] = {}
    for n in range(0, len(urls), 5):
        pages |= await all_at_once(fetch, urls[n : n + 5])
    return pages


async def in_a_bare_group(fetch: Any, urls: Any) -> Any:
    tokens = asyncio.Semaphore(5)

    async def get(url: str) -> Any:
        async with tokens:
            return await fetch(url)

    async with asyncio.TaskGroup() as group:
        tasks = {url: group.create_task(get(url)) for url in urls}
    return {url: task.result() for url, task in tasks.items()}


async def four_at_once(fetch: Any, urls: Any) -> Any:
    tokens = asyncio.Semaphore(4)

    async def get(url: str) -> Any:
        async with tokens:
            return await fetch(url)

    ends = await asyncio.gather(*map(get, urls), return_exceptions=True)
    return dict(zip(urls, ends, strict=True))


async def as_they_come(fetch: Any, urls: Any) -> Any:
    tokens, pages = asyncio.Semaphore(5), {}

    async def get(url: str) -> None:
        async with tokens:
            try:
                pages[url] = await fetch(url)
            except OSError as error:
                pages[url] = error

    await asyncio.gather(*map(get, urls))
    return pages


async def workers_that_die(fetch: Any, urls: Any) -> Any:
    left, pages = list(urls), dict.fromkeys(urls)

    async def worker() -> None:
        while left:
            url = left.pop(0)
            pages[url] = await fetch(url)

    await asyncio.gather(*(worker() for _ in range(5)), return_exceptions=True)
    return pages


async def five_workers(fetch: Any, urls: Any) -> Any:
    left, pages = iter(urls), dict.fromkeys(urls)

    async def worker() -> None:
        for url in left:
            try:
                pages[url] = await fetch(url)
            except OSError as error:
                pages[url] = error

    async with asyncio.TaskGroup() as group:
        for _ in range(5):
            group.create_task(worker())
    return pages


async def a_queue(fetch: Any, urls: Any) -> Any:
    rail: Any = asyncio.Queue(maxsize=1)
    pages = dict.fromkeys(urls)

    async def worker() -> None:
        while url := await rail.get():
            try:
                pages[url] = await fetch(url)
            except OSError as error:
                pages[url] = error

    workers = [asyncio.create_task(worker()) for _ in range(5)]
    for url in [*urls, *[""] * 5]:
        await rail.put(url)
    await asyncio.gather(*workers)
    return pages


async def a_window(fetch: Any, urls: Any) -> Any:
    tasks: dict[str, Any] = {}
    running: set[Any] = set()
    for url in urls:
        if len(running) == 5:
            _, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        tasks[url] = asyncio.ensure_future(fetch(url))
        running.add(tasks[url])
    ends = await asyncio.gather(*tasks.values(), return_exceptions=True)
    return dict(zip(urls, ends, strict=True))


async def token_before_the_task(fetch: Any, urls: Any) -> Any:
    tokens, tasks = asyncio.Semaphore(5), []
    for url in urls:
        await tokens.acquire()
        tasks.append(asyncio.create_task(fetch(url)))
        tasks[-1].add_done_callback(lambda _: tokens.release())
    await asyncio.wait(tasks)
    ends = [task.exception() or task.result() for task in tasks]
    return dict(zip(urls, ends, strict=True))


class Service:
    """Ends a call as it is told, and notes the moment of each."""

    def __init__(self, *ends: Any) -> None:
        self.ends, self.at = list(ends), []  # type: ignore[var-annotated]

    async def send(self) -> Any:
        self.at.append(asyncio.get_running_loop().time())
        end = self.ends.pop(0)
        if isinstance(end, Exception):
            raise end
        return end

    def pauses(self) -> list[float]:
        return [b - a for a, b in zip(self.at, self.at[1:], strict=False)]


async def counts_alone(retry: Any) -> None:
    service = Service(OSError(), OSError(), OSError(), "sent")
    assert await retry(service.send) == "sent"
    assert len(service.at) == 4


async def success_alone(retry: Any) -> None:
    service = Service(OSError(), OSError(), OSError(), "sent")
    assert await retry(service.send) == "sent"
    assert service.pauses() == [1, 2, 4]


async def without_a_ticker(retry: Any) -> None:
    await success_alone(retry)
    errors = [OSError(n) for n in range(4)]
    service, loop = Service(*errors), asyncio.get_running_loop()
    with pytest.raises(OSError, match="3") as raised:
        await retry(service.send)
    assert raised.value is errors[-1]
    assert service.pauses() == [1, 2, 4]
    assert loop.time() == service.at[-1]
    with pytest.raises(ValueError, match="no"):
        await retry(Service(ValueError("no"), "sent").send)


async def too_strict(retry: Any) -> None:
    with pytest.raises(OSError, match="nobody"):
        await retry(Service(*[OSError()] * 4).send)


async def passes_nothing(retry: Any) -> None:
    raise AssertionError


async def with_a_ticker(retry: Any) -> None:
    ticks, loop = [], asyncio.get_running_loop()

    async def tick() -> None:
        while True:
            await asyncio.sleep(0.25)
            ticks.append(loop.time())

    ticker = asyncio.create_task(tick())
    try:
        await without_a_ticker(retry)
    finally:
        ticker.cancel()
    assert len(ticks) >= 50


async def with_deadlines(retry: Any) -> None:
    await without_a_ticker(retry)
    service, loop = Service(OSError(), "sent"), asyncio.get_running_loop()
    began = loop.time()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await retry(service.send)
    assert loop.time() == began + 0.5


async def holds_the_loop(fetch: Any, urls: Any) -> Any:
    busy(3)
    return await five_workers(fetch, urls)


def solution_of(name: str) -> Any:
    return solved()[name].answer()


def said(**numbers: float) -> Any:
    scope = solved()["06.limit"].scope
    return (scope["by_tokens"], scope["by_pairs"]), {"fifth": 3, "sixth": 5} | numbers


@wrong(
    ("06.limit", said(tokens=12, pairs=9, alive=6), "Not right yet: `tokens`."),
    ("06.limit", said(tokens=6, pairs=6, alive=2), "Not right yet: `pairs` and `alive`."),
    ("06.limit", said(tokens=9, pairs=9, alive=7), "Not right yet: `tokens` and `alive`."),
    ("06.stock", one_lock, "which has the most to do, needs"),
    ("06.stock", lock_for_the_write, "and the book says that"),
    ("06.stock", a_lock_of_its_own, "and the book says that"),
    ("06.stock", last_first, "; in the order of the list it is True."),
    ("06.stock", nothing_back, "Return a list with True or False for each order, not None."),
    ("06.crawler", no_tokens, "calls were under way at"),
    ("06.crawler", holds_tokens(30), "calls were under way at"),
    ("06.crawler", holds_tokens(3), "Your answer does not come to an end: deadlock at"),
    ("06.crawler", twice, "s and again at "),
    ("06.crawler", level_by_level, "s on a token lay idle."),
    ("06.crawler", page_by_page, "The calls lie one after another"),
    ("06.five_at_once", all_at_once, "20 calls were under way at 0 s; at most 5 may be."),
    ("06.five_at_once", in_batches, "on one of 5 places was free, and `page"),
    ("06.five_at_once", in_a_bare_group, "Your answer raised `OSError: page"),
    ("06.five_at_once", four_at_once, "Only 4 of 20 calls were ever under way at once"),
    (
        "06.five_at_once",
        as_they_come,
        "The keys are to be `urls`, in that order; they are 20, and begin with",
    ),
    ("06.five_at_once", workers_that_die, "there is None; OSError("),
    ("06.five_at_once", holds_the_loop, "holds the loop for 3 s without an await"),
    ("06.retry_test", counts_alone, "lets pass a `retry` that waits for 1 s each time."),
    ("06.retry_test", success_alone, "lets pass a `retry` that calls a fifth time."),
    ("06.retry_test", without_a_ticker, "lets pass a `retry` that holds the loop while it waits."),
    ("06.retry_test", too_strict, "Your test refuses a `retry` that is right, with `Assertion"),
    ("06.retry_test", passes_nothing, "that is right, with `AssertionError`."),
)
def test_a_wrong_answer_is_told_what_happened(name: str, answer: Any, told: str) -> None:
    refused(name, answer, told)


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("06.stock", item_by_item),
        ("06.stock", a_queue_for_each_item),
        ("06.stock", tokens_of_one),
        ("06.crawler", three_workers),
        ("06.crawler", in_a_growing_group),
        ("06.five_at_once", five_workers),
        ("06.five_at_once", a_queue),
        ("06.five_at_once", a_window),
        ("06.five_at_once", token_before_the_task),
        ("06.retry_test", with_a_ticker),
        ("06.retry_test", with_deadlines),
    ],
)
def test_other_right_answers_are_right_too(name: str, answer: Any) -> None:
    accepted(name, answer)
