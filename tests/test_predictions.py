"""`predict`: what a question takes for an answer, and what the next recorded trace says to it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from helpers import busy, predict, predictions
from tests.run.runs import recorded

Shown = list[dict[str, str]]


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shown]:
    """What cells have shown, as MIME bundles."""
    bundles: Shown = []
    monkeypatch.setattr("IPython.display.display", lambda bundle, **_: bundles.append(bundle))
    yield bundles
    predictions._asked.clear()


async def main() -> None:
    soup = asyncio.create_task(cook(), name="soup")
    busy(3)
    await soup


async def cook() -> None:
    busy(2)


def starts(trace: Any) -> float:
    return float(trace.task("soup").steps[0].start)


def view(asked: predictions.Prediction, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.delenv("TASK_CARDS_TEXT")
    asked._repr_mimebundle_()
    return asked._view.children


def test_a_number_is_answered_by_the_next_run_with_the_gap(
    shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = predict("When does the `soup` start?", measure=starts, why="`main` holds the chef.")
    _, field, noted = view(asked, monkeypatch)
    field.value = "five"
    assert "'five' is no number." in noted.value
    assert asked.given is None
    field.value = "at minute 1,5"
    assert "Noted. Click the next cell, and run it." in noted.value
    assert predict("When does the `soup` start?", measure=starts, why=asked.why) is asked
    recorded(main())
    [bundle] = shown
    said = "You said: 1.5. The answer: 3 (1.5 more than you said)."
    assert bundle["text/plain"] == f"When does the `soup` start? {said} `main` holds the chef."
    assert "<code>main</code>" in bundle["text/html"]
    field.value = "3"
    assert "It is answered. To be asked again, run its cell." in noted.value
    recorded(main())
    assert len(shown) == 1


@pytest.mark.parametrize(
    ("value", "given"),
    [
        *[("1,000", 1000), ("10,500 tasks", 10_500), ("0,125", 0.125), ("2,5", 2.5), ("-3", -3)],
        *[("1,23", 1.23), ("5 to 7", None), ("1/2", None), ("1e3", None)],
    ],
)
def test_a_number_is_read_as_it_is_written(value: str, given: float | None) -> None:
    assert predictions.read((), value) == (given, "" if given else f"{value!r} is no number.")


def test_a_question_whose_words_do_not_fit_stays_open(shown: Shown) -> None:
    predict("Who?", measure=lambda trace: trace.tasks)  # type: ignore[arg-type,return-value]
    recorded(main())
    assert shown == []
    asked = predict("Who?", measure=lambda trace: trace.tasks[1].name)
    recorded(main())
    assert [asked.is_open, shown[0]["text/plain"]] == [False, "Who? The answer: soup."]


def test_what_stands_behind_the_run_is_blurred_until_it_is_answered(
    shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = predict("When?", measure=starts)
    assert "blur" in view(asked, monkeypatch)[0].value
    assert predictions._OPEN in asked._view._dom_classes
    recorded(main())
    assert predictions._OPEN not in asked._view._dom_classes


def test_a_wrong_choice_is_told_why(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"at once": "Nobody lets go of the chef.", "at 3": ""}
    asked = predict("When?", options, measure=lambda trace: f"at {starts(trace):g}", why="So.")
    view(asked, monkeypatch)[1].value = "at once"
    recorded(main())
    said = "You said: at once. The answer: at 3. Nobody lets go of the chef. So."
    assert shown[0]["text/plain"] == f"When? {said}"


def test_an_order_is_complete_before_it_is_an_answer(
    shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = predict(
        "Who ends first?",
        order=("main", "soup"),
        measure=lambda trace: [task.name for task in sorted(trace.tasks, key=lambda t: t.end)],
    )
    _, first, second, noted = view(asked, monkeypatch)
    first.value = "soup"
    assert asked.given is None
    second.value = "soup"
    assert "Give each a place of its own." in noted.value
    second.value = "main"
    assert asked.given == ["soup", "main"]


def test_without_an_answer_the_run_tells_it_all_the_same(shown: Shown) -> None:
    predict("When?", measure=starts)
    recorded(main())
    assert shown[0]["text/plain"] == "When? The answer: 3."


def test_a_run_that_a_question_is_not_about_leaves_it_open(shown: Shown) -> None:
    predict("When?", measure=starts)
    recorded(cook())
    assert shown == []
    recorded(main())
    assert len(shown) == 1


def test_a_failed_run_answers_too(shown: Shown) -> None:
    async def burn() -> None:
        await asyncio.sleep(4)
        raise ValueError

    predict("How long?", measure=lambda trace: trace.duration)
    with pytest.raises(ValueError, match="^$"):
        recorded(burn())
    assert shown[0]["text/plain"] == "How long? The answer: 4."


def test_a_question_that_is_asked_again_takes_the_place_of_the_one_before(shown: Shown) -> None:
    for _ in range(2):
        predict("When?", measure=starts)
    recorded(main())
    assert len(shown) == 1


def test_a_question_is_a_line_of_text_where_there_are_no_widgets() -> None:
    asked = predict("Who?", ("main", "soup"))
    line = "Predict: Who? (main / soup)"
    assert asked._repr_mimebundle_() == {"text/plain": line}
    assert repr(predict("When?")) == "Predict: When? (a number)"


def test_a_question_without_a_measure_is_answered_by_hand(shown: Shown) -> None:
    asked = predict("How many threads?")
    recorded(main())
    asked.answer(8)
    assert [bundle["text/plain"] for bundle in shown] == ["How many threads? The answer: 8."]


def test_choices_are_as_wide_as_their_words_and_a_number_is_not() -> None:
    fields = {kind: predict("Which?", kind)._view.children[1] for kind in ((), ("a", "b"))}
    assert [each.layout.width for each in fields.values()] == [None, "auto"]
