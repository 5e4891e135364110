"""A recording is loaded by its name, and is the same kind of trace as an asyncio run's."""

from __future__ import annotations

import re
from typing import Any

import pytest

from helpers.tokio import load_recording, recorded
from helpers.trace import LaneKind, Outcome, TaskState


def test_each_recording_is_loaded_by_its_name() -> None:
    for name, runtimes in recorded().items():
        if name == "ten_thousand":
            continue  # its three files are read where the rules are proved
        assert "current_thread" in runtimes
        assert load_recording(name).about["scenario"] == name


@pytest.mark.parametrize(
    ("options", "runtime", "workers", "clock"),
    [
        ({}, "current_thread", 1, "real"),
        ({"clock": "virtual"}, "current_thread", 1, "virtual"),
        ({"runtime": "current_thread", "workers": 4}, "current_thread", 1, "real"),
        ({"runtime": "multi_thread"}, "multi_thread", 2, "real"),
        ({"runtime": "multi_thread", "workers": 4}, "multi_thread", 4, "real"),
    ],
)
def test_the_runtime_is_chosen_by_keyword(
    options: dict[str, Any], runtime: str, workers: int, clock: str
) -> None:
    trace = load_recording("spawn", **options)
    assert (trace.about["runtime"], trace.workers, trace.clock) == (runtime, workers, clock)
    assert trace.source == "tokio"


@pytest.mark.parametrize(
    ("name", "options", "sentence"),
    [
        ("select_tie", {"clock": "virtual"}, "'select_tie' was not recorded on current_thread_pau"),
        ("spawn", {"runtime": "multi_thread", "workers": 3}, "it was on current_thread, current"),
        (
            "spawn",
            {"runtime": "multi_thread", "clock": "virtual"},
            "recorded on multi_thread_paused",
        ),
        ("spawn", {"runtime": "threads"}, "'spawn' was not recorded on threads"),
        ("spawn", {"clock": "cuckoo"}, "recorded on current_thread with the clock 'cuckoo'"),
        ("../spawn", {}, "no recording named '../spawn'; there are async_sleep"),
    ],
)
def test_what_was_not_recorded_is_refused_with_what_was(
    name: str, options: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        load_recording(name, **options)


def test_the_exact_recording_of_spawn_is_known_to_the_last_step() -> None:
    trace = load_recording("spawn", clock="virtual")
    assert [task.name for task in trace.tasks] == ["main", "chop", "boil", "bake"]
    chop, boil = trace.task("chop"), trace.task("boil")
    assert [step[:5] for step in boil.steps] == [
        (0.0, 0.05, 0.1, "main", 0),
        (0.35, 0.35, 0.35, "main", "timer"),
    ]
    assert (chop.spawned, chop.ended, chop.outcome) == (0.0, 0.2, Outcome.RETURNED)
    assert (boil.busy, boil.scheduled, boil.idle) == pytest.approx((0.05, 0.05, 0.25))
    assert trace.task("main").steps[1].woken_by == chop.id
    assert trace.duration == 0.5


def test_a_tasks_spans_carry_the_worker_they_ran_on() -> None:
    trace = load_recording("cpu_yield", runtime="multi_thread", workers=2)
    threads = {
        span.thread
        for span in trace.spans
        if span.state is TaskState.RUNNING and trace.by_id[span.task].name.startswith("dish")
    }
    assert threads == {"worker-1", "worker-2"}


def test_the_picture_of_a_recording_names_the_tokio_that_was_recorded() -> None:
    trace = load_recording("spawn")
    assert f" · real Tokio {trace.about['tokio']} · real clock · " in str(trace).replace("\n", " ")


def test_branches_and_blocking_work_are_lanes_and_no_tasks() -> None:
    race, pool = load_recording("select"), load_recording("blocking_pool")
    assert [lane.kind for lane in race.lanes] == [LaneKind.TASK, LaneKind.BRANCH, LaneKind.BRANCH]
    assert {lane.kind for lane in pool.lanes[1:]} == {LaneKind.THREAD}
    assert [task.name for task in race.tasks] == ["main"]


def test_who_cancelled_a_task_is_known() -> None:
    assert load_recording("select_handles").task("market").cancelled_by == 0
    assert load_recording("dropped_handle").task("roast").cancelled_by == "main's return"
    assert load_recording("select").task("database").cancelled_by == 0


def test_a_chef_who_is_blocked_is_a_finding_with_those_who_waited() -> None:
    found = load_recording("blocking_sleep", clock="virtual").findings
    assert found[0] == (
        "`roast` blocked the chef for 0.2 s (from 0 to 0.2 s) and delayed `soup` by 0.2 s and "
        "`bread` by 0.2 s. Await what takes long, or use spawn_blocking."
    )
    assert [(finding.kind, finding.task) for finding in found] == [
        ("blocked", task)
        for task in (1, 2, 3)  # bread delays main, who awaits it
    ]
    team = load_recording("blocking_sleep", runtime="multi_thread", workers=2).findings
    assert re.match(r"`\w+` blocked worker-\d for 200 ms .* and delayed `\w+` by 200 ms", team[0])


def test_work_of_a_blocking_thread_holds_no_chef() -> None:
    assert load_recording("blocking_pool").findings == ()


def test_a_task_that_main_left_running_is_a_finding() -> None:
    found = load_recording("dropped_handle", clock="virtual").findings
    sentence = "`roast` was left running when main was over; it was dropped then. "
    sentence += "Await it before."
    assert [(str(one), one.kind, one.task) for one in found] == [(sentence, "left_running", 2)]


def test_a_timeout_over_blocking_code_is_found_to_have_never_yielded() -> None:
    found = load_recording("timeout_blocking", clock="virtual").findings
    (finding,) = found
    assert finding.startswith("`main` never yielded: its 0.5 s were one step. Await what")


def test_a_sound_recording_has_no_findings() -> None:
    for name in ("spawn", "async_sleep", "select", "shutdown", "cpu_yield", "thousand"):
        assert load_recording(name, clock="virtual").findings == ()


def test_a_panic_says_why() -> None:
    assert load_recording("panic").task("souffle").error == "panic: the souffle fell"
