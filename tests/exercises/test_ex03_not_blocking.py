"""Answers to the exercises of lesson 03 that people give, and what each is told."""

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
        "03.handler",
        "swapped: profile = await asyncio.to_thread(get, f'/profile/{user}')",
    ): "neither page needs the other",
    ("03.prices", "swapped: known = {}"): "a function looks for a name when it is called",
    ("03.prices", "swapped: def price_of(dish):"): "a function looks for a name when it is called",
    (
        "03.pieces",
        "swapped: eggs += count(box)",
    ): "a turn before each box is as good as one after it",
}


async def one_of_two(user: Any, get: Any) -> Any:
    profile = await asyncio.to_thread(get, f"/profile/{user}")
    return f"{profile}, {get(f'/orders/{user}')}"


async def awaits_a_wrapper(user: Any, get: Any) -> Any:
    async def get_it(url: str) -> Any:
        return get(url)

    return f"{await get_it(f'/profile/{user}')}, {await get_it(f'/orders/{user}')}"


async def in_tasks(user: Any, get: Any) -> Any:
    async def get_it(url: str) -> Any:
        return get(url)

    urls = [f"/profile/{user}", f"/orders/{user}"]
    return ", ".join([await asyncio.create_task(get_it(url)) for url in urls])


async def yields_before(user: Any, get: Any) -> Any:
    pages = []
    for url in (f"/profile/{user}", f"/orders/{user}"):
        await asyncio.sleep(0)
        pages.append(get(url))
    return ", ".join(pages)


async def calls_it_for_the_thread(user: Any, get: Any) -> Any:
    return f"{await asyncio.to_thread(get(f'/profile/{user}'))}"


async def awaits_no_thread(user: Any, get: Any) -> Any:
    return f"{asyncio.to_thread(get, f'/profile/{user}')}, and so on"


async def both_at_once(user: Any, get: Any) -> Any:
    urls = [f"/profile/{user}", f"/orders/{user}"]
    return ", ".join(await asyncio.gather(*[asyncio.to_thread(get, url) for url in urls]))


async def both_in_a_thread(user: Any, get: Any) -> Any:
    def ask() -> str:
        return f"{get(f'/profile/{user}')}, {get(f'/orders/{user}')}"

    return await asyncio.to_thread(ask)


async def in_an_executor(user: Any, get: Any) -> Any:
    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as group:
        profile = group.create_task(asyncio.to_thread(get, f"/profile/{user}"))
        orders = loop.run_in_executor(None, get, f"/orders/{user}")
    return f"{profile.result()}, {await orders}"


async def blocks_as_before(tables: Any, ask: Any) -> Any:
    known = {dish: ask(dish) for dish in {dish for table in tables for dish in table}}
    return [sum(known[dish] for dish in table) for table in tables]


async def as_in_the_lesson(tables: Any, ask: Any) -> Any:
    known: dict[str, Any] = {}

    def price_of(dish: str) -> Any:
        if dish not in known:
            known[dish] = ask(dish)
        return known[dish]

    async def bill(table: Any) -> Any:
        return sum([await asyncio.to_thread(price_of, dish) for dish in table])

    return await asyncio.gather(*map(bill, tables))


async def one_lock_for_all(tables: Any, ask: Any) -> Any:
    known: dict[str, Any] = {}
    lock = asyncio.Lock()

    async def bill(table: Any) -> Any:
        for dish in table:
            async with lock:
                if dish not in known:
                    known[dish] = await asyncio.to_thread(ask, dish)
        return sum(known[dish] for dish in table)

    return await asyncio.gather(*map(bill, tables))


async def one_dish_after_another(tables: Any, ask: Any) -> Any:
    known: dict[str, Any] = {}

    def price_of(dish: str) -> Any:
        if dish not in known:
            known[dish] = asyncio.create_task(asyncio.to_thread(ask, dish))
        return known[dish]

    async def bill(table: Any) -> Any:
        return sum([await price_of(dish) for dish in table])

    return await asyncio.gather(*map(bill, tables))


