"""The programs of the Rust recorder in asyncio, line by line beside it: names, times, spawns.

Each is a function without arguments that bears its recording's name, or that name and, behind two
underscores, what it does in another way (`timeout_handle__shielded`). `TWINS` holds them all.
Rust's source is helpers/tokio/recorder/src/scenarios/.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from helpers import busy, select

Program = Callable[[], Coroutine[Any, Any, Any]]


def spawn(name: str, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    """`kitchen::spawn`: a task of that name."""
    return asyncio.create_task(work, name=name)


async def ready(value: Any) -> Any:
    """`std::future::ready`: there at the first poll."""
    return value


# handles.rs


async def spawn_() -> None:
    chop = spawn("chop", cook(0.150, "carrots"))
    boil = spawn("boil", cook(0.250, "pasta"))
    bake = spawn("bake", cook(0.350, "bread"))
    assert await chop == "carrots"
    assert await boil == "pasta"
    assert await bake == "bread"


async def cook(oven: float, dish: str) -> str:
    busy(0.050)
    await asyncio.sleep(oven)
    return dish


async def dropped_handle() -> None:
    spawn("cake", asyncio.sleep(0.020))
    spawn("roast", asyncio.sleep(0.500))
    await asyncio.sleep(0.050)


async def panic() -> None:
    soup = spawn("soup", asyncio.sleep(0.100))
    souffle = spawn("souffle", falls())
    salad = spawn("salad", asyncio.sleep(0.150))
    said = [await outcome(task) for task in (soup, souffle, salad)]
    assert said == ["ok", "raised", "ok"]


async def falls() -> None:
    await asyncio.sleep(0.050)
    raise RuntimeError("the souffle fell")


async def outcome(task: asyncio.Task[Any]) -> str:
    """What a JoinHandle's Result says, without an exception of the waiter's own."""
    try:
        await task
    except asyncio.CancelledError:
        return "cancelled"
    except RuntimeError:
        return "raised"
    return "ok"


# waiting.rs


async def async_sleep() -> None:
    for task in [spawn(dish, asyncio.sleep(0.200)) for dish in ("roast", "soup", "bread")]:
        await task


async def blocking_sleep() -> None:
    for task in [spawn(dish, blocks(0.200)) for dish in ("roast", "soup", "bread")]:
        await task


async def blocks(seconds: float) -> None:
    busy(seconds)  # on the virtual clock what `time.sleep` is on the real one


# deadlines.rs


async def timeout() -> None:
    async with asyncio.timeout(0.200):
        await spawn("soup", asyncio.sleep(0.100))
    try:
        async with asyncio.timeout(0.200):
            await spawn("roast", asyncio.sleep(0.500))
        raise AssertionError("the roast was in time")
    except TimeoutError:
        pass


async def timeout__inside_main() -> None:
    """Without a task for what is wrapped: asyncio then has no lane for it."""
    async with asyncio.timeout(0.200):
        await asyncio.sleep(0.100)
    try:
        async with asyncio.timeout(0.200):
            await asyncio.sleep(0.500)
        raise AssertionError("the roast was in time")
    except TimeoutError:
        pass


async def timeout_blocking() -> None:
    async with asyncio.timeout(0.200):
        await blocks(0.500)


async def timeout_blocking__in_a_task() -> None:
    async with asyncio.timeout(0.200):
        await spawn("report", blocks(0.500))


async def timeout_handle() -> None:
    database = spawn("database", asyncio.sleep(0.500))
    try:
        async with asyncio.timeout(0.200):
            await database
        raise AssertionError("the database was in time")
    except TimeoutError:
        pass
    assert await outcome(database) == "cancelled"


async def timeout_handle__shielded() -> None:
    """With `shield` the deadline ends the waiting alone, as Tokio's does."""
    database = spawn("database", asyncio.sleep(0.500))
    try:
        async with asyncio.timeout(0.200):
            await asyncio.shield(database)
        raise AssertionError("the database was in time")
    except TimeoutError:
        pass
    assert await outcome(database) == "ok"


# races.rs


async def select_() -> None:
    winner = await select(
        database=asyncio.sleep(0.200),
        cache=asyncio.sleep(0.100),
    )
    assert winner.name == "cache"


async def select__wait() -> None:
    """Asyncio's own race: the loser is left running, until main is over."""
    database = spawn("database", asyncio.sleep(0.200))
    cache = spawn("cache", asyncio.sleep(0.100))
    done, _ = await asyncio.wait([database, cache], return_when=asyncio.FIRST_COMPLETED)
    assert done == {cache}


