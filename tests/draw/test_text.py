"""The text of a timeline: exact under the virtual clock, and with the same facts as the figure."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings

from helpers import text as words
from helpers.draw.picture import Row, counts, picture_of
from helpers.draw.text import letters
from helpers.trace import Finding, LaneKind, Outcome, Trace
from tests.draw.pictured import (
    UNUSUAL,
    Program,
    crowd,
    dinner,
    kitchen,
    lane,
    programs,
    recorded,
    run,
    text,
)

EVENING = """\
`roast` and `soup` hold the chef; `salad` is ready and waits 8 min
dinner · virtual clock · 4 tasks · 46 min · one chef

dinner   ###.......................................................|# returned
soup       |####.........................|# returned
roast      !!!!|######.......................................###### returned
salad      !!!!!!!!!!!##|##|#| returned
         0            10           20           30           40
         kitchen minutes
# running: a chef is on it   ! scheduled: ready, not taken up   . idle: waits
| a step begins

        polls  running  scheduled  idle  ended at
dinner      2        3          0    43  46 returned
soup        2        4          0    20  26 returned
roast       2        9          3    30  44 returned
salad       4        6          8     0  16 returned

dinner: woken by the start of the run, running 0 to 2, idle 2 to 45, woken by
    a deadline, running 45 to 46, returned at 46
soup: woken by dinner, running 2 to 5, idle 5 to 25, woken by a timer, running
    25 to 26, returned at 26
roast: woken by dinner, scheduled 2 to 5, running 5 to 10, idle 10 to 40,
    woken by a timer, running 40 to 44, returned at 44
salad: woken by dinner, scheduled 2 to 10, running 10 to 12, woken by salad,
    running 12 to 14, woken by salad, running 14 to 16, woken by salad, a step
    at 16, returned at 16

