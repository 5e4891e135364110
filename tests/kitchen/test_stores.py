"""PostgreSQL and Redis in the place of SQLite and memory, on servers that the tests start."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from helpers.kitchen import service
from helpers.kitchen.evening import Guests, Supplier, evening
from helpers.kitchen.service import HUNG_UP, Kitchen
from tests.conftest import unavailable
from tests.kitchen.conftest import ORDER, ask, connected, opened, rows, time_is_up
from tests.kitchen.test_evening import FOR_EVER, agree, remembered
from tests.kitchen.test_service import Counting

POSTGRES = max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def folder_of(user: str | None) -> Iterator[str]:
    """A new folder that belongs to a user; PostgreSQL refuses to run as root."""
    with tempfile.TemporaryDirectory(prefix="kitchen-") as folder:
        if user:
            shutil.chown(folder, user)
        yield folder


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL server on a free port, which ends with the tests."""
    if POSTGRES is None:
        unavailable("PostgreSQL is not here: `apt-get install postgresql` brings it.")
    user = "postgres" if os.geteuid() == 0 else None
    port = free_port()
    with folder_of(user) as folder:
        options: dict[str, Any] = {"user": user, "cwd": folder}
        options |= {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}

        def run(program: str, *arguments: str) -> None:
            subprocess.run(
                [POSTGRES / program, "-D", f"{folder}/data", *arguments], check=True, **options
            )

        run("initdb", "-U", "chef", "-A", "trust", "--no-sync")
        settings = f"-h 127.0.0.1 -p {port} -k {folder} -F"
        run("pg_ctl", "-w", "-o", settings, "-l", f"{folder}/log", "start")
        try:
            yield f"postgresql://chef@127.0.0.1:{port}/postgres"
        finally:
            run("pg_ctl", "-w", "-m", "immediate", "stop")


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    """The URL of a Redis server on a free port, which ends with the tests."""
    program = shutil.which("redis-server")
    if program is None:
        unavailable("Redis is not here: `apt-get install redis-server` brings it.")
    port = free_port()
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    with (
        folder_of(None) as folder,
        subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as server,
    ):
        try:
            assert server.stdout is not None
            assert any("Ready to accept connections" in line for line in server.stdout)
            yield f"redis://127.0.0.1:{port}"
        finally:
            server.terminate()


@pytest_asyncio.fixture
async def settings(postgres: str, redis_url: str) -> AsyncIterator[dict[str, Any]]:
    """The URLs of both, with nothing in them."""
    import asyncpg
    import redis.asyncio

    connection = await asyncpg.connect(postgres)
    await connection.execute("drop table if exists kitchen_dishes, kitchen_orders")
    await connection.close()
    async with redis.asyncio.from_url(redis_url) as cache:
        await cache.flushall()
    yield {"database_url": postgres, "cache_url": redis_url}


@pytest.mark.asyncio
async def test_dishes_and_orders_are_kept_in_postgresql(settings: dict[str, Any]) -> None:
    for number in (1, 2):  # the second kitchen finds what the first has left
        async with opened(Kitchen, **settings) as (kitchen, session):
            assert (await ask(session))[2]["name"] == "dish 7"
            found = (await ask(session, "/orders", json=ORDER))[2]
            assert found == {"order": number, "seat": 3, "price": 705}
            assert (await ask(session, "/dishes/999999"))[0] == 404
            assert (await rows(kitchen, "dishes"), await rows(kitchen, "orders")) == (3000, number)


@pytest.mark.asyncio
async def test_redis_keeps_what_was_looked_up_for_the_next_kitchen(
    settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(Kitchen, cached=FOR_EVER, **settings) as (_, session):
        await ask(session)
    monkeypatch.setattr(service, "_HEAD_START", 3600)
    async with opened(Counting, cached=FOR_EVER, **settings) as (kitchen, session):
        assert (await ask(session))[2]["price"] == 349
    assert kitchen.begun.empty()


@pytest.mark.asyncio
async def test_without_redis_the_database_answers(settings: dict[str, Any]) -> None:
    settings["cache_url"] = f"redis://127.0.0.1:{free_port()}"
    async with opened(Kitchen, **settings) as (_, session):
        status, _, found = await ask(session)
    assert (status, found["price"]) == (200, 349)


class Sleepy(Counting):
    """Its menu sleeps in the server, if nobody stops the query."""

    async def ask(self, sql: str, *values: Any) -> Any:
        asleep = ("select pg_sleep(3600)",)
        return await super().ask(*(asleep if "dishes" in sql else (sql, *values)))


@pytest.mark.asyncio
@pytest.mark.parametrize("hangs_up", [True, False])
async def test_a_query_that_is_called_off_ends_in_the_server(
    settings: dict[str, Any], hangs_up: bool
) -> None:
    sleeping = "select count(*) from pg_stat_activity where query = 'select pg_sleep(3600)'"
    sleeping += " and state = 'active'"
    async with opened(Sleepy, queries=2, **settings) as (kitchen, _):
        with connected(kitchen.url, b"GET /dishes/7 HTTP/1.1\r\nHost: kitchen\r\n\r\n"):
            await kitchen.begun.get()
            if not hangs_up:
                time_is_up(kitchen)
                await kitchen.over.get()
        if hangs_up:
            await kitchen.over.get()
        assert await kitchen.database.query(sleeping) == [(0,)]
    assert kitchen.outcomes == ({HUNG_UP: 1} if hangs_up else {"503": 1})


@pytest.mark.asyncio
async def test_an_evening_on_both_servers_agrees_and_leaves_no_connection(
    settings: dict[str, Any],
) -> None:
    import asyncpg

    kind, kitchens = remembered()
    guests = Guests(30, FOR_EVER, hang_up=0.1, patience=FOR_EVER)
    load = await evening(kind, guests, Supplier(0, 0.2, "reset"), most=300, **settings)
    agree(load, kitchens[0])
    connection = await asyncpg.connect(settings["database_url"])
    written = await connection.fetch("select id from kitchen_orders")
    others = "select count(*) from pg_stat_activity where usename = 'chef' and datname = 'postgres'"
    assert {row["id"] for row in written} >= set(load.orders)
    assert await connection.fetchval(others) == 1, "only the one who asks"
    await connection.close()