async def a_coroutine_for_two(tables: Any, ask: Any) -> Any:
    known: dict[str, Any] = {}

    async def price_of(dish: str) -> Any:
        if dish not in known:
            known[dish] = asyncio.to_thread(ask, dish)
        return await known[dish]

    async def bill(table: Any) -> Any:
        return sum(await asyncio.gather(*map(price_of, table)))

    return await asyncio.gather(*map(bill, tables))


async def asks_first(tables: Any, ask: Any) -> Any:
    dishes = list({dish for table in tables for dish in table})
    prices = await asyncio.gather(*[asyncio.to_thread(ask, dish) for dish in dishes])
    known = dict(zip(dishes, prices, strict=True))
    return [sum(known[dish] for dish in table) for table in tables]


async def a_lock_for_each(tables: Any, ask: Any) -> Any:
    known: dict[str, Any] = {}
    locks: dict[str, Any] = {}

    async def price_of(dish: str) -> Any:
        async with locks.setdefault(dish, asyncio.Lock()):
            if dish not in known:
                known[dish] = await asyncio.to_thread(ask, dish)
        return known[dish]

    async def bill(table: Any) -> Any:
        return sum(await asyncio.gather(*map(price_of, table)))

    return await asyncio.gather(*map(bill, tables))


async def futures(tables: Any, ask: Any) -> Any:
    known: dict[str, Any] = {}
    loop = asyncio.get_running_loop()
    for dish in {dish for table in tables for dish in table}:
        known[dish] = loop.run_in_executor(None, ask, dish)
    await asyncio.wait(known.values())
    return [sum(known[dish].result() for dish in table) for table in tables]


async def counts_in_one_go(boxes: Any, count: Any) -> Any:
    return sum(map(count, boxes))


async def awaits_what_never_waits(boxes: Any, count: Any) -> Any:
    async def piece(box: int) -> Any:
        return count(box)

    return sum([await piece(box) for box in boxes])


async def gathers_pieces(boxes: Any, count: Any) -> Any:
    async def piece(box: int) -> Any:
        return count(box)

    return sum(await asyncio.gather(*map(piece, boxes)))


async def yields_now_and_then(boxes: Any, count: Any) -> Any:
    eggs = 0
    for n, box in enumerate(boxes):
        eggs += count(box)
        if n % 5 == 0:
            await asyncio.sleep(0)
    return eggs


async def counts_in_a_thread(boxes: Any, count: Any) -> Any:
    return await asyncio.to_thread(lambda: sum(map(count, boxes)))


async def a_thread_for_each(boxes: Any, count: Any) -> Any:
    return sum(await asyncio.gather(*[asyncio.to_thread(count, box) for box in boxes]))


async def yields_every_other_time(boxes: Any, count: Any) -> Any:
    eggs = 0
    for n, box in enumerate(boxes):
        eggs += count(box)
        if n % 2:
            await asyncio.sleep(0)
    return eggs


async def naps(boxes: Any, count: Any) -> Any:
    eggs = 0
    for box in boxes:
        eggs += count(box)
        await asyncio.sleep(0.01)
    return eggs


async def naps_a_little(boxes: Any, count: Any) -> Any:
    eggs = 0
    for box in boxes:
        eggs += count(box)
        await asyncio.sleep(0.001)
    return eggs


async def a_task_after_another(boxes: Any, count: Any) -> Any:
    async def piece(box: int) -> Any:
        return count(box)

    return sum([await asyncio.create_task(piece(box)) for box in boxes])


async def reads_in_one_thread(read: Any, paths: Any, n: int) -> Any:
    return await asyncio.to_thread(lambda: [read(path) for path in paths])


async def reads_all_at_once(read: Any, paths: Any, n: int) -> Any:
    return await asyncio.gather(*[asyncio.to_thread(read, path) for path in paths])


