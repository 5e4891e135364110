"""`record` changes nothing for the libraries that programs are made of, either."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import aiosqlite
import anyio
import anyio.to_thread
import httpx
import pytest
from aiohttp import web
from anyio.streams.memory import MemoryObjectSendStream

from helpers import record
from tests.run.runs import CLOCKS, findings, recorded

Program = Callable[[], Coroutine[Any, Any, list[object]]]


@asynccontextmanager
async def site() -> AsyncIterator[str]:
    """A small site, with a page that takes long and a socket that answers."""

    async def page(request: web.Request) -> web.Response:
        await asyncio.sleep(float(request.query.get("after", 0)))
        return web.json_response({"table": request.match_info["table"]})

    async def socket(request: web.Request) -> web.WebSocketResponse:
        answers = web.WebSocketResponse(heartbeat=30)
        await answers.prepare(request)
        async for message in answers:
            await answers.send_str(message.data.upper())
        return answers

    app = web.Application()
    app.add_routes([web.get("/tables/{table}", page), web.get("/socket", socket)])
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    place = web.TCPSite(runner, "127.0.0.1", 0)
    await place.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def serves_with_aiohttp() -> list[object]:
    async def ask(session: aiohttp.ClientSession, table: int) -> object:
        async with session.get(f"/tables/{table}") as answer:
            return await answer.json()

    said: list[object] = []
    async with site() as address, aiohttp.ClientSession(address) as session:
        said += await asyncio.gather(*(ask(session, n) for n in range(3)))
        async with session.ws_connect("/socket") as socket:
            for word in ("soup", "rice"):
                await socket.send_str(word)
                said.append(await socket.receive_str())
        limit = aiohttp.ClientTimeout(total=0.05)
        try:
            await session.get("/tables/4?after=0.3", timeout=limit)
        except TimeoutError as error:
            said.append(type(error).__name__)
        said.append(await ask(session, 5))  # on a connection that was idle
    return said


async def asks_with_httpx() -> list[object]:
    async with site() as address, httpx.AsyncClient(base_url=address, verify=False) as client:
        answers = await asyncio.gather(*(client.get(f"/tables/{n}") for n in range(3)))
        said: list[object] = [(answer.status_code, answer.json()) for answer in answers]
        try:
            await client.get("/tables/4?after=0.3", timeout=0.05)
        except httpx.ReadTimeout as error:
            said.append(type(error).__name__)
        said.append((await client.get("/nowhere")).status_code)
    return said


async def cooks_with_anyio() -> list[object]:
    said: list[object] = []
    send, receive = anyio.create_memory_object_stream[int](1)

    async def cook(n: int, out: MemoryObjectSendStream[int]) -> None:
        async with out:
            await out.send(n)

    async def wait_for_ever() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            said.append(f"cancelled {anyio.get_cancelled_exc_class().__name__}")

    async with anyio.create_task_group() as group:
        for n in range(4):
            group.start_soon(cook, n, send.clone())
        send.close()
        async with receive:
            said.append([n async for n in receive])
    with anyio.move_on_after(0.05) as scope:
        async with anyio.create_task_group() as group:
            group.start_soon(wait_for_ever)
    said.append(scope.cancelled_caught)
    with pytest.raises(TimeoutError), anyio.fail_after(0.01):
        await anyio.sleep(30)
    said.append(await anyio.to_thread.run_sync(sum, [1, 2, 3]))
    return said


async def stores_with_aiosqlite() -> list[object]:
    async with aiosqlite.connect(":memory:") as base:
        await base.execute("create table orders (dish text, n integer)")
        rows = [("soup", 1), ("rice", 2), ("tea", 3)]
        await asyncio.gather(*(base.execute("insert into orders values (?, ?)", r) for r in rows))
        await base.commit()
        async with base.execute("select dish from orders order by n") as found:
            said: list[object] = [row[0] async for row in found]
        try:
            await base.execute("select nothing")
        except aiosqlite.OperationalError as error:
            said.append(str(error))
    return said


@pytest.mark.parametrize(
    ("program", "clock"),
    [
        (serves_with_aiohttp, "real"),  # the virtual clock has no sockets
        (asks_with_httpx, "real"),
        (cooks_with_anyio, "real"),
        (cooks_with_anyio, "virtual"),
        (stores_with_aiosqlite, "real"),
        (stores_with_aiosqlite, "virtual"),
    ],
)
def test_a_program_of_a_library_does_the_same_when_it_is_recorded(
    program: Program, clock: str
) -> None:
    result = asyncio.run(program())  # what is imported when it is first asked for is here now
    trace = recorded(program(), clock=clock)
    assert trace.result == result
    assert findings(trace) == []


@pytest.mark.asyncio
@CLOCKS
async def test_a_test_of_pytest_asyncio_can_record(clock: str) -> None:
    trace = await record(cooks_with_anyio(), clock=clock)
    assert trace.result == await cooks_with_anyio()
