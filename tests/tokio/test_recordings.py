"""The kept recordings keep the rules of a scheduler, and each rule notices when one does not."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from helpers.tokio import DATA, recorded
from helpers.trace import Outcome, Trace, longest_silence, moved, stolen
from tests.tokio import facts, record, rules

Row = dict[str, Any]
KEPT = sorted(DATA.glob("*.jsonl.gz"))
each_recording = pytest.mark.parametrize(
    "path", KEPT, ids=lambda path: path.name.removesuffix(".jsonl.gz")
)


@each_recording
def test_a_recording_breaks_no_rule_and_shows_its_facts(path: Path) -> None:
    assert rules.violations(rules.rows_of(path)) == []
    assert facts.broken(Trace.load(path)) == []


@each_recording
def test_a_recording_says_what_made_it(path: Path) -> None:
    scenario, runtime, *_ = path.name.split(".")
    trace = Trace.load(path)
    assert trace.about["scenario"] == scenario
    assert runtime.startswith(trace.about["runtime"])
    assert trace.source == "tokio"
    assert trace.clock == ("virtual" if runtime.endswith("_paused") else "real")
    assert trace.workers == (int(runtime[-1]) if runtime[-1].isdigit() else 1)
    assert re.fullmatch(r"\d+\.\d+\.\d+", trace.about["tokio"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", trace.about["date"])
    assert trace.about["cores"] >= 1


def test_all_recordings_were_made_with_one_tokio() -> None:
    assert len({rules.rows_of(path)[0]["tokio"] for path in KEPT}) == 1


def test_every_program_is_kept_on_every_runtime_it_makes_sense_on() -> None:
    table = (record.RECORDER / "src" / "scenarios" / "mod.rs").read_text(encoding="utf-8")
    programs = {line.split('"')[1] for line in table.splitlines() if line.startswith('    "')}
    assert programs == set(recorded())
    for program, runtimes in recorded().items():
        missing = {"current_thread", "current_thread_paused", "multi_thread_2", "multi_thread_4"}
        missing -= set(runtimes)
        senseless = {
            "select_tie": {"current_thread_paused"},  # chance is what it shows
            "blocking_pool": {"current_thread_paused"},  # a thread's work takes real time
            "ten_thousand": {"multi_thread_4"},  # a third big file would show nothing new
        }
        assert missing == senseless.get(program, set())


def test_the_recordings_are_small_enough_to_be_kept() -> None:
    sizes = [path.stat().st_size for path in KEPT]
    assert max(sizes) <= record.MAX_FILE
    assert sum(sizes) <= record.MAX_ALL


# Each doctoring breaks one rule of the recording that it is given.
def at(rows: list[Row], event: str, task: int, number: int = 0) -> Row:
    return [r for r in rows if r["event"] == event and r.get("task") == task][number]


def change(event: str, task: int, number: int = 0, **values: Any) -> Callable[[list[Row]], None]:
    def doctor(rows: list[Row]) -> None:
        at(rows, event, task, number).update(values)

    return doctor


def forget(event: str, task: int) -> Callable[[list[Row]], None]:
    return lambda rows: rows.remove(at(rows, event, task))


def overlap_two_polls_of_a_task(rows: list[Row]) -> None:
    at(rows, "poll", 1)["end"] = at(rows, "poll", 1, 1)["start"] + 0.001


def poll_after_the_end(rows: list[Row]) -> None:
    rows.append(at(rows, "poll", 1) | {"start": 9.0, "end": 9.0})


def end_late(rows: list[Row]) -> None:
    end = at(rows, "end", 3)
    rows.remove(end)
    rows.append(end | {"t": 9.0})


def cancel_out_of_nowhere(rows: list[Row]) -> None:
    at(rows, "poll", 1, -1)["result"] = "pending"
    at(rows, "end", 1)["outcome"] = "cancelled"


def poll_a_branch_with_its_sibling(rows: list[Row]) -> None:
    at(rows, "poll", 1)["end"] = at(rows, "poll", 0)["end"]


def spawn_nothing(rows: list[Row]) -> None:
    del rows[1:]


@pytest.mark.parametrize(
    ("name", "doctor", "sentence"),
    [
        ("spawn", forget("end", 2), "boil) was spawned and has no end"),
        ("spawn", forget("wake", 2), "boil) was polled again although nothing woke it"),
        ("spawn", overlap_two_polls_of_a_task, "chop) was polled while it was still polled"),
        ("spawn", change("poll", 1, end=0.2), "boil) was polled on main, which was still polling"),
        ("spawn", change("wake", 3, t=0.0001), "it happened at 0.0001, before the event above it"),
        ("spawn", poll_after_the_end, "chop) had ended"),
        ("spawn", change("poll", 1, result="ready"), "chop) was polled again after it was ready"),
        ("spawn", change("poll", 1, -1, result="pending"), "returned, but its last poll was pend"),
        ("spawn", end_late, "bake) returned at 9.0, not at the end of its last poll"),
        ("spawn", cancel_out_of_nowhere, "chop) was cancelled although nobody asked for it"),
        ("spawn", change("poll", 1, thread="worker-9"), "worker-9, which is no place for a task"),
        ("spawn", change("poll", 0, thread="worker-1"), "worker-1, which is no place for a task"),
        ("spawn", change("spawn", 2, parent=1), "boil) was spawned while its parent was not"),
        ("spawn", change("spawn", 2, parent=None), "boil) has no parent, and is not main"),
        ("spawn", change("spawn", 1, t=1.0), "chop) was polled before it was spawned"),
        ("spawn", spawn_nothing, "nothing was spawned, not even main"),
        ("select", change("poll", 1, 1, end=9.0), "polled outside of a poll of its parent"),
        ("select", change("poll", 1, thread="other"), "polled outside of a poll of its parent"),
        ("select", poll_a_branch_with_its_sibling, "while another branch of its parent was"),
        ("blocking_pool", change("poll", 1, thread="main"), "main, which is no place for a block"),
    ],
)
def test_each_rule_notices_a_doctored_copy(
    name: str, doctor: Callable[[list[Row]], None], sentence: str
) -> None:
    rows = rules.rows_of(DATA / f"{name}.current_thread.jsonl.gz")
    doctor(rows)
    found = rules.violations(rows)
    assert any(sentence in violation for violation in found), found


@pytest.mark.parametrize("program", [name for name in recorded() if name != "ten_thousand"])
def test_a_fact_fails_once_any_task_of_the_program_is_another(program: str) -> None:
    trace = Trace.load(DATA / f"{program}.current_thread.jsonl.gz")
    main, *others = trace.lanes
    burnt = dataclasses.replace(main, outcome=Outcome.RAISED)
    strange = dataclasses.replace(main, steps=(main.steps[0]._replace(thread="worker-9"),))
    for other in (burnt, strange):
        copy = dataclasses.replace(trace, lanes=(other, *others))
        assert facts.broken(copy) != [], other
    assert facts.broken(dataclasses.replace(trace, lanes=(main,), marks=())) != []


def test_a_fact_that_does_not_hold_is_told_as_it_is_written() -> None:
    trace = Trace.load(DATA / "select.current_thread.jsonl.gz")
    silent = dataclasses.replace(trace, marks=())
    assert facts.broken(silent) == ['it does not hold: _marks(trace) == ["cache won"]']
    late = dataclasses.replace(trace.lanes[0], end=0.3)
    slow = dataclasses.replace(trace, lanes=(late, *trace.lanes[1:]))
    assert facts.broken(slow) == ['it does not hold: _lasts(trace, "main", 0.1, 0.2)']
    alone = dataclasses.replace(trace, lanes=trace.lanes[:1])
    assert "no task named 'cache'" in facts.broken(alone)[0]
    brunch = Trace((), 0.0, about={"scenario": "brunch"})
    assert facts.broken(brunch) == ["nothing is known of a program named 'brunch'"]


def test_one_chef_never_hands_a_task_on_and_a_team_does() -> None:
    for scenario in ("thousand", "cpu_yield"):
        assert moved(Trace.load(DATA / f"{scenario}.current_thread.jsonl.gz")) == []
        assert moved(Trace.load(DATA / f"{scenario}.multi_thread_2.jsonl.gz")) != []
    cpu = Trace.load(DATA / "cpu.multi_thread_2.jsonl.gz")
    assert [task for task in moved(cpu) if task.name.startswith("dish")] == []


def test_cards_are_stolen_while_their_writer_works_except_the_one_in_the_lifo_slot() -> None:
    trace = Trace.load(DATA / "nested.multi_thread_2.jsonl.gz")
    names = [task.name for task in stolen(trace, trace.task("sous_chef"))]
    assert names != []
    assert "peel-8" not in names


def test_a_yield_lets_the_ticker_tick() -> None:
    """One chef, exact: eight dishes of 25 ms in one go, or in rounds of eight milliseconds."""
    silence = {
        scenario: longest_silence(
            Trace.load(DATA / f"{scenario}.current_thread_paused.jsonl.gz").task("ticker")
        )
        for scenario in ("cpu", "cpu_yield")
    }
    assert silence["cpu"] == pytest.approx(0.202)
    assert silence["cpu_yield"] == pytest.approx(0.01)
