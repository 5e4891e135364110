"""A lab as data: limits, defaults, the clock, and the text to paste."""

from __future__ import annotations

import linecache

import pytest

from helpers.labs import NAMES, lab, spec_of
from helpers.labs.spec import Choice, Slider, Switch, Value
from tests.labs.conftest import spec_of as small

MS = Slider("ms", "Time (ms)", 10, 100, 50, step=10)
STYLE = Choice("style", "Style", (("side by side", "gather"), ("in turn", "queue")), "gather")


@pytest.mark.parametrize("value", [10, 100, 50, 55])
def test_a_slider_allows_each_whole_number_between_its_limits(value: int) -> None:
    assert MS.allows(value)


@pytest.mark.parametrize("value", [9, 101, 50.5, True, "50", float("nan")])
def test_a_slider_allows_nothing_else(value: Value) -> None:
    assert not MS.allows(value)


def test_a_choice_allows_what_its_options_mean_and_a_switch_yes_and_no() -> None:
    assert STYLE.allows("queue")
    assert not STYLE.allows("side by side")
    assert Switch("fallback", "Fallback", False).allows(True)
    assert not Switch("fallback", "Fallback", False).allows(1)


def test_what_is_left_out_is_the_default_and_what_is_unknown_is_an_error() -> None:
    spec = small("ovens", clocks=("real", "virtual"))
    assert spec.check({}) == {"ms": 50, "clock": "real"}
    with pytest.raises(ValueError, match="the test lab has no 'oven'; it has ms, clock"):
        spec.check({"oven": 1})
    with pytest.raises(ValueError, match="'Clock' got 'sundial', which it does not allow"):
        spec.check({"clock": "sundial"})


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
    model = small("ovens", shows_result=True, unit="milliseconds").code({"ms": 7})
    assert model.endswith("\n\ntrace = await main()\ntimeline(trace, unit='milliseconds')\n")


def test_a_line_of_the_latest_program_can_be_quoted() -> None:
    spec = small("ovens")
    for ms in (250, 300):
        spec.coroutine({"ms": ms}).close()
        linecache.checkcache()
        assert linecache.getline("the test lab's code", 6) == f"    return {ms}\n"


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
