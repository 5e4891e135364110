"""A lab as data: limits, defaults, the clock, and the text to paste."""

from __future__ import annotations

import linecache

import pytest

from helpers.labs import NAMES, lab, program, spec_of
from helpers.labs.spec import Choice, Slider, Switch
from tests.labs.conftest import spec_of as small

MS = Slider("ms", "Time (ms)", 10, 100, 50, step=10)


@pytest.mark.parametrize("value", [10, 100, 50, 55, 70.0])
def test_a_slider_takes_each_whole_number_between_its_limits(value: float) -> None:
    assert MS.check(value) == value
    assert type(MS.check(value)) is int


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (9, "from 10 to 100, got 9"),
        (101, "from 10 to 100, got 101"),
        (50.5, "whole number, got 50.5"),
        (True, "got True"),
        ("50", "got '50'"),
        (float("nan"), "got nan"),
        (float("inf"), "got inf"),
    ],
)
def test_a_slider_refuses_anything_else_in_a_sentence(value: float | str, said: str) -> None:
    with pytest.raises(ValueError, match=f"'Time \\(ms\\)' is a .*{said}"):
        MS.check(value)


def test_a_slider_of_fractions_gives_fractions() -> None:
    share = Slider("share", "Share", 0, 1, 0.5, step=0.1)
    assert share.check(1) == 1.0
    assert type(share.check(1)) is float


def test_a_choice_and_a_switch_refuse_what_they_do_not_offer() -> None:
    style = Choice("style", "Style", (("side by side", "gather"), ("in turn", "queue")), "gather")
    assert style.check("queue") == "queue"
    with pytest.raises(ValueError, match="'Style' is one of gather, queue, got 'side by side'"):
        style.check("side by side")
    with pytest.raises(ValueError, match="'Fallback' is True or False, got 1"):
        Switch("fallback", "Fallback", False).check(1)


def test_what_is_left_out_is_the_default_and_what_is_unknown_is_an_error() -> None:
    spec = small("ovens", clocks=("real", "virtual"))
    assert spec.check({}) == {"ms": 50, "clock": "real"}
    with pytest.raises(ValueError, match="the test lab has no 'oven'; it has ms, clock"):
        spec.check({"oven": 1})


def test_a_lab_of_one_clock_has_no_choice_of_clocks() -> None:
    spec = small("ovens", clocks=("virtual",))
    assert [control.name for control in spec.controls] == ["ms"]
    assert spec.clock(spec.defaults()) == "virtual"


def test_values_cannot_be_changed_behind_the_lab() -> None:
    spec = small("ovens")
    with pytest.raises(TypeError):
        spec.check({})["ms"] = 3  # type: ignore[index]


def test_the_text_to_paste_is_the_program_and_the_line_that_records_it() -> None:
    spec = small("ovens", clocks=("virtual", "real"))
    text = spec.code({"ms": 7, "clock": "real"})
    assert text.startswith(spec.source({"ms": 7, "clock": "real"}))
    assert text.endswith('\n\ntrace = await record(main(), clock="real")\ntrace\n')


def test_a_line_of_the_latest_program_can_be_quoted() -> None:
    spec = small("ovens")
    for ms in (250, 300):
        program.coroutine(spec, {"ms": ms}).close()
        linecache.checkcache()
        line = linecache.getline(program.file_name(spec), 5)
        assert f"asyncio.sleep({ms} / 1000)" in line


def test_an_unknown_lab_is_told_which_there_are() -> None:
    with pytest.raises(ValueError, match="there is no lab 'spwan'; the labs are task_cards, spawn"):
        lab("spwan")


@pytest.mark.parametrize("name", NAMES)
def test_each_lab_has_the_name_it_is_opened_by_and_defaults_within_its_limits(name: str) -> None:
    spec = spec_of(name)
    assert spec.name == name
    assert spec.check(spec.defaults()) == spec.defaults()
    labels = [control.label for control in spec.controls]
    assert len(set(labels)) == len(labels)
