"""What a request goes through, one by one; every wait is for an event."""

from __future__ import annotations

import asyncio
import io
import sqlite3
import threading
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from helpers.kitchen import service
from helpers.kitchen.evening import Supplier
from helpers.kitchen.service import ASK, HUNG_UP, Kitchen
from tests.kitchen.conftest import ORDER, Gated, ask, connected, opened, rows, time_is_up, turns

ENDLESS = "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n"


class Counting(Kitchen):
    """A kitchen that tells what it asked its database, and whether each query has ended."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.begun: asyncio.Queue[str] = asyncio.Queue()
        self.over: asyncio.Queue[str] = asyncio.Queue()

    async def ask(self, sql: str, *values: Any) -> Any:
        self.begun.put_nowait(sql)
        try:
            return await super().ask(sql, *values)
        finally:
            self.over.put_nowait(sql)


class Endless(Counting):
    """Its menu takes for ever, if nobody stops the query."""

    async def ask(self, sql: str, *values: Any) -> Any:
        return await super().ask(*((ENDLESS,) if "dishes" in sql else (sql, *values)))


@pytest.mark.asyncio
async def test_a_dish_comes_with_its_price_and_what_the_supplier_has() -> None:
    async with opened(Kitchen) as (_, session):
        status, _, found = await ask(session)
    assert (status, found) == (200, {"number": 7, "name": "dish 7", "price": 349, "left": 4})


@pytest.mark.asyncio
async def test_an_order_is_written_down_once_with_what_it_costs() -> None:
    async with opened(Kitchen) as (kitchen, session):
        status, _, found = await ask(session, "/orders", json=ORDER)
        written = await kitchen.database.query("select id, seat, total from kitchen_orders")
    assert (status, found) == (201, {"order": 1, "seat": 3, "price": 349 + 356})
    assert written == [(1, 3, 705)]


@pytest.mark.asyncio
async def test_the_database_is_spared_while_the_cache_knows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(service, "_HEAD_START", 3600)
    async with opened(Counting) as (kitchen, session):
        await kitchen.cache.put("dish:7", {"number": 7, "price": 1})
        status, _, found = await ask(session)
    assert (status, found["price"]) == (200, 1)
    assert kitchen.begun.empty()


@pytest.mark.asyncio
@pytest.mark.parametrize(("cached", "queries"), [(3600.0, 1), (0, 2)])
async def test_what_was_looked_up_is_kept_unless_the_cache_is_off(
    cached: float, queries: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(Counting, cached=cached) as (kitchen, session):
        await ask(session)
        monkeypatch.setattr(service, "_HEAD_START", 3600)
        await ask(session)
    assert kitchen.begun.qsize() == queries


@pytest.mark.asyncio
async def test_when_time_is_up_the_price_is_the_answer_without_the_supplier() -> None:
    async with opened(Gated) as (kitchen, session):
        guest = asyncio.create_task(ask(session))
        await kitchen.asked.get()
        time_is_up(kitchen)
        status, _, found = await guest
    assert (status, found["price"], found["left"]) == (200, 349, ASK)


@pytest.mark.asyncio
async def test_when_time_is_up_without_a_price_one_may_come_again_and_the_query_has_ended() -> None:
    async with opened(Endless, queries=1) as (kitchen, session):
        guest = asyncio.create_task(ask(session))
        await kitchen.begun.get()
        time_is_up(kitchen)
        status, headers, found = await guest
        assert (status, headers["Retry-After"]) == (503, "1")
        assert "slow" in found["error"]
        assert await kitchen.over.get() == ENDLESS
        assert await rows(kitchen, "orders") == 0, "its one connection is free again"


@pytest.mark.asyncio
async def test_above_its_limit_a_kitchen_says_no_at_once_and_serves_who_is_in() -> None:
    async with opened(Gated, limit=1) as (kitchen, session):
        first = asyncio.create_task(ask(session))
        await kitchen.asked.get()
        status, headers, found = await ask(session)
        assert (status, headers["Retry-After"]) == (503, "1")
        assert found == {"error": "the kitchen is full"}
        kitchen.gate.set()
        assert (await first)[0] == 200
        assert (await ask(session))[0] == 200


@pytest.mark.asyncio
async def test_no_more_queries_are_alive_than_there_are_tokens() -> None:
    gate = asyncio.Event()

    class Slow(Counting):
        async def ask(self, sql: str, *values: Any) -> Any:
            self.begun.put_nowait(sql)
            await gate.wait()
            return await self.database.query(sql, *values)

    async with opened(Slow, queries=3, cached=0) as (kitchen, session):
        guests = [asyncio.create_task(ask(session, f"/dishes/{n}")) for n in range(1, 11)]
        for _ in range(3):
            await kitchen.begun.get()
        gate.set()
        assert [status for status, *_ in await asyncio.gather(*guests)] == [200] * 10
    assert kitchen.most_asking == 3


@pytest.mark.asyncio
async def test_who_hangs_up_calls_off_the_query() -> None:
    async with opened(Endless, queries=1) as (kitchen, _):
        with connected(kitchen.url, b"GET /dishes/7 HTTP/1.1\r\nHost: kitchen\r\n\r\n"):
            assert await kitchen.begun.get() == ENDLESS
        assert await kitchen.over.get() == ENDLESS
        assert await rows(kitchen, "orders") == 0, "its one connection is free again"
    assert kitchen.outcomes == {HUNG_UP: 1}


class SlowToWrite(Kitchen):
    """An order is written when the test says so."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.gate, self.writing = asyncio.Event(), asyncio.Event()

    async def write(self, seat: int, total: int) -> int:
        self.writing.set()
        await self.gate.wait()
        return await super().write(seat, total)


