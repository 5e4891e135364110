"""Run in a process of its own: make n units, each of which waits, and print what they cost as JSON.

    python -E -P _cost_probe.py KIND N WAIT

With WAIT in seconds the units wait that long and the time of the whole is taken. With "hold" they
wait for an hour: the memory of the process is read when all of them are alive, and it ends. One
process does one of the two, so that memory that was freed before is not used a second time.

It imports nothing of the package: what the package loads would be in the figures.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

HOUR = 3600.0
# Called with "before" when no unit exists yet, and with "alive" when all of them do.
Look = Callable[[str], None]


class Refused(Exception):
    """The system gave no more units than `made`."""

    def __init__(self, made: int, reason: BaseException) -> None:
        super().__init__(str(reason) or type(reason).__name__)
        self.made = made


def thread(n: int, wait: float, look: Look) -> None:
    """One OS thread a unit."""
    look("before")
    crew: list[threading.Thread] = []
    for made in range(n):
        try:
            one = threading.Thread(target=time.sleep, args=(wait,), daemon=True)
            one.start()
        except (RuntimeError, MemoryError, OSError) as reason:
            raise Refused(made, reason) from reason
        crew.append(one)
    look("alive")
    for one in crew:
        one.join()


def thread_pool(n: int, wait: float, look: Look) -> None:
    """One job a unit, given to a pool of the default number of threads."""
    look("before")
    with ThreadPoolExecutor() as pool:
        jobs = [pool.submit(time.sleep, wait) for _ in range(n)]
        look("alive")
        for job in jobs:
            job.result()


def task(n: int, wait: float, look: Look) -> None:
    """One asyncio task a unit."""

    async def main() -> None:
        look("before")
        tasks = [asyncio.create_task(asyncio.sleep(wait)) for _ in range(n)]
        await asyncio.sleep(0)  # each gets as far as its own await
        look("alive")
        for one in tasks:
            await one

    asyncio.run(main())


def task_group(n: int, wait: float, look: Look) -> None:
    """One asyncio task a unit, in one TaskGroup."""

    async def main() -> None:
        look("before")
        async with asyncio.TaskGroup() as group:
            for _ in range(n):
                group.create_task(asyncio.sleep(wait))
            await asyncio.sleep(0)
            look("alive")

    asyncio.run(main())


KINDS: dict[str, Callable[[int, float, Look], None]] = {
    "thread": thread,
    "thread_pool": thread_pool,
    "task": task,
    "task_group": task_group,
}


def memory() -> dict[str, int | None]:
    """Bytes of resident and of virtual memory, and the number of OS threads; None if not known."""
    facts: dict[str, int | None] = dict.fromkeys(("resident", "virtual", "threads"))
    with contextlib.suppress(OSError, ValueError), open("/proc/self/status") as status:
        words = dict(line.split(":", 1) for line in status)
        facts["resident"] = int(words["VmRSS"].split()[0]) * 1024
        facts["virtual"] = int(words["VmSize"].split()[0]) * 1024
        facts["threads"] = int(words["Threads"])
        # The figure above may lag by some pages a thread; this one is counted when it is read.
        with contextlib.suppress(OSError), open("/proc/self/smaps_rollup") as rollup:
            pages = next(line for line in rollup if line.startswith("Rss:"))
            facts["resident"] = int(pages.split()[1]) * 1024
        return facts
    with contextlib.suppress(ImportError):
        import psutil

        me = psutil.Process()
        facts["resident"] = me.memory_info().rss
        facts["threads"] = me.num_threads()
    return facts


def answer(facts: dict[str, Any]) -> None:
    """Print the answer and end at once: thousands of sleepers are not waited for."""
    print(json.dumps(facts), flush=True)
    os._exit(0)


def hold(kind: str, n: int) -> None:
    readings: dict[str, dict[str, int | None]] = {}

    def look(moment: str) -> None:
        gc.collect()
        readings[moment] = memory()
        if moment == "alive":
            answer(readings)

    KINDS[kind](n, HOUR, look)


def clocked(kind: str, n: int, wait: float) -> None:
    stamps: dict[str, float] = {}

    def look(moment: str) -> None:
        stamps[moment] = time.perf_counter()

    KINDS[kind](n, wait, look)
    end = time.perf_counter()
    answer({"seconds": end - stamps["before"], "making": stamps["alive"] - stamps["before"]})


def main(kind: str, n: str, wait: str) -> None:
    # The first unit of a process loads code and makes what all others share.
    KINDS[kind](1, 0.0, lambda _: None)
    memory()
    try:
        hold(kind, int(n)) if wait == "hold" else clocked(kind, int(n), float(wait))
    except Refused as refused:
        answer({"made": refused.made, "refused": str(refused)})


if __name__ == "__main__":
    main(*sys.argv[1:])
