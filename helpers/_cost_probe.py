"""Run in a process of its own: make n units, each of which waits, and print what they cost as JSON.

    python -E -P _cost_probe.py KIND N WAIT

Units wait for WAIT seconds, and the whole is timed; with "hold", for an hour: the memory is read
when all are alive. Nothing of the package is imported, as that would be in the figures.
"""

import asyncio
import gc
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NoReturn

HOUR = 3600.0
Look = Callable[[], object]  # called when no unit exists yet, and when all of them are alive


def thread(n: int, wait: float, look: Look) -> None:
    """One OS thread a unit."""
    threads: list[threading.Thread] = []
    look()
    try:
        for _ in range(n):
            threads.append(threading.Thread(target=time.sleep, args=(wait,), daemon=True))
            threads[-1].start()
    except (RuntimeError, MemoryError) as reason:
        answer(refused=f"the system refused to make more than {len(threads) - 1}: {reason}")
    look()
    for unit in threads:
        unit.join()


def thread_pool(n: int, wait: float, look: Look) -> None:
    """One job a unit, given to a pool of the default number of threads."""
    look()
    with ThreadPoolExecutor() as pool:
        for _ in range(n):
            pool.submit(time.sleep, wait)
        look()


def task(n: int, wait: float, look: Look) -> None:
    """One asyncio task a unit."""

    async def main() -> None:
        look()
        tasks = [asyncio.create_task(asyncio.sleep(wait)) for _ in range(n)]
        await asyncio.sleep(0)  # each gets as far as its own await
        look()
        for unit in tasks:
            await unit

    asyncio.run(main())


KINDS = {make.__name__: make for make in (thread, thread_pool, task)}


def memory() -> int:
    """Bytes of resident memory."""
    gc.collect()
    try:
        rollup = Path("/proc/self/smaps_rollup").read_text(encoding="ascii")
    except OSError:  # not on Linux
        import psutil

        return int(psutil.Process().memory_info().rss)
    return int(rollup.partition("Rss:")[2].split()[0]) * 1024


def answer(**facts: float | str) -> NoReturn:
    """Print the answer and end at once: thousands of sleepers are not waited for."""
    print(json.dumps(facts), flush=True)
    os._exit(0)


def main(kind: str, n: str, wait: str) -> None:
    """Print the time, or the memory, of n units of a kind."""
    read = memory if wait == "hold" else time.perf_counter
    readings: list[float] = []

    def look() -> None:
        readings.append(read())
        if wait == "hold" and len(readings) == 2:
            import psutil  # late: units would be given the memory that it frees

            answer(bytes=readings[1] - readings[0], threads=psutil.Process().num_threads())

    # The first unit of a process loads code and makes what all others share.
    KINDS[kind](1, 0.0, memory)
    KINDS[kind](int(n), HOUR if wait == "hold" else float(wait), look)
    answer(seconds=time.perf_counter() - readings[0])


if __name__ == "__main__":
    main(*sys.argv[1:])
