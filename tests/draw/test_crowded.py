"""Rows of too many steps: inked by share, small whatever the run, and true in the text too."""

from __future__ import annotations

import asyncio
import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import text as words
from helpers.draw.picture import Picture, picture_of
from helpers.draw.plot import figure_of
from helpers.task import Step
from helpers.trace import LaneKind, Mark, Outcome, Task, TaskState
from tests.draw.pictured import figure_dict, lane, recorded, run, text


def many(number: int, name: str, count: int, step: float = 0.25, **options: str) -> Task:
    """A lane of so many rounds of a second: idle for a half, then scheduled, then running."""
    thread = options.get("thread", "chef")
    steps = tuple(Step(n + 0.5, n + 1 - step, n + 1, thread, "timer") for n in range(count))
    parent = 0 if number else None
    return Task(number, name, parent, 0, count, Outcome.RETURNED, count, steps)


def ink(picture: Picture, row: int, state: TaskState) -> float:
    """Seconds that are drawn of a state on a crowded row."""
    parts = [part for part in picture.parts if part.row == row and part.span.state is state]
    return sum(part.share * part.span.seconds for part in parts)


gaps = st.lists(st.floats(0, 3), min_size=3, max_size=3)


@settings(max_examples=25, deadline=None)
@given(st.lists(gaps, min_size=70, max_size=90).filter(lambda rounds: sum(map(sum, rounds)) > 1))
def test_of_any_crowded_lane_as_much_is_inked_of_each_state_as_there_was(
    rounds: list[list[float]],
) -> None:
    times = list(itertools.accumulate(itertools.chain(*rounds * 3)))
    steps = zip(times[0::3], times[1::3], times[2::3], strict=True)
    one = lane(0, "egg", *((ready, start, end) for ready, start, end in steps))
    picture = picture_of(run(one, clock="real"))
    (row,) = (n for n, drawn in picture.lanes)
    assert row in picture.crowded
    near = 0.001 * one.end + 1e-6
    assert ink(picture, row, TaskState.RUNNING) == pytest.approx(one.busy, abs=near)
    assert ink(picture, row, TaskState.SCHEDULED) == pytest.approx(one.scheduled, abs=near)
    assert ink(picture, row, TaskState.IDLE) == pytest.approx(one.idle, abs=near)
    assert all(0 <= part.below <= part.below + part.share <= 1.002 for part in picture.parts)
    assert sum(map(sum, [found.polls for found in picture.crowded.values()])) >= one.polls


def test_workers_who_wait_are_not_drawn_as_running_and_the_chef_s_row_says_how_little() -> None:
    workers = [many(n, f"worker {n}", 500, step=0.001) for n in range(10)]
    trace = run(*workers, clock="real")
    picture = picture_of(trace)
    assert [row.name for row in picture.rows[:3]] == ["chefs", "chef 1 %", "tasks"]
    figure = figure_of(picture)
    blue = next(one for one in figure["data"] if one["name"] == "running, by share")
    assert max(blue["width"]) < 0.02
    assert "steps" not in {one["name"] for one in figure["data"]}  # ticks of 3 pixels each
    bars = [line for line in text(trace).splitlines() if line.endswith("| returned")]
    assert len(bars) == 10
    assert not any("#" in bar for bar in bars)


def test_bars_have_the_height_of_their_share_and_stand_on_each_other() -> None:
    figure = figure_dict(run(many(0, "egg", 400), clock="real"))
    found = {one["name"]: one for one in figure["data"]}
    lower, middle, upper = (
        next(zip(one["offset"], one["width"], one["y"], strict=True))
        for one in (found[f"{state}, by share"] for state in ("running", "scheduled", "idle"))
    )
    assert lower[0] + lower[1] == pytest.approx(0.37)
    assert middle[0] + middle[1] == pytest.approx(lower[0], abs=0.001)
    assert upper[0] + upper[1] == pytest.approx(middle[0], abs=0.001)
    assert "many steps" in figure["layout"]["annotations"][0]["text"]


def test_long_stretches_of_a_crowded_lane_stay_one_bar() -> None:
    rest = Step(1000, 1000, 1000, "chef", "timer")
    short = [Step(n, n, n + 0.5, "chef", "timer") for n in range(300)]
    one = Task(0, "egg", None, 0, 1000, Outcome.RETURNED, 1000, (*short, rest))
    idle = [
        part.span
        for part in picture_of(run(one)).parts
        if part.span.state is TaskState.IDLE and part.share == 1
    ]
    assert [(span.start, span.end) for span in idle] == [(300, 1000)]


