"""Runs that must come out the same on every Python, with threads or without."""

from __future__ import annotations

import asyncio
import platform
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from helpers import Deadlock, RunTooLong, Trace, busy, check, record, select
from helpers.labs import spec_of
from helpers.labs.engine import Engine, Event, State
from helpers.tokio import load_recording


async def dish(name: str, *, chop: float, oven: float) -> str:
    busy(chop)
    await asyncio.sleep(oven)
    busy(1)
    return name


async def dinner() -> list[str]:
    """Hands-on work and the oven, in a group."""
    async with asyncio.TaskGroup() as kitchen:
        soup = kitchen.create_task(dish("soup", chop=2, oven=6), name="soup")
        roast = kitchen.create_task(dish("roast", chop=3, oven=300), name="roast")
    return [soup.result(), roast.result()]


async def deadline() -> str:
    """A time-out cancels what it waits for."""
    try:
        async with asyncio.timeout(2):
            await asyncio.create_task(asyncio.sleep(5), name="slow")
    except TimeoutError:
        return "too late"
    return "in time"


async def race() -> str:
    """The first wins, the other is cancelled."""
    winner = await select(fridge=dish("milk", chop=0, oven=1), shop=dish("milk", chop=0, oven=9))
    return winner.name


async def failure() -> list[str]:
    """An exception stays with its handle."""

    async def burn() -> None:
        await asyncio.sleep(1)
        raise ValueError("burnt")

    card = asyncio.create_task(burn(), name="toast")
    results = await asyncio.gather(card, return_exceptions=True)
    return [str(result) for result in results]


async def helpers() -> list[str]:
    """A crew of two helpers for three jobs, one of which fails, beside a task."""

    def peel(name: str, seconds: float) -> str:
        busy(seconds)
        if name == "onion":
            raise ValueError("tears")
        busy(1)
        return name

    async def stir() -> None:
        for _ in range(3):
            await asyncio.sleep(1)

    stirring = asyncio.create_task(stir(), name="stir")
    with ThreadPoolExecutor(2) as crew:
        loop = asyncio.get_running_loop()
        jobs = ("carrot", 2), ("onion", 2), ("leek", 0)
        peeled = [loop.run_in_executor(crew, peel, *job) for job in jobs]
        results = await asyncio.gather(*peeled, return_exceptions=True)
    await stirring
    return [*map(str, results), await asyncio.to_thread(str.upper, "at once")]


async def endless() -> None:
    """It never comes to an end, and lets others run."""
    while True:
        await asyncio.sleep(1)


async def stuck() -> None:
    """Nothing is ready and no timer is set."""
    await asyncio.get_running_loop().create_future()


async def both_at_once(fetch: Any, urls: Any) -> dict[str, Any]:
    """An answer to an exercise that is right."""
    pages = await asyncio.gather(*map(fetch, urls), return_exceptions=True)
    return dict(zip(urls, pages, strict=True))


async def in_turn(fetch: Any, urls: Any) -> dict[str, Any]:
    """An answer that is wrong."""
    return {url: await fetch(url) for url in urls}


async def in_a_thread(user: str, get: Any) -> str:
    """An answer that needs a thread, and so is right where there are threads."""
    pages = [await asyncio.to_thread(get, f"/{what}/{user}") for what in ("profile", "orders")]
    return ", ".join(pages)


def facts(trace: Trace) -> dict[str, Any]:
    """A trace as its text twin and its numbers."""
    return {
        "text": str(trace),
        "duration": trace.duration,
        "tasks": [[task.id, task.name, task.parent, task.outcome] for task in trace.tasks],
        "findings": [str(finding) for finding in trace.findings],
    }


LABS = "deadlines", "team_of_chefs", "not_blocking"


def used(lab: str) -> list[str]:
    """What a lab tells when it is run, moved, stopped and reset, where it has no thread."""
    told: list[Event] = []
    engine = Engine(spec_of(lab), told.append)
    engine.ask(State.RUNNING)
    name, value = next(pair for pair in engine.values.items() if type(pair[1]) is int)
    engine.request({**engine.values, name: int(value) + 1})
    for state in (State.STOPPED, State.READY, State.CLOSED):
        engine.ask(state)
    return [f"{event.state} {event.pale} {event.sentence}".strip() for event in told]


async def collect() -> dict[str, Any]:
    """What each run was, as its text twin and its facts; and where it was run."""
    runs = {}
    for make in (dinner, deadline, race, failure, helpers):
        trace = await record(make(), clock="virtual")
        runs[make.__name__] = {"result": trace.result, **facts(trace)}
    runs["tokio"] = facts(load_recording("spawn", runtime="current_thread"))
    try:
        await record(stuck(), clock="virtual")
    except Deadlock as deadlock:
        runs["stuck"] = {"text": str(deadlock)}
    try:
        await record(asyncio.sleep(0), clock="real")
    except Exception as error:
        refusal = f"{type(error).__name__}: {error}"
    else:
        refusal = ""
    try:
        await record(endless(), max_seconds=0.3)
    except RunTooLong as too_long:
        limit = str(too_long).partition(";")[0]
    else:
        limit = ""
    has_threads = sys.platform != "emscripten"
    here = asyncio.current_task()
    return {
        "python": platform.python_version(),
        "platform": sys.platform,
        "runs": runs,
        "real clock": refusal,
        "limit": limit,
        "labs": {} if has_threads else {name: used(name) for name in LABS},
        "checks": [str(check("02.pages", answer)) for answer in (both_at_once, in_turn)],
        "in a thread": str(check("03.handler", in_a_thread)),
        "the caller's task is put back": here is not None and not here.done(),
    }
