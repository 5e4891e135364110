"""Whole evenings: many guests, faults, and a kitchen that closes while they ask."""

from __future__ import annotations

import asyncio
import gc
import random
import sqlite3
import sys
import threading
import tracemalloc
from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest
from aiohttp import web

from helpers import record
from helpers.kitchen.evening import CUT, REFUSED, Guests, Load, Supplier, evening, report, way_of
from helpers.kitchen.mistakes import MISTAKES, kitchen
from helpers.kitchen.service import HUNG_UP, Kitchen
from tests.kitchen.conftest import ORDER, ask, opened
from tests.run.runs import findings

FOR_EVER = 3600.0


def remembered(kind: type[Kitchen] = Kitchen) -> tuple[type[Kitchen], list[Kitchen]]:
    """The same service, and the list of those that were opened."""
    opened: list[Kitchen] = []

    class Remembered(kind):  # type: ignore[misc,valid-type]
        def __init__(self, *args: Any, **settings: Any) -> None:
            super().__init__(*args, **settings)
            opened.append(self)

    return Remembered, opened


def statuses(outcomes: Counter[str]) -> dict[str, int]:
    """How often each status was given, or got."""
    return {outcome: n for outcome, n in outcomes.items() if outcome.isdigit()}


def agree(load: Load, kitchen: Kitchen) -> None:
    """Whether every request that was accepted was answered, and every answer arrived.

    An answer may cross with a guest who hangs up, and is then counted by the kitchen alone.
    """
    assert sum(kitchen.outcomes.values()) == kitchen.accepted
    given, got = statuses(kitchen.outcomes), statuses(load.outcomes)
    crossed = {status: given[status] - got.get(status, 0) for status in given}
    assert got.keys() <= given.keys()
    assert all(n >= 0 for n in crossed.values())
    assert sum(crossed.values()) + kitchen.outcomes[HUNG_UP] <= load.outcomes[HUNG_UP]


def what_is_held() -> tuple[set[threading.Thread], int]:
    """The threads, and how many files and sockets are open."""
    gc.collect()
    process = psutil.Process()
    files = process.num_fds() if sys.platform != "win32" else process.num_handles()
    return set(threading.enumerate()), files


def orders_in(path: Path) -> set[int]:
    base = sqlite3.connect(path)
    try:
        return {number for (number,) in base.execute("select id from kitchen_orders")}
    finally:
        base.close()


def test_an_evening_ends_when_the_guests_have_asked_enough() -> None:
    kind, kitchens = remembered()
    load = asyncio.run(evening(kind, Guests(10, FOR_EVER, requests=200), deadline=FOR_EVER))
    assert load.outcomes == {"200": 160, "201": 40}
    assert sorted(load.orders) == [*range(1, 41)]
    agree(load, kitchens[0])


def test_a_kitchen_that_closes_under_load_answers_everybody_it_let_in(tmp_path: Path) -> None:
    kind, kitchens = remembered()
    url, guests = f"sqlite:///{tmp_path / 'orders.db'}", Guests(40, FOR_EVER, patience=FOR_EVER)
    load = asyncio.run(evening(kind, guests, most=400, database_url=url))
    assert kitchens[0].accepted >= 400
    assert load.outcomes[REFUSED] > 0, "they asked on until nobody was at the door"
    agree(load, kitchens[0])
    assert kitchens[0].outcomes[HUNG_UP] == 0
    assert orders_in(tmp_path / "orders.db") == set(load.orders), "not one order is lost"


def test_an_evening_leaves_no_task_no_thread_and_no_file_behind() -> None:
    async def twice() -> None:
        guests = Guests(20, FOR_EVER, requests=100, hang_up=0.2)
        await evening(guests=guests, supplier=Supplier(failing=0.3, fault="reset"))
        before = what_is_held()
        kind, kitchens = remembered()
        await evening(kind, guests, Supplier(failing=0.3, fault="hang"), deadline=0.05)
        assert what_is_held() == before
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert not Path(kitchens[0].database.path).exists()

    asyncio.run(twice())


@pytest.mark.asyncio
async def test_the_four_hundredth_request_takes_no_more_memory_than_the_hundredth() -> None:
    async def ask_often(session: aiohttp.ClientSession, times: int) -> int:
        for n in range(times):
            await ask(session, f"/dishes/{n % 50 + 1}")
            if n % 5 == 0:
                await ask(session, "/orders", json={"seat": 1, "dishes": [1, 2]})
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        async with opened(Kitchen, cached=FOR_EVER) as (_, session):
            before = await ask_often(session, 100)
            after = await ask_often(session, 300)
    finally:
        tracemalloc.stop()
    assert after < before + 100_000


