"""What the kitchen stands, and what it costs to record it.

python tests/benchmarks/kitchen.py            a trace of 10,000 requests, drawn and exported
python tests/benchmarks/kitchen.py storm      500 guests for 30 s, and every fault
python tests/benchmarks/kitchen.py cost       requests a second, plain and recorded
"""

import asyncio
import random
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

import psutil
from aiohttp import web

from helpers import record, timeline
from helpers.kitchen.evening import Guests, Load, Supplier, evening, report, way_of


class Storm(Supplier):
    """A supplier that fails in every way."""

    async def _answer(self, request: web.Request) -> web.Response:
        self.fault = random.choice(["error", "reset", "garbage", "hang"])
        return await super()._answer(request)


def trace() -> None:
    guests = Guests(50, 3600.0, requests=10_000)
    run = evening(guests=guests, supplier=Supplier(0.005), deadline=5.0)
    began = perf_counter()
    recorded = asyncio.run(record(run, clock="real", max_seconds=600, max_steps=2_000_000))
    took = perf_counter() - began
    print(report({"10,000 requests": recorded.result}))
    began = perf_counter()
    recorded._repr_mimebundle_()
    print(f"first look, from the log to the figure in a cell: {perf_counter() - began:.2f} s")
    steps = sum(len(lane.steps) for lane in recorded.lanes)
    print(f"recorded in {took:.1f} s: {len(recorded.lanes):,} lanes, {steps:,} steps")
    for name, chosen in (("whole", None), ("one request", way_of(recorded, 5000))):
        began = perf_counter()
        text = timeline(recorded, lanes=chosen).to_json()
        print(f"figure, {name}: {perf_counter() - began:.2f} s, {len(text) / 1e3:,.0f} kB")
    with tempfile.TemporaryDirectory() as folder:
        began = perf_counter()
        path = recorded.save(Path(folder, "evening.perfetto.json"))
        print(f"Perfetto: {perf_counter() - began:.2f} s, {path.stat().st_size / 1e6:.0f} MB")


def storm() -> None:
    process, sizes = psutil.Process(), list[float]()
    for seconds in (5.0, 30.0):
        guests = Guests(500, seconds, hang_up=0.1)
        load = asyncio.run(evening(guests=guests, supplier=Storm(0.02, 0.2), limit=200.0))
        print(report({f"500 guests, {seconds:g} s": load}), dict(load.outcomes), sep="\n")
        sizes.append(process.memory_info().rss / 1e6)
    print(f"memory: {sizes[0]:.0f} MB after the first, {sizes[1]:.0f} MB after the second")
    print(f"threads: {process.num_threads()}, files: {process.num_fds()}")


def cost() -> None:
    def once(*, recorded: bool) -> tuple[float, float]:
        run = evening(guests=Guests(40, 3600.0, requests=1500), supplier=Supplier(0.005))
        began = process_time()
        load: Load
        if recorded:
            load = asyncio.run(record(run, clock="real", max_steps=500_000)).result
        else:
            load = asyncio.run(run)
        return len(load.waits) / load.seconds, process_time() - began

    pairs = [(once(recorded=False), once(recorded=True)) for _ in range(5)]
    plain, recorded = (median(pair[n][0] for pair in pairs) for n in (0, 1))
    ratio = median(pair[1][1] / pair[0][1] for pair in pairs)
    print(f"served a second: {plain:.0f} plain, {recorded:.0f} recorded")
    print(f"recorded / plain in CPU seconds, guests and supplier too: {ratio:.2f}")


if __name__ == "__main__":
    {"storm": storm, "cost": cost}.get("".join(sys.argv[1:]), trace)()
