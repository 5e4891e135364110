"""One measurement in a fresh process: started, awaited, checked, and ended when it is not wanted.

A thread waits for the process, not the event loop: in a Jupyter kernel on Windows the loop is one
that cannot start processes.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

PROBE = Path(__file__).with_name("_cost_probe.py")


class NoAnswer(Exception):
    """The process gave no measurement; the sentence says why."""


def command(kind: str, n: int, wait: str) -> list[str]:
    # -E and -P: no PYTHON* variable (debug mode, tracemalloc) and no module beside the probe, such
    # as this package's own trace.py, may change what is measured.
    return [sys.executable, "-E", "-P", str(PROBE), kind, str(n), wait]


async def ask(kind: str, n: int, wait: str, limit: float) -> dict[str, Any]:
    """What the probe measured: see there. The process has ended and is reaped when this returns.

    NoAnswer if there is none within `limit` seconds. Cancelled, it kills the process first.
    """
    try:
        child = subprocess.Popen(
            command(kind, n, wait),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except OSError as reason:
        raise NoAnswer(f"no process could be started here: {reason}") from reason
    # A pool of its own: the loop's may be full of other work.
    pool = ThreadPoolExecutor(1, "cost")
    talk = asyncio.get_running_loop().run_in_executor(pool, _talk, child, limit)
    try:
        out, err = await asyncio.shield(talk)
    finally:
        child.kill()  # does nothing if it has ended
        await _ended(talk)
        pool.shutdown()
    return checked(out, err, child.returncode, wait == "hold")


def _talk(child: subprocess.Popen[str], limit: float) -> tuple[str, str]:
    """What the process printed. It has been waited for when this returns."""
    try:
        return child.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()
        raise NoAnswer(f"the process was ended: no answer within {limit:g} s") from None


async def _ended(talk: asyncio.Future[Any]) -> None:
    """Wait for the thread: the process was killed, so it is soon over.

    It still runs only if this is a cancel on its way out, so a second cancel adds nothing to it.
    """
    while not talk.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait([talk])


def checked(out: str, err: str, code: int, hold: bool) -> dict[str, Any]:
    """The answer as it was printed, if it is one; NoAnswer, in a sentence, if not."""
    if not out.strip():
        said = err.strip().splitlines()[-1:] or ["it said nothing"]
        how = f"was ended by signal {-code}" if code < 0 else f"ended with code {code}"
        raise NoAnswer(f"the process {how} and gave no measurement: {said[0]}")
    try:
        facts = json.loads(out)
        if "refused" in facts:
            made, reason = int(facts["made"]), str(facts["refused"])
            raise NoAnswer(f"the system refused to make more than {made}: {reason}")
        good = _good_memory(facts) if hold else _good_times(facts)
    except (ValueError, TypeError, KeyError):
        good = False
    if not good:
        text = out.strip()
        text = text if len(text) < 60 else text[:57] + "..."
        raise NoAnswer(f"the process answered {text!r}, which is no measurement")
    return dict(facts)


def _good_times(facts: dict[str, Any]) -> bool:
    seconds, making = facts["seconds"], facts["making"]
    numbers = all(type(x) in (int, float) and math.isfinite(x) for x in (seconds, making))
    return numbers and 0 <= making <= seconds and seconds > 0


def _good_memory(facts: dict[str, Any]) -> bool:
    return all(
        value is None or (type(value) is int and value > 0)
        for moment in ("before", "alive")
        for value in (facts[moment][key] for key in ("resident", "virtual", "threads"))
    )
