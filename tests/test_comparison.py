"""asyncio beside real Tokio: each twin is held to its recording, and a doctored one fails."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import itertools
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from helpers import load_recording, record
from helpers.comparison import MOST, Comparison, compare
from helpers.comparison.rules import REASONS, TITLES
from helpers.draw.theme import PLOTLY
from helpers.task import CancelRequest
from helpers.tokio import recorded
from helpers.trace import LaneKind, Outcome, Step, Task, Trace
from tests.draw.pictured import lane, run
from tests.twins import TWINS

CANCEL = "cancel is an exception"
BRANCH = "a branch is no task"
AWAITED = "the loser is awaited"
RACE = {(BRANCH, "database"), (BRANCH, "cache"), (CANCEL, "database")}
# Every difference between asyncio and Tokio that a twin shows, as (name, task). A new one fails.
DIFFERENT: dict[str, set[tuple[str, str]]] = {
    "spawn": set(),
    "dropped_handle": {(CANCEL, "roast")},
    "panic": set(),
    "async_sleep": set(),
    "blocking_sleep": set(),
    "timeout": {(BRANCH, "soup"), (BRANCH, "roast"), (CANCEL, "roast")},
    "timeout__inside_main": {("no lane of its own", "soup"), ("no lane of its own", "roast")},
    "timeout_blocking": {("no lane of its own", "report")},
    "timeout_blocking__in_a_task": {(BRANCH, "main"), (BRANCH, "report")},
    "timeout_handle": {("timeout over a handle", "database"), ("it waits for another", "main")},
    "timeout_handle__shielded": set(),
    "select": {(AWAITED, "main"), *RACE},
    "select__wait": {*RACE},
    "select__finally": {(AWAITED, "main"), *RACE},
    "select_handles": {(CANCEL, "market")},
    "select_biased": {(BRANCH, name) for name in ("main", "left", "right", "first", "second")},
    "shutdown": {
        *((AWAITED, "main"), (CANCEL, "customers")),
        *(("in one run only", f"{arm} {n}") for arm in ("bell", "order") for n in range(1, 5)),
    },
    "thousand": {("main's turn", "main")},
    "ten_thousand": {("main's turn", "main")},
    "cpu": {(CANCEL, "ticker")},
    "cpu_yield": {
        ("yields in reverse", name) for name in ("ticker", *(f"dish-{n}" for n in range(1, 9)))
    },
    "nested": set(),
    "stall": set(),
    "held": set(),
}
SAME = sorted(name for name, differs in DIFFERENT.items() if not differs)


@functools.cache
def run_of(name: str) -> Trace:
    """The twin's run on the virtual clock."""
    return asyncio.run(record(TWINS[name]()))


@functools.cache
def tokio(name: str, **options: Any) -> Trace:
    """The recording of a twin's program; on the virtual clock, unless told otherwise."""
    return load_recording(name.partition("__")[0], **(options or {"clock": "virtual"}))


def differences(comparison: Comparison) -> set[tuple[str, str]]:
    return {(one.name, one.task) for one in comparison.differs}


def with_lane(trace: Trace, name: str, **changes: Any) -> Trace:
    """The trace with one lane changed."""
    old = trace.task(name)
    new = dataclasses.replace(old, **changes)
    return dataclasses.replace(trace, lanes=tuple(new if x is old else x for x in trace.lanes))


# Each twin beside its recording


def test_every_recording_on_the_virtual_clock_has_a_twin_and_every_twin_its_differences() -> None:
    paused = {name for name, on in recorded().items() if "current_thread_paused" in on}
    assert {name.partition("__")[0] for name in TWINS} == paused
    assert set(TWINS) == set(DIFFERENT)


@pytest.mark.parametrize("name", TWINS)
def test_a_twin_differs_from_its_recording_in_the_listed_points_alone(name: str) -> None:
    assert differences(compare(run_of(name), tokio(name))) == DIFFERENT[name]


