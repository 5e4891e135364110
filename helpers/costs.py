"""What a unit of concurrency costs on this machine: time and memory of n threads, or of n tasks.

A unit waits 10 ms, a thread in `time.sleep`, a task in `asyncio.sleep`. Every figure comes from a
fresh process: in a process that has made 1000 threads before, the next 1000 are cheaper. Time is
from before the first unit is made until the last is done. Memory is by how much the resident memory
of the process has grown when all units are alive at once. A thread's stack in the kernel is not in
it (16 kB more on Linux). Times and sizes differ from machine to machine; only relations are stable.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from helpers._cost_child import NoAnswer, ask
from helpers._cost_probe import KINDS

WAIT = 0.01
# Beyond these a machine may be out of action for a while, and nothing more is learned.
MOST = {"thread": 20_000, "thread_pool": 10_000, "task": 100_000, "task_group": 100_000}

# (how many are done, of how many, a sentence)
Progress = Callable[[int, int, str], object]


@dataclass(frozen=True, slots=True)
class Cost:
    """What n units of one kind cost: medians of the repeats. None where `note` says why not.

    seconds: from before the first is made until the last is done; `making` is the part until all
    are made. bytes: growth of resident memory with all alive; virtual_bytes: of address space, most
    of it never touched. threads: OS threads of the process with all units alive.
    """

    kind: str
    n: int
    seconds: float | None = None
    making: float | None = None
    bytes: int | None = None
    virtual_bytes: int | None = None
    threads: int | None = None
    note: str = ""

    @property
    def seconds_per_unit(self) -> float | None:
        return None if self.seconds is None else self.seconds / self.n

    @property
    def bytes_per_unit(self) -> float | None:
        return None if self.bytes is None else self.bytes / self.n

    def __str__(self) -> str:
        if self.seconds is None:
            return f"{self.kind} × {self.n:,}: {self.note}"
        memory = f"{as_size(self.bytes)} of memory, {as_size(self.bytes_per_unit)} each"
        return f"{self.kind} × {self.n:,}: {as_time(self.seconds)}, {self.note or memory}"


class Costs(tuple[Cost, ...]):
    """Several costs, in the order measured. As text it is a table."""

    __slots__ = ()

    def of(self, kind: str) -> Costs:
        """The costs of one kind alone."""
        return Costs(cost for cost in self if cost.kind == kind)

    def __str__(self) -> str:
        head = ("kind", "units", "time", "memory", "time/unit", "memory/unit", "OS threads")
        rows = [head, *map(_row, self)]
        wide = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join([row[0].ljust(wide[0]), *map(str.rjust, row[1:], wide[1:])]) for row in rows
        ]
        notes = [f"{cost.kind} × {cost.n:,}: {cost.note}" for cost in self if cost.note]
        return "\n".join([*lines, *notes, "memory: resident, all units alive; no kernel stacks"])

    __repr__ = __str__


def _row(cost: Cost) -> tuple[str, ...]:
    threads = "–" if cost.threads is None else f"{cost.threads:,}"
    times = as_time(cost.seconds), as_size(cost.bytes)
    each = as_time(cost.seconds_per_unit), as_size(cost.bytes_per_unit)
    return cost.kind, f"{cost.n:,}", *times, *each, threads


async def measure(kind: str, n: int, *, repeats: int = 3, limit: float = 60.0) -> Cost:
    """Measure n units of a kind ("thread", "task", "thread_pool", "task_group") in fresh processes.

    The event loop stays free meanwhile. `limit` is in seconds, for each of the 2 x repeats
    processes. What the machine refuses or cannot tell is said in the Cost's note, as is a number
    beyond what is tried (20,000 threads, 10,000 jobs of a pool, 100,000 tasks). When cancelled it
    leaves no process. ValueError: unknown kind, or a number below 1.
    """
    _check(kind, n, repeats, limit)
    if n > MOST[kind]:
        return Cost(kind, n, note=f"not tried: more than {MOST[kind]:,} of this kind")
    try:
        times = [await ask(kind, n, str(WAIT), limit) for _ in range(repeats)]
    except NoAnswer as reason:
        return Cost(kind, n, note=str(reason))
    seconds = median(each["seconds"] for each in times)
    making = median(each["making"] for each in times)
    try:
        grown = _growth_of_memory([await ask(kind, n, "hold", limit) for _ in range(repeats)])
    except NoAnswer as reason:
        return Cost(kind, n, seconds, making, note=f"memory is not known: {reason}")
    return Cost(kind, n, seconds, making, **grown)


async def measure_all(
    counts: Sequence[int] = (10, 100, 1000, 10_000),
    kinds: Sequence[str] = ("thread", "task"),
    *,
    repeats: int = 3,
    limit: float = 60.0,
    progress: Progress | None = None,
) -> Costs:
    """Measure every kind with every count, one process after another; see `measure`.

    `progress(done, total, sentence)` is called before each measurement and after the last.
    """
    plan = [(kind, n) for n in counts for kind in kinds]
    for kind, n in plan:
        _check(kind, n, repeats, limit)
    tell = progress or (lambda done, total, sentence: None)
    costs: list[Cost] = []
    for kind, n in plan:
        before = f"{costs[-1]}; " if costs else ""
        tell(len(costs), len(plan), f"{before}now {kind} × {n:,}")
        costs.append(await measure(kind, n, repeats=repeats, limit=limit))
    tell(len(costs), len(plan), f"{costs[-1]}; done" if costs else "nothing to measure")
    return Costs(costs)


def _growth_of_memory(readings: list[dict[str, Any]]) -> dict[str, Any]:
    grown: dict[str, Any] = {"threads": readings[-1]["alive"]["threads"]}
    for key, name in (("resident", "bytes"), ("virtual", "virtual_bytes")):
        pairs = [(each["before"][key], each["alive"][key]) for each in readings]
        if all(None not in pair for pair in pairs):
            # Less than nothing would be pages that the system took back meanwhile.
            grown[name] = max(0, round(median(alive - before for before, alive in pairs)))
    if "bytes" not in grown:
        grown["note"] = "memory is not known: this system does not tell it, and psutil is missing"
    return grown


def _check(kind: str, n: int, repeats: int, limit: float) -> None:
    if kind not in KINDS:
        raise ValueError(f"kind is {kind!r}; one of {', '.join(KINDS)} was expected")
    for name, value in (("n", n), ("repeats", repeats)):
        if type(value) is not int or value < 1:
            raise ValueError(f"{name} is {value!r}; a whole number from 1 was expected")
    if type(limit) not in (int, float) or not 0 < limit < math.inf:
        raise ValueError(f"limit is {limit!r}; seconds above 0 were expected")


@dataclass(frozen=True, slots=True)
class PerUnit:
    """What one more unit costs, in seconds and in bytes. None where it was not measured."""

    seconds: float | None
    bytes: float | None

    def __str__(self) -> str:
        return f"{as_time(self.seconds)} and {as_size(self.bytes)} for each further unit"


def per_unit(costs: Iterable[Cost]) -> dict[str, PerUnit]:
    """What one more unit of each kind costs: the slope from the smallest to the largest count.

    So what all share, the 10 ms of waiting and the interpreter, is not in it. With a single count
    it is the total divided by that.
    """
    costs = list(costs)
    kinds = dict.fromkeys(cost.kind for cost in costs)
    return {
        kind: PerUnit(
            _slope([(c.n, c.seconds) for c in costs if c.kind == kind]),
            _slope([(c.n, c.bytes) for c in costs if c.kind == kind]),
        )
        for kind in kinds
    }


def _slope(points: Iterable[tuple[int, float | None]]) -> float | None:
    known = sorted((n, value) for n, value in points if value is not None)
    if not known:
        return None
    (n0, low), (n1, high) = known[0], known[-1]
    return (high - low) / (n1 - n0) if n1 > n0 else high / n1


@dataclass(frozen=True, slots=True)
class Growth:
    """The line through points on logarithmic axes: cost = factor * n ** exponent."""

    exponent: float
    factor: float

    def at(self, n: float) -> float:
        """The cost that the line has at n."""
        return float(self.factor * n**self.exponent)


def growth(points: Iterable[tuple[float, float | None]]) -> Growth:
    """Fit how cost grows with n: least squares of log cost over log n.

    An exponent of 1: twice as many cost twice as much. Points (n, None) are left out. ValueError:
    fewer than two different n, or a number that has no logarithm.
    """
    known = [(n, cost) for n, cost in points if cost is not None]
    for n, cost in known:
        if not (0 < n < math.inf and 0 < cost < math.inf):
            raise ValueError(f"numbers above 0 were expected, but got the point {(n, cost)}")
    if len({n for n, _ in known}) < 2:
        raise ValueError(f"growth needs two different n at least, but got {known}")
    xs, ys = [math.log(n) for n, _ in known], [math.log(cost) for _, cost in known]
    x0, y0 = sum(xs) / len(xs), sum(ys) / len(ys)
    spread = sum((x - x0) ** 2 for x in xs)
    exponent = sum((x - x0) * (y - y0) for x, y in zip(xs, ys, strict=True)) / spread
    return Growth(exponent, math.exp(y0 - exponent * x0))


def as_time(seconds: float | None) -> str:
    """A time with its unit, to three digits: s, ms or µs."""
    return _scaled(seconds, ((1, "s"), (1e-3, "ms"), (1e-6, "µs")))


def as_size(count: float | None) -> str:
    """A number of bytes with its unit, to three digits: 1 kB is 1000 bytes."""
    return _scaled(count, ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1, "B")))


def _scaled(value: float | None, units: Sequence[tuple[float, str]]) -> str:
    if value is None:
        return "–"
    scale, unit = next((each for each in units if abs(value) >= each[0]), units[-1])
    number = value / scale
    return f"{number:,.0f} {unit}" if abs(number) >= 99.5 else f"{number:.3g} {unit}"
