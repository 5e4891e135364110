"""The kitchen's stores, by URL: SQLite or PostgreSQL, where values are $1, $2; memory or Redis."""

import asyncio
import json
import sqlite3
import tempfile
from contextlib import suppress
from typing import Any

import aiosqlite
from cachetools import TTLCache

_BEGIN = (
    "create table if not exists kitchen_dishes (number int primary key, name text, price int)",
    "create table if not exists kitchen_orders (id {id} primary key, seat int, total int)",
    """with recursive n(i) as (select 1 union all select i + 1 from n where i < 3000)
    insert into kitchen_dishes select i, 'dish ' || i, 300 + i * 7 % 900 from n
    where not exists (select 1 from kitchen_dishes)""",
)


def database(url: str, connections: int) -> Any:
    """A database with `open`, `query`, `close` and `errors`; without a URL a file of its own."""
    return (_Postgres if url.startswith("postgres") else _SQLite)(url, connections)


class _SQLite:
    errors = (sqlite3.OperationalError,)

    def __init__(self, url: str, connections: int) -> None:
        self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.path = url.removeprefix("sqlite:///") or f"{self._folder.name}/kitchen.db"
        self._connections = [self.connect() for _ in range(connections)]
        self._free: asyncio.Queue[aiosqlite.Connection] = asyncio.Queue()

    def connect(self) -> aiosqlite.Connection:
        return aiosqlite.connect(self.path, isolation_level=None, timeout=0.2)  # of a lock

    async def open(self) -> None:
        for connection in self._connections:  # each has a thread of its own
            await connection
            # Who reads does not wait for who writes, and who writes not for the disk.
            await connection.executescript("pragma journal_mode = wal; pragma synchronous = normal")
            self._free.put_nowait(connection)
        for sql in _BEGIN:
            await self.query(sql.format(id="integer"))

    async def query(self, sql: str, *values: Any) -> list[Any]:
        connection = await self._free.get()
        try:
            return await run_on(connection, sql, *values)
        finally:
            self._free.put_nowait(connection)

    async def close(self) -> None:
        for connection in self._connections:
            await connection.close()
        self._folder.cleanup()


async def run_on(connection: aiosqlite.Connection, sql: str, *values: Any) -> list[Any]:
    """Run a query on a connection. Cancelled, it is interrupted in its thread, and awaited."""
    numbered = {str(n): value for n, value in enumerate(values, 1)}
    work = asyncio.ensure_future(connection.execute_fetchall(sql, numbered))
    try:
        return [tuple(row) for row in await asyncio.shield(work)]
    except asyncio.CancelledError:
        while not work.done():  # an interrupt before it has begun is lost
            await connection.interrupt()
            await asyncio.wait([work], timeout=0.01)
        work.exception()  # heard of
        raise


class _Postgres:
    def __init__(self, url: str, connections: int) -> None:
        import asyncpg  # only who has a server has its driver

        self.errors = asyncpg.PostgresError, asyncpg.InterfaceError, OSError
        self._pool: Any = asyncpg.create_pool(url, min_size=1, max_size=connections)

    async def open(self) -> None:
        await self._pool
        for sql in _BEGIN:
            await self.query(sql.format(id="serial"))

    async def query(self, sql: str, *values: Any) -> list[Any]:
        return [tuple(row) for row in await self._pool.fetch(sql, *values)]

    async def close(self) -> None:
        await self._pool.close()


class Cache:
    """What was looked up lately, for so many seconds: in memory, or in Redis by a URL."""

    def __init__(self, url: str, kept_for: float) -> None:
        self._kept: TTLCache[str, str] = TTLCache(3000, kept_for)
        self._expiry, self._redis = max(1, round(kept_for * 1000)), None
        if url:
            import redis.asyncio as redis  # only who has a server has its driver

            self._redis = redis.from_url(url)

    async def get(self, key: str) -> dict[str, Any]:
        """What is kept under a key; no answer ever comes if that is nothing: let it race."""
        found: Any = None
        with suppress(Exception):  # a cache that fails has nothing
            # Shielded: a request to Redis that is cancelled raises an error of its own.
            asked = self._redis and asyncio.shield(self._redis.get(f"kitchen:{key}"))
            found = await asked if asked else self._kept.get(key)
        if found is None:
            await asyncio.Event().wait()
        return dict(json.loads(found))

    async def put(self, key: str, value: dict[str, Any]) -> None:
        """Keep a value until it expires."""
        self._kept[key] = text = json.dumps(value)
        if self._redis:
            with suppress(Exception):
                await self._redis.set(f"kitchen:{key}", text, px=self._expiry)

    async def close(self) -> None:
        """Close the connections to Redis."""
        if self._redis:
            await self._redis.aclose()
