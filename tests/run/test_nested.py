"""A program that nest_asyncio lets run the loop inside a step does the same when it is recorded."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

# Each in a process of its own: what nest_asyncio swaps stays swapped.
PROGRAM = """
import asyncio, json, sys
import nest_asyncio{two} as nest_asyncio
from helpers import record
from helpers.run import loop as loops

said, beside = [], []

async def boil(name, seconds):
    said.append(f"{{name}} in")
    await asyncio.sleep(seconds)
    said.append(f"{{name}} done")
    return name

async def dinner():
    async with asyncio.TaskGroup() as group:
        group.create_task(boil("rice", 0.2))
        group.create_task(boil("peas", 0.1))
    return "dinner"

async def main():
    nest_asyncio.apply()
    cooking = asyncio.create_task(cook())
    # The turn of the loop in which cook runs it again has these to take up as well.
    beside[:] = [asyncio.create_task(boil(f"beside {{n}}", 0)) for n in range(3)]
    return await cooking

async def cook():
    loop = asyncio.get_running_loop()
    results = [loop.run_until_complete(boil("soup", 0.3)), asyncio.run(dinner())]
    await asyncio.sleep(0.1)
    return results + loop.run_until_complete(asyncio.gather(*beside))

async def later():
    await asyncio.sleep(1)
    return "later"

def own_methods():
    return [vars(kind).keys() & {{"run_forever", "_run_once"}} for kind in (
        loops.VirtualRecordingLoop, loops.RealRecordingLoop)] == [set(), set()]

def in_a_new_loop(coro):
    with asyncio.Runner() as runner:
        return runner.get_loop().run_until_complete(coro)

told = []
first = sys.argv[1]
if first == "kernel":
    asyncio.set_event_loop(asyncio.new_event_loop())
    nest_asyncio.apply()
for clock in ("virtual", "real", "virtual"):
    said.clear()
    if first == "plain":
        result, steps, findings, again = in_a_new_loop(main()), [], [], "later"
    else:
        trace = in_a_new_loop(record(main(), clock=clock))
        result = trace.result
        steps = [[name, trace.task(name).polls] for name in ("cook", "boil 4", "dinner")]
        findings = [str(finding) for finding in trace.findings]
        again = in_a_new_loop(record(later(), clock="virtual")).result
    told.append([result, list(said), again, own_methods(), steps, findings])
print(json.dumps(told))
"""


def ran(first: str) -> list[Any]:
    """What the program tells for each of three runs."""
    two = "2" if sys.version_info >= (3, 14) else ""
    run = [sys.executable, "-c", PROGRAM.format(two=two), first]
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told: list[Any] = json.loads(done.stdout)
    return told


@pytest.mark.parametrize("first", ["cell", "kernel"])
def test_a_loop_that_runs_inside_a_step_does_what_it_does_unrecorded(first: str) -> None:
    plain = ran("plain")
    assert plain[0][0] == ["soup", "dinner", "beside 0", "beside 1", "beside 2"]
    recorded = ran(first)
    assert [each[:4] for each in recorded] == [each[:4] for each in plain]
    for *_, steps, findings in recorded:
        # Its two steps are cut in two by each run inside them.
        assert steps == [["cook", 5], ["boil 4", 2], ["dinner", 2]]
        assert findings == [
            "`cook` ran the loop inside a step of its own, as nest_asyncio lets it: nested running "
            "is not drawn, and the step is shown as two. Await the coroutine instead."
        ]
