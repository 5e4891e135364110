"""One class from its first minute to its end, and what was seen of it."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.classroom.hub import Hub
from tests.classroom.seat import Seat, Usage, all_at_once
from tests.conftest import still_alive

LESSONS = "01", "04"
CHANGED, LEFT_ALONE = "02_spawn.ipynb", "03_not_blocking.ipynb"
MINE, NEW = "# my own note", "A sentence that is new."


@dataclass
class Facts:
    """What a class showed."""

    ran: int = 0  # cells, of all learners
    different: list[str] = field(default_factory=list)  # cells that are not as committed
    empty: list[Usage] = field(default_factory=list)  # of each seat, before its first kernel
    worked: list[Usage] = field(default_factory=list)  # with both kernels, when both are done
    took: float = 0.0  # seconds, from the first cell to the last one
    peaks: list[int] = field(default_factory=list)  # bytes that each seat had at most
    culled: int = 0  # seats that were stopped because nobody used them
    kept: bool = False  # what a learner changed was there after a stop and an update
    brought: bool = False  # what the author changed was there too
    left: list[psutil.Process] = field(default_factory=list)  # alive after the hub's end


async def hold_class(folder: Path, learners: int) -> Facts:
    """All sit down, run lessons 01 and 04 at once, leave, and one comes back to a newer course."""
    names = [f"learner{n:02}" for n in range(1, learners + 1)]
    facts = Facts()
    async with Hub(folder, names) as hub:
        seats = [Seat(hub, name) for name in names]
        await asyncio.gather(*map(hub.start, names))
        first = seats[0]
        mine = await first.notebook(CHANGED)
        mine.cells[-1].source += f"\n{MINE}"
        await first.save(CHANGED, mine)
        linux = sys.platform == "linux"  # elsewhere nobody tells what is shared, nor a peak
        facts.empty = [await seat.usage() for seat in seats if linux]
        began = time.monotonic()
        facts.different = await all_at_once(seats, *LESSONS)
        facts.ran = sum(seat.ran for seat in seats)
        facts.took = time.monotonic() - began
        facts.worked = [await seat.usage() for seat in seats if linux]
        facts.peaks = [await seat.peak() for seat in seats if linux]

        servers = [await hub.server(name) for name in names]
        await hub.cull()
        facts.culled = len(servers) - len(await asyncio.to_thread(still_alive, servers, 60))
        assert hub.culler
        hub.culler.terminate()
        await hub.culler.wait()

        await hub.stopped(first.name)
        for name in (CHANGED, LEFT_ALONE):
            write_into(hub.course / "notebooks" / name)
        await hub.start(first.name)
        facts.kept = MINE in (await first.notebook(CHANGED)).cells[-1].source
        facts.brought = NEW in (await first.notebook(LEFT_ALONE)).cells[0].source
    facts.left = hub.left
    return facts


def write_into(path: Path) -> None:
    """Change a lesson, as an author does."""
    notebook = json.loads(path.read_bytes())
    notebook["cells"][0]["source"] = [NEW]
    path.write_text(json.dumps(notebook), encoding="utf-8")
