"""Hold a class on a JupyterHub of its own, and print what it needs of its server.

    python -m tests.classroom --learners 20

Takes minutes. Threads are counted on the whole machine, so let nothing else run.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from statistics import median

import psutil

from tests.classroom.day import hold_class
from tests.classroom.hub import PROXY

LOOK = 0.02  # seconds between two looks at the threads
LOOK_AT_MEMORY = 1.0  # which takes long itself


class Watch:
    """Looks at the class again and again: what all take together, and the largest seat."""

    def __init__(self) -> None:
        self.ends = threading.Event()
        self.before = threads()
        self.threads = self.all = self.seat_rss = self.seat_pss = 0  # at most

    def look_at_threads(self) -> None:
        while not self.ends.wait(LOOK):
            self.threads = max(self.threads, threads() - self.before)

    def look_at_memory(self) -> None:
        """Add up the memory of all processes that this one has started, and of each seat."""
        while not self.ends.wait(LOOK_AT_MEMORY):
            known = memory(psutil.Process().children(recursive=True))
            self.all = max(self.all, sum(pss for _, pss in known.values()))
            for server in known:
                with suppress(psutil.Error):  # it has ended
                    if "jupyterhub.singleuser" in server.cmdline():
                        seat = [known.get(each, (0, 0)) for each in children(server)]
                        self.seat_rss = max(self.seat_rss, sum(rss for rss, _ in seat))
                        self.seat_pss = max(self.seat_pss, sum(pss for _, pss in seat))


def children(server: psutil.Process) -> list[psutil.Process]:
    """A process and all that it has started."""
    return [server, *server.children(recursive=True)]


def memory(processes: list[psutil.Process]) -> dict[psutil.Process, tuple[int, int]]:
    """The resident bytes of each that is still alive, and its part of what it shares."""
    known = {}
    for process in processes:
        try:
            info = process.memory_full_info()
        except psutil.Error:
            continue
        known[process] = info.rss, info.pss
    return known


def threads() -> int:
    """How many threads the machine has."""
    return int(Path("/proc/loadavg").read_text(encoding="ascii").split()[3].partition("/")[2])


def main() -> int:
    """Hold the class and print its figures; 1 if a learner saw what the lesson does not show."""
    parser = argparse.ArgumentParser("python -m tests.classroom", description=__doc__)
    parser.add_argument("--learners", type=int, default=20)
    learners = parser.parse_args().learners
    if not PROXY.is_file():
        parser.error(f"There is no {PROXY}: run `npm install` in tests/pyodide.")
    watch, began = Watch(), time.monotonic()
    looks = [
        threading.Thread(target=each) for each in (watch.look_at_threads, watch.look_at_memory)
    ]
    for look in looks:
        look.start()
    try:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            facts = asyncio.run(hold_class(Path(folder), learners))
    finally:
        watch.ends.set()
    for look in looks:
        look.join()

    def mb(size: float) -> str:
        return f"{size / 2**20:.0f} MiB"

    for moment, usages in {"no kernel": facts.empty, "two kernels, done": facts.worked}.items():
        rss, pss, count = (median(each) for each in zip(*usages, strict=True))
        print(f"a seat with {moment}: {mb(rss)}, {mb(pss)} of its own; {count:.0f} threads")
    print(f"the largest seat at any moment: {mb(watch.seat_rss)}, {mb(watch.seat_pss)}")
    print(f"the sum of each process's own peak, at most: {mb(max(facts.peaks))}")
    print(f"all together, with hub and proxy, at most: {mb(watch.all)}")
    print(f"threads more on this machine than before, at most: {watch.threads:,}")
    print(f"culled: {facts.culled} of {learners}; left behind: {len(facts.left)} processes")
    print(f"{learners} learners, two lessons each: {facts.took:.0f} s; the class: "
          f"{time.monotonic() - began:.0f} s")  # fmt: skip
    print(f"different cells: {len(facts.different)}", *facts.different[:10], sep="\n")
    return 1 if facts.different else 0


if __name__ == "__main__":
    raise SystemExit(main())
