"""Recorded runs of real Tokio, and the Rust program that made them.

    load_recording("spawn", runtime="current_thread") -> Trace

`data/` has a file a run, `<scenario>.<runtime>.jsonl.gz`. Runtimes are `current_thread`,
`current_thread_paused` (the virtual clock), `multi_thread_2` and `multi_thread_4`. `recorder/` is
the Rust program; its README describes the format, and how to make them again.
"""

import dataclasses
from pathlib import Path

from helpers import findings
from helpers.trace import Trace

DATA = Path(__file__).parent / "data"
_ENDING = ".jsonl.gz"


def load_recording(
    name: str, *, runtime: str = "current_thread", workers: int = 2, clock: str = "real"
) -> Trace:
    """A run of the program `name` on real Tokio, as the same `Trace` that asyncio's runs give.

    `workers` (2 or 4) counts for multi_thread alone; current_thread has one. The virtual clock
    (Tokio's `start_paused`) is exact, and was recorded on current_thread alone. A name or runtime
    that was not recorded is a ValueError that lists what was.
    """
    runtimes = recorded()
    if name not in runtimes:
        raise ValueError(f"there is no recording named {name!r}; there are {', '.join(runtimes)}")
    endings = {"real": f"_{workers}" if runtime == "multi_thread" else "", "virtual": "_paused"}
    wanted = runtime + endings.get(clock, f" with the clock {clock!r}")
    if wanted not in runtimes[name]:
        known = ", ".join(runtimes[name])
        raise ValueError(f"{name!r} was not recorded on {wanted}; it was on {known}")
    trace = Trace.load(DATA / f"{name}.{wanted}{_ENDING}")
    return dataclasses.replace(trace, findings=findings.find(trace))


def recorded() -> dict[str, list[str]]:
    """The names of the recordings, each with the runtimes it was recorded on."""
    runtimes: dict[str, list[str]] = {}
    for path in sorted(DATA.glob(f"*{_ENDING}")):
        name, _, runtime = path.name.removesuffix(_ENDING).partition(".")
        runtimes.setdefault(name, []).append(runtime)
    return runtimes
