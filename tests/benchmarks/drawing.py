"""What drawing costs: from a trace to a figure, and what `import helpers` loads.

    python tests/benchmarks/drawing.py [--repeats 5]

Prints medians, and how each stands to its limit: a figure of up to a million steps within 1 s and
2 MB, of 100,000 tasks within 0.7 s, 1,000 tasks in a film within 0.15 s,
`import helpers` within 80 ms. A cell shows the text twin beside the figure: it is listed too.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import gc
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from helpers import Trace, record, timeline  # noqa: E402
from helpers.draw.film import film_of  # noqa: E402
from helpers.draw.picture import MOST_FILMED, picture_of  # noqa: E402


async def crowd(tasks: int) -> None:
    """So many tasks that each sleep 10 ms."""
    async with asyncio.TaskGroup() as group:
        for _ in range(tasks):
            group.create_task(asyncio.sleep(0.01))


async def many_steps(lanes: int, steps: int) -> None:
    """So many tasks that take so many steps each, in turn."""

    async def turn() -> None:
        for _ in range(steps):
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        for _ in range(lanes):
            group.create_task(turn())


def told(trace: Trace) -> float:
    """Seconds from a trace to its text."""
    began = time.perf_counter()
    str(trace)
    return time.perf_counter() - began


def drawn(trace: Trace, repeats: int) -> tuple[float, int]:
    """Median seconds from a trace to a drawn figure's JSON, and its bytes."""
    seconds, text = [], ""
    assert trace.findings is not None  # they are computed when asked for, and so are the lanes
    for _ in range(repeats):
        new = dataclasses.replace(trace)  # which remembers nothing of an earlier figure
        gc.collect()  # what earlier repeats left behind; a cell draws with the collector off
        began = time.perf_counter()
        text = timeline(new).to_json()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds), len(text)


def shown(trace: Trace, repeats: int) -> float:
    """Median seconds from a trace to its film, as a lab shows it."""
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        json.dumps(film_of(picture_of(dataclasses.replace(trace), most=MOST_FILMED)))
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def importing(repeats: int) -> float:
    """Median seconds of `import helpers` in a fresh process, beyond those of `import asyncio`."""
    script = (
        "import asyncio, time; t = time.perf_counter(); import helpers; "
        "print(time.perf_counter() - t)"
    )
    run = [sys.executable, "-c", script]
    compiled = os.environ | {"PYTHONDONTWRITEBYTECODE": ""}  # as for a user, from the second time
    return statistics.median(
        float(subprocess.check_output(run, cwd=ROOT, env=compiled)) for _ in range(repeats)
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    print(f"Python {platform.python_version()}, {platform.system()}, median of {repeats}")
    print("| what | seconds | of its limit | bytes |")
    print("|---|---|---|---|")
    seconds = importing(repeats)
    print(f"| import helpers | {seconds:.4f} | {seconds / 0.08:.2f} | |")
    for tasks in (4, 100, 1000, 10_000, 100_000):
        trace = asyncio.run(record(crowd(tasks), clock="real"))
        seconds, size = drawn(trace, repeats)
        limit = 0.7 if tasks == 100_000 else 1.0
        of = seconds / limit
        print(f"| {tasks:,} tasks, trace to figure | {seconds:.3f} | {of:.2f} | {size:,} |")
    for lanes in (1, 40, 1000):
        program = many_steps(lanes, 1_000_000 // lanes)
        trace = asyncio.run(record(program, clock="real", max_steps=2_000_000))
        seconds, size = drawn(trace, repeats)
        what = f"a million steps of {lanes:,} lanes"
        print(f"| {what}, trace to figure | {seconds:.3f} | {seconds:.2f} | {size:,} |")
        print(f"| {what}, trace to text | {told(trace):.3f} | | |")
    seconds = shown(asyncio.run(record(crowd(990), clock="real")), repeats)
    print(f"| 990 tasks, trace to film | {seconds:.3f} | {seconds / 0.15:.2f} | |")


if __name__ == "__main__":
    main()
