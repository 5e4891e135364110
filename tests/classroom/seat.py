"""A learner's seat: lessons that are run on their own server, and compared as nbval does."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
import psutil

from tests.browser.server import PROJECT
from tests.classroom.hub import FOLDER, Hub

IGNORED = "# NBVAL_IGNORE_OUTPUT"
# The largest process that the kernel has waited for: a measurement of lesson 01, or a judge.
LARGEST_CHILD = (
    "import resource; print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)"
)


class Usage(NamedTuple):
    """What the processes of a seat take: bytes, and threads, each of which is a pid."""

    rss: int
    pss: int  # a page that several processes share is counted once
    threads: int


class Seat:
    """One learner at the hub, by name."""

    def __init__(self, hub: Hub, name: str) -> None:
        self.hub, self.name = hub, name
        self.url = f"{hub.url}/user/{name}/api"
        self.ran = 0  # cells
        self.children: list[int] = []  # bytes of each kernel's largest child

    async def ask(self, method: str, path: str, **given: Any) -> Any:
        """What the API of the learner's own server answers."""
        async with self.hub.web.request(method, f"{self.url}/{path}", **given) as response:
            return await response.json(content_type=None)

    async def notebook(self, name: str) -> nbformat.NotebookNode:
        """The learner's copy of a lesson."""
        answer = await self.ask("GET", f"contents/{FOLDER}/{name}")
        copy: nbformat.NotebookNode = nbformat.from_dict(answer["content"])
        return copy

    async def save(self, name: str, notebook: nbformat.NotebookNode) -> None:
        """Save the learner's copy of a lesson, as Ctrl+S does."""
        model = {"type": "notebook", "content": notebook}
        await self.ask("PUT", f"contents/{FOLDER}/{name}", json=model)

    async def run(self, number: str) -> list[str]:
        """Run a lesson from top to bottom; a line for each cell that is not as committed."""
        path = committed(number)
        book = nbformat.read(path, as_version=4)
        copy = await self.notebook(path.name)
        kernel = {"name": "python3"}
        model = {"path": f"{FOLDER}/{path.name}", "name": "", "type": "notebook", "kernel": kernel}
        session = await self.ask("POST", "sessions", json=model)
        address = f"{self.url}/kernels/{session['kernel']['id']}/channels"
        different = []
        async with await self.connect(address) as socket:
            for n, (cell, right) in enumerate(zip(copy.cells, book.cells, strict=True)):
                if cell.cell_type == "code":
                    outputs = await execute(socket, cell.source)
                    self.ran += 1
                    different += [f"{self.name}, {path.name}, cell {n}: {why}"
                                  for why in differences(outputs, right)]  # fmt: skip
            said = seen(await execute(socket, LARGEST_CHILD))
        self.children.append(int(said["stdout"]))
        return different

    async def connect(self, address: str) -> Any:
        """A connection to a kernel that answers; one that ends at once is made again, as Lab does.

        Of the frames that a kernel sends as it starts, the proxy now and then spoils or loses one.
        """
        for _ in range(5):
            socket = await self.hub.web.ws_connect(address, max_msg_size=0)
            with suppress(ConnectionError, TimeoutError):
                async with asyncio.timeout(30):
                    await execute(socket, "")
                return socket
            await socket.close()
        raise ConnectionError(f"{address} did not answer five times.")

    async def usage(self) -> Usage:
        """What the server, its kernels and what they have started take now."""
        server = await self.hub.server(self.name)
        every = [server, *server.children(recursive=True)]
        rss = pss = threads = 0
        for process in every:
            with suppress(psutil.NoSuchProcess):  # a judge has ended meanwhile
                memory, more = process.memory_full_info(), process.num_threads()
                rss, pss, threads = rss + memory.rss, pss + memory.pss, threads + more
        return Usage(rss, pss, threads)

    async def peak(self) -> int:
        """The bytes that the seat had at most: the sum of what each of its processes had at most.

        Peaks need not fall together, so it is more than there was; and no measurement has to be
        taken at the right moment. A kernel measures and judges in one child after another.
        """
        server = await self.hub.server(self.name)
        own = sum(high_water(process) for process in [server, *server.children()])
        return own + max(self.children)


def committed(number: str) -> Path:
    """The notebook of a lesson, with the outputs that it shows."""
    (path,) = (PROJECT / "notebooks").glob(f"{number}_*.ipynb")
    return path


def high_water(process: psutil.Process) -> int:
    """The most resident memory that a process has had, in bytes."""
    try:
        status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    except (FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
        return 0
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


async def execute(socket: Any, code: str) -> list[nbformat.NotebookNode]:
    """The outputs of a cell, when it has been run to its end."""
    ident = uuid.uuid4().hex
    content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False}
    header = {"msg_id": ident, "msg_type": "execute_request", "session": ident, "username": ""}
    request = {"header": header, "parent_header": {}, "metadata": {}, "content": content}
    await socket.send_str(json.dumps(request | {"channel": "shell", "buffers": []}))
    outputs: list[nbformat.NotebookNode] = []
    waits_for = {"execute_reply", "idle"}
    async for frame in socket:
        if frame.type.name != "TEXT":  # a widget's buffers
            continue
        message = json.loads(frame.data)
        if message["parent_header"].get("msg_id") != ident:
            continue
        kind = message["msg_type"]
        waits_for -= {kind, message["content"].get("execution_state", "")}
        if kind in ("stream", "display_data", "execute_result", "error"):
            outputs.append(nbformat.v4.output_from_msg(message))
        if not waits_for:
            return outputs
    raise ConnectionError(f"The kernel's connection was closed while it ran {code[:60]!r}.")


def differences(outputs: list[nbformat.NotebookNode], right: Any) -> Iterator[str]:
    """What nbval would say of a cell: an error that is not meant, or another output."""
    errors = [output for output in outputs if output.output_type == "error"]
    if errors and "raises-exception" not in right.metadata.get("tags", []):
        yield f"{errors[0].ename}: {errors[0].evalue}"
    elif IGNORED not in right.source and seen(outputs) != seen(right.outputs):
        yield f"{seen(outputs)!r} and not {seen(right.outputs)!r}"


def seen(outputs: list[nbformat.NotebookNode]) -> dict[str, str]:
    """What is compared of a cell's outputs: all that was printed, and what each is as text."""
    texts: dict[str, str] = {}
    for output in outputs:
        match output.output_type:
            case "stream":
                name, text = output.name, output.text
            case "error":
                name, text = "error", f"{output.ename}: {output.evalue}\n"
            case _:
                name, text = "text", output.data.get("text/plain", "") + "\n"
        texts[name] = texts.get(name, "") + text
    return texts


async def all_at_once(seats: list[Seat], *numbers: str) -> list[str]:
    """All learners run these lessons at the same time; what differs, of all of them."""
    runs = await asyncio.gather(*(seat.run(number) for seat in seats for number in numbers))
    return [line for lines in runs for line in lines]
