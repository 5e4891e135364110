"""Numbers and names as a reader sees them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.text import cells, listing, number, plural, seconds, shorten


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (300, 0, "300"), (0, 3, "0"), (-0.0001, 3, "0"), (2.5, 3, "2.5"), (1200, 3, "1200"),
        (12345, 3, "12,345"), (0.1 + 0.2, 6, "0.3"),
    ],
)  # fmt: skip
def test_a_number_has_no_trailing_zeros_and_keeps_those_of_a_whole_one(
    value: float, digits: int, text: str
) -> None:
    assert number(value, digits) == text


@pytest.mark.parametrize(
    ("duration", "unit", "exact", "text"),
    [
        (10, "minutes", True, "10 min"),
        (0.3, "seconds", True, "0.3 s"),
        (0.3, "seconds", False, "300 ms"),
        (0.01244, "seconds", False, "12.4 ms"),
        (85e-6, "seconds", False, "85 µs"),
        (1.234, "seconds", False, "1.23 s"),
        (0.99996, "seconds", False, "1 s"),
    ],
)
def test_a_duration_is_said_in_the_unit_that_suits_it(
    duration: float, unit: str, exact: bool, text: str
) -> None:
    assert seconds(duration, unit, exact=exact) == text


def test_several_things_are_listed_as_one_says_them() -> None:
    assert listing([]) == ""
    assert listing(["a"]) == "a"
    assert listing(["a", "b"]) == "a and b"
    assert listing(["a", "b", "c", "d"]) == "a, b, c and d"
    assert listing(list("abcdefgh")) == "a, b, c and 5 others"


def test_a_count_agrees_with_its_noun() -> None:
    assert [plural(n, "task") for n in (0, 1, 10_000)] == [
        "0 tasks",
        "1 task",
        "10,000 tasks",
    ]


def test_a_wide_letter_takes_two_columns_and_an_accent_none() -> None:
    assert cells("soup") == 4
    assert cells("スープ") == 6
    assert cells("e\u0301") == 1


@given(st.text(st.characters(exclude_characters="…")), st.integers(4, 60))
def test_a_shortened_text_fits_on_one_line_and_keeps_both_ends(text: str, most: int) -> None:
    short = shorten(text, most)
    assert cells(short) <= most
    assert len(short.splitlines()) <= 1
    whole = " ".join(text.split())
    if short != whole:
        front, _, back = short.partition("…")
        assert whole.startswith(front)
        assert whole.endswith(back)
