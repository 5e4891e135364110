"""The kept recordings keep the rules of a scheduler, and each rule notices when one does not."""

from __future__ import annotations

import dataclasses
import gzip
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from helpers.tokio import facts, files, record, rules
from helpers.tokio.load import DATA
from helpers.tokio.reader import Reader
from helpers.trace import Mark, Task, Trace, longest_silence, moved, stolen

Row = dict[str, Any]
KEPT = sorted(DATA.glob("*.jsonl.gz"))
SMALL = [path for path in KEPT if not path.name.startswith("ten_thousand")]
SCENARIOS = [
    *("spawn", "async_sleep", "blocking_sleep", "timeout", "timeout_blocking", "timeout_handle"),
    *("select", "select_handles", "select_tie", "shutdown", "thousand", "ten_thousand"),
    *("cpu", "cpu_yield", "nested", "dropped_handle", "panic"),
]


def rows_of(name: str) -> list[Row]:
    lines = gzip.decompress((DATA / f"{name}.jsonl.gz").read_bytes()).splitlines()
    return [json.loads(line) for line in lines]


def write(folder: Path, rows: list[Row]) -> Path:
    rows[0]["events"] = len(rows) - 1
    path = folder / "doctored.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def find(rows: list[Row], event: str, task: int, number: int = 0) -> int:
    found = [n for n, r in enumerate(rows) if r["event"] == event and r.get("task") == task]
    return found[number]


def test_every_scenario_is_kept_on_every_runtime_it_makes_sense_on() -> None:
    kept = {path.name.removesuffix(".jsonl.gz") for path in KEPT}
    for scenario in SCENARIOS:
        assert {f"{scenario}.current_thread", f"{scenario}.multi_thread_2"} <= kept
        if scenario != "ten_thousand":  # a third big file would show nothing new
            assert f"{scenario}.multi_thread_4" in kept
        if scenario != "select_tie":  # chance is what it shows
            assert f"{scenario}.current_thread_paused" in kept


def test_the_recordings_are_small_enough_to_be_kept() -> None:
    sizes = [path.stat().st_size for path in KEPT]
    assert max(sizes) <= record.MAX_FILE
    assert sum(sizes) <= record.MAX_ALL


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.name.removesuffix(".jsonl.gz"))
def test_a_kept_recording_breaks_no_rule_and_shows_its_facts(path: Path) -> None:
    assert rules.violations(path) == []
    assert facts.broken(files.load(path)) == []


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.name.removesuffix(".jsonl.gz"))
def test_a_recording_says_what_made_it(path: Path) -> None:
    scenario, runtime = path.name.removesuffix(".jsonl.gz").split(".")
    with Reader(path) as reader:
        meta = reader.meta
    assert meta.source == "tokio"
    assert meta.about["scenario"] == scenario
    assert runtime.startswith(meta.about["runtime"])
    assert meta.clock == ("virtual" if runtime.endswith("_paused") else "real")
    assert meta.workers == int(runtime.rpartition("_")[2] if runtime[-1].isdigit() else 1)
    for what in ("tokio", "rustc"):
        assert re.fullmatch(r"\d+\.\d+\.\d+", meta.about[what])
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", meta.about["date"])
    assert meta.about["cores"] >= 1


# Each doctoring breaks one rule of the recording that it is given.
def forget_an_end(rows: list[Row]) -> None:
    del rows[find(rows, "end", 2)]


def forget_a_wake(rows: list[Row]) -> None:
    del rows[find(rows, "wake", 2)]


def overlap_two_polls_of_a_task(rows: list[Row]) -> None:
    rows[find(rows, "poll", 1)]["end"] = rows[find(rows, "poll", 1, 1)]["start"] + 0.001


def overlap_two_polls_of_a_thread(rows: list[Row]) -> None:
    rows[find(rows, "poll", 1)]["end"] = rows[find(rows, "poll", 2)]["start"] + 0.001