async def reads_in_batches(read: Any, paths: Any, n: int) -> Any:
    texts: list[Any] = []
    for start in range(0, len(paths), n):
        some = paths[start : start + n]
        texts += await asyncio.gather(*[asyncio.to_thread(read, path) for path in some])
    return texts


async def blocks_on_the_team(read: Any, paths: Any, n: int) -> Any:
    with ThreadPoolExecutor(n) as team:
        return list(team.map(read, paths))


async def as_they_come(read: Any, paths: Any, n: int) -> Any:
    gate = asyncio.Semaphore(n)

    async def one(path: str) -> Any:
        async with gate:
            return await asyncio.to_thread(read, path)

    return [await text for text in asyncio.as_completed(map(one, paths))]


async def with_a_semaphore(read: Any, paths: Any, n: int) -> Any:
    gate = asyncio.Semaphore(n)

    async def one(path: str) -> Any:
        async with gate:
            return await asyncio.to_thread(read, path)

    async with asyncio.TaskGroup() as group:
        texts = [group.create_task(one(path)) for path in paths]
    return [text.result() for text in texts]


async def with_the_loops_team(read: Any, paths: Any, n: int) -> Any:
    with ThreadPoolExecutor(max_workers=n) as team:
        asyncio.get_running_loop().set_default_executor(team)
        return await asyncio.gather(*[asyncio.to_thread(read, path) for path in paths])


async def with_a_queue(read: Any, paths: Any, n: int) -> Any:
    queue: asyncio.Queue[str] = asyncio.Queue()
    for path in paths:
        queue.put_nowait(path)
    texts = {}

    async def helper() -> None:
        while not queue.empty():
            path = queue.get_nowait()
            texts[path] = await asyncio.to_thread(read, path)

    await asyncio.gather(*[helper() for _ in range(n)])
    return [texts[path] for path in paths]


async def with_wait(read: Any, paths: Any, n: int) -> Any:
    texts: dict[str, Any] = {}
    under_way: set[Any] = set()
    for path in paths:
        if len(under_way) == n:
            _, under_way = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
        texts[path] = asyncio.create_task(asyncio.to_thread(read, path))
        under_way.add(texts[path])
    return await asyncio.gather(*texts.values())


async def with_the_threads_own_semaphore(read: Any, paths: Any, n: int) -> Any:
    gate = threading.Semaphore(n)

    def read_in_turn(path: str) -> Any:
        with gate:
            return read(path)

    return await asyncio.gather(*[asyncio.to_thread(read_in_turn, path) for path in paths])


async def with_a_team_in_a_thread(read: Any, paths: Any, n: int) -> Any:
    def read_all() -> Any:
        with ThreadPoolExecutor(n) as team:
            return list(team.map(read, paths))

    return await asyncio.to_thread(read_all)


async def in_a_team_of_its_own(user: Any, get: Any) -> Any:
    with ThreadPoolExecutor(2) as team:
        pages = [team.submit(get, f"/{what}/{user}") for what in ("profile", "orders")]
        return ", ".join([await asyncio.wrap_future(page) for page in pages])


async def a_threads_lock_for_each(tables: Any, ask: Any) -> Any:
    known: dict[str, Any] = {}
    locks = {dish: threading.Lock() for table in tables for dish in table}

    def price_of(dish: str) -> Any:
        with locks[dish]:
            if dish not in known:
                known[dish] = ask(dish)
            return known[dish]

    async def bill(table: Any) -> Any:
        return sum(await asyncio.gather(*[asyncio.to_thread(price_of, dish) for dish in table]))

    return await asyncio.gather(*map(bill, tables))


async def reads_all_in_a_team_that_is_too_big(read: Any, paths: Any, n: int) -> Any:
    def read_all() -> Any:
        with ThreadPoolExecutor(n + 1) as team:
            return list(team.map(read, paths))

    return await asyncio.to_thread(read_all)


