"""A trace that is saved comes back equal, and a file that is no trace is refused in a sentence."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import gzip
import itertools
import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers import busy, files, record
from helpers.tokio import DATA
from helpers.trace import Outcome, Trace
from tests.draw.pictured import Program, kitchen, programs, recorded

SPAWN = DATA / "spawn.current_thread.jsonl.gz"


def assert_equal(one: Any, other: Any) -> None:
    for field in dataclasses.fields(one):
        mine, yours = getattr(one, field.name), getattr(other, field.name)
        assert mine == yours, field.name
        assert type(mine) is type(yours), field.name
    assert list(map(vars, one.findings)) == list(map(vars, other.findings))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("traces")


async def dinner() -> tuple[str, int]:
    """Everything a trace can hold: work, a thread, a cancel, an error, a task left running."""

    async def souffle() -> None:
        await asyncio.sleep(0.05)
        raise ValueError("it fell")

    cooking = [asyncio.create_task(asyncio.sleep(0.02), name=f"soup {n}") for n in range(3)]
    roast = asyncio.create_task(asyncio.sleep(9), name="roast")
    left = asyncio.create_task(asyncio.sleep(9), name="left")
    fallen = asyncio.create_task(souffle(), name="souffle")
    busy(0.15)
    roast.cancel()
    await asyncio.to_thread(busy, 0.01)
    await asyncio.gather(*cooking, fallen, return_exceptions=True)
    assert not left.done()
    return "dinner", 3


@pytest.mark.parametrize("clock", ["virtual", "real"])
def test_a_run_with_everything_in_it_comes_back_equal(clock: Any, tmp_path: Path) -> None:
    trace = asyncio.run(record(dinner(), clock=clock))
    assert trace.result == ("dinner", 3)
    assert trace.findings
    assert {lane.outcome for lane in trace.lanes} >= {"returned", "raised", "cancelled"}
    assert_equal(trace, Trace.load(trace.save(tmp_path / "dinner.jsonl.gz")))


@given(programs())
def test_any_run_comes_back_equal(folder: Path, program: Program) -> None:
    trace = recorded(kitchen(program))
    assert_equal(trace, Trace.load(trace.save(folder / "run.jsonl")))


@pytest.mark.parametrize("name", ["nested.multi_thread_2", "select.current_thread"])
def test_a_recording_that_is_saved_again_comes_back_equal(name: str, tmp_path: Path) -> None:
    trace = Trace.load(DATA / f"{name}.jsonl.gz")
    assert trace.marks
    assert_equal(trace, Trace.load(trace.save(tmp_path / "again.jsonl.gz")))


def test_the_same_trace_gives_the_same_file_gzipped_if_its_name_says_so(tmp_path: Path) -> None:
    trace = Trace.load(SPAWN)
    plain = trace.save(tmp_path / "spawn.jsonl").read_bytes()
    packed = trace.save(tmp_path / "spawn.jsonl.gz").read_bytes()
    assert plain.startswith(b'{"format":"task-cards-trace","version":2,')
    assert gzip.decompress(packed) == plain
    assert packed[4:8] == bytes(4)  # no time of its making in the gzip header


class Oven(NamedTuple):
    """A record that did not exist when the format was made."""

    dish: str
    minutes: float | None = None


@pytest.mark.parametrize(
    "result",
    [None, {"soup": [1, 2.5, None, True]}, ("soup", 2), {1: "one"}, {"salad", "soup"}, b"soup"],
)
def test_a_result_that_is_a_literal_comes_back_as_it_was(result: Any, tmp_path: Path) -> None:
    loaded = Trace.load(Trace((), 0.0, result=result).save(tmp_path / "x.jsonl")).result
    assert loaded == result
    assert type(loaded) is type(result)


@pytest.mark.parametrize("result", [float("inf"), Outcome.RETURNED, Path("soup"), [object]])
def test_any_other_result_comes_back_as_the_text_it_prints_as(result: Any, tmp_path: Path) -> None:
    path = Trace((), 0.0, result=result).save(tmp_path / "x.jsonl")
    assert Trace.load(path).result == repr(result)


def test_of_two_wakes_the_first_made_the_task_ready(tmp_path: Path) -> None:
    rows = lines_of(SPAWN)
    wake = next(n for n, row in enumerate(rows) if row["event"] == "wake" and row["task"] == 2)
    rows.insert(wake, rows[wake] | {"t": 0.3, "by": 1})
    rows[0]["events"] += 1
    step = Trace.load(write(tmp_path / "twice.jsonl", rows)).task("boil").steps[1]
    assert (step.ready, step.woken_by) == (0.3, 1)


def test_a_task_that_was_woken_in_its_own_poll_is_ready_when_that_ends() -> None:
    main = Trace.load(DATA / "shutdown.multi_thread_4.jsonl.gz").task("main")
    assert all(before.end <= after.ready for before, after in itertools.pairwise(main.steps))


def test_a_timer_that_a_held_chef_saw_late_was_ready_when_it_was_due() -> None:
    late = Trace.load(DATA / "cpu.current_thread_paused.jsonl.gz").task("ticker")
    held = [step for step in late.steps if step.start - step.ready > 0.1]
    assert [(step.ready, step.start, step.woken_by) for step in held] == [(0.025, 0.222, "timer")]


def test_a_branch_is_woken_by_its_parent_where_nobody_woke_it() -> None:
    trace = Trace.load(DATA / "select.current_thread_paused.jsonl.gz")
    assert [step.woken_by for step in trace.task("database").steps] == [0, 0]
    assert [step.woken_by for step in trace.task("cache").steps] == [0, "timer"]
    assert trace.task("main").steps[1].woken_by == trace.task("cache").id


# What is refused, and how it is said.
def lines_of(path: Path) -> list[dict[str, Any]]:
    data = path.read_bytes()
    text = gzip.decompress(data) if path.suffix == ".gz" else data
    return [json.loads(line) for line in text.splitlines()]


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def refusal(path: Path) -> str:
    """The sentence that a file is refused with, without the file's name."""
    with pytest.raises(ValueError, match=rf"^{path.name}, line \d+: ") as caught:
        Trace.load(path)
    return str(caught.value).removeprefix(f"{path.name}, ")


