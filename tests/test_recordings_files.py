"""A trace that is saved comes back equal, and a file that is no trace is refused in a sentence."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import busy, record
from helpers.tokio import files, rules
from helpers.tokio.load import DATA
from helpers.tokio.reader import MAX_EVENTS, NotATrace, Reader
from helpers.trace import CancelRequest, Finding, LaneKind, Mark, Outcome, Step, Task, Trace
from tests.pictured import Program, kitchen, programs, recorded

SPAWN = DATA / "spawn.current_thread.jsonl.gz"
FIELDS = (
    *("lanes", "duration", "clock", "unit", "source", "workers", "result"),
    *("findings", "marks", "about"),
)


def assert_equal(one: Trace, other: Trace) -> None:
    for field in FIELDS:
        assert getattr(one, field) == getattr(other, field), field
    assert type(one.result) is type(other.result)
    kinds = [[(f.kind, f.task) for f in trace.findings] for trace in (one, other)]
    assert kinds[0] == kinds[1]


def there_and_back(trace: Trace, path: Path) -> Trace:
    assert trace.save(path) == path
    loaded = Trace.load(path)
    assert_equal(trace, loaded)
    return loaded


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
    await asyncio.to_thread(time.sleep, 0.01)
    await asyncio.gather(*cooking, fallen, return_exceptions=True)
    assert not left.done()
    return "dinner", 3


@pytest.mark.parametrize("clock", ["virtual", "real"])
@pytest.mark.parametrize("name", ["dinner.jsonl", "dinner.jsonl.gz"])
def test_an_asyncio_trace_comes_back_equal(clock: Any, name: str, tmp_path: Path) -> None:
    trace = asyncio.run(record(dinner(), clock=clock))
    assert trace.result == ("dinner", 3)
    assert trace.findings
    assert {lane.outcome for lane in trace.lanes} >= {"returned", "raised", "cancelled"}
    loaded = there_and_back(trace, tmp_path / name)
    assert loaded.steps_in_order == trace.places
    assert rules.violations(tmp_path / name) == []


@pytest.mark.parametrize(
    "name", ["nested.multi_thread_2", "select.current_thread", "panic.multi_thread_4"]
)
def test_a_recording_of_tokio_comes_back_equal(name: str, tmp_path: Path) -> None:
    loaded = there_and_back(Trace.load(DATA / f"{name}.jsonl.gz"), tmp_path / "again.jsonl.gz")
    assert loaded.about["tokio"]


def test_the_same_trace_gives_the_same_file(tmp_path: Path) -> None:
    trace = Trace.load(SPAWN)
    first = trace.save(tmp_path / "first.jsonl.gz").read_bytes()
    assert trace.save(tmp_path / "second.jsonl.gz").read_bytes() == first
    assert first[4:8] == bytes(4)  # no time of its making in the gzip header


def test_only_a_name_that_ends_in_gz_is_gzipped(tmp_path: Path) -> None:
    trace = Trace.load(SPAWN)
    plain = trace.save(tmp_path / "spawn.jsonl").read_bytes()
    packed = trace.save(tmp_path / "spawn.jsonl.gz").read_bytes()
    assert plain.startswith(b'{"event":"meta"')
    assert gzip.decompress(packed) == plain


def test_a_saved_recording_keeps_the_rules_of_the_format(tmp_path: Path) -> None:
    path = Trace.load(DATA / "timeout.multi_thread_2.jsonl.gz").save(tmp_path / "again.jsonl")
    assert rules.violations(path) == []


@settings(max_examples=40, deadline=None)
@given(programs())
def test_a_saved_run_of_asyncio_keeps_the_rules_and_the_order_of_its_steps(
    tmp_path_factory: pytest.TempPathFactory, program: Program
) -> None:
    trace = recorded(kitchen(program))
    path = trace.save(tmp_path_factory.getbasetemp() / "run.jsonl")
    assert rules.violations(path) == []
    assert Trace.load(path).steps_in_order == trace.places


@pytest.mark.parametrize(
    ("result", "kept"),
    [
        (None, None),
        ({"soup": [1, 2.5, None, True]}, "same"),
        (("soup", 2), "same"),
        ({1: "one"}, "same"),
        ({"salad", "soup"}, "same"),
        (b"soup", "same"),
        ([(1, 2)], "same"),
        (float("inf"), "inf"),
        (Outcome.RETURNED, "<Outcome.RETURNED: 'returned'>"),
        (Path("soup"), repr(Path("soup"))),
    ],
)
def test_a_result_comes_back_as_it_was_or_as_the_text_it_prints(
    result: Any, kept: Any, tmp_path: Path
) -> None:
    path = Trace(lanes=(), duration=0.0, result=result).save(tmp_path / "x.jsonl")
    loaded = Trace.load(path).result
    assert loaded == (result if kept == "same" else kept)


def test_about_may_bear_the_names_of_the_formats_own_fields(tmp_path: Path) -> None:
    about = {"clock": "the one on the wall", "about": {"unit": 3}, "event": "party", "result": 1}
    there_and_back(Trace(lanes=(), duration=1.0, about=about), tmp_path / "x.jsonl")


seconds = st.floats(min_value=0, max_value=1e6, allow_nan=False)
who = st.none() | st.integers(min_value=0, max_value=20) | st.text(max_size=8)
steps = st.builds(Step, seconds, seconds, st.just(1e7), st.text(max_size=5), who)
RECORDS = st.builds(
    Task,
    id=st.just(0),
    name=st.text(max_size=10),
    parent=st.none(),
    spawned=seconds,
    ended=st.none(),
    outcome=st.sampled_from(Outcome),
    end=seconds,
    steps=st.lists(steps, max_size=4).map(
        lambda found: tuple(sorted(found, key=lambda s: s.start))
    ),
    kind=st.sampled_from(LaneKind),
    place=st.text(max_size=5),
    error=st.text(max_size=5),
    cancels=st.lists(st.builds(CancelRequest, seconds, who), max_size=3).map(
        lambda found: tuple(sorted(found, key=lambda ask: ask.time))
    ),
    waits_at=st.text(max_size=5),
)


def numbered(records: list[Task]) -> tuple[Task, ...]:
    """Each with an id of its own, and ended exactly if its outcome says so."""
    return tuple(
        Task(
            *(n, r.name, None, r.spawned, None if r.outcome == "pending" else r.end, r.outcome),
            *(r.end, r.steps, r.kind, r.place, r.error, r.cancels, r.waits_at),
        )
        for n, r in enumerate(records)
    )


@given(
    lanes=st.lists(RECORDS, max_size=5).map(numbered),
    duration=seconds,
    texts=st.lists(st.text(), max_size=3),
)
def test_any_trace_comes_back_equal(
    lanes: tuple[Task, ...],
    duration: float,
    texts: list[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    marks = tuple(Mark(float(n), None, text) for n, text in enumerate(texts))
    findings = tuple(Finding(text, kind="blocked") for text in texts)
    trace = Trace(lanes=lanes, duration=duration, marks=marks, findings=findings)
    there_and_back(trace, tmp_path_factory.getbasetemp() / "any.jsonl")


def test_a_timer_that_a_held_chef_saw_late_was_ready_when_it_was_due() -> None:
    late = Trace.load(DATA / "cpu.current_thread_paused.jsonl.gz").task("ticker")
    held = [step for step in late.steps if step.start - step.ready > 0.1]
    assert [(step.ready, step.start, step.woken_by) for step in held] == [(0.025, 0.222, "timer")]


def test_of_two_wakes_the_first_made_the_task_ready(tmp_path: Path) -> None:
    rows = [json.loads(text) for text in lines_of(SPAWN)]
    wake = next(n for n, row in enumerate(rows) if row["event"] == "wake" and row["task"] == 2)
    rows.insert(wake, rows[wake] | {"t": 0.3, "by": 1})
    rows.sort(key=lambda row: row.get("t", row.get("start", -1.0)))
    rows[0]["events"] += 1
    path = tmp_path / "twice.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    step = Trace.load(path).task("boil").steps[1]
    assert (step.ready, step.woken_by) == (0.3, 1)


def test_a_branch_is_woken_by_its_parent_where_nobody_woke_it() -> None:
    trace = Trace.load(DATA / "select.current_thread_paused.jsonl.gz")
    assert [step.woken_by for step in trace.task("database").steps] == [0, 0]
    assert [step.woken_by for step in trace.task("cache").steps] == [0, "timer"]
    assert trace.task("main").steps[1].woken_by == trace.task("cache").id


# What is refused, and how it is said.
def lines_of(path: Path) -> list[str]:
    return gzip.decompress(path.read_bytes()).decode().splitlines()


def refusal(path: Path) -> str:
    """The sentence a file is refused with: soon, and without filling memory."""
    tracemalloc.start()
    began = time.perf_counter()
    try:
        with pytest.raises(NotATrace) as caught:
            Trace.load(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert time.perf_counter() - began < 5
    assert peak < 50_000_000
    assert path.name in str(caught.value)
    return str(caught.value)


@pytest.fixture
def doctored(tmp_path: Path) -> Any:
    """`doctored(5, start="soon")` gives the spawn recording with that in its fifth line."""

    def doctor(line: int, **values: Any) -> Path:
        rows = [json.loads(text) for text in lines_of(SPAWN)]
        rows[line - 1] |= values
        rows[line - 1] = {k: v for k, v in rows[line - 1].items() if v != "MISSING"}
        path = tmp_path / "doctored.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return path

    return doctor


@pytest.mark.parametrize(
    ("line", "values", "sentence"),
    [
        (3, {"start": "soon"}, "line 3, field 'start': expected a number of seconds from 0, found"),
        (3, {"start": -1}, "line 3, field 'start': expected a number of seconds from 0, found -1"),
        (3, {"start": True}, "line 3, field 'start': expected a number of seconds"),
        (3, {"start": 1e300}, "line 3, field 'start': expected a number of seconds"),
        (3, {"end": 0}, "line 3, field 'end': a poll that started at"),
        (3, {"thread": None}, "line 3, field 'thread': expected text, found None"),
        (3, {"result": "done"}, "line 3, field 'result': expected one of ('pending', 'ready'"),
        (3, {"event": "nap"}, "line 3, field 'event': expected one of spawn, wake, poll"),
        (3, {"event": ["poll"]}, "line 3, field 'event': expected one of spawn"),
        (3, {"task": "MISSING"}, "line 3, field 'task': it is missing; expected a whole number"),
        (3, {"task": 77}, "line 3, field 'task': task 77 has not been spawned"),
        (3, {"task": 0.5}, "line 3, field 'task': expected a whole number from 0, found 0.5"),
        (4, {"task": 0}, "line 4, field 'task': task 0 was spawned before"),
        (4, {"parent": 9}, "line 4, field 'parent': task 9 has not been spawned"),
        (4, {"parent": 1}, "line 4, field 'parent': task 1 has not been spawned"),
        (4, {"kind": "thread"}, "line 4, field 'kind': expected one of ('task', 'branch'"),
        (4, {"name": 5}, "line 4, field 'name': expected text, found 5"),
        (1, {"workers": 0}, "line 1, field 'workers': expected a whole number from 1, found 0"),
        (1, {"clock": "cuckoo"}, "line 1, field 'clock': expected one of ('real', 'virtual')"),
        (1, {"version": 2}, "line 1, field 'version': it was written in version 2 of the format"),
        (1, {"version": "1"}, "line 1, field 'version': expected 1, found '1'"),
        (1, {"version": 0}, "line 1, field 'version': expected 1, found 0"),
        (1, {"format": "other"}, "line 1, field 'format': expected the first line of a trace"),
        (1, {"events": MAX_EVENTS + 1}, "field 'events': it says 2000001 events; at most 2000000"),
        (1, {"events": 3}, "line 5: there are more events than the 3 its first line says"),
        (1, {"events": 1000}, "of 1000 events: it was cut"),
    ],
)
def test_a_broken_line_is_named_with_its_field(
    line: int, values: dict[str, Any], sentence: str, doctored: Any
) -> None:
    assert sentence in refusal(doctored(line, **values))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty, so it is no trace"),
        (b"soup\n", "line 1: it is no line of JSON"),
        (b"{}\n", "line 1, field 'format': expected the first line of a trace"),
        (b"[1, 2]\n", "line 1: expected an object in braces, found [1, 2]"),
        (b"\xff\xfe\n", "line 1: it is no line of JSON"),
        (b'{"a": NaN}\n', "line 1: it is no line of JSON"),
        (b"[" * 100_000 + b"\n", "line 1: it is no line of JSON"),
        (b"9" * 10_000 + b"\n", "line 1: it is no line of JSON"),
        (b"{}", "line 1: it ends in the middle of this line"),
        (b"\x89PNG\r\n\x1a\n\0\0", "line 1: it is no line of JSON"),
    ],
)
def test_a_foreign_file_is_refused(content: bytes, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "foreign.jsonl"
    path.write_bytes(content)
    assert sentence in refusal(path)


def test_a_file_that_is_cut_anywhere_is_refused(tmp_path: Path) -> None:
    whole = gzip.decompress(SPAWN.read_bytes())
    path = tmp_path / "cut.jsonl"
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(NotATrace):
            Trace.load(path)
    path.write_bytes(b"".join(whole.splitlines(keepends=True)[:-1]))  # between two lines
    assert "it was cut" in refusal(path)


def test_a_gzip_file_that_is_cut_anywhere_is_refused(tmp_path: Path) -> None:
    whole = SPAWN.read_bytes()
    path = tmp_path / "cut.jsonl.gz"
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(NotATrace):
            Trace.load(path)
    path.write_bytes(whole[:-20])
    assert "the gzip data stops short: the file was cut" in refusal(path)


def test_a_name_that_ends_in_gz_on_a_plain_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "plain.jsonl.gz"
    path.write_bytes(gzip.decompress(SPAWN.read_bytes()))
    assert "the name ends in .gz, but the file is not gzip" in refusal(path)
    path.write_bytes(SPAWN.read_bytes()[:200] + b"\0" * 200)
    refusal(path)


def test_a_gigabyte_of_zeros_is_refused_soon(tmp_path: Path) -> None:
    path = tmp_path / "zeros.jsonl"
    with path.open("wb") as file:
        file.truncate(1 << 30)
    assert "the line is longer than 1,048,576 bytes" in refusal(path)


def test_a_gigabyte_of_zeros_in_gzip_is_refused_soon(tmp_path: Path) -> None:
    block = gzip.compress(bytes(1 << 24))
    path = tmp_path / "zeros.jsonl.gz"
    path.write_bytes(block * 64)
    assert "the line is longer than 1,048,576 bytes" in refusal(path)


def test_zeros_behind_a_good_first_line_are_refused_soon(tmp_path: Path) -> None:
    path = tmp_path / "bomb.jsonl.gz"
    first = gzip.compress(lines_of(SPAWN)[0].encode() + b"\n")
    path.write_bytes(first + gzip.compress(bytes(1 << 24)) * 64)
    assert "line 2: the line is longer than 1,048,576 bytes" in refusal(path)


def test_more_text_than_is_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("helpers.tokio.reader.MAX_BYTES", 1000)
    assert "it is longer than 1,000 bytes, more than is read" in refusal(SPAWN)


def test_a_trace_with_too_many_events_is_not_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("helpers.tokio.writing.MAX_EVENTS", 10)
    with pytest.raises(ValueError, match="at most 10 can be saved"):
        Trace.load(SPAWN).save(tmp_path / "big.jsonl")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_not_there_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Trace.load(tmp_path / "nothing.jsonl")


def test_a_literal_that_is_none_stays_text(doctored: Any) -> None:
    assert Trace.load(doctored(1, result_literal="open('/')")).result == "open('/')"


def test_a_file_is_closed_when_it_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "foreign.jsonl"
    path.write_bytes(b"soup\n")
    with pytest.raises(NotATrace), Reader(path):
        pass
    path.unlink()  # Windows would refuse, were it still open
    assert not path.exists()


ANYTHING = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just([{}])


@given(line=st.integers(0, 28), field=st.integers(0, 12), value=ANYTHING)
def test_whatever_stands_in_a_field_is_read_or_refused(
    line: int, field: int, value: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    rows = [json.loads(text) for text in lines_of(SPAWN)]
    row = rows[line % len(rows)]
    row[list(row)[field % len(row)]] = value
    path = tmp_path_factory.getbasetemp() / "fuzzed.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    with contextlib.suppress(NotATrace):
        trace = Trace.load(path)
        assert len(trace.spans) > 0


@given(at=st.integers(0, 2000), value=st.integers(0, 255))
def test_whatever_byte_is_another_is_read_or_refused(
    at: int, value: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    for name, content in (("x.jsonl.gz", SPAWN.read_bytes()), ("x.jsonl", b"")):
        data = bytearray(content or gzip.decompress(SPAWN.read_bytes()))
        data[at % len(data)] = value
        path = tmp_path_factory.getbasetemp() / name
        path.write_bytes(data)
        with contextlib.suppress(NotATrace):
            files.load(path)