def turn_time_back(rows: list[Row]) -> None:
    rows[find(rows, "wake", 3)]["t"] = 0.0001


def poll_after_the_end(rows: list[Row]) -> None:
    rows.append(rows[find(rows, "poll", 1)] | {"start": 9.0, "end": 9.0})


def poll_after_ready(rows: list[Row]) -> None:
    rows[find(rows, "poll", 1)]["result"] = "ready"


def return_after_a_pending_poll(rows: list[Row]) -> None:
    rows[find(rows, "poll", 1, -1)]["result"] = "pending"


def end_late(rows: list[Row]) -> None:
    end = find(rows, "end", 3)
    rows[end]["t"] += 0.001
    rows.append(rows.pop(end))
    rows[find(rows, "end", 0)]["t"] += 0.001


def cancel_out_of_nowhere(rows: list[Row]) -> None:
    rows[find(rows, "poll", 1, -1)]["result"] = "pending"
    rows[find(rows, "end", 1)]["outcome"] = "cancelled"


def poll_on_a_strange_thread(rows: list[Row]) -> None:
    rows[find(rows, "poll", 1)]["thread"] = "worker-9"


def poll_main_on_a_worker(rows: list[Row]) -> None:
    rows[find(rows, "poll", 0)]["thread"] = "worker-1"


def spawn_from_an_idle_parent(rows: list[Row]) -> None:
    rows[find(rows, "spawn", 2)]["parent"] = 1


def orphan(rows: list[Row]) -> None:
    rows[find(rows, "spawn", 2)]["parent"] = None


def poll_before_the_spawn(rows: list[Row]) -> None:
    rows[find(rows, "poll", 1)]["start"] = 0.0
    rows[find(rows, "spawn", 1)]["t"] += 0.00001


def spawn_nothing(rows: list[Row]) -> None:
    del rows[1:]


BROKEN: list[tuple[Callable[[list[Row]], None], str]] = [
    (forget_an_end, r"task 2 \(boil\) was spawned and has no end"),
    (forget_a_wake, r"task 2 \(boil\) was polled again although nothing woke it"),
    (overlap_two_polls_of_a_task, r"task 1 \(chop\) was polled while it was still polled in line"),
    (overlap_two_polls_of_a_thread, r"task 2 \(boil\) was polled on main, which was still polling"),
    (turn_time_back, r"it happened at 0.0001, before the event above it"),
    (poll_after_the_end, r"task 1 \(chop\) had ended in line"),
    (poll_after_ready, r"task 1 \(chop\) was polled again after it was ready"),
    (return_after_a_pending_poll, r"task 1 \(chop\) returned, but its last poll was pending"),
    (end_late, r"task 3 \(bake\) returned at .*, not at the end of its last poll"),
    (cancel_out_of_nowhere, r"task 1 \(chop\) was cancelled although nobody asked for it"),
    (poll_on_a_strange_thread, r"task 1 \(chop\) was polled on worker-9, which is no place for"),
    (poll_main_on_a_worker, r"task 0 \(main\) was polled on worker-1, which is no place for"),
    (spawn_from_an_idle_parent, r"task 2 \(boil\) was spawned while its parent was not polled"),
    (orphan, r"task 2 \(boil\) has no parent, and is not main"),
    (poll_before_the_spawn, r"task 1 \(chop\) was polled before it was spawned"),
    (spawn_nothing, r"nothing was spawned, not even main"),
]


@pytest.mark.parametrize(
    ("doctor", "sentence"), BROKEN, ids=[doctor.__name__ for doctor, _ in BROKEN]
)
def test_each_rule_notices_a_doctored_copy(
    doctor: Callable[[list[Row]], None], sentence: str, tmp_path: Path
) -> None:
    rows = rows_of("spawn.current_thread")
    doctor(rows)
    found = rules.violations(write(tmp_path, rows))
    assert any(re.search(sentence, broken) for broken in found), found


