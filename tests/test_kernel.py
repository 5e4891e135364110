"""`record` in a real kernel, where Stop is a signal and cells follow each other in one process."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager, start_new_kernel

IMPORTS = """
import asyncio, threading, time
from helpers import record

log = []

async def spin():
    while True:
        pass

async def block():
    time.sleep(4)

async def sleep():
    await asyncio.sleep(60)

async def wait():
    try:
        await asyncio.sleep(60)
    finally:
        log.append("tidied")
"""
BEGIN = """
async def main():
    print("begun")
    async with asyncio.TaskGroup() as group:
        group.create_task(wait())
        group.create_task({work}())

await record(main(), clock="{clock}")
"""
# A blocking call cannot be ended from outside; its thread is gone when it is back.
LEFT = """
deadline = time.monotonic() + 10
mine = lambda: [t.name for t in threading.enumerate() if t.name.startswith("task-cards")]
while mine() and time.monotonic() < deadline:
    await asyncio.sleep(0.05)
print(log, mine())
"""


@pytest.fixture(scope="module")
def kernel() -> Iterator[tuple[KernelManager, BlockingKernelClient]]:
    """A kernel as a notebook has it, shut down at the end of the module."""
    manager, client = start_new_kernel(kernel_name="python3")
    try:
        yield manager, client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def follow(client: BlockingKernelClient, request: str, until: str = "") -> str:
    """What a cell prints, up to the word `until` or to its end."""
    printed = ""
    while True:
        message = client.get_iopub_msg(timeout=60)
        if message["parent_header"].get("msg_id") != request:
            continue
        content = message["content"]
        printed += content.get("text", "")
        if (until and until in printed) or content.get("execution_state") == "idle":
            return printed


def answer(client: BlockingKernelClient, request: str) -> dict[str, Any]:
    """How a cell ended."""
    while True:
        reply: dict[str, Any] = client.get_shell_msg(timeout=60)
        if reply["parent_header"].get("msg_id") == request:
            return dict(reply["content"])


def run(client: BlockingKernelClient, code: str) -> str:
    """Run a cell to its end; what it printed."""
    return follow(client, client.execute(code))


@pytest.mark.parametrize(
    ("clock", "work"),
    [("real", "sleep"), ("real", "block"), ("real", "spin"), ("virtual", "spin")],
)
def test_stop_ends_a_cell_and_everything_that_its_run_began(
    kernel: tuple[KernelManager, BlockingKernelClient], clock: str, work: str
) -> None:
    manager, client = kernel
    run(client, IMPORTS)
    request = client.execute(BEGIN.format(clock=clock, work=work))
    assert "begun" in follow(client, request, until="begun")
    time.sleep(0.3)  # let the run come to its waiting, its blocking call or its endless loop
    pressed = time.monotonic()
    manager.interrupt_kernel()
    ended = answer(client, request)
    took = time.monotonic() - pressed
    assert ended["status"] == "error"
    assert ended["ename"] in ("KeyboardInterrupt", "CancelledError")
    # A second, and what a busy machine adds; the run itself would take a minute or never end.
    assert took < 3, f"the cell was held for {took:.1f} s"
    assert run(client, LEFT) == "['tidied'] []\n"


def test_the_kernel_goes_on_after_a_stop(
    kernel: tuple[KernelManager, BlockingKernelClient],
) -> None:
    _, client = kernel
    run(client, IMPORTS)
    printed = run(client, "trace = await record(asyncio.sleep(2)); print(trace.duration)")
    assert printed == "2.0\n"