@pytest.mark.parametrize("name", SAME)
def test_a_twin_without_differences_has_the_recordings_polls_to_the_microsecond(name: str) -> None:
    mine, yours = run_of(name), tokio(name)
    assert len(mine.tasks) == len(yours.tasks)
    for here, there in zip(mine.tasks, yours.tasks, strict=True):
        assert here.outcome is there.outcome
        for one, other in itertools.zip_longest(here.steps, there.steps):
            assert one[:3] == pytest.approx(other[:3], abs=1e-6)


@pytest.mark.parametrize("name", TWINS)
def test_tasks_are_first_polled_in_the_order_of_the_recording_also_in_one_moment(name: str) -> None:
    mine, yours = (
        [trace.by_id[lane].name for lane, n in trace.steps_in_order if n == 0]
        for trace in (run_of(name), tokio(name))
    )
    both = {*mine} & {*yours}
    assert [name for name in mine if name in both] == [name for name in yours if name in both]


@pytest.mark.parametrize("name", [name for name in TWINS if name != "ten_thousand"])
@pytest.mark.parametrize(("runtime", "workers"), [("current_thread", 1), ("multi_thread", 2)])
def test_no_real_clock_and_no_team_leaves_a_difference_unexplained(
    name: str, runtime: str, workers: int
) -> None:
    there = load_recording(name.partition("__")[0], runtime=runtime, workers=workers)
    comparison = compare(run_of(name), there)
    assert [one.sentence for one in comparison.differs if one.name == "unexplained"] == []


def test_a_run_on_the_real_clock_is_held_to_relations() -> None:
    mine = asyncio.run(record(TWINS["timeout_handle"](), clock="real"))
    comparison = compare(mine, tokio("timeout_handle", runtime="current_thread"))
    assert comparison.kinds == ("timeout over a handle", "it waits for another")


# What differs, and why


def in_tokio(*lanes: Task, **options: Any) -> Trace:
    return run(*lanes, source="tokio", about={"tokio": "1.53.2"}, **options)


def measured(*lanes: Task, **options: Any) -> Trace:
    return in_tokio(*lanes, clock="real", **options)


MAIN = lane(0, "main", (0, 0, 0, "start"), (1, 1, 1, 1))
DISH = lane(1, "dish", (0, 0, 0, 0), (1, 1, 1), parent=0)
BUSY = lane(1, "dish", (0, 0, 1, 0), parent=0)
NEXT = lane(2, "next", (0, 1, 2, 0), parent=0)
AGAIN = dataclasses.replace(DISH, steps=(*DISH.steps, DISH.steps[-1]))
ASKED = (CancelRequest(1, 0),)
LATER = lane(3, "later", (0.5, 1, 1, 0), parent=0, outcome=Outcome.CANCELLED, cancels=ASKED)

MOVED = dataclasses.replace(DISH, steps=(DISH.steps[0], DISH.steps[1]._replace(thread="b")))
WRITES = lane(0, "main", (0, 0, 1, "start"))

# For each reason that no twin shows on the virtual clock, the smallest two runs that do; and a
# cancel that is refused.
SMALL = {
    CANCEL: (
        run(MAIN, dataclasses.replace(AGAIN, cancels=ASKED)),
        in_tokio(MAIN, dataclasses.replace(DISH, outcome=Outcome.CANCELLED, cancels=ASKED)),
    ),
    "parallel work": (
        run(MAIN, BUSY, NEXT),
        measured(MAIN, BUSY, lane(2, "next", (0, 0, 1, 0), parent=0), workers=2),
    ),
    "start after spawn": (
        run(WRITES, lane(1, "dish", (0, 1, 1, 0), parent=0)),
        measured(WRITES, lane(1, "dish", (0, 0.5, 0.5, 0), parent=0), workers=2),
    ),
    "a task moves": (run(MAIN, DISH), measured(MAIN, MOVED, workers=2)),
    "in one run only": (run(MAIN, DISH, NEXT), in_tokio(MAIN, DISH, LATER)),
    "unexplained": (run(MAIN, DISH), in_tokio(MAIN, AGAIN)),
}