def test_a_violation_names_its_line(tmp_path: Path) -> None:
    rows = rows_of("spawn.current_thread")
    rows[find(rows, "poll", 1)]["thread"] = "worker-9"
    line = find(rows, "poll", 1) + 1
    assert rules.violations(write(tmp_path, rows))[0].startswith(f"line {line}: ")


def leave_the_parent(rows: list[Row]) -> None:
    rows[find(rows, "poll", 1, 1)]["end"] += 0.01


def change_the_thread(rows: list[Row]) -> None:
    rows[find(rows, "poll", 1)]["thread"] = "elsewhere"


def overlap_the_sibling(rows: list[Row]) -> None:
    rows[find(rows, "poll", 1)]["end"] = rows[find(rows, "poll", 0)]["end"]


@pytest.mark.parametrize(
    ("doctor", "sentence"),
    [
        (leave_the_parent, "is a branch, and was polled outside of a poll of its parent"),
        (change_the_thread, "is a branch, and was polled outside of a poll of its parent"),
        (overlap_the_sibling, "was polled while another branch of its parent was"),
    ],
)
def test_a_branch_is_polled_inside_its_parent_alone(
    doctor: Callable[[list[Row]], None], sentence: str, tmp_path: Path
) -> None:
    rows = rows_of("select.current_thread")
    doctor(rows)
    assert any(sentence in broken for broken in rules.violations(write(tmp_path, rows)))


def test_blocking_work_is_done_by_the_threads_for_it(tmp_path: Path) -> None:
    rows = rows_of("blocking_pool.multi_thread_2")
    rows[find(rows, "poll", 1)]["thread"] = "worker-1"
    found = rules.violations(write(tmp_path, rows))
    assert any("worker-1, which is no place for a blocking" in broken for broken in found)


# Facts are proved on doctored traces: whatever is changed, some fact of the program must notice,
# and each fact must be noticed to fail at least once.
def doctored(trace: Trace) -> Iterator[Trace]:
    """Copies of a trace with one thing changed in each."""
    yield replace_tasks(trace, lambda lane: stretched(lane, 0.1))
    yield replace_tasks(trace, lambda lane: stretched(lane, 30.0))
    yield dataclasses.replace(trace, lanes=trace.lanes[:-1])
    for text in ("", "random: first 990, second 10", "biased: first 500, second 500"):
        yield dataclasses.replace(trace, marks=tuple(Mark(0.0, 0, text) for _ in trace.marks))
    late = tuple(mark._replace(time=mark.time + 100) for mark in trace.marks)
    yield dataclasses.replace(trace, marks=late)
    early = tuple(mark._replace(time=0.0) for mark in trace.marks)
    yield dataclasses.replace(trace, marks=early)
    yield replace_tasks(trace, lambda lane: on_threads(lane, "worker-1", "worker-1"))
    yield replace_tasks(trace, lambda lane: on_threads(lane, "worker-1", "worker-2"))
    yield replace_tasks(trace, lambda lane: dataclasses.replace(lane, steps=lane.steps[:1] * 9))
    yield replace_tasks(trace, early_children)
    ticks = (task.spawned for task in trace.tasks)
    yield replace_tasks(trace, lambda lane: ticking(lane, next(ticks, 0.0), trace.duration))
    for lane in trace.lanes[:12]:
        yield from changed(trace, lane.id)


def changed(trace: Trace, task: int) -> Iterator[Trace]:
    """Copies in which one task is another one."""

    def one(**values: Any) -> Trace:
        return replace_tasks(
            trace, lambda lane: dataclasses.replace(lane, **values) if lane.id == task else lane
        )

    for outcome in ("returned", "raised", "cancelled"):
        yield one(outcome=outcome)
    yield one(cancels=(), error="")
    yield one(ended=0.0)
    yield one(ended=trace.duration + 50)
    yield one(name="order-9", parent=None)
    yield one(steps=())
    yield one(steps=trace.lanes[0].steps)


