"""An evening: a supplier, a kitchen and guests who all ask at once, and what they met."""

import asyncio
import random
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import count
from time import perf_counter
from typing import Any, Self

import aiohttp
from aiohttp import web

from helpers import text
from helpers.kitchen.service import ASK, HUNG_UP, Kitchen, accept_no_more
from helpers.race import select
from helpers.trace import Trace

CUT, REFUSED = "cut", "refused"  # no answer came; nobody was at the door
HEAD = ["served/s", "p50", "p99", "errors", "refused", "queries at once", "loop lag"]


@dataclass
class Supplier:
    """A third party in a thread of its own: `delay` in seconds, and the share that is `failing`.

    What fails does so as `fault` says: "error", "reset", "garbage" or "hang".
    """

    delay: float = 0.02
    failing: float = 0.0
    fault: str = "error"
    notes: list[int] = field(default_factory=list)  # the orders that it heard of

    async def __aenter__(self) -> Self:
        self.notes, port = [], Future[int]()
        thread = asyncio.to_thread(asyncio.run, self._serve(port))
        self._serving = asyncio.create_task(thread, name="supplier")
        number: int = await asyncio.wrap_future(port)
        self.url = f"http://127.0.0.1:{number}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._closed.set)
        await asyncio.wait([self._serving])

    async def _serve(self, port: "Future[int]") -> None:
        self._loop, self._closed = asyncio.get_running_loop(), asyncio.Event()
        app = web.Application()
        app.router.add_get("/{page:left|notes}/{number}", self._answer)
        runner = web.AppRunner(app, shutdown_timeout=0, handler_cancellation=True, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
        port.set_result(runner.addresses[0][1])
        await self._closed.wait()
        await accept_no_more(runner)
        await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        await asyncio.sleep(self.delay)
        fault = self.fault if random.random() < self.failing else ""
        if fault == "hang":
            await self._closed.wait()
        if fault == "reset" and request.transport:
            request.transport.abort()
        if request.match_info["page"] == "notes" and not fault:
            self.notes.append(int(request.match_info["number"]))
        answer = "<soup" if fault == "garbage" else '{"left": 4}'
        status = 500 if fault == "error" else 200
        return web.Response(text=answer, status=status, content_type="application/json")


@dataclass
class Load:
    """What the guests of an evening met, and how the kitchen took it."""

    seconds: float = 0.0
    outcomes: Counter[str] = field(default_factory=Counter)  # a status, CUT, REFUSED or HUNG_UP
    waits: list[float] = field(default_factory=list)  # of those who were served, in seconds
    asked: int = 0  # how many of them were told to ask the waiter
    orders: list[int] = field(default_factory=list)  # that were confirmed
    notes: list[int] = field(default_factory=list)  # that the supplier heard of
    queries: int = 0  # alive at once, at the most
    lag: float = 0.0  # the most seconds by which the loop was late

    def wait(self, percent: int) -> float:
        """So many of a hundred who were served waited no longer."""
        return sorted([*self.waits, 0.0])[len(self.waits) * percent // 100]

    def row(self) -> list[str]:
        """Its line in a table: what `HEAD` names."""
        failed = sum(n for s, n in self.outcomes.items() if s[0] == "5" and s != "503")
        counts = failed + self.outcomes[CUT], self.outcomes["503"] + self.outcomes[REFUSED]
        times = self.wait(50), self.wait(99), self.lag
        p50, p99, lag = (text.seconds(t, exact=False) for t in times)
        served = text.number(len(self.waits) / self.seconds, 0)
        return [served, p50, p99, *map(str, (*counts, self.queries)), lag]


def report(loads: Mapping[str, Load]) -> str:
    """Several evenings as one table."""
    rows = [["", *HEAD], *([name, *load.row()] for name, load in loads.items())]
    return "\n".join(text.table(rows, "<" + ">" * len(HEAD)))


def way_of(trace: Trace, number: int) -> list[str]:
    """The names of the lanes that worked for one request, in the order of their spawns."""
    return [lane.name for lane in trace.lanes if lane.name.startswith(f"#{number} ")]


@dataclass
class Guests:
    """So many `clients`, each asking again and again for so many `seconds`, or `requests` in all.

    Every fifth request is an order. A share `hang_up` of them wait for 1 to 300 ms and no longer,
    and nobody waits longer than `patience` seconds.
    """

    clients: int = 50
    seconds: float = 2.0
    requests: float = float("inf")
    hang_up: float = 0.0
    patience: float = 10.0

    async def visit(self, url: str, load: Load) -> None:
        """Ask until it is time to go, and note in the load what was met."""
        connector = aiohttp.TCPConnector(limit=0, resolver=aiohttp.ThreadedResolver())
        async with aiohttp.ClientSession(url, connector=connector) as session:
            session._retry_connection = False  # each try counts
            began, numbers = perf_counter(), count(1)

            async def come() -> None:
                while (
                    perf_counter() - began < self.seconds and (n := next(numbers)) <= self.requests
                ):
                    load.outcomes[outcome := await self._ask(session, n, load)] += 1
                    if outcome == REFUSED:
                        break

            await asyncio.gather(*(come() for _ in range(self.clients)))
        load.seconds = perf_counter() - began

    async def _ask(self, session: aiohttp.ClientSession, n: int, load: Load) -> str:
        dice, began = random.Random(n), perf_counter()
        hangs_up, dish = dice.random() < self.hang_up, dice.randint(1, 300)
        patience = min(self.patience, 0.3 ** dice.uniform(1, 6)) if hangs_up else self.patience
        options: dict[str, Any] = {"timeout": aiohttp.ClientTimeout(total=patience)}
        method, path = "GET", f"/dishes/{dish}"
        if n % 5 == 0:
            method, path = "POST", "/orders"
            options["json"] = {"seat": n, "dishes": [dish, dish + 1, dish + 2]}
        try:
            async with session.request(method, path, **options) as answer:
                found = await answer.json()
        except TimeoutError:
            return HUNG_UP if hangs_up else CUT
        except aiohttp.ClientError as error:
            return REFUSED if isinstance(error, aiohttp.ClientConnectorError) else CUT
        if answer.status < 300:
            load.waits.append(perf_counter() - began)
            load.asked += found.get("left") == ASK
            load.orders += [found["order"]] if "order" in found else []
        return str(answer.status)


async def evening(
    kind: type[Kitchen] = Kitchen,
    guests: Guests | None = None,
    supplier: Supplier | None = None,
    closes: float = 3600.0,
    **settings: Any,
) -> Load:
    """One evening until all is closed: when the guests go, `most` came, or after `closes` s."""
    load, guests = Load(), guests or Guests()
    async with supplier or Supplier() as third, kind(third.url, **settings) as kitchen:
        thread = asyncio.to_thread(asyncio.run, guests.visit(kitchen.url, load))
        visit = asyncio.create_task(thread, name="guests")
        await select(guests=visit, full=kitchen.full.wait(), time=asyncio.sleep(closes))
    await visit
    load.notes, load.queries, load.lag = third.notes, kitchen.most_asking, kitchen.lag
    return load