@pytest.mark.parametrize("reason", SMALL)
def test_the_smallest_two_runs_that_differ_so_have_that_reason(reason: str) -> None:
    assert compare(*SMALL[reason]).kinds == (reason,)


def test_every_reason_is_shown_by_a_twin_or_by_two_small_runs() -> None:
    assert {name for differs in DIFFERENT.values() for name, _ in differs} | {*SMALL} == {*REASONS}


def test_of_two_lanes_with_one_name_the_first_is_matched_and_callbacks_are_left_out() -> None:
    first, second = (lane(n, "soup", (0, 0, n, 0), parent=0) for n in (1, 2))
    bell = lane(3, "ring", (1, 1, 1), kind=LaneKind.CALLBACK)
    comparison = compare(run(MAIN, first, second, bell), in_tokio(MAIN, first))
    assert differences(comparison) == {("in one run only", "soup (2)")}


# What nothing explains


def changed(lane: Task, number: int, **times: Any) -> dict[str, Any]:
    """The lane's steps, one of them at other times."""
    steps = list(lane.steps)
    steps[number] = steps[number]._replace(**times)
    return {"steps": tuple(steps)}


DOCTORED: dict[str, Callable[[Task], dict[str, Any]]] = {
    "outcome": lambda lane: {"outcome": Outcome.CANCELLED},
    "a later end": lambda lane: {"ended": 0.36, "end": 0.36},
    "a missing poll": lambda lane: {"steps": lane.steps[:1]},
    "one poll too many": lambda lane: {"steps": (*lane.steps, lane.steps[-1])},
    "a poll 10 us later": lambda lane: changed(lane, 1, ready=0.35001, start=0.35001, end=0.35001),
    "a longer step": lambda lane: changed(lane, 0, end=0.11),
    "another parent": lambda lane: {"parent": 1},
    "an error": lambda lane: {"outcome": Outcome.RAISED, "error": "ValueError: burnt"},
}


@pytest.mark.parametrize("what", DOCTORED)
def test_a_doctored_run_has_a_difference_that_nothing_explains(what: str) -> None:
    mine = run_of("spawn")
    doctored = with_lane(mine, "boil", **DOCTORED[what](mine.task("boil")))
    comparison = compare(doctored, tokio("spawn"))
    assert differences(comparison) == {("unexplained", "boil")}
    assert "unexplained: 1 difference" in comparison.verdict
    assert REASONS["unexplained"] in " ".join(str(comparison).split())


# In select_biased a lane is dropped at once: what asyncio does later is what the rule explains.
@pytest.mark.parametrize("name", [n for n in TWINS if "thousand" not in n and n != "select_biased"])
def test_no_rule_explains_a_step_at_a_moment_of_its_own(name: str) -> None:
    mine, yours = run_of(name), tokio(name)
    for task in {one.name for one in mine.lanes} & {one.name for one in yours.lanes}:
        for doctored in ((with_step(mine, task), yours), (mine, with_step(yours, task))):
            assert ("unexplained", task) in differences(compare(*doctored))


def with_step(trace: Trace, name: str) -> Trace:
    """The trace with a step of that lane at a moment of its own, behind the first."""
    task = trace.task(name)
    moment = task.spawned + 1e-5
    extra = Step(moment, moment, moment, "chef", "timer")
    return with_lane(trace, name, steps=(*task.steps[:1], extra, *task.steps[1:]))


def test_a_measured_run_of_another_order_or_length_is_not_explained() -> None:
    there = tokio("spawn", runtime="current_thread")
    mine = run_of("spawn")
    late = with_lane(mine, "boil", ended=0.6, end=0.6)
    sentences = [one.sentence for one in compare(late, there).differs if one.name == "unexplained"]
    assert sentences == ["`main` ends before `boil` here, and after it there."]
    long = dataclasses.replace(mine, duration=1.0)
    assert differences(compare(long, there)) == {("unexplained", "main")}