async def select__finally() -> None:
    """A loser that clears up for 50 ms before it goes."""
    winner = await select(
        database=clears_up(0.200, 0.050),
        cache=asyncio.sleep(0.100),
    )
    assert winner.name == "cache"


async def clears_up(seconds: float, after: float) -> None:
    try:
        await asyncio.sleep(seconds)
    finally:
        await asyncio.sleep(after)


async def select_handles() -> None:
    database = spawn("database", asyncio.sleep(0.300))
    cache = spawn("cache", asyncio.sleep(0.100))
    assert (await select(database=database, cache=cache)).name == "cache"
    assert await outcome(database) == "ok"

    market = spawn("market", asyncio.sleep(0.300))
    pantry = spawn("pantry", asyncio.sleep(0.100))
    assert (await select(market=market, pantry=pantry)).name == "pantry"
    market.cancel()
    assert await outcome(market) == "cancelled"


async def select_biased() -> None:
    winner = await select(left=ready(1), right=ready(2))
    assert (winner.name, winner.also) == ("left", {"right": 2})
    winner = await select(
        first=asyncio.sleep(0.100),
        second=asyncio.sleep(0.100),
    )
    assert (winner.name, winner.also) == ("first", {"second": None})


async def shutdown() -> None:
    orders: asyncio.Queue[int] = asyncio.Queue(8)
    bell = asyncio.Event()

    async def customers() -> None:
        for number in range(1, 6):
            await asyncio.sleep(0.100)
            await orders.put(number)

    async def closing_time() -> None:
        await asyncio.sleep(0.350)
        bell.set()

    sender = spawn("customers", customers())
    keep = spawn("closing_time", closing_time())
    taken = []
    while True:
        winner = await select(bell=bell.wait(), order=orders.get())
        if winner.name == "bell":
            break
        taken.append(spawn(f"order-{winner.value}", asyncio.sleep(0.080)))
    assert keep.done()
    sender.cancel()
    assert await outcome(sender) == "cancelled"
    for task in taken:
        await task


# crowd.rs


async def thousand() -> None:
    await orders(1000)


async def ten_thousand() -> None:
    await orders(10_000)


async def orders(count: int) -> None:
    for task in [spawn(f"order-{n}", asyncio.sleep(0.010)) for n in range(1, count + 1)]:
        await task


# team.rs


async def cpu() -> None:
    await dishes(yields=False)


async def cpu_yield() -> None:
    await dishes(yields=True)


async def dishes(yields: bool) -> None:
    async def ticks() -> None:
        while True:
            await asyncio.sleep(0.005)

    async def dish() -> None:
        for _ in range(25):
            busy(0.001)
            if yields:
                await asyncio.sleep(0)

    ticker = spawn("ticker", ticks())
    await asyncio.sleep(0.022)
    for task in [spawn(f"dish-{n}", dish()) for n in range(1, 9)]:
        await task
    await asyncio.sleep(0.022)
    ticker.cancel()
    assert await outcome(ticker) == "cancelled"


async def nested() -> None:
    async def sous_chef() -> None:
        peels = [spawn(f"peel-{n}", blocks(0.010)) for n in range(1, 9)]
        busy(0.020)
        for peel in peels:
            await peel

    await spawn("sous_chef", sous_chef())


async def stall() -> None:
    await beside_a_roast(waits=True)


async def held() -> None:
    await beside_a_roast(waits=False)


async def beside_a_roast(waits: bool) -> None:
    async def roast() -> None:
        if waits:
            await asyncio.sleep(0.073)
        busy(0.400)

    async def pan() -> None:
        for _ in range(8):
            await asyncio.sleep(0.050)

    for task in [spawn("roast", roast()), *(spawn(f"pan-{n}", pan()) for n in range(1, 5))]:
        await task


TWINS: dict[str, Program] = {
    program.__name__.rstrip("_"): program
    for program in (
        *(spawn_, dropped_handle, panic, async_sleep, blocking_sleep),
        *(timeout, timeout__inside_main, timeout_blocking, timeout_blocking__in_a_task),
        *(timeout_handle, timeout_handle__shielded),
        *(select_, select__wait, select__finally, select_handles, select_biased, shutdown),
        *(thousand, ten_thousand, cpu, cpu_yield, nested, stall, held),
    )
}
