"""Recorded runs of real Tokio, the Rust program that made them, and the format it prints.

    load_recording("spawn", runtime="current_thread") -> Trace

`data/` has a file a run, `<scenario>.<runtime>.jsonl.gz`. Runtimes are `current_thread`,
`current_thread_paused` (the virtual clock), `multi_thread_2` and `multi_thread_4`. `recorder/` is
the Rust program, and `python -m tests.tokio.record` has it make them again.

A recording is version 1 of a trace file: JSON Lines, an object a line. Times are seconds from the
start of the run, tasks are small whole numbers (0 is main). The first line says what the file is;
any other field it has is kept in the trace's `about`:

    {"event": "meta", "format": "task-cards-trace", "version": 1, "source": "tokio",
     "clock": "real" or "virtual", "workers": 2, "events": how many lines follow,
     "scenario", "runtime", "tokio", "rustc", "date", "cores"}

The events follow in the order of time; those of one instant in the order in which they happened.
A poll stands where it starts, and what happens in it follows it. Fields in [brackets] may be left
out.

    {"event": "spawn", "task": 3, "name": "soup", "parent": 0 or null, "t": 0.1, "kind": "task"}
        Kinds: "task"; "branch", a future polled inside its parent (what a timeout wraps, an arm of
        select!); "blocking", work on a thread for such.
    {"event": "wake", "task": 3, "t": 0.2, "by": 0, "thread": "worker-1", ["due": 0.15]}
        "by" is a task, a word ("timer", "io", "thread", "start", ...) or null (not known). "due" is
        when a timer should have fired; a chef who is held sees it late.
    {"event": "poll", "task": 3, "start": 0.2, "end": 0.3, "thread": "worker-1",
     "result": "pending" or "ready" or "panic"}
    {"event": "cancel", "task": 3, "t": 0.4, "by": 0}
        Somebody asked the task to stop, or dropped the branch; "by" is a task, a word or null.
    {"event": "end", "task": 3, "t": 0.5, "outcome": "returned" or "cancelled" or "raised",
     ["error": "panic: burnt"]}
    {"event": "mark", "t": 0.5, "task": 0 or null, "text": "three cards are written"}
        A word that the program left.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Literal

from helpers import findings
from helpers.trace import Trace

DATA = Path(__file__).parent / "data"
_ENDING = ".jsonl.gz"


def load_recording(
    name: str,
    *,
    runtime: Literal["current_thread", "multi_thread"] = "current_thread",
    workers: int = 2,
    clock: Literal["real", "virtual"] = "real",
) -> Trace:
    """A run of the program `name` on real Tokio, as the same `Trace` that asyncio's runs give.

    `workers` (2 or 4) counts for multi_thread alone; current_thread has one. The virtual clock
    (Tokio's `start_paused`) is exact, and was recorded on current_thread alone. A name or runtime
    that was not recorded is a ValueError that lists what was.
    """
    runtimes = recorded()
    if name not in runtimes:
        known = ", ".join(sorted(runtimes))
        raise ValueError(f"there is no recording named {name!r}; there are {known}")
    endings = {"real": f"_{workers}" if runtime == "multi_thread" else "", "virtual": "_paused"}
    wanted = runtime + endings.get(clock, f" with the clock {clock!r}")
    if wanted not in runtimes[name]:
        known = ", ".join(sorted(runtimes[name]))
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
