"""What recording costs: how much longer a program takes when it is recorded, and how much memory.

    python tests/benchmarks/recording.py [--pairs 9]

Each way of watching is run in turn with the plain program, in one process, and the median of the
ratios is printed, of the wall's seconds and of the process's CPU seconds. A program's own time is
from its first line to its last; the whole is `asyncio.run(record(...))`, and "and the lanes" is the
whole with the first look at the trace, when its lanes and findings are made. Memory is the most
that a process of its own has held, with Python and the course. The row of VizTracer needs
`pip install viztracer`, which nothing else in the course does.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from helpers import record


class Moment(NamedTuple):
    """What the clocks show."""

    wall: float
    cpu: float

    @classmethod
    def now(cls) -> Moment:
        """The moment on both clocks."""
        return cls(time.perf_counter(), time.process_time())

    def since(self) -> Moment:
        """How long ago it was, on both clocks."""
        now = self.now()
        return Moment(now.wall - self.wall, now.cpu - self.cpu)


Program = Callable[[], Coroutine[Any, Any, Moment]]
Measured = list[Moment]  # the program's own time, the whole, and the whole with the lanes


async def nap() -> None:
    await asyncio.sleep(0.01)


async def sleeps() -> Moment:
    """10,000 children of a TaskGroup that sleep; returns its own time."""
    began = Moment.now()
    async with asyncio.TaskGroup() as group:
        for _ in range(10_000):
            group.create_task(nap())
    return began.since()


async def nothing() -> None:
    pass


async def creates() -> Moment:
    """10,000 tasks; returns the time that it took to create them."""
    began = Moment.now()
    tasks = [asyncio.create_task(nothing()) for _ in range(10_000)]
    took = began.since()
    for task in tasks:
        await task
    return took


async def crowd() -> Moment:
    """100,000 tasks that do nothing; returns its own time."""
    began = Moment.now()
    for task in [asyncio.create_task(nothing()) for _ in range(100_000)]:
        await task
    return began.since()


async def turn() -> None:
    for _ in range(1000):
        await asyncio.sleep(0)


async def yields() -> Moment:
    """100 tasks of 1000 bare yields; returns its own time."""
    began = Moment.now()
    for task in [asyncio.create_task(turn()) for _ in range(100)]:
        await task
    return began.since()


def plain(program: Program, **options: Any) -> Measured:
    """The program alone."""
    began = Moment.now()
    own = asyncio.run(program(), **options)
    whole = began.since()
    return [own, whole, whole]


def recorded(program: Program, clock: str) -> Measured:
    """The program recorded."""
    began = Moment.now()
    trace = asyncio.run(record(program(), clock=clock))
    whole = began.since()
    _ = trace.lanes, trace.findings
    return [trace.result, whole, began.since()]


def viztraced(program: Program) -> Measured:
    """The program under VizTracer with log_async."""
    from viztracer import VizTracer

    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        tracer = VizTracer(log_async=True, tracer_entries=2_000_000, verbose=0)
        tracer.start()
        try:
            return plain(program)
        finally:
            tracer.stop()
            tracer.clear()


WAYS: dict[str, Callable[[Program], Measured]] = {
    "real": partial(recorded, clock="real"),
    "virtual": partial(recorded, clock="virtual"),
    "VizTracer": viztraced,
    "debug": partial(plain, debug=True),
}
PROGRAMS: dict[str, Program] = {
    "10,000 x sleep(0.01)": sleeps,
    "10,000 x create_task": creates,
    "100 x 1000 bare yields": yields,
    "100,000 tasks": crowd,
}


def ratios(way: Callable[[Program], Measured], program: Program, pairs: int) -> list[str]:
    """The medians of the ratios to the plain program: "wall, CPU" of its own, and of the whole."""
    found: list[list[Moment]] = []
    way(program), plain(program)  # warm up both
    for n in range(pairs):
        gc.collect()
        if n % 2:
            base, times = plain(program), way(program)
        else:
            times, base = way(program), plain(program)
        pair = zip(times, base, strict=True)
        found.append([Moment(took.wall / b.wall, took.cpu / b.cpu) for took, b in pair])
    return [
        ", ".join(f"{statistics.median(clock):.2f}" for clock in zip(*column, strict=True))
        for column in zip(*found, strict=True)
    ]


def most_memory(way: str) -> float:
    """The most megabytes that a process holds which runs 100,000 tasks that way."""
    command = [sys.executable, __file__, "--memory-of", way]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return int(out) / (1e6 if sys.platform == "darwin" else 1e3)


def print_memory_of(way: str) -> None:
    """Run 100,000 tasks that way, and print the most memory that this process has held."""
    import resource

    asyncio.run(crowd() if way == "plain" else record(crowd(), clock=way))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def main() -> None:
    """Print the table of this Python."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=9)
    parser.add_argument("--only", choices=list(WAYS), help="measure one way of watching")
    parser.add_argument("--memory-of", choices=["plain", "real", "virtual"], help="used by itself")
    options = parser.parse_args()
    if options.memory_of:
        print_memory_of(options.memory_of)
        return
    machine = f"{platform.system()}, {os.cpu_count()} cores"
    print(f"Python {platform.python_version()}, {machine}, median of {options.pairs} pairs;")
    print("recorded / plain in seconds of the wall, of the CPU\n")
    # First: a process counts what the one that started it held by then.
    base = most_memory("plain")
    for name in ("real", "virtual"):
        if options.only in (None, name):
            held = most_memory(name)
            print(f"100,000 tasks, {name}: {held:.0f} MB, plain {base:.0f}: {held / base:.2f}\n")
    print("| program | way | its own time | the whole | and the lanes |")
    print("|---|---|---|---|---|")
    for name, way in WAYS.items():
        if options.only in (None, name):
            for title, program in PROGRAMS.items():
                if name in ("real", "virtual") or program in (sleeps, yields):
                    cells = ratios(way, program, options.pairs)
                    print(f"| {title} | {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