def replace_tasks(trace: Trace, change: Callable[[Task], Task]) -> Trace:
    return dataclasses.replace(trace, lanes=tuple(change(lane) for lane in trace.lanes))


def stretched(lane: Task, factor: float) -> Task:
    ended = None if lane.ended is None else lane.ended * factor
    return dataclasses.replace(lane, ended=ended)


def on_threads(lane: Task, *threads: str) -> Task:
    steps = [step._replace(thread=threads[n % 2]) for n, step in enumerate(lane.steps)]
    return dataclasses.replace(lane, steps=tuple(steps))


def early_children(lane: Task) -> Task:
    steps = tuple(step._replace(start=-1.0) for step in lane.steps)
    return lane if lane.id < 2 else dataclasses.replace(lane, steps=steps)


def ticking(lane: Task, start: float, over: float) -> Task:
    """The ticker without a silence, or with one long one."""
    if lane.name != "ticker" or not lane.steps:
        return lane
    even = len(lane.steps) < 20
    times = [start + n * (over / 500 if even else over) for n in range(30 if even else 3)]
    steps = tuple(lane.steps[0]._replace(ready=t, start=t, end=t) for t in times)
    return dataclasses.replace(lane, steps=steps)


def template(sentence: str) -> str:
    """A fact without what differs between runs."""
    return re.sub(r"[\d.]+", "#", sentence.partition(";")[0])


@pytest.mark.parametrize("path", SMALL, ids=lambda path: path.name.removesuffix(".jsonl.gz"))
def test_each_fact_fails_on_some_doctored_copy(path: Path) -> None:
    trace = files.load(path)
    unnoticed = {template(sentence) for _, sentence in facts.of(trace)}
    assert len(unnoticed) >= 2
    for copy in doctored(trace):
        unnoticed -= {template(sentence) for holds, sentence in facts.of(copy) if not holds}
    assert unnoticed == set()


def test_a_task_that_is_missing_is_a_fact_that_does_not_hold() -> None:
    trace = files.load(DATA / "select.current_thread.jsonl.gz")
    alone = dataclasses.replace(trace, lanes=trace.lanes[:1])
    idle = replace_tasks(trace, lambda lane: dataclasses.replace(lane, steps=()))
    assert "no task named 'cache'" in facts.broken(alone)[-1]
    assert facts.broken(idle) != []


def test_an_unknown_program_has_no_facts_to_show() -> None:
    trace = Trace(lanes=(), duration=0.0, about={"scenario": "brunch"})
    assert facts.broken(trace) == ["nothing is known of a program named 'brunch'"]


def test_one_chef_never_hands_a_task_on_and_a_team_does() -> None:
    for scenario in ("thousand", "cpu_yield"):
        assert moved(files.load(DATA / f"{scenario}.current_thread.jsonl.gz")) == []
        assert moved(files.load(DATA / f"{scenario}.multi_thread_2.jsonl.gz")) != []
    cpu = files.load(DATA / "cpu.multi_thread_2.jsonl.gz")
    assert [task for task in moved(cpu) if task.name.startswith("dish")] == []


def test_cards_are_stolen_while_their_writer_works_except_the_one_in_the_lifo_slot() -> None:
    trace = files.load(DATA / "nested.multi_thread_2.jsonl.gz")
    names = [task.name for task in stolen(trace, trace.task("sous_chef"))]
    assert names != []
    assert "peel-8" not in names


def test_a_yield_lets_the_ticker_tick() -> None:
    """One chef, exact: eight dishes of 25 ms in one go, or in rounds of eight milliseconds."""
    silence = {
        scenario: longest_silence(
            files.load(DATA / f"{scenario}.current_thread_paused.jsonl.gz").task("ticker")
        )
        for scenario in ("cpu", "cpu_yield")
    }
    assert silence["cpu"] == pytest.approx(0.202)
    assert silence["cpu_yield"] == pytest.approx(0.01)