class Storm(Supplier):
    """A supplier that fails in every way."""

    async def _answer(self, request: web.Request) -> web.Response:
        self.fault = random.choice(["error", "reset", "garbage", "hang"])
        return await super()._answer(request)


def test_five_hundred_guests_in_a_storm_are_all_answered_or_refused() -> None:
    kind, kitchens = remembered()
    guests = Guests(500, FOR_EVER, requests=2500, hang_up=0.1, patience=FOR_EVER)
    settings = {"deadline": 0.5, "limit": 200, "queries": 8}
    load = asyncio.run(evening(kind, guests, Storm(0.01, failing=0.2), **settings))
    agree(load, kitchens[0])
    assert sum(load.outcomes.values()) == 2500
    assert load.outcomes.keys() <= {"200", "201", "503", HUNG_UP}
    assert load.queries <= 8


def test_one_requests_way_is_found_in_the_run() -> None:
    guests = Guests(5, FOR_EVER, requests=10)
    trace = asyncio.run(record(evening(guests=guests, deadline=FOR_EVER), clock="real"))
    assert findings(trace) == []
    ways = [way_of(trace, number) for number in range(1, 11)]
    dish = next(way for way in ways if "GET" in way[0])
    assert [name.partition(" ")[2].partition("/")[0] for name in dish] == [
        "GET ",
        "cache",
        "database",
    ]
    order = next(way for way in ways if "POST" in way[0])
    words = {name.split()[1] for name in order}
    assert words == {"POST", "dish", "cache", "database", "write", "note"}
    assert all(trace.task(name).spawned >= trace.task(order[0]).spawned for name in order)


def night(mended: int, **settings: Any) -> tuple[Any, Kitchen]:
    """The run of an evening in a kitchen with so many mistakes mended."""
    kind, kitchens = remembered(kitchen(mended))
    guests = settings.pop("guests", Guests(8, FOR_EVER, requests=20))
    run = evening(kind, guests, Supplier(settings.pop("delay", 0.02)), **settings)
    return asyncio.run(record(run, clock="real")), kitchens[0]


def test_a_driver_that_blocks_is_seen_and_gone_when_it_is_mended() -> None:
    trace, _ = night(0, delay=0.12, guests=Guests(3, FOR_EVER, requests=6))
    assert any("in left" in f and "mistakes.py" in f for f in trace.findings if f.kind == "blocked")
    trace, _ = night(1, delay=0.12, guests=Guests(3, FOR_EVER, requests=6))
    assert not any("in left" in finding for finding in trace.findings)


def test_without_a_deadline_a_guest_waits_for_the_supplier_and_with_one_for_the_deadline() -> None:
    kinds = kitchen(1), kitchen(2)
    assert [kind.deadline for kind in kinds] == [float("inf"), Kitchen.deadline]


def test_without_tokens_all_queries_are_alive_at_once() -> None:
    crowd = Guests(40, FOR_EVER, requests=60)
    settings = {"deadline": FOR_EVER, "cached": 0, "limit": 100}
    assert night(2, guests=crowd, **settings)[1].most_asking > 8
    assert night(3, guests=crowd, **settings)[1].most_asking <= 8


@pytest.mark.asyncio
@pytest.mark.parametrize(("mended", "delay", "notes"), [(3, FOR_EVER, []), (5, 0.0, [1])])
async def test_a_note_that_nobody_keeps_is_lost_when_the_kitchen_closes(
    mended: int, delay: float, notes: list[int]
) -> None:
    supplier = Supplier(delay)
    async with opened(kitchen(mended), supplier, grace=FOR_EVER) as (_, session):
        status, *_ = await ask(session, "/orders", json=ORDER)
    assert status == 201
    assert supplier.notes == notes


def test_a_kitchen_that_slams_its_door_cuts_guests_off_and_the_good_one_does_not() -> None:
    crowd = Guests(20, FOR_EVER)
    settings = {"most": 60, "delay": 0.3, "deadline": FOR_EVER, "grace": FOR_EVER, "cached": 0}
    assert night(4, guests=crowd, **settings)[0].result.outcomes[CUT] > 0
    trace, good = night(5, guests=crowd, **settings)
    agree(trace.result, good)


def test_there_is_a_step_for_each_mistake() -> None:
    assert issubclass(kitchen(0), MISTAKES[0])
    assert [len(set(MISTAKES) & set(kitchen(n).__mro__)) for n in range(6)] == [5, 4, 3, 2, 1, 0]


def test_evenings_are_rows_of_one_table() -> None:
    waits = [n / 1000 for n in range(1, 101)]
    outcomes = Counter({"200": 90, "500": 3, "503": 5, CUT: 2})
    load = Load(2.0, outcomes, waits, queries=8, lag=0.25)
    words = "good 50 50 ms 99 ms 5 5 8 250 ms"
    assert report({"good": load}).splitlines()[1].split() == words.split()
