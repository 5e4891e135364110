"""asyncio beside real Tokio: each twin is held to its recording, and a doctored one fails."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import gzip
import itertools
import json
from typing import Any

import pytest

from helpers import load_recording, record
from helpers.comparison import Comparison, compare
from helpers.comparison import figure as side_by_side
from helpers.comparison.kinds import WHY
from helpers.tokio import DATA, recorded
from helpers.trace import Finding, LaneKind, Outcome, Step, Task, Trace
from tests import twins
from tests.pictured import lane, run
from tests.twins import TWINS

CANCEL = "cancel is an exception"
BRANCH = "a branch is no task"
# Every difference between asyncio and Tokio that a twin shows, as (name, task). A new one fails.
DIFFERENT: dict[str, set[tuple[str, str]]] = {
    "spawn": set(),
    "dropped_handle": {(CANCEL, "roast")},
    "panic": {("panic or exception", "souffle")},
    "async_sleep": set(),
    "blocking_sleep": set(),
    "timeout": {(BRANCH, "soup"), (BRANCH, "roast"), (CANCEL, "roast")},
    "timeout__inside_main": {("no lane of its own", "soup"), ("no lane of its own", "roast")},
    "timeout_blocking": {("no lane of its own", "report")},
    "timeout_blocking__in_a_task": {(BRANCH, "main"), (BRANCH, "report")},
    "timeout_handle": {("timeout over a handle", "database"), ("it waits for another", "main")},
    "timeout_handle__shielded": set(),
    "select": {
        ("the loser is awaited", "main"),
        *((BRANCH, name) for name in ("database", "cache")),
        (CANCEL, "database"),
    },
    "select__wait": {
        *((BRANCH, name) for name in ("database", "cache")),
        ("loser of a race", "database"),
        (CANCEL, "database"),
    },
    "select__finally": {
        ("the loser is awaited", "main"),
        *((BRANCH, name) for name in ("database", "cache")),
        (CANCEL, "database"),
        ("finally runs", "database"),
    },
    "select_handles": {(CANCEL, "market")},
    "select_biased": {
        *((BRANCH, name) for name in ("main", "left", "right", "first", "second")),
        ("tie", "right"),
        ("tie", "second"),
    },
    "shutdown": {
        ("the loser is awaited", "main"),
        (CANCEL, "customers"),
        *((BRANCH, f"{arm} {n}") for arm in ("bell", "order") for n in range(1, 5)),
    },
    "thousand": {("main's turn", "main"), ("equal deadlines", "order-3")},
    "ten_thousand": {("main's turn", "main"), ("equal deadlines", "order-3")},
    "cpu": {(CANCEL, "ticker")},
    "cpu_yield": {
        (CANCEL, "ticker"),
        ("a timer queues twice", "ticker"),
        *(("a yield wakes later", f"dish-{n}") for n in range(1, 8)),  # nobody is behind dish-8
    },
    "nested": set(),
}
SAME = sorted(name for name, odd in DIFFERENT.items() if not odd)


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


@pytest.mark.parametrize("name", [name for name in TWINS if name != "select_biased"])
def test_tasks_are_first_polled_in_the_order_of_the_recording_also_in_one_moment(name: str) -> None:
    twins.started.clear()
    asyncio.run(record(TWINS[name]()))
    path = DATA / f"{name.partition('__')[0]}.current_thread_paused.jsonl.gz"
    names: dict[int, str] = {}
    order: list[str] = []
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for event in map(json.loads, lines):
            if event["event"] == "spawn":
                names[event["task"]] = event["name"]
            elif event["event"] == "poll" and names[event["task"]] not in ("main", *order):
                if len(order) > 2000:  # `in` a list of ten thousand is slow
                    break
                order.append(names[event["task"]])
    assert twins.started[: len(order)] == order
    assert order


@pytest.mark.parametrize("name", [name for name in TWINS if name != "ten_thousand"])
@pytest.mark.parametrize(("runtime", "workers"), [("current_thread", 1), ("multi_thread", 2)])
def test_no_real_clock_and_no_team_leaves_a_difference_unexplained(
    name: str, runtime: str, workers: int
) -> None:
    there = load_recording(name.partition("__")[0], runtime=runtime, workers=workers)  # type: ignore[arg-type]
    found = compare(run_of(name), there)
    assert [one.sentence for one in found.differs if one.name == "unexplained"] == []
    assert not found.both.exact


def test_a_run_on_the_real_clock_is_held_to_relations() -> None:
    mine = asyncio.run(record(TWINS["timeout_handle"](), clock="real"))
    found = compare(mine, tokio("timeout_handle", runtime="current_thread"))
    assert ("timeout over a handle", "database") in differences(found)
    assert "unexplained" not in found.kinds
    assert "measured" not in found.verdict


# What is told


def test_the_verdict_of_two_equal_runs_says_so() -> None:
    found = compare(run_of("spawn"), tokio("spawn"))
    assert found.verdict == "asyncio and Tokio do the same on 4 lanes, poll by poll."
    assert found.differs == ()
    assert "`chop` is the first to return." in found.agrees
    assert "The same number of polls: `main` (4), `chop` (2), `boil` (2) and `bake` (2)." in (
        found.agrees
    )


def test_the_verdict_counts_what_agrees_and_names_what_does_not() -> None:
    found = compare(run_of("timeout_handle"), tokio("timeout_handle"))
    assert found.verdict == (
        "Of 2 lanes, none end alike and at the same moment, and 1 has the same number of polls; "
        'what differs has a reason: "timeout over a handle" and "it waits for another".'
    )
    about = {one.task: one.sentence for one in found.differs}
    assert about["database"] == (
        "At the deadline `database` is cancelled at 0.2 s here and returns at 0.5 s there."
    )
    assert about["main"] == "`main` goes on at 0.5 s there, when `database` has ended."


def test_the_verdict_of_two_runs_that_share_main_alone_speaks_of_one_lane() -> None:
    found = compare(run_of("timeout_blocking"), tokio("timeout_blocking"))
    assert found.verdict == (
        "The one lane of both ends alike and at the same moment, after the same number of polls; "
        'what differs has a reason: "no lane of its own".'
    )


def test_what_lost_is_told_as_cancelled_in_both_and_the_winner_as_the_first() -> None:
    found = compare(run_of("select"), tokio("select"))
    assert "Cancelled in both: `database`." in found.agrees
    assert "`cache` is the first to return." in found.agrees


def test_every_difference_carries_the_reason_of_its_kind() -> None:
    for name in TWINS:
        for one in compare(run_of(name), tokio(name)).differs:
            assert one.why == WHY[one.name]
            assert one.sentence.endswith(".")


def test_the_text_holds_the_verdict_both_runs_and_each_reason_within_its_width() -> None:
    found = compare(run_of("select__finally"), tokio("select"))
    said = str(found)
    flat = " ".join(said.split())
    assert found.verdict in flat
    assert "asyncio, this run:" in said
    assert "Tokio 1.24.2, recorded:" in said
    assert all(one.why in flat and one.sentence in flat for one in found.differs)
    assert max(map(len, said.splitlines())) <= 79


def test_the_real_clock_is_not_said_to_be_exact() -> None:
    found = compare(run_of("spawn"), tokio("spawn", runtime="current_thread"))
    assert (
        found.verdict
        == "asyncio and Tokio do the same on 4 lanes, as far as measured times can tell."
    )
    assert not any("moment" in sentence for sentence in found.agrees)


# A team


def test_two_chefs_work_at_the_same_time_and_are_done_sooner() -> None:
    found = compare(run_of("blocking_sleep"), tokio("blocking_sleep", runtime="multi_thread"))
    told = [one.sentence for one in found.differs if one.name == "parallel work"]
    assert any("on two workers" in sentence for sentence in told)
    assert any("is done after 600 ms here" in sentence for sentence in told)


def test_a_child_that_starts_while_its_parent_works_is_told() -> None:
    found = compare(run_of("nested"), tokio("nested", runtime="multi_thread"))
    early = next(one for one in found.differs if one.name == "start after spawn")
    assert "while `sous_chef` is still in the step that spawned it" in early.sentence


def test_a_task_that_changes_its_worker_is_told() -> None:
    found = compare(run_of("cpu_yield"), tokio("cpu_yield", runtime="multi_thread"))
    assert "a task moves" in found.kinds


# Doctored runs


def in_tokio(*lanes: Task) -> Trace:
    return run(*lanes, source="tokio", about={"tokio": "1.24.2"})


MAIN = lane(0, "main", (0, 0, 0, "start"), (1, 1, 1, 1))


def shifted(steps: tuple[Step, ...], number: int, by: float) -> tuple[Step, ...]:
    one = steps[number]
    moved = one._replace(ready=one.ready + by, start=one.start + by, end=one.end + by)
    return (*steps[:number], moved, *steps[number + 1 :])


DOCTORED = {
    "outcome": lambda lane: {"outcome": Outcome.CANCELLED},
    "a later end": lambda lane: {"ended": 0.36, "end": 0.36},
    "a missing poll": lambda lane: {"steps": lane.steps[:1]},
    "one poll too many": lambda lane: {"steps": (*lane.steps, lane.steps[-1])},
    "a poll 10 us later": lambda lane: {"steps": shifted(lane.steps, 1, 1e-5)},
    "ready at another time": lambda lane: {
        "steps": (lane.steps[0]._replace(ready=0.02), lane.steps[1])
    },
    "started 10 us later": lambda lane: {
        "steps": (lane.steps[0], lane.steps[1]._replace(start=0.35001))
    },
    "a longer step": lambda lane: {"steps": (lane.steps[0]._replace(end=0.11), lane.steps[1])},
    "another parent": lambda lane: {"parent": 1},
    "a later spawn": lambda lane: {"spawned": 0.01},
    "another kind": lambda lane: {"kind": LaneKind.THREAD},
    "an error": lambda lane: {"outcome": Outcome.RAISED, "error": "ValueError: burnt"},
}


@pytest.mark.parametrize("what", DOCTORED)
def test_a_doctored_run_has_a_difference_that_nothing_explains(what: str) -> None:
    mine = run_of("spawn")
    odd = with_lane(mine, "boil", **DOCTORED[what](mine.task("boil")))
    found = compare(odd, tokio("spawn"))
    assert ("unexplained", "boil") in differences(found)
    assert "unexplained" in found.verdict
    assert WHY["unexplained"] in " ".join(str(found).split())


@pytest.mark.parametrize("name", ["timeout", "select", "select_handles", "timeout_handle"])
def test_no_rule_explains_a_step_at_a_moment_of_its_own(name: str) -> None:
    mine = run_of(name)
    last = mine.tasks[-1]
    extra = Step(0.0123, 0.0123, 0.0123, "chef", "timer")
    odd = with_lane(mine, last.name, steps=(last.steps[0], extra, *last.steps[1:]))
    assert ("unexplained", last.name) in differences(compare(odd, tokio(name)))


def test_swapped_first_polls_are_not_explained() -> None:
    mine = run_of("spawn")
    chop, boil = mine.task("chop"), mine.task("boil")
    odd = with_lane(mine, "chop", steps=(boil.steps[0], *chop.steps[1:]))
    odd = with_lane(odd, "boil", steps=(chop.steps[0], *boil.steps[1:]))
    found = compare(odd, tokio("spawn"))
    assert {("unexplained", "chop"), ("unexplained", "boil")} <= differences(found)
    assert not any("order of first polls" in sentence for sentence in found.agrees)


def test_a_measured_run_of_another_order_or_length_is_not_explained() -> None:
    there = tokio("spawn", runtime="current_thread")
    mine = run_of("spawn")
    late = with_lane(mine, "boil", ended=0.6, end=0.6)
    odd = [one.sentence for one in compare(late, there).differs if one.name == "unexplained"]
    assert odd == ["`main` ends before `boil` here, and after it there."]
    long = dataclasses.replace(mine, duration=1.0)
    assert ("unexplained", "main") in differences(compare(long, there))


def test_another_error_alone_is_not_explained() -> None:
    there = lane(1, "pan", (0, 0, 1, 0), parent=0, outcome=Outcome.RAISED, error="burnt")
    here = dataclasses.replace(there, error="spilled")
    assert differences(compare(run(MAIN, here), in_tokio(MAIN, there))) == {("unexplained", "pan")}


def test_a_measured_run_that_begins_in_another_order_is_not_explained() -> None:
    one, other = (lane(n, f"dish {n}", (0, n / 5, 1, 0), parent=0) for n in (1, 2))
    swapped = [dataclasses.replace(a, steps=b.steps) for a, b in ((one, other), (other, one))]
    there = dataclasses.replace(in_tokio(MAIN, *swapped), clock="real")
    found = compare(run(MAIN, one, other), there)
    assert [one.sentence for one in found.differs] == [
        "`dish 1` is first polled before `dish 2` here, and after it there."
    ]
    assert found.kinds == ("unexplained",)
    assert not any("order of first polls" in sentence for sentence in found.agrees)


def test_of_two_races_with_two_winners_no_winner_is_told() -> None:
    left, right = (lane(n, name, (0, 0, n, 0), parent=0) for n, name in ((1, "a"), (2, "b")))
    first = run(MAIN, left, right)
    second = in_tokio(
        MAIN,
        dataclasses.replace(right, id=1, name="a"),
        dataclasses.replace(left, id=2, name="b"),
    )
    assert not any("first to return" in sentence for sentence in compare(first, second).agrees)


def test_what_somebody_else_cancelled_did_not_race() -> None:
    mine = run_of("shutdown")
    bell = mine.task("bell 1")
    ask = bell.cancels[-1]._replace(by=1)
    odd = with_lane(mine, "bell 1", cancels=(ask,))
    assert ("only here", "bell 1") in differences(compare(odd, tokio("shutdown")))
    assert ("only here", "bell 2") not in differences(compare(odd, tokio("shutdown")))


# Kinds that no recorded program shows


def test_a_task_that_vanished_is_a_handle_dropped() -> None:
    lost = lane(1, "cake", (0, 0, 0, 0), parent=0, over=1.0, outcome=Outcome.PENDING)
    there = lane(1, "cake", (0, 0, 0, 0), (0.5, 0.5, 0.5), parent=0)
    gone = Finding("`cake` vanished.", kind="vanished", task=1)
    mine = run(lane(0, "main", (0, 0, 0, "start"), (1, 1, 1)), lost, findings=(gone,))
    theirs = in_tokio(lane(0, "main", (0, 0, 0, "start"), (1, 1, 1)), there)
    assert differences(compare(mine, theirs)) == {("handle dropped", "cake")}
    unseen = dataclasses.replace(mine, findings=())
    assert differences(compare(unseen, theirs)) == {("unexplained", "cake")}


def test_a_loser_that_refuses_its_cancel_is_told() -> None:
    async def stubborn() -> None:
        try:
            await asyncio.sleep(0.2)
        except asyncio.CancelledError:
            await asyncio.sleep(0.2)

    async def main() -> None:
        from helpers import select

        await select(database=stubborn(), cache=asyncio.sleep(0.1))

    found = compare(asyncio.run(record(main())), tokio("select"))
    assert ("a cancel can be refused", "database") in differences(found)
    assert "unexplained" not in found.kinds


def test_a_loser_that_nobody_cancels_and_that_returns_is_told() -> None:
    async def main() -> None:
        tasks = [twins.spawn("database", asyncio.sleep(0.2)),
                 twins.spawn("cache", asyncio.sleep(0.1))]  # fmt: skip
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.sleep(0.15)

    found = compare(asyncio.run(record(main())), tokio("select"))
    assert ("loser of a race", "database") in differences(found)


def test_who_yields_and_who_does_not_is_told() -> None:
    steps = tuple((n / 10, n / 10, (n + 1) / 10, 1 if n else 0) for n in range(10))
    mine = run(MAIN, lane(1, "dish", (0, 0, 1, 0), parent=0))
    theirs = in_tokio(MAIN, lane(1, "dish", *steps, parent=0))
    assert differences(compare(mine, theirs)) == {("who yields", "dish")}


def test_a_task_of_one_program_alone_is_told_as_such() -> None:
    async def main() -> None:
        twins.spawn("salad", asyncio.sleep(0))
        await TWINS["async_sleep"]()

    found = compare(asyncio.run(record(main())), tokio("async_sleep"))
    assert ("only here", "salad") in differences(found)
    mine = run_of("async_sleep")
    less = dataclasses.replace(mine, lanes=tuple(x for x in mine.lanes if x.name != "soup"))
    assert ("only there", "soup") in differences(compare(less, tokio("async_sleep")))


def test_of_two_lanes_with_one_name_the_first_is_matched() -> None:
    first, second = (lane(n, "soup", (0, 0, n, 0), parent=0) for n in (1, 2))
    found = compare(run(MAIN, first, second), in_tokio(MAIN, first))
    assert differences(found) == {("only here", "soup (2)")}


# What cannot be compared


def test_a_recording_of_another_program_is_refused_in_a_sentence() -> None:
    with pytest.raises(ValueError, match="'panic' are two programs.*chop, boil and bake.*soup"):
        compare(run_of("spawn"), tokio("panic"))


def test_two_runs_of_one_kind_are_refused() -> None:
    with pytest.raises(ValueError, match="where asyncio was expected, there is a run of tokio"):
        compare(tokio("spawn"), tokio("spawn"))
    with pytest.raises(ValueError, match="where tokio was expected, there is a run of asyncio"):
        compare(run_of("spawn"), run_of("spawn"))


def test_kitchen_minutes_are_not_compared_with_seconds() -> None:
    mine = asyncio.run(record(TWINS["spawn"](), unit="minutes"))
    with pytest.raises(ValueError, match="the run counts in minutes, the recording in seconds"):
        compare(mine, tokio("spawn"))


# The figure


def test_both_runs_have_their_lanes_in_one_order_under_a_title_each() -> None:
    mine = run_of("spawn")
    backwards = dataclasses.replace(mine, lanes=(mine.lanes[0], *mine.lanes[:0:-1]))
    _, lines = side_by_side.merge(compare(backwards, tokio("spawn")).both)
    names = [row.name for row in lines]
    own = ["main", "chop", "boil", "bake"]
    assert names == ["asyncio, this run", *own, "Tokio 1.24.2, recorded", *own]
    assert [row.depth for row in lines] == [0, 0, 1, 1, 1, 0, 0, 1, 1, 1]


def test_each_run_keeps_its_own_steps_wakers_and_endings_in_the_picture() -> None:
    found = compare(run_of("timeout_handle"), tokio("timeout_handle"))
    merged, lines = side_by_side.merge(found.both)
    shown = [row.lane for row in lines if row.lane]
    assert [one.outcome for one in shown] == ["returned", "cancelled", "returned", "returned"]
    assert merged.duration == 0.5
    for drawn, own in zip(shown, [*found.trace.tasks, *found.recording.tasks], strict=True):
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
    assert "application/vnd.plotly.v1+json" in bundles[0]


def test_the_figure_is_plotlys_and_has_the_text_too() -> None:
    found = compare(run_of("spawn"), tokio("spawn"))
    shown = found.figure._repr_mimebundle_()
    assert shown["text/plain"] == str(found)
    assert "do the same on 4 lanes" in found.figure.layout.title.text
    assert "asyncio: virtual clock, 0.5 s" in found.figure.layout.title.subtitle.text


def test_chefs_have_rows_in_the_recording_of_a_team() -> None:
    found = compare(run_of("spawn"), tokio("spawn", runtime="multi_thread"))
    _, lines = side_by_side.merge(found.both)
    assert {"on worker-1", "on worker-2"} <= {row.name for row in lines}


def test_of_a_crowd_the_first_and_the_last_lanes_are_drawn() -> None:
    found = compare(run_of("thousand"), tokio("thousand"))
    _, lines = side_by_side.merge(found.both)
    assert len(lines) == 2 * (side_by_side.MOST + 1)
    assert lines[0].name == "asyncio, this run"
    assert "14 of 1,001 lanes" in found.figure.layout.title.subtitle.text
    assert "14 of 1,001 lanes" in str(found)
    assert "order-1000" in {row.name for row in lines}
    assert len(json.dumps(found._repr_mimebundle_())) < 25_000


def test_the_picture_says_below_why_the_runs_differ() -> None:
    found = compare(run_of("timeout_handle"), tokio("timeout_handle"))
    layout = found.figure.layout
    below = layout.annotations[-1].text.replace("<br>", " ")
    assert all(WHY[kind].partition(".")[0] in below for kind in found.kinds)
    same = compare(run_of("spawn"), tokio("spawn")).figure.layout
    assert layout.margin.b > same.margin.b
