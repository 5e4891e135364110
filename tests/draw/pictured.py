"""Runs to draw, for the tests of pictures: small lanes written by hand, and random programs."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from helpers import busy, record
from helpers.draw.film import PLAYER
from helpers.draw.picture import picture_of
from helpers.draw.plot import figure_of
from helpers.draw.text import text_of
from helpers.task import CancelRequest
from helpers.trace import LaneKind, Outcome, Step, Task, Trace
from tests.conftest import unavailable

Who = int | str | None
Program = list[tuple[Any, ...]]


def lane(  # noqa: PLR0913 - what a test says of a lane, in one line
    number: int,
    name: str,
    *steps: tuple[float, float, float] | tuple[float, float, float, Who],
    parent: int | None = None,
    over: float | None = None,
    outcome: Outcome = Outcome.RETURNED,
    kind: LaneKind = LaneKind.TASK,
    thread: str = "chef",
    error: str = "",
    cancels: tuple[CancelRequest, ...] = (),
    noticed: tuple[str, ...] = (),
) -> Task:
    """A lane of steps (ready, start, end, woken by), spawned when its first step is ready."""
    made = tuple(
        Step(ready, start, end, thread, woken[0] if woken else "timer")
        for ready, start, end, *woken in steps
    )
    last = over if over is not None else made[-1].end if made else 0.0
    ended = None if outcome is Outcome.PENDING else last
    spawned = made[0].ready if made else 0.0
    return Task(
        number, name, parent, spawned, ended, outcome, last, made, kind, error=error,
        cancels=cancels, noticed=noticed,
    )  # fmt: skip


def run(*lanes: Task, **options: Any) -> Trace:
    """A trace of these lanes, as long as the longest of them."""
    return Trace(lanes, max((one.end for one in lanes), default=0.0), **options)


def figure_dict(trace: Trace, **options: Any) -> dict[str, Any]:
    """The figure of a trace as plain JSON."""
    return figure_of(picture_of(trace, **options))


def text(trace: Trace, width: int = 78, **options: Any) -> str:
    """The text of a trace."""
    return text_of(picture_of(trace, **options), width)


def in_node(folder: Path, script: str, given: Any) -> Any:
    """The JSON that a script prints which reads JSON, beside the player in `./film.mjs`."""
    node = shutil.which("node")
    if node is None:
        unavailable("node is not there, which plays the films")
    (folder / "film.mjs").write_text(PLAYER.read_text(encoding="utf-8"), encoding="utf-8")
    command = [node, "--input-type=module", "-e", script]
    asked: dict[str, Any] = {"input": json.dumps(given), "capture_output": True, "text": True}
    ran = subprocess.run(command, cwd=folder, check=False, **asked)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


UNUSUAL = [
    Trace((), 0.0),
    run(lane(0, "egg", (0, 0, 0))),
    run(lane(0, "egg", over=3.0)),
    run(lane(0, "egg", (0, 0, 1e-7)), clock="real"),
    run(lane(0, "", (0, 0, 1e6))),
    run(lane(0, "a\nb", (0, 0, 1))),
]


def recorded(main: Coroutine[Any, Any, Any], **options: Any) -> Trace:
    """The trace of a coroutine, recorded; under the virtual clock unless told otherwise."""
    return asyncio.run(record(main, **options))


async def soup() -> str:
    busy(3)
    await asyncio.sleep(20)
    busy(1)
    return "soup"


async def roast() -> None:
    busy(5)
    await asyncio.sleep(30)
    busy(4)


async def salad() -> None:
    for _ in range(3):
        busy(2)
        await asyncio.sleep(0)


async def dinner() -> str:
    """Three dishes and one chef, and a cake that is not ready in time."""
    busy(2)
    dishes = [asyncio.create_task(dish(), name=dish.__name__) for dish in (soup, roast, salad)]
    try:
        async with asyncio.timeout(43):
            await asyncio.sleep(100)
    except TimeoutError:
        busy(1)
    for dish in dishes:
        await dish
    return "dinner"


async def crowd(count: int, sleeps: int = 1, seconds: float = 10.0) -> None:
    """So many tasks that sleep at the same time."""

    async def cook() -> None:
        for _ in range(sleeps):
            await asyncio.sleep(seconds)

    async with asyncio.TaskGroup() as group:
        for number in range(count):
            group.create_task(cook(), name=f"order {number}")


def programs(*, with_threads: bool = True) -> st.SearchStrategy[Program]:
    """Programs that spawn, wait, yield, hold the chef, cancel, raise and use threads."""
    seconds = st.sampled_from([0.25, 1, 2, 7])
    simple: list[st.SearchStrategy[tuple[Any, ...]]] = [
        st.tuples(st.just("busy"), seconds),
        st.tuples(st.just("sleep"), seconds),
        st.just(("yield",)),
        st.just(("cancel",)),
        st.just(("join",)),
        st.just(("raise",)),
    ]
    if with_threads:
        simple.append(st.tuples(st.just("thread"), seconds))
    return st.recursive(
        st.lists(st.one_of(simple), max_size=4),
        lambda inner: st.lists(
            st.one_of(*simple, st.tuples(st.just("spawn"), inner)), min_size=1, max_size=5
        ),
        max_leaves=12,
    )


async def play(program: Program) -> None:
    """Do what a program says."""
    children: list[asyncio.Task[None]] = []
    for what, *rest in program:
        if what == "busy":
            busy(*rest)
        elif what == "sleep":
            await asyncio.sleep(*rest)
        elif what == "yield":
            await asyncio.sleep(0)
        elif what == "thread":
            await asyncio.to_thread(busy, *rest)
        elif what == "spawn":
            children.append(asyncio.create_task(play(*rest)))
        elif what == "cancel" and children:
            children[-1].cancel()
        elif what == "join":
            await asyncio.gather(*children, return_exceptions=True)
        elif what == "raise":
            raise ValueError("burnt")


async def kitchen(program: Program) -> None:
    """The whole of a random run: what the program raises is not passed on."""
    await asyncio.gather(asyncio.create_task(play(program), name="play"), return_exceptions=True)
