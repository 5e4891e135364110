"""The service: what each request goes through, and how the kitchen closes.

`GET /dishes/7` asks database and cache, and the supplier for what is left; `POST /orders` with
`{"seat": 3, "dishes": [7, 8]}` is written down, and the supplier has a note; `GET /metrics` counts.
"""

import asyncio
import json
import math
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from contextvars import ContextVar
from typing import Any, Self

import aiohttp
from aiohttp import web
from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from helpers.kitchen.stores import Cache, database
from helpers.race import select

ASK, HUNG_UP = "ask the waiter", "hung up"  # the first if the supplier says nothing of a dish
_HEAD_START, _IN_THE_AIR = 0.002, 0.2  # seconds: for the cache, and for requests on their way
request_id: ContextVar[int] = ContextVar("request_id", default=0)


def named(word: str) -> str:
    """A task's name that tells whose request it works for: "#12 database"."""
    return f"#{request_id.get()} {word}"


async def accept_no_more(runner: Any) -> None:
    """Close an AppRunner's door, and hear who was let in just now."""
    for site in runner.sites:
        with suppress(NotImplementedError):  # on Windows
            asyncio.get_running_loop().remove_reader(site._server.sockets[0])
        await asyncio.sleep(0)  # asyncio never hears whom it lets in while a server closes
        await site.stop()