@pytest.mark.asyncio
async def test_what_is_being_written_has_no_deadline() -> None:
    async with opened(SlowToWrite) as (kitchen, session):
        guest = asyncio.create_task(ask(session, "/orders", json=ORDER))
        await kitchen.writing.wait()
        [deadline] = [deadline for deadline, *_ in kitchen.in_flight.values()]
        assert deadline.when() is None
        kitchen.gate.set()
        assert (await guest)[0] == 201


@pytest.mark.asyncio
async def test_an_order_that_is_in_flight_when_the_kitchen_closes_is_written_and_passed_on() -> (
    None
):
    supplier = Supplier(delay=0)
    async with opened(SlowToWrite, supplier, grace=3600.0) as (kitchen, session):
        guest = asyncio.create_task(ask(session, "/orders", json=ORDER))
        await kitchen.writing.wait()
        closing = asyncio.create_task(kitchen.close())
        await turns()
        kitchen.gate.set()
        await closing
        assert not kitchen.errands, "the note has gone"
        assert (await guest)[0] == 201
    assert supplier.notes == [1]


@pytest.mark.asyncio
async def test_what_is_being_written_is_written_though_the_guest_hangs_up() -> None:
    body = b'{"seat": 3, "dishes": [7]}'
    head = f"POST /orders HTTP/1.1\r\nHost: kitchen\r\nContent-Length: {len(body)}\r\n\r\n"
    async with opened(SlowToWrite) as (kitchen, _):
        with connected(kitchen.url, head.encode() + body):
            await kitchen.writing.wait()
        async with aiohttp.ClientSession(kitchen.url) as other:
            await ask(other, "/nowhere")  # by now it is known that the first has gone
        kitchen.gate.set()
        await kitchen.close()
        assert await rows(kitchen, "orders") == 1
    assert kitchen.outcomes == {"404": 1, HUNG_UP: 1}


@pytest.mark.asyncio
async def test_a_database_that_is_locked_is_a_reason_to_come_again() -> None:
    async with opened(Kitchen) as (kitchen, session):
        other = sqlite3.connect(kitchen.database.path, isolation_level=None)
        other.execute("begin immediate")
        status, headers, found = await ask(session, "/orders", json=ORDER)
        assert (status, headers["Retry-After"]) == (503, "1")
        assert found == {"error": "database is locked"}
        assert (await ask(session))[0] == 200, "who reads does not wait for who writes"
        other.execute("rollback")
        other.close()
        assert (await ask(session, "/orders", json=ORDER))[0] == 201


class Heard(Supplier):
    """A supplier that tells when it is asked."""

    async def _answer(self, request: web.Request) -> web.Response:
        self.heard.set()
        return await super()._answer(request)

    heard = threading.Event()


@pytest.mark.asyncio
@pytest.mark.parametrize("fault", ["error", "reset", "garbage", "hang"])
async def test_a_supplier_that_fails_takes_nobodys_dish_away(fault: str) -> None:
    supplier = Heard(delay=0, failing=1, fault=fault)
    supplier.heard.clear()
    async with opened(Kitchen, supplier) as (kitchen, session):
        guest = asyncio.create_task(ask(session))
        if fault == "hang":
            await asyncio.to_thread(supplier.heard.wait)
            time_is_up(kitchen)
        assert (await guest)[2]["left"] == ASK
        supplier.failing = 0
        assert (await ask(session))[2]["left"] == 4
    assert kitchen.outcomes == {"200": 2}


