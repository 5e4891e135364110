"""The service as it is often written first: five mistakes, each in the place of a good method."""

import asyncio
import json
import math
import sqlite3
from contextlib import closing
from typing import Any
from urllib.request import urlopen

from helpers.kitchen.service import Kitchen, named
from helpers.kitchen.stores import run_on


class Stares(Kitchen):
    """A driver and a client that block: the one chef stands and waits."""

    async def ask(self, sql: str, *values: Any) -> list[Any]:
        with closing(sqlite3.connect(self.database.path, isolation_level=None)) as connection:
            return connection.execute(sql, {str(n): v for n, v in enumerate(values, 1)}).fetchall()

    async def left(self, number: int, page: str = "left") -> Any:
        with urlopen(f"{self.supplier_url}/{page}/{number}", timeout=5) as answer:
            return json.load(answer)["left"]


class Waits(Kitchen):
    """No deadline: who waits for the supplier waits for as long as the supplier likes."""

    deadline = math.inf


class Hoards(Kitchen):
    """No limit: all queries at once, each on a new connection, and nobody is sent away."""

    limit = queries = 1_000_000

    async def ask(self, sql: str, *values: Any) -> list[Any]:
        async with self.database.connect() as connection:
            return await run_on(connection, sql, *values)


class Forgets(Kitchen):
    """A task that nobody keeps: the kitchen closes without it."""

    def send_note(self, order: int) -> None:
        asyncio.create_task(self.left(order, "notes"), name=named("forgotten note"))


class Slams(Kitchen):
    """An end without a word: what is in flight is cut off."""

    async def close(self) -> None:
        for connection in self.runner.server.connections if self.runner.server else ():
            connection.force_close()
        await self.runner.cleanup()


MISTAKES = Stares, Waits, Hoards, Forgets, Slams


def kitchen(mended: int) -> type[Kitchen]:
    """The service with so many of its mistakes mended, in their order; 0: none, 5: all."""
    return type(f"Mended{mended}", (*MISTAKES[mended:], Kitchen), {})