@pytest.mark.parametrize(
    ("lanes", "steps"), [(1, 50_000), (10, 2000), (40, 1000), (100, 500), (1000, 30)]
)
def test_a_figure_is_small_whatever_the_number_of_steps(lanes: int, steps: int) -> None:
    trace = run(*(many(n, f"order {n}", steps) for n in range(lanes)), clock="real")
    figure = figure_dict(trace)
    assert len(json.dumps(figure)) < 2_000_000
    bars = [one for one in figure["data"] if one["type"] == "bar"]
    for row in range(len(figure["layout"]["yaxis"]["ticktext"])):
        assert sum(one["y"].count(row) for one in bars) <= 2000


def test_many_steps_of_many_lanes_are_counted_and_the_slowest_are_drawn() -> None:
    picture = picture_of(run(*(many(n, f"order {n}", 400) for n in range(50)), clock="real"))
    assert picture.density
    assert len(picture.lanes) == 8
    few = picture_of(run(*(many(n, f"order {n}", 10) for n in range(50)), clock="real"))
    assert not few.density
    assert not few.crowded


def test_a_crowded_chef_s_row_is_inked_by_share_too_and_each_chef_has_its_share_in_words() -> None:
    one = many(0, "boil", 400, thread="worker-1")
    other = many(1, "bake", 400, step=0.5, thread="worker-2")
    picture = picture_of(run(one, other, workers=2, clock="real"))
    assert [row.name for row in picture.rows[:3]] == ["chefs", "worker-1 25 %", "worker-2 50 %"]
    assert ink(picture, 1, TaskState.RUNNING) == pytest.approx(100, abs=1)
    assert ink(picture, 2, TaskState.RUNNING) == pytest.approx(200, abs=1)
    assert ink(picture, 1, TaskState.IDLE) == ink(picture, 2, TaskState.SCHEDULED) == 0
    assert picture.works == []


def test_where_no_time_passes_many_steps_are_running_one_after_another_and_nobody_waits() -> None:
    async def spin() -> None:
        for _ in range(1000):
            await asyncio.sleep(0)

    picture = picture_of(recorded(spin()))
    assert {part.span.state for part in picture.parts} == {TaskState.RUNNING}
    assert [row.name for row in picture.rows] == ["spin"]
    assert ink(picture, 0, TaskState.RUNNING) == pytest.approx(1001, abs=1)


def test_a_callback_that_is_called_often_does_not_wait_between_two_calls() -> None:
    steps = [(n, n, n + 0.25) for n in range(400)]
    ring = lane(1, "ring", *steps, kind=LaneKind.CALLBACK)
    picture = picture_of(run(lane(0, "main", (0, 0, 400)), ring, clock="real"))
    row = next(n for n, one in picture.lanes if one.id == 1)
    assert {part.span.state for part in picture.parts if part.row == row} == {TaskState.RUNNING}


def test_a_name_or_an_error_of_any_length_takes_one_line() -> None:
    error = "ValueError: " + "burnt " * 4000
    name = "egg" * 170_000
    trace = run(
        lane(0, name, (0, 0, 1), (2, 3, 4, 0)),
        lane(1, "burn", (0, 1, 3, 0), outcome=Outcome.RAISED, error=error, parent=0),
        marks=(Mark(1.0, 0, name),),
    )
    assert len(json.dumps(figure_dict(trace))) < 20_000
    assert len(json.dumps(figure_dict(trace, title=name))) < 20_000
    assert len(text(trace)) < 30_000
    assert len(words.shorten(name, 30)) == 30
    assert words.shorten("スープ" * 100_000, 9) == "スープ…プ"


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 100), st.integers(1, 40)), min_size=2, max_size=8))
def test_no_event_s_words_cover_others_and_no_line_crosses_them(
    events: list[tuple[int, int]],
) -> None:
    marks = tuple(Mark(float(at), 0, "x" * size) for at, size in events)
    layout = figure_dict(run(lane(0, "main", (0, 0, 100)), marks=marks))["layout"]
    axis = max(420 - layout["margin"]["l"] - layout["margin"]["r"], 100)
    placed = []
    for note in layout["annotations"]:
        if "ax" in note:
            at, wide = note["x"] * axis / 100, words.pixels(note["text"], 11)
            start = at if note["xanchor"] == "left" else at - wide
            placed.append((note["ay"], start, start + wide, at))
    assert placed
    for (line, start, end, at), (other, first, last, moment) in itertools.permutations(placed, 2):
        if line == other:
            assert end <= first + 0.01 or last <= start + 0.01
        elif other < line:  # it stands above, and its line comes down
            assert not start + 0.01 < moment < end - 0.01, (at, moment)
