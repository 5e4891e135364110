"""What a unit of concurrency costs on this machine: time and memory of n threads, or of n tasks.

A unit sleeps for 10 ms. Every figure comes from a fresh process: in one that has made 1000 threads
before, the next are cheaper. A thread's stack in the kernel (16 kB more on Linux) is in none.
"""

import asyncio
import json
import math
import operator
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from statistics import linear_regression
from typing import Any, NamedTuple, Self

from helpers.text import table

WAIT = 0.01
LIMIT = 60.0  # seconds for each process
# Beyond these a machine may be out of action for a while, and nothing more is learned.
MOST = {"thread": 20_000, "thread_pool": 10_000, "task": 100_000}
SIZES = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1, "B"))  # 1 kB is 1000 bytes
PROBE = Path(__file__).with_name("_cost_probe.py")


class Cost(NamedTuple):
    """What n units of one kind cost. None where `note` says why not."""

    kind: str
    n: int
    seconds: float | None = None  # from before the first is made until the last is done, at least
    bytes: int | None = None  # by which resident memory has grown when all are alive
    threads: int | None = None  # OS threads of the process when all are alive
    note: str = ""


class Costs(tuple[Cost, ...]):
    """Several costs, in the order measured. As text it is a table."""

    __slots__ = ()

    def of(self, kind: str) -> Self:
        """The costs of one kind alone."""
        return type(self)(cost for cost in self if cost.kind == kind)

    def __str__(self) -> str:
        rows = [["kind", "units", "time", "memory", "time/unit", "memory/unit", "OS threads"]]
        for kind, n, time, size, threads, _ in self:
            each = as_time(time and time / n), in_units(size and size / n)
            count = "–" if threads is None else f"{threads:,}"
            rows.append([kind, f"{n:,}", as_time(time), in_units(size), *each, count])
        lines = table(rows, "<>>>>>>")
        notes = [f"{cost.kind} × {cost.n:,}: {cost.note}" for cost in self if cost.note]
        return "\n".join([*lines, *notes, "memory: resident, all units alive; no kernel stacks"])

    __repr__ = __str__


async def measure(kind: str, n: int, *, repeats: int = 3) -> Cost:
    """Measure n units of a kind ("thread", "task" or "thread_pool") in fresh processes.

    The time is the least of the repeats, as a busy machine only adds to it. The loop stays free
    meanwhile. The note says what the machine refused, or that the number is beyond what is tried.
    """
    if n > MOST[kind]:
        return Cost(kind, n, note=f"not tried: more than {MOST[kind]:,} of this kind")
    # -E and -P: no PYTHON* variable (debug mode, tracemalloc) and no module beside the probe, such
    # as this package's own trace.py, may change what is measured.
    command = [sys.executable, "-E", "-P", str(PROBE), kind, str(n)]
    flags = getattr(subprocess, "CREATE_NO_WINDOW", 0)
    run = partial(subprocess.check_output, timeout=LIMIT, creationflags=flags)
    facts: list[dict[str, Any]] = []
    for wait in [*[str(WAIT)] * repeats, "hold"]:
        try:
            # In a thread: a Jupyter kernel's event loop on Windows cannot start processes.
            facts.append(json.loads(await asyncio.to_thread(run, [*command, wait])))
        except (OSError, subprocess.SubprocessError) as reason:
            return Cost(kind, n, note=str(reason))
        if "refused" in facts[-1]:
            return Cost(kind, n, note=facts[-1]["refused"])
    *timed, held = facts
    # Less than nothing would be pages that the system took back meanwhile.
    size = max(0, held["bytes"])
    return Cost(kind, n, min(one["seconds"] for one in timed), size, held["threads"])


async def measure_all(
    counts: Sequence[int] = (10, 100, 1000, 10_000),
    kinds: Sequence[str] = ("thread", "task"),
    *,
    repeats: int = 3,
    progress: Callable[[int, int, str], object] = lambda *_: None,
) -> Costs:
    """Measure every kind with every count, one process after another; see `measure`.

    `progress(done, total, sentence)` is called before each measurement and after the last.
    """
    costs: list[Cost] = []
    plan = [(kind, n) for n in counts for kind in kinds]
    for kind, n in plan:
        progress(len(costs), len(plan), f"now {kind} × {n:,}")
        costs.append(await measure(kind, n, repeats=repeats))
    progress(len(costs), len(plan), "done")
    return Costs(costs)


class PerUnit(NamedTuple):
    """What one more unit costs, in seconds and in bytes. None where no two counts were measured."""

    seconds: float | None
    bytes: float | None

    def __str__(self) -> str:
        return f"{as_time(self.seconds)} and {in_units(self.bytes)} for each further unit"


def per_unit(costs: Sequence[Cost]) -> dict[str, PerUnit]:
    """What one more unit of each kind costs: the slope from the smallest to the largest count.

    So what all share, the 10 ms of waiting and the interpreter, is not in it.
    """
    each = {cost.kind: PerUnit(None, None) for cost in costs}
    for kind in each:
        known = sorted(cost[1:4] for cost in costs if cost.kind == kind and not cost.note)
        if len(known) > 1:
            more, time, size = map(operator.sub, known[-1], known[0])
            each[kind] = PerUnit(time / more, size / more)
    return each


def growth(points: Iterable[tuple[float, float | None]]) -> float:
    """The exponent with which cost grows with n: least squares of log cost over log n.

    With 1, twice as many cost twice as much. Points (n, None) are left out.
    """
    logs = [(math.log(n), math.log(cost)) for n, cost in points if cost is not None]
    return linear_regression(*zip(*logs, strict=True)).slope


def as_time(seconds: float | None) -> str:
    """A time with its unit, to three digits: s, ms or µs."""
    return in_units(seconds, ((1, "s"), (1e-3, "ms"), (1e-6, "µs")))


def in_units(value: float | None, units: Sequence[tuple[float, str]] = SIZES) -> str:
    """A number of bytes, or of something else, in the unit that fits."""
    if value is None:
        return "–"
    scale, unit = next((each for each in units if abs(value) >= each[0]), units[-1])
    number = value / scale
    return f"{number:,.0f} {unit}" if abs(number) >= 99.5 else f"{number:.3g} {unit}"
