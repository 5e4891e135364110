"""`record` in a real kernel, where Stop is a signal and cells follow each other in one process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.manager import AsyncKernelManager

IMPORTS = """
import asyncio, threading
from helpers import record

log = []
opened = threading.Event()

async def spin():
    print("begun")
    while True:
        pass

async def block():
    print("begun")
    opened.wait()

async def sleep():
    print("begun")
    await asyncio.Event().wait()

async def wait():
    try:
        await asyncio.Event().wait()
    finally:
        log.append("tidied")
"""
BEGIN = """
async def main():
    async with asyncio.TaskGroup() as group:
        group.create_task(wait())
        group.create_task({work}())

await record(main(), clock="{clock}")
"""
# A blocking call cannot be ended from outside; its thread is gone when it is back.
LEFT = """
opened.set()
for thread in threading.enumerate():
    if thread.name.startswith("task-cards"):
        await asyncio.to_thread(thread.join)
print(log)
"""
GOES_ON = "trace = await record(asyncio.sleep(2)); print(trace.duration)"


class Kernel:
    """A kernel as a notebook has it."""

    def __init__(self, manager: AsyncKernelManager, client: AsyncKernelClient) -> None:
        self.manager, self.client = manager, client
        self.shown: list[str] = []  # the text of what cells displayed

    async def follow(self, request: str, until: str = "") -> str:
        """What a cell prints, up to the word `until` or to its end."""
        printed = ""
        while True:
            message = await self.client.get_iopub_msg(timeout=60)
            if message["parent_header"].get("msg_id") != request:
                continue
            content: dict[str, Any] = message["content"]
            printed += str(content.get("text", ""))
            if "data" in content:
                self.shown.append(content["data"]["text/plain"])
            if (until and until in printed) or content.get("execution_state") == "idle":
                return printed

    async def answer(self, request: str) -> dict[str, Any]:
        """How a cell ended."""
        while True:
            reply = await self.client.get_shell_msg(timeout=60)
            if reply["parent_header"].get("msg_id") == request:
                return dict(reply["content"])

    async def run(self, code: str) -> str:
        """Run a cell to its end; what it printed."""
        return await self.follow(self.client.execute(code))


@asynccontextmanager
async def kernel() -> AsyncIterator[Kernel]:
    """A fresh kernel, shut down at the end."""
    manager = AsyncKernelManager(kernel_name="python3")
    await manager.start_kernel()
    client = manager.client()
    client.start_channels()
    try:
        await client.wait_for_ready(timeout=120)
        yield Kernel(manager, client)
    finally:
        client.stop_channels()
        await manager.shutdown_kernel(now=True)


@pytest.mark.parametrize(
    ("clock", "work"),
    [("real", "sleep"), ("real", "block"), ("real", "spin"), ("virtual", "spin")],
)
def test_stop_ends_a_cell_and_everything_that_its_run_began(clock: str, work: str) -> None:
    async def main() -> None:
        async with kernel() as book:
            await book.run(IMPORTS)
            request = book.client.execute(BEGIN.format(clock=clock, work=work))
            assert "begun" in await book.follow(request, until="begun")
            await book.manager.interrupt_kernel()
            ended = await book.answer(request)  # what blocks goes on meanwhile
            assert ended["status"] == "error"
            assert ended["ename"] == "CancelledError"
            (sentence,) = ended["traceback"]
            assert sentence.startswith("CancelledError: the run was stopped")
            await book.follow(request)
            assert len(book.shown) == 1, "the timeline so far, once"
            assert "main" in book.shown[0]
            assert await book.run(LEFT) == "['tidied']\n"
            assert await book.run(GOES_ON) == "2.0\n", "the kernel goes on"

    asyncio.run(main())