def test_another_error_alone_is_not_explained() -> None:
    there = lane(1, "pan", (0, 0, 1, 0), parent=0, outcome=Outcome.RAISED, error="panic: burnt")
    here = dataclasses.replace(there, error="ValueError: spilled")
    assert differences(compare(run(MAIN, here), in_tokio(MAIN, there))) == {("unexplained", "pan")}


def test_a_measured_run_that_begins_in_another_order_is_not_explained() -> None:
    one, other = (lane(n, f"dish {n}", (0, n / 5, 1, 0), parent=0) for n in (1, 2))
    swapped = [dataclasses.replace(a, steps=b.steps) for a, b in ((one, other), (other, one))]
    comparison = compare(run(MAIN, one, other), measured(MAIN, *swapped))
    sentence = "`dish 1` is first polled before `dish 2` here, and after it there."
    assert [(one.name, one.sentence) for one in comparison.differs] == [("unexplained", sentence)]
    assert not any("order of first polls" in sentence for sentence in comparison.agrees)


def test_a_team_that_begins_in_another_order_after_the_spawns_is_no_early_start() -> None:
    one, other = (lane(n, f"dish {n}", (0, n / 5, 1, 0), parent=0) for n in (1, 2))
    swapped = [dataclasses.replace(a, steps=b.steps) for a, b in ((one, other), (other, one))]
    comparison = compare(run(MAIN, one, other), measured(MAIN, *swapped, workers=2))
    assert "start after spawn" not in comparison.kinds
    assert "parallel work" in comparison.kinds


def test_what_is_measured_may_come_in_another_order_by_a_hair() -> None:
    one, other = (lane(n, f"dish {n}", (0, 0.5, 0.5 + n / 1000, 0), parent=0) for n in (1, 2))
    swapped = [dataclasses.replace(a, end=b.end) for a, b in ((one, other), (other, one))]
    assert compare(run(MAIN, one, other), measured(MAIN, *swapped)).differs == ()


# The words


def test_the_title_is_the_difference_and_the_verdict_counts_what_agrees() -> None:
    comparison = compare(run_of("timeout_handle"), tokio("timeout_handle"))
    assert comparison.headline == "Tokio's timeout lets `database` go on; asyncio's cancels it"
    assert comparison.verdict == "Of 2 lanes, 0 end alike and 1 has as many polls."
    assert set(TITLES) == set(REASONS)
    about = {one.task: one.sentence for one in comparison.differs}
    assert about["database"] == (
        "At the deadline `database` is cancelled at 0.2 s here and returns at 0.5 s there."
    )
    assert about["main"] == "`main` goes on at 0.5 s there, when `database` has ended."


def test_the_text_holds_the_verdict_both_runs_and_each_reason_within_its_width() -> None:
    comparison = compare(run_of("select__finally"), tokio("select"))
    text = str(comparison)
    flat = " ".join(text.split())
    assert comparison.verdict in flat
    assert text.index("asyncio, this run:") < text.index("Tokio 1.53.2, recorded:")
    assert all(REASONS[one.name] in flat and one.sentence in flat for one in comparison.differs)
    assert max(map(len, text.splitlines())) <= 79


def test_the_real_clock_is_not_said_to_be_exact() -> None:
    comparison = compare(run_of("spawn"), tokio("spawn", runtime="current_thread"))
    assert comparison.verdict.endswith("the same on 4 lanes, as far as measured times can tell.")
    assert not any("moment" in sentence for sentence in comparison.agrees)


def test_the_orders_that_are_the_same_are_told() -> None:
    assert compare(run_of("select"), tokio("select")).agrees == (
        "The order of first polls.",
        "The order in which they end.",
    )
    assert compare(run_of("timeout_blocking"), tokio("timeout_blocking")).agrees == ()


# What cannot be compared


