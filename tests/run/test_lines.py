"""The lines that a run comes to, with what they change."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

from helpers import Trace, record
from helpers.run import lines

CELL = "/tmp/ipykernel_7/1234.py"  # how ipykernel names a cell


def visited(source: str, name: str = CELL, **options: Any) -> tuple[Trace, list[tuple[Any, ...]]]:
    """Run a program whose main is `main`: its trace, and lane, step, line and changes."""
    names: dict[str, Any] = {}
    exec(compile(source, name, "exec"), names)
    trace = asyncio.run(record(names["main"](), lines=True, **options))
    told = [(trace.name_of(x.lane), x.step, x.line, x.changed) for x in trace.visits]
    return trace, told


def test_each_line_is_told_with_its_task_its_step_and_what_changed() -> None:
    source = (
        "import asyncio\nasync def child(n):\n    await asyncio.sleep(n)\n    return n + 1\n"
        "async def main():\n    task = asyncio.create_task(child(1), name='kid')\n"
        "    got = await task\n    return got\n"
    )
    trace, told = visited(source)
    assert told == [
        ("main", 0, 6, {}),
        ("main", 0, 7, {"task": "<task kid>"}),
        ("kid", 0, 3, {"n": "1"}),
        ("kid", 1, 3, {}),  # it goes on where it waited
        ("kid", 1, 4, {}),
        ("main", 1, 7, {}),
        ("main", 1, 8, {"got": "2"}),
    ]
    assert [name for name, _ in trace.code] == ["the cell"]
    assert [visit.time for visit in trace.visits] == [0, 0, 0, 1, 1, 1, 1]


def test_the_lines_of_the_last_task_are_in_their_steps_beside_asyncios_own() -> None:
    source = (
        "import asyncio\nasync def cook():\n    await asyncio.sleep(2)\n    return 7\n"
        "async def main():\n    async with asyncio.TaskGroup() as group:\n"
        "        group.create_task(asyncio.sleep(1))\n        group.create_task(cook())\n"
    )
    trace, told = visited(source)
    assert [(step, line) for name, step, line, _ in told if name == "cook"] == [
        (0, 3), (1, 3), (1, 4),
    ]  # fmt: skip
    for visit in trace.visits:
        step = trace.by_id[visit.lane].steps[visit.step]
        assert step.start <= visit.time <= step.end


def test_lines_of_a_protocol_which_asyncio_calls_in_a_step_of_its_own_are_nobodys() -> None:
    source = (
        "import asyncio, socket\nclass Ear(asyncio.Protocol):\n"
        "    def data_received(self, data):\n        heard.set_result(data)\n"
        "async def main():\n    global heard\n    loop = asyncio.get_running_loop()\n"
        "    heard, (here, there) = loop.create_future(), socket.socketpair()\n"
        "    with there:\n"
        "        transport, _ = await loop.create_connection(Ear, sock=here)\n"
        "        there.send(b'x')\n        got = await heard\n        transport.close()\n"
        "    return got\n"
    )
    trace, told = visited(source, clock="real")
    assert trace.result == b"x"
    assert {name for name, *_ in told} == {"main"}
    assert 4 not in {line for *_, line, _ in told}


def test_a_callback_has_its_lines_and_another_file_has_none() -> None:
    source = (
        "import asyncio\nfrom statistics import mean\ndef ring():\n    x = mean([1, 3])\n"
        "async def main():\n    asyncio.get_running_loop().call_soon(ring)\n"
        "    await asyncio.sleep(1)\n"
    )
    trace, told = visited(source, "kitchen.py")
    assert ("ring", 0, 4, {}) in told
    assert ("ring", 0, 4, {"x": "2"}) in told, "what the last line changed is told at its end"
    assert {line for *_, line, _ in told} == {4, 6, 7}
    assert [name for name, _ in trace.code] == ["kitchen.py"]


def test_what_an_object_says_of_itself_is_short_the_same_each_time_and_may_fail() -> None:
    source = (
        "class Bad:\n    def __repr__(self):\n        raise ValueError\n"
        "class Plain:\n    pass\n"
        "async def main():\n    a = Bad()\n    b = Plain()\n    c = list(range(100))\n"
        "    d = 'x' * 1000\n    def local(): pass\n    return None\n"
    )
    _, told = visited(source)
    said = {name: text for *_, changes in told for name, text in changes.items()}
    assert set(said) == {"a", "b", "c", "d"}
    assert "0x" not in said["b"]
    assert all(len(text) < 60 for text in said.values())


def test_a_run_of_very_many_lines_keeps_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "MOST", 10)
    source = (
        "async def step():\n    pass\n"
        "async def main():\n    for _ in range(50):\n        await step()\n"
    )
    trace, told = visited(source)
    assert len(told) == 10
    assert trace.result is None
    alone = "async def main():\n    n = 0\n    while n < 50:\n        n += 1\n    return n\n"
    trace, told = visited(alone)
    assert (len(told), trace.result) == (10, 50), "one function that goes on is cut as well"


def test_a_trace_function_of_ones_own_is_there_again_and_a_failed_run_has_its_lines() -> None:
    before = sys.gettrace()
    source = "async def main():\n    x = 1\n    raise ValueError(x)\n"
    with pytest.raises(ValueError, match="1") as raised:
        visited(source)
    assert sys.gettrace() is before
    trace = raised.value.trace  # type: ignore[attr-defined]
    assert [visit.line for visit in trace.visits] == [2, 3]


def test_lines_are_kept_in_a_file(tmp_path: Path) -> None:
    trace, _ = visited("async def main():\n    x = 1\n    return x\n")
    again = Trace.load(trace.save(tmp_path / "run.jsonl.gz"))
    assert again.visits == trace.visits
    assert [tuple(one) for one in again.code] == list(trace.code)


def test_an_eager_tasks_lines_are_in_the_step_that_ran_them() -> None:
    if not hasattr(asyncio, "eager_task_factory"):
        pytest.skip("eager tasks are new in Python 3.12")
    source = (
        "import asyncio\nasync def child():\n    x = 1\n    await asyncio.sleep(1)\n    return x\n"
        "async def main():\n"
        "    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)\n"
        "    return await asyncio.create_task(child())\n"
    )
    _, told = visited(source)
    assert [(step, line) for name, step, line, _ in told if name == "child"] == [
        (0, 3), (0, 4), (1, 4), (1, 5),
    ]  # fmt: skip