async def counts_in_its_own_team(boxes: Any, count: Any) -> Any:
    with ThreadPoolExecutor(1) as team:
        return sum(
            await asyncio.gather(*[asyncio.wrap_future(team.submit(count, b)) for b in boxes])
        )


def said(first: float, second: float, third: float) -> Any:
    answer = {"first": first, "second": second, "third": third, "late": 5, "cook": 10}
    return solved()["03.rings"].scope["shift"], answer


@wrong(
    ("03.rings", said(2, 4, 6), "Not right yet: `first`, `second` and `third`."),
    ("03.rings", said(3, 7, 12), "Not right yet: `second`."),
    ("03.rings", said(2, 10, 12), "Not right yet: `first`."),
    ("03.rings", said(3, 10, 10), "Not right yet: `third`."),
    ("03.handler", one_of_two, "`request of "),
    ("03.handler", awaits_a_wrapper, "` holds the loop for"),
    ("03.handler", in_tasks, "holds the loop for"),
    ("03.handler", yields_before, "holds the loop for"),
    ("03.handler", calls_it_for_the_thread, "`TypeError: 'str' object is not callable`"),
    ("03.handler", awaits_no_thread, "not '<coroutine object to_thread"),
    ("03.prices", blocks_as_before, "`bills` holds the loop for"),
    ("03.prices", as_in_the_lesson, "The supplier was asked"),
    ("03.prices", one_lock_for_all, "0.5 s are enough."),
    ("03.prices", one_dish_after_another, "0.5 s are enough."),
    ("03.prices", a_coroutine_for_two, "Your answer raised `RuntimeError: "),
    ("03.pieces", counts_in_one_go, "`heartbeat` was due at 0.1 s and ran 0.38 s late"),
    ("03.pieces", awaits_what_never_waits, "`heartbeat` was due at 0.1 s and ran 0.38 s late"),
    ("03.pieces", gathers_pieces, "`heartbeat` was due at 0.1 s and ran"),
    ("03.pieces", yields_now_and_then, "at most 0.2 s is allowed."),
    ("03.pieces", counts_in_a_thread, "where it would compete for Python's lock"),
    ("03.pieces", a_thread_for_each, "where it would compete for Python's lock"),
    ("03.pieces", yields_every_other_time, "at most 0.2 s is allowed."),
    ("03.pieces", counts_in_its_own_team, "in a thread that you started: stay on the loop."),
    ("03.pieces", naps, "0.55 s are enough."),
    ("03.files", reads_in_one_thread, " were being read, and others had not begun."),
    ("03.files", reads_all_at_once, "files were being read; at most"),
    ("03.files", reads_in_batches, " were being read, and others had not begun."),
    ("03.files", reads_all_in_a_team_that_is_too_big, "files were being read; at most"),
    ("03.files", blocks_on_the_team, "`read_all` holds the loop for"),
    ("03.files", as_they_come, "in this order, and not"),
)
def test_a_wrong_answer_is_told_what_happened(name: str, answer: Any, told: str) -> None:
    refused(name, answer, told)


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("03.handler", both_at_once),
        ("03.handler", both_in_a_thread),
        ("03.handler", in_an_executor),
        ("03.handler", in_a_team_of_its_own),
        ("03.prices", a_threads_lock_for_each),
        ("03.prices", asks_first),
        ("03.prices", a_lock_for_each),
        ("03.prices", futures),
        ("03.pieces", naps_a_little),
        ("03.pieces", a_task_after_another),
        ("03.files", with_a_semaphore),
        ("03.files", with_the_loops_team),
        ("03.files", with_a_queue),
        ("03.files", with_wait),
        ("03.files", with_the_threads_own_semaphore),
        ("03.files", with_a_team_in_a_thread),
    ],
)
def test_other_right_answers_are_right_too(name: str, answer: Any) -> None:
    accepted(name, answer)