@pytest.mark.asyncio
async def test_prometheus_is_told_of_every_request() -> None:
    async with opened(Kitchen) as (_, session):
        await ask(session)
        await ask(session, "/dishes/999999")
        async with session.get("/metrics") as answer:
            told = (await answer.text()).splitlines()
    assert 'kitchen_requests_total{outcome="200"} 1.0' in told
    assert 'kitchen_requests_total{outcome="404"} 1.0' in told
    assert "kitchen_accepted_total 2.0" in told
    assert "kitchen_seconds_count 2.0" in told
    assert "kitchen_in_flight 0.0" in told


async def in_pieces(kitchen: Kitchen, data: bytes) -> int:
    """The status of the answer to bytes that no client would send."""
    reader, writer = await asyncio.open_connection("127.0.0.1", kitchen.port)
    writer.write(data)
    status = int((await reader.readline()).split()[1])
    writer.close()
    return status


HOST = b"Host: kitchen\r\n"
TRICKS: dict[str, tuple[bytes, int]] = {
    "no such path": (b"GET /kitchen.db HTTP/1.1\r\n" + HOST, 404),
    "out of the house": (b"GET /dishes/../../etc/passwd HTTP/1.1\r\n" + HOST, 404),
    "out of the house, quoted": (b"GET /dishes/%2e%2e%2fpasswd HTTP/1.1\r\n" + HOST, 404),
    "SQL for a dish": (b"GET /dishes/7;drop%20table%20kitchen_dishes HTTP/1.1\r\n" + HOST, 404),
    "SQL behind a quote": (b"GET /dishes/7'%20or%20'1'='1 HTTP/1.1\r\n" + HOST, 404),
    "too long a number": (b"GET /dishes/" + b"9" * 40 + b" HTTP/1.1\r\n" + HOST, 404),
    "another method": (b"DELETE /orders HTTP/1.1\r\n" + HOST, 405),
    "no HTTP": (b"good evening\r\n", 400),
    "another HTTP": (b"GET /dishes/7 HTTP/9.9\r\n" + HOST, 400),
    "a header without a name": (b"GET /dishes/7 HTTP/1.1\r\n: x\r\n" + HOST, 400),
    "a header of 100 kB": (b"GET /dishes/7 HTTP/1.1\r\n" + HOST + b"X: " + b"x" * 100_000, 400),
    "two lengths": (
        b"POST /orders HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\nContent-Length: 4\r\n",
        400,
    ),
    "a length below 0": (b"POST /orders HTTP/1.1\r\n" + HOST + b"Content-Length: -1\r\n", 400),
}


@pytest.mark.asyncio
@pytest.mark.parametrize("trick", TRICKS)
async def test_a_request_that_breaks_the_rules_is_refused_and_changes_nothing(trick: str) -> None:
    data, status = TRICKS[trick]
    async with opened(Kitchen) as (kitchen, session):
        assert await in_pieces(kitchen, data + b"\r\n\r\n") == status
        assert (await rows(kitchen, "dishes"), await rows(kitchen, "orders")) == (3000, 0)
        assert (await ask(session))[0] == 200


ORDERS: dict[str, tuple[str, int]] = {
    "nothing": ("", 400),
    "no JSON": ("{", 400),
    "a list": ("[1, 2]", 400),
    "no dishes": ('{"seat": 3, "dishes": []}', 400),
    "a dish that is text": ('{"seat": 3, "dishes": "78"}', 400),
    "SQL for a seat": ('{"seat": "3); drop table kitchen_orders", "dishes": [7]}', 400),
    "half a dish": ('{"seat": 3, "dishes": [7.5]}', 400),
    "a dish below 0": ('{"seat": 3, "dishes": [-7]}', 400),
    "a yes for a dish": ('{"seat": 3, "dishes": [true]}', 400),
    "a number without an end": ('{"seat": 3, "dishes": [1e999]}', 400),
    "too many dishes": ('{"seat": 3, "dishes": [7' + ", 7" * 20 + "]}", 400),
    "a nest": ("[" * 2000, 400),
    "a dish that is not on the menu": ('{"seat": 3, "dishes": [7, 4000]}', 404),
    "5 kB": (" " * 5000 + '{"seat": 3, "dishes": [7]}', 413),
    "10 MB": (" " * 10_000_000, 413),
}


@pytest.mark.asyncio
@pytest.mark.parametrize("order", ORDERS)
async def test_an_order_that_makes_no_sense_is_refused_and_not_written(order: str) -> None:
    text, expected = ORDERS[order]
    async with opened(Kitchen) as (kitchen, session):
        status, _, found = await ask(session, "/orders", data=io.BytesIO(text.encode()))
        assert status == expected
        assert found["error"]
        assert await rows(kitchen, "orders") == 0
    assert kitchen.outcomes == {str(expected): 1}