class Kitchen:
    """A kitchen: `async with Kitchen(supplier_url, deadline=0.2) as kitchen: ... kitchen.url`.

    `deadline` in seconds for each request, `limit` requests and `queries` at once, `cached` for so
    many seconds (0: never), `grace` seconds for those in flight when it closes. `full` is set when
    `most` requests have come.
    """

    deadline, limit, queries, cached, grace, most = 0.5, 100.0, 8, 2.0, 1.0, math.inf
    host, port = "127.0.0.1", 0
    database_url, cache_url = os.getenv("KITCHEN_DATABASE", ""), os.getenv("KITCHEN_CACHE", "")

    def __init__(self, supplier_url: str, **settings: Any) -> None:
        self.supplier_url = supplier_url
        vars(self).update(settings)
        self.database = database(self.database_url, min(self.queries, 32))
        self.cache = Cache(self.cache_url, self.cached)
        self.tokens = asyncio.Semaphore(self.queries)
        self.closing, self.full = False, asyncio.Event()
        # By a request's number: its deadline, what can be answered when time is up, and its task.
        self.in_flight: dict[int, tuple[asyncio.Timeout, dict[str, Any], Any]] = {}
        self.errands: set[asyncio.Task[Any]] = set()  # what is done after an answer
        self.accepted, self.outcomes = 0, Counter[str]()  # by a status, or HUNG_UP
        self.lag, self.asking, self.most_asking = 0.0, 0, 0  # the worst, in seconds; queries alive
        self.registry = CollectorRegistry()
        self.registry.register(self)  # all it needs is `collect`
        self._seconds = Histogram("kitchen_seconds", "Time to an answer", registry=self.registry)

    async def __aenter__(self) -> Self:
        await self.database.open()
        connector = aiohttp.TCPConnector(limit=0, resolver=aiohttp.ThreadedResolver())
        self.session = aiohttp.ClientSession(connector=connector)
        app = web.Application(middlewares=[self._each], client_max_size=4096)
        app.router.add_get(r"/dishes/{number:[0-9]{1,6}}", self.dish)
        app.router.add_post("/orders", self.order)
        # Who hangs up calls off what is done for them.
        self.runner = web.AppRunner(app, handler_cancellation=True, access_log=None)
        await self.runner.setup()
        await web.TCPSite(self.runner, self.host, self.port, backlog=1024).start()
        self.port = self.runner.addresses[0][1]
        self.url = f"http://{self.host}:{self.port}"
        self._meter = asyncio.create_task(self._watch_lag(), name="lag")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
        self._meter.cancel()
        await asyncio.wait([self._meter])
        for store in (self.session, self.cache, self.database):
            await store.close()

    async def close(self) -> None:
        """Accept nothing more, and end what is in flight within the grace, each with an answer."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self.grace
        await accept_no_more(self.runner)
        self.closing = True  # not before: who is sent away comes again, to a door that just closes
        await asyncio.sleep(_IN_THE_AIR)  # for who asks on an open connection
        for deadline, *_ in self.in_flight.values():  # everybody's time is up when the grace is
            if (when := deadline.when()) and not deadline.expired():
                deadline.reschedule(min(when, end))
        while self.in_flight:
            await asyncio.wait([task for *_, task in self.in_flight.values()])
        if self.errands:
            await asyncio.wait(self.errands, timeout=max(0, end - loop.time()))
        for errand in self.errands:
            errand.cancel()
        await asyncio.gather(*self.errands, return_exceptions=True)
        await self.runner.cleanup()

    @web.middleware
    async def _each(self, request: web.Request, handler: Any) -> web.Response:
        if request.path == "/metrics":
            return web.Response(body=generate_latest(self.registry), content_type="text/plain")
        self.accepted += 1
        request_id.set(self.accepted)
        if self.accepted >= self.most:
            self.full.set()
        try:
            with self._seconds.time():
                response = await self._admit(request, handler)
        except asyncio.CancelledError:
            self.outcomes[HUNG_UP] += request.transport is None
            raise
        except Exception as error:
            response = self._refusal(error)
        if self.closing:
            response.force_close()
        self.outcomes[str(response.status)] += 1
        return response

    async def _admit(self, request: web.Request, handler: Any) -> web.Response:
        """The answer in time; when time is up, what was found by then if it is of any use."""
        if self.closing or len(self.in_flight) >= self.limit:
            return _later("the kitchen is closing" if self.closing else "the kitchen is full")
        name = named(f"{request.method} {request.path}")
        deadline, found = asyncio.timeout(min(self.deadline, 1e6)), dict[str, Any]()
        self.in_flight[request_id.get()] = deadline, found, asyncio.current_task()
        try:
            async with deadline:  # a task of its own has its name from its first step on
                response: web.Response = await asyncio.create_task(handler(request), name=name)
        except TimeoutError:
            return web.json_response(found) if found else _later("the kitchen is too slow")
        finally:
            del self.in_flight[request_id.get()]
        return response

    def _refusal(self, error: Exception) -> web.Response:
        while isinstance(error, ExceptionGroup):
            error = error.exceptions[0]  # of the dishes of an order
        if isinstance(error, self.database.errors):
            return _later(str(error))
        if isinstance(error, web.HTTPException):
            return web.json_response({"error": error.text}, status=error.status)
        return web.json_response({"error": repr(error)}, status=500)

    async def dish(self, request: web.Request) -> web.Response:
        """A dish with its price, and what is left of it."""
        found = await self.price(int(request.match_info["number"]))
        self.in_flight[request_id.get()][1].update(found, left=ASK)
        return web.json_response(found | {"left": await self.left(found["number"])})

    async def order(self, request: web.Request) -> web.Response:
        """An order, written down: its number and what it costs."""
        seat, numbers = _order_of(await request.text())
        async with asyncio.TaskGroup() as group:
            each = [group.create_task(self.price(n), name=named(f"dish {n}")) for n in numbers]
        total = sum(dish.result()["price"] for dish in each)
        self.in_flight[request_id.get()][0].reschedule(None)  # what is written is not called off
        writing = asyncio.create_task(self.write(seat, total), name=named("write"))
        try:
            number = await asyncio.shield(writing)
        finally:  # also if the guest hangs up
            await asyncio.wait([writing])
        return web.json_response({"order": number, "seat": seat, "price": total}, status=201)

    async def price(self, number: int) -> dict[str, Any]:
        """A dish with its price, from the database or the cache; a 404 if there is no such dish."""
        racers = {named("cache"): self.cache.get(f"dish:{number}")} if self.cached else {}
        racers[named("database")] = self._look_up(number)
        return (await select(racers)).value

    async def _look_up(self, number: int) -> dict[str, Any]:
        await asyncio.sleep(_HEAD_START if self.cached else 0)
        rows = await self.query("select name, price from kitchen_dishes where number = $1", number)
        if not rows:
            raise web.HTTPNotFound(text=f"there is no dish {number}")
        found = {"number": number, "name": rows[0][0], "price": rows[0][1]}
        await self.cache.put(f"dish:{number}", found)
        return found

    async def write(self, seat: int, total: int) -> int:
        """Write an order down and tell the supplier; returns its number."""
        sql = "insert into kitchen_orders (seat, total) values ($1, $2) returning id"
        [[number]] = await self.query(sql, seat, total)
        self.send_note(number)
        return int(number)

    async def query(self, sql: str, *values: Any) -> Any:
        """The rows of a query, which waits for a token and is counted while it is alive."""
        async with self.tokens:
            self.asking += 1
            self.most_asking = max(self.most_asking, self.asking)
            try:
                return await self.ask(sql, *values)
            finally:
                self.asking -= 1

    async def ask(self, sql: str, *values: Any) -> Any:
        """The rows of a query."""
        return await self.database.query(sql, *values)

    async def left(self, number: int, page: str = "left") -> Any:
        """How much of a dish the supplier has, or what to say if no sense comes back."""
        try:
            async with self.session.get(f"{self.supplier_url}/{page}/{number}") as answer:
                answer.raise_for_status()
                return int((await answer.json())["left"])
        except (aiohttp.ClientError, ValueError, TypeError, LookupError):
            return ASK

    def send_note(self, order: int) -> None:
        """Tell the supplier of an order; the kitchen does not close before that is done."""
        errand = asyncio.create_task(self.left(order, "notes"), name=named("note"))
        self.errands.add(errand)
        errand.add_done_callback(self.errands.discard)

    def collect(self) -> Iterator[Metric]:
        """What /metrics tells."""
        ended = CounterMetricFamily("kitchen_requests", "Ended requests", labels=["outcome"])
        for outcome, n in self.outcomes.items():
            ended.add_metric([outcome], n)
        yield ended
        yield CounterMetricFamily("kitchen_accepted", "Accepted requests", self.accepted)
        yield GaugeMetricFamily("kitchen_in_flight", "Requests in flight", len(self.in_flight))
        yield GaugeMetricFamily("kitchen_queries", "Queries alive", self.asking)
        yield GaugeMetricFamily("kitchen_lag_seconds", "The loop's worst lag", self.lag)

    async def _watch_lag(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + 0.05
            await asyncio.sleep(0.05)
            self.lag = max(self.lag, loop.time() - due)


def _later(why: str) -> web.Response:
    return web.json_response({"error": why}, status=503, headers={"Retry-After": "1"})


def _order_of(text: str) -> tuple[int, list[int]]:
    try:
        order = json.loads(text)
        numbers = [order["seat"], *order["dishes"]]
    except (ValueError, TypeError, LookupError, RecursionError):
        numbers = []
    if 2 <= len(numbers) <= 21 and all(type(n) is int and 0 < n < 1e6 for n in numbers):
        return numbers[0], numbers[1:]
    raise web.HTTPBadRequest(text='an order is {"seat": 3, "dishes": [7, 8]}, of 1 to 20 dishes')
