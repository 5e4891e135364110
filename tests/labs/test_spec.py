"""A lab as data: limits, defaults, the clock, and the text to paste."""

from __future__ import annotations

import linecache

import pytest

from helpers.labs import NAMES, lab, spec_of
from tests.labs.conftest import spec_of as small


def test_a_lab_of_one_clock_has_no_choice_of_clocks() -> None:
    assert small("ovens", clocks=("virtual", "real")).defaults() == {"ms": 50, "clock": "virtual"}
    alone = small("ovens", clocks=("virtual",))
    assert alone.defaults() == {"ms": 50}
    assert alone.clock({"ms": 50}) == "virtual"


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
        assert linecache.getline("the test lab's code", 8) == f"    return {ms}\n"


def test_an_unknown_lab_is_told_which_there_are() -> None:
    with pytest.raises(ValueError, match="there is no lab 'spwan'; the labs are task_cards, spawn"):
        lab("spwan")


@pytest.mark.parametrize("name", NAMES)
def test_each_lab_has_the_name_it_is_opened_by_and_no_label_twice(name: str) -> None:
    spec = spec_of(name)
    assert spec.name == name
    labels = [control.label for control in spec.controls]
    assert len(set(labels)) == len(labels)