@pytest.mark.asyncio
async def test_who_is_in_flight_when_the_kitchen_closes_is_served() -> None:
    async with opened(Gated, grace=3600.0) as (kitchen, session):
        guest = asyncio.create_task(ask(session))
        await kitchen.asked.get()
        closing = asyncio.create_task(kitchen.close())
        await asyncio.sleep(0)
        kitchen.gate.set()
        await closing
        assert (await guest)[2]["left"] == 4
        with pytest.raises(aiohttp.ClientConnectorError):
            await ask(session)


@pytest.mark.asyncio
async def test_who_asks_on_an_open_connection_while_the_kitchen_closes_is_told() -> None:
    async with opened(Gated, grace=3600.0) as (kitchen, session):
        kitchen.gate.set()
        await ask(session)  # a connection is open, and idle
        kitchen.gate.clear()
        reader, writer = await asyncio.open_connection("127.0.0.1", kitchen.port)
        guest = asyncio.create_task(ask(session))
        for _ in range(2):
            await kitchen.asked.get()
        writer.write(b"GET /dishes/7 HTTP/1.1\r\nHost: kitchen\r\n\r\n")
        await kitchen.asked.get()
        closing = asyncio.create_task(kitchen.close())
        await asyncio.sleep(0)
        writer.write(b"GET /dishes/8 HTTP/1.1\r\nHost: kitchen\r\n\r\n")
        kitchen.gate.set()
        told = (await reader.read()).decode()
        await closing
        assert (await guest)[0] == 200
        writer.close()
    assert told.count("HTTP/1.1 200") == 1
    assert "Connection: close" in told


@pytest.mark.asyncio
async def test_a_request_that_is_on_its_way_when_the_kitchen_closes_has_an_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(service, "_IN_THE_AIR", 3600)  # however busy the machine is
    async with opened(Kitchen) as (kitchen, session):
        await ask(session)  # a connection is open, and idle
        closing = asyncio.create_task(kitchen.close())
        await turns()
        status, _, found = await ask(session)
        assert (status, found["error"]) == (503, "the kitchen is closing")
        closing.cancel()
        await asyncio.wait([closing])
        monkeypatch.undo()


@pytest.mark.asyncio
async def test_who_is_let_in_while_the_kitchen_closes_has_an_answer() -> None:
    request = b"GET /dishes/7 HTTP/1.1\r\nHost: kitchen\r\n\r\n"
    async with opened(Kitchen) as (kitchen, _):
        with connected(kitchen.url, request) as guest:
            for _ in range(2):  # then it is let in, and nobody has heard it yet
                await asyncio.sleep(0)
            await kitchen.close()
            guest.settimeout(10)
            told = await asyncio.to_thread(guest.recv, 1000)
        assert b" 503 " in told


@pytest.mark.asyncio
async def test_nobody_is_sent_away_before_the_door_is_closed_to_who_would_come_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sends_away: list[bool] = []
    accept_no_more = service.accept_no_more

    async def watched(runner: web.AppRunner) -> None:
        await accept_no_more(runner)
        sends_away.append(kitchen.closing)

    monkeypatch.setattr(service, "accept_no_more", watched)
    async with opened(Kitchen) as (kitchen, _):
        await kitchen.close()
        assert (sends_away, kitchen.closing) == ([False], True)


@pytest.mark.asyncio
async def test_when_the_grace_is_over_the_rest_is_called_off_and_answered() -> None:
    async with opened(Gated, grace=0.0) as (kitchen, session):
        guest = asyncio.create_task(ask(session))
        order = asyncio.create_task(ask(session, "/orders", json=ORDER))
        await kitchen.asked.get()
        await order
        await kitchen.close()
        assert (await guest)[2]["left"] == ASK
        assert not kitchen.errands, "the note to the supplier was called off"
    assert sum(kitchen.outcomes.values()) == kitchen.accepted == 2


@pytest.mark.asyncio
async def test_a_kitchen_that_closes_waits_for_its_notes_to_the_supplier() -> None:
    async with opened(Gated, grace=3600.0) as (kitchen, session):
        await ask(session, "/orders", json=ORDER)
        await kitchen.asked.get()
        closing = asyncio.create_task(kitchen.close())
        [note] = kitchen.errands
        await turns()
        assert not closing.done()
        kitchen.gate.set()
        await closing
        assert note.result() == 4
