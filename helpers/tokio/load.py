"""`load_recording`: a run of real Tokio, by its name."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Literal

from helpers import findings
from helpers.tokio import files
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
    folder = recorded()
    if name not in folder:
        known = ", ".join(sorted(folder))
        raise ValueError(f"there is no recording named {name!r}; there are {known}")
    wanted = _runtime_name(runtime, workers, clock)
    if wanted not in folder[name]:
        known = ", ".join(sorted(folder[name]))
        raise ValueError(f"{name!r} was not recorded on {wanted}; it was on {known}")
    trace = files.load(DATA / f"{name}.{wanted}{_ENDING}")
    return dataclasses.replace(trace, findings=findings.find(trace))


def recorded() -> dict[str, list[str]]:
    """The names of the recordings, each with the runtimes it was recorded on."""
    found: dict[str, list[str]] = {}
    for path in sorted(DATA.glob(f"*{_ENDING}")):
        name, _, runtime = path.name.removesuffix(_ENDING).partition(".")
        found.setdefault(name, []).append(runtime)
    return found


def _runtime_name(runtime: str, workers: int, clock: str) -> str:
    """The runtime as it is called in the names of files."""
    if runtime not in ("current_thread", "multi_thread"):
        raise ValueError(f"runtime is {runtime!r}; expected 'current_thread' or 'multi_thread'")
    if clock not in ("real", "virtual"):
        raise ValueError(f"clock is {clock!r}; expected 'real' or 'virtual'")
    if runtime == "current_thread":
        return runtime if clock == "real" else f"{runtime}_paused"
    if clock == "virtual":
        raise ValueError("Tokio's clock can be paused on current_thread alone, not on multi_thread")
    return f"{runtime}_{workers}"
