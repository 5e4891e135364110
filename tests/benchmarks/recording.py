"""What recording costs: how much longer a program takes when it is recorded, on the real clock.

    python tests/benchmarks/recording.py [--pairs 9]

Each way of watching is run in turn with the plain program, in one process, and the median of the
ratios is printed as a row of a table. The time is the program's own, from its first line to its
last; what `record` does after the run (the lanes, the findings) is a column of its own. The
row of VizTracer needs `pip install viztracer`, which nothing else in the course does.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from helpers import record

Program = Callable[[], Coroutine[Any, Any, float]]


async def nap() -> None:
    await asyncio.sleep(0.01)


async def sleeps() -> float:
    """10,000 tasks of sleep(0.01); returns its own seconds."""
    began = time.perf_counter()
    handles = [asyncio.create_task(nap()) for _ in range(10_000)]
    for handle in handles:
        await handle
    return time.perf_counter() - began


async def turn() -> None:
    for _ in range(1000):
        await asyncio.sleep(0)


async def yields() -> float:
    """100 tasks of 1000 bare yields; returns its own seconds."""
    began = time.perf_counter()
    handles = [asyncio.create_task(turn()) for _ in range(100)]
    for handle in handles:
        await handle
    return time.perf_counter() - began


def plain(program: Program) -> tuple[float, float]:
    """The program alone: its seconds, and nothing after it."""
    return asyncio.run(program()), 0.0


def recorded(program: Program) -> tuple[float, float]:
    """The program recorded: its seconds, and those of everything round it."""
    began = time.perf_counter()
    seconds = asyncio.run(record(program(), clock="real")).result
    return seconds, time.perf_counter() - began - seconds


def debugged(program: Program) -> tuple[float, float]:
    """The program in asyncio's debug mode."""
    return asyncio.run(program(), debug=True), 0.0


def viztraced(program: Program) -> tuple[float, float]:
    """The program under VizTracer with log_async."""
    from viztracer import VizTracer

    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        tracer = VizTracer(log_async=True, tracer_entries=2_000_000, verbose=0)
        tracer.start()
        try:
            return asyncio.run(program()), 0.0
        finally:
            tracer.stop()
            tracer.clear()


WAYS = {"recorded": recorded, "VizTracer, log_async": viztraced, "asyncio's debug mode": debugged}
PROGRAMS = {"10,000 x sleep(0.01)": sleeps, "100 x 1000 bare yields": yields}


def ratio(
    way: Callable[[Program], tuple[float, float]], program: Program, pairs: int
) -> list[float]:
    """Median, smallest and largest ratio to the plain program, and the seconds after the run."""
    ratios, after = [], []
    way(program), plain(program)  # warm up both
    for n in range(pairs):
        gc.collect()
        if n % 2:
            base, (seconds, rest) = plain(program)[0], way(program)
        else:
            (seconds, rest), base = way(program), plain(program)[0]
        ratios.append(seconds / base)
        after.append(rest)
    return [statistics.median(ratios), min(ratios), max(ratios), statistics.median(after)]


def main() -> None:
    """Print the table of this Python."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=9)
    parser.add_argument("--only", choices=list(WAYS), help="measure one way of watching")
    options = parser.parse_args()
    machine = f"{platform.system()}, {os.cpu_count()} cores"
    print(f"Python {platform.python_version()}, {machine}, median of {options.pairs} pairs")
    print("| way | " + " | ".join(PROGRAMS) + " |")
    print("|---|" + "---|" * len(PROGRAMS))
    for name, way in WAYS.items():
        if options.only in (None, name):
            cells = []
            for program in PROGRAMS.values():
                mid, low, high, after = ratio(way, program, options.pairs)
                rest = f", {after:.2f} s after" if after else ""
                cells.append(f"{mid:.2f} ({low:.2f}-{high:.2f}{rest})")
            print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
