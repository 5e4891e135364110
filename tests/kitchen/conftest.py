"""What the tests of the kitchen share: a kitchen that is open, and who asks it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

import aiohttp

from helpers.kitchen.evening import Supplier
from helpers.kitchen.service import Kitchen

AnyKitchen = TypeVar("AnyKitchen", bound=Kitchen)
ORDER = {"seat": 3, "dishes": [7, 8]}


@asynccontextmanager
async def opened(
    kind: type[AnyKitchen], supplier: Supplier | None = None, **settings: Any
) -> AsyncIterator[tuple[AnyKitchen, aiohttp.ClientSession]]:
    """An open kitchen, and a session that asks it; all is closed when the block is left.

    Nobody's time is up by itself, however busy the machine is.
    """
    settings = {"deadline": 3600.0} | settings
    async with (
        supplier or Supplier(delay=0) as third,
        kind(third.url, **settings) as kitchen,
        aiohttp.ClientSession(kitchen.url) as session,
    ):
        yield kitchen, session


async def ask(session: aiohttp.ClientSession, path: str = "/dishes/7", **options: Any) -> Any:
    """The status, the headers and the JSON of an answer."""
    method = "POST" if "json" in options or "data" in options else "GET"
    async with session.request(method, path, **options) as answer:
        return answer.status, answer.headers, await answer.json()


@contextmanager
def connected(url: str, data: bytes) -> Iterator[socket.socket]:
    """A bare connection on which this was sent."""
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(data)
        yield connection


def time_is_up(kitchen: Kitchen) -> None:
    """Let the deadline of every request that is in flight be now."""
    for deadline, *_ in kitchen.in_flight.values():
        deadline.reschedule(0)


async def turns() -> None:
    """Let whatever is ready go on, for more turns of the loop than a step of the kitchen takes."""
    for _ in range(50):
        await asyncio.sleep(0)


async def rows(kitchen: Kitchen, table: str) -> int:
    """How many rows a table has."""
    [[count]] = await kitchen.database.query(f"select count(*) from kitchen_{table}")
    return int(count)


class Gated(Kitchen):
    """A kitchen whose supplier answers when the test says so, and says how many have asked."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.asked: asyncio.Queue[int] = asyncio.Queue()
        self.gate = asyncio.Event()

    async def left(self, number: int, page: str = "left") -> Any:
        self.asked.put_nowait(number)
        await self.gate.wait()
        return 4