def test_what_cannot_be_compared_is_refused_in_a_sentence() -> None:
    mine, there = run_of("spawn"), tokio("spawn")
    minutes = dataclasses.replace(mine, unit="minutes")
    refused = {
        "'panic' share no task but main": (mine, tokio("panic")),
        "got one of tokio and then of tokio": (there, there),
        "got one of asyncio and then of asyncio": (mine, mine),
        "the run counts in minutes, the recording in seconds": (minutes, there),
    }
    for sentence, runs in refused.items():
        with pytest.raises(ValueError, match=sentence):
            compare(*runs)


# The figure


def layout_of(comparison: Comparison) -> Any:
    return comparison._repr_mimebundle_()[PLOTLY]["layout"]


def test_both_runs_have_their_lanes_in_one_order_under_a_title_each() -> None:
    mine = run_of("spawn")
    backwards = dataclasses.replace(mine, lanes=(mine.lanes[0], *mine.lanes[:0:-1]))
    rows = compare(backwards, tokio("spawn")).picture.rows
    names = [row.name for row in rows]
    own = ["main", "chop", "boil", "bake"]
    assert names == ["asyncio, this run", *own, "Tokio 1.53.2, recorded", *own]
    assert [row.depth for row in rows] == [0, 0, 1, 1, 1, 0, 0, 1, 1, 1]


def test_each_run_keeps_its_own_steps_wakers_and_endings_in_the_picture() -> None:
    comparison = compare(run_of("timeout_handle"), tokio("timeout_handle"))
    picture = comparison.picture
    shown = [row.lane for row in picture.rows if row.lane]
    assert [one.outcome for one in shown] == ["returned", "cancelled", "returned", "returned"]
    assert picture.trace.duration == 0.5
    for drawn, own in zip(
        shown, [*comparison.runs.trace.tasks, *comparison.runs.recording.tasks], strict=True
    ):
        assert [s[:3] for s in drawn.steps] == [s[:3] for s in own.steps]
    assert shown[2].steps[-1].woken_by == shown[3].id
    assert shown[1].steps[0].woken_by == shown[0].id


def test_a_cell_gets_the_figure_and_the_text_the_same_on_every_run() -> None:
    bundles = []
    for _ in range(2):
        mine = asyncio.run(record(TWINS["select"]()))
        bundles.append(json.dumps(compare(mine, tokio("select"))._repr_mimebundle_()))
    assert bundles[0] == bundles[1]
    assert len(bundles[0]) < 12_000
    assert PLOTLY in bundles[0]


def test_chefs_have_rows_in_the_recording_of_a_team() -> None:
    comparison = compare(run_of("spawn"), tokio("spawn", runtime="multi_thread"))
    rows = comparison.picture.rows
    assert {"on worker-1", "on worker-2"} <= {row.name for row in rows}


def test_of_a_crowd_the_first_and_the_last_lanes_are_drawn() -> None:
    comparison = compare(run_of("thousand"), tokio("thousand"))
    rows = comparison.picture.rows
    assert len(rows) == 2 * (MOST + 1)
    assert rows[0].name == "asyncio, this run"
    assert "14 of 1,001 lanes" in layout_of(comparison)["title"]["subtitle"]["text"]
    assert "14 of 1,001 lanes" in str(comparison)
    assert "order-1000" in {row.name for row in rows}
    assert len(json.dumps(comparison._repr_mimebundle_())) < 25_000


def test_the_picture_says_below_why_the_runs_differ() -> None:
    comparison = compare(run_of("timeout_handle"), tokio("timeout_handle"))
    layout = layout_of(comparison)
    below = " ".join(re.sub("<.*?>", " ", layout["annotations"][0]["text"]).split())
    assert all(REASONS[kind].partition(".")[0] in below for kind in comparison.kinds)
    same = layout_of(compare(run_of("spawn"), tokio("spawn")))
    assert layout["margin"]["b"] > same["margin"]["b"]


def test_a_title_of_ones_own_stands_in_the_difference_s_place() -> None:
    for program in ("spawn", "timeout_handle"):
        titled = compare(run_of(program), tokio(program), title="Three cards")
        assert "<b>Three cards</b>" in layout_of(titled)["title"]["text"]
        assert str(titled).startswith(f"Three cards\n{titled.verdict[:30]}")