at 45 dinner: deadline: time is up
"""


@pytest.fixture(scope="module")
def evening() -> Trace:
    return recorded(dinner(), unit="minutes")


def bar(text: str, name: str) -> str:
    """The bar of a lane, from the start of the run on."""
    lines = text.splitlines()
    axis = next(line for line in lines if re.fullmatch(r" +0( +[\d.,]+)*", line))
    start = axis.index("0")
    (found,) = [
        line[start:]
        for line in lines
        if line[:start].strip() == name and re.fullmatch(r"[#!.| ]+\w+", line[start:])
    ]
    return found.rpartition(" ")[0]


def test_the_text_is_exact_under_the_virtual_clock(evening: Trace) -> None:
    told, _, findings = str(evening).partition("\nFindings:\n")
    assert told == EVENING
    assert findings.startswith("- `roast` blocked the loop for 5 min (from 5 to 10 min, at line ")
    assert str(recorded(dinner(), unit="minutes")) == str(evening)


@pytest.mark.parametrize("width", [40, 60, 120])
def test_no_line_is_wider_than_asked_for(evening: Trace, width: int) -> None:
    lines = text(evening, title="Dinner is late", width=width).splitlines()
    assert lines[0] == "Dinner is late"
    assert max(map(len, lines)) <= max(width, 52)  # the table needs 52


@settings(max_examples=60, deadline=None)
@given(programs())
def test_text_and_picture_tell_the_same_facts(program: Program) -> None:
    trace = recorded(kitchen(program))
    picture = picture_of(trace)
    shown = text(trace, width=4_000)
    lines = shown.splitlines()
    assert lines[:2] == [picture.title, picture.subtitle]
    for row in picture.rows:
        assert row.name in shown
    for one in trace.lanes:
        assert any(re.match(rf"{one.name} +{one.polls} +\d", line) for line in lines)
    if trace.duration and len(trace.spans) <= 60:
        for bar in picture.bars:
            start, end = words.number(bar.span.start, 6), words.number(bar.span.end, 6)
            if start == end:
                continue
            assert f"{bar.span.state} {start} to {end}" in shown


@settings(max_examples=60, deadline=None)
@given(programs())
def test_every_poll_of_any_program_is_in_its_lane_s_bar(program: Program) -> None:
    trace = recorded(kitchen(program))
    for one in trace.lanes:
        painted = letters(counts(trace, 50, Row(one.name, lane=one)))
        assert len(painted) == 50
        for step in one.steps:
            cell = min(int(step.start / trace.duration * 50), 49) if trace.duration else 0
            assert {*"#|"} & {*painted[max(cell - 1, 0) : cell + 2]}  # as floats are rounded
        if trace.duration:
            begins = one.spawned * 50 / trace.duration
            assert not painted[: min(int(begins), 49)].strip()


def test_the_table_counts_polls_adds_up_states_and_tells_endings_whole() -> None:
    trace = run(
        lane(0, "main", (0, 0, 9)),
        lane(1, "ring", (2, 3, 3), kind=LaneKind.CALLBACK),
        lane(2, "burn", (0, 0, 4), outcome=Outcome.RAISED, error="ValueError: black"),
    )
    lines = str(trace).splitlines()
    assert "main      1        9          0     0  9 returned" in lines
    assert "ring      1        0          1     -  3 called" in lines
    assert "burn      1        4          0     0  4 raised ValueError: black" in lines


def test_findings_are_told_and_many_are_counted() -> None:
    many = tuple(Finding(f"`egg {n}` is lost.", kind="vanished") for n in range(15))
    shown = str(Trace((), 0.0, findings=many))
    assert shown.count("is lost.") == 12
    assert shown.endswith("- and 3 more.")
    assert shown.startswith("Nothing ran\n")


def test_a_run_in_which_no_time_passes_shows_the_order_of_its_steps() -> None:
    trace = run(
        lane(0, "main", (0, 0, 0, "start"), (0, 0, 0, 1)),
        lane(1, "soup", (0, 0, 0, 0), (0, 0, 0, 1), parent=0),
        sequence=(0, 1, 1, 0),
    )
    shown = str(trace)
    main, soup = bar(shown, "main"), bar(shown, "soup")
    assert main.index("#") < soup.index("#") < main.rindex("#")
    assert not set(main + soup) & set("!.")  # nobody waits
    assert "steps, one after another: no time passes" in shown


def test_several_chefs_are_told_and_on_which_of_them_a_step_was() -> None:
    trace = run(
        lane(0, "boil", (0, 0, 5), thread="worker-1"),
        lane(1, "bake", (0, 0, 3), thread="worker-2"),
        workers=2,
    )
    shown = str(trace)
    assert re.search(r"^chefs:\nworker-1  #+\nworker-2  #+\ntasks:\nboil ", shown, re.MULTILINE)
    assert "running 0 to 3 on worker-2" in shown


@pytest.mark.parametrize("tasks", [100, 5000])
def test_a_crowd_is_told_in_some_40_lines_with_its_totals_and_slowest_lanes(tasks: int) -> None:
    trace = recorded(crowd(tasks, sleeps=2))
    lines = str(trace).splitlines()
    assert len(lines) <= 50
    (total,) = [line.split() for line in lines if line.split()[:1] == ["sum"]]
    assert total[-1] == words.number(sum(one.polls for one in trace.lanes))
    assert total[5:7] == [words.number(20 * (tasks + 1)), "s"]
    assert any(line.startswith("The slowest lanes") for line in lines)


def test_of_a_crowd_chosen_lanes_are_told_with_every_step() -> None:
    shown = text(recorded(crowd(100)), lanes=["order 99"])
    assert "order 99: woken by crowd, a step at 0, idle 0 to 10" in shown
    assert "slowest" not in shown
    assert "order 1 " not in shown


def test_steps_that_say_the_same_are_counted() -> None:
    trace = run(lane(0, "egg", (0, 0, 0, "start"), *[(0, 0, 0, 0)] * 5))
    assert "woken by the start of the run, a step at 0, woken by egg, a step at 0 (5 times)" in (
        " ".join(str(trace).split())
    )


def test_names_in_wide_letters_keep_the_bars_in_line() -> None:
    trace = run(
        lane(0, "スープ", (0, 0, 9)), lane(1, "egg", (0, 0, 9)), lane(2, "x" * 80, (0, 0, 9))
    )
    lines = [line for line in str(trace).splitlines() if line.endswith("# returned")]
    assert len({words.cells(line) for line in lines}) == 1
    assert str(trace).count("x" * 78) == 1  # whole in its life


@pytest.mark.parametrize("trace", UNUSUAL)
def test_an_unusual_run_has_a_sane_text(trace: Trace) -> None:
    assert str(trace)
    assert all(words.cells(line) <= 78 for line in str(trace).splitlines())