MISSING = object()


@pytest.mark.parametrize(
    ("version", "line", "values", "sentence"),
    [
        (1, 3, {"event": MISSING}, "'event' is missing or unknown"),
        (1, 3, {"task": MISSING}, "'task' is missing or unknown"),
        (1, 3, {"task": 77}, "77 is missing or unknown"),
        (2, 2, {"steps": [[0, 0]]}, "Step.__new__() missing 3 required"),
        (2, 2, {"outcome": "burnt"}, "'burnt' is not a valid Outcome"),
        (2, 2, {"name": MISSING}, "missing 1 required positional argument: 'name'"),
        (2, 2, {"colour": "red"}, "unexpected keyword argument 'colour'"),
        (2, 1, {"findings": [["soup"]]}, "not enough values to unpack"),
        (2, 1, {"result": {"literal": "open('/')"}}, "malformed node or string"),
        (2, 1, {"version": 3}, "the trace is of version 3; this course knows 2"),
        (2, 1, {"version": "1"}, "the trace is of version 1; this course knows 2"),
        (2, 1, {"format": "other"}, 'a trace begins with a line that has "format"'),
        (2, 1, {"lines": 3}, "the first line promises 3 more lines"),
        (1, 1, {"events": 1000}, "the first line promises 1000 more lines"),
    ],
)
def test_a_line_that_cannot_be_read_is_named_with_its_fault(
    version: int, line: int, values: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    source = Trace.load(SPAWN).save(tmp_path / "saved.jsonl") if version == 2 else SPAWN
    rows = lines_of(source)
    changed = rows[line - 1] | values
    rows[line - 1] = {name: value for name, value in changed.items() if value is not MISSING}
    said = refusal(write(tmp_path / "doctored.jsonl", rows))
    assert sentence in said
    assert line == 1 or said.startswith(f"line {line}: ")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "line 0: a trace begins with a line that has"),
        (b"soup\n", "line 1: Expecting value"),
        (b"[1, 2]\n", "line 1: a trace begins with a line that has"),
        (b"\xff\xfe\n", "line 1: 'utf-8' codec can't decode"),
        (b"[" * 100_000 + b"\n", "line 1: maximum recursion depth"),
        (b"9" * 10_000 + b"\n", "line 1: Exceeds the limit"),
        (b"{}", "line 1: the file ends in the middle of this line"),
        (b"\x89PNG\r\n\x1a\n\0\0", "line 1: 'utf-8' codec can't decode"),
    ],
)
def test_a_file_in_another_format_is_refused(content: bytes, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "foreign.jsonl"
    path.write_bytes(content)
    assert sentence in refusal(path)


@pytest.mark.parametrize("name", ["cut.jsonl", "cut.jsonl.gz"])
def test_a_file_that_is_cut_anywhere_is_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    whole = Trace.load(SPAWN).save(path).read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        refusal(path)


def test_a_plain_file_whose_name_ends_in_gz_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "plain.jsonl.gz"
    path.write_bytes(gzip.decompress(SPAWN.read_bytes()))
    assert "the file is cut or is not gzip: Not a gzipped file" in refusal(path)


def test_a_file_that_unpacks_to_a_gigabyte_is_refused_soon(tmp_path: Path) -> None:
    path = tmp_path / "bomb.jsonl.gz"
    first = gzip.compress(json.dumps(lines_of(SPAWN)[0]).encode() + b"\n")
    path.write_bytes(first + gzip.compress(bytes(1 << 24)) * 64)
    assert refusal(path) == "line 2: it is longer than a trace can be"


def test_more_text_than_a_trace_can_have_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MAX_BYTES", 1000)
    assert "it is longer than a trace can be" in refusal(SPAWN)
    monkeypatch.setattr(files, "MAX_LINE", 100)
    with pytest.raises(ValueError, match="too many"):
        Trace((), 0.0, about={"soup": "x" * 200}).save(tmp_path / "big.jsonl")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_not_there_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Trace.load(tmp_path / "nothing.jsonl")


@given(at=st.integers(0, 2000), value=st.integers(0, 255))
def test_whatever_byte_is_another_is_read_or_refused(folder: Path, at: int, value: int) -> None:
    data = bytearray(SPAWN.read_bytes())
    data[at % len(data)] = value
    path = folder / "byte.jsonl.gz"
    path.write_bytes(data)
    with contextlib.suppress(ValueError):
        Trace.load(path)
