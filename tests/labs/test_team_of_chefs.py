"""The lab of the team: what it shows is what its program returns, with real Tokio beside it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from helpers.labs import spec_of
from helpers.labs.engine import State
from helpers.labs.panel import NONE, SAME, Panel
from helpers.model import simulate
from tests.labs.conftest import Make, served
from tests.labs.test_programs import filled, run

SPEC = spec_of("team_of_chefs")


def test_the_lab_shows_the_trace_that_its_program_returns(
    make: Make,
) -> None:
    engine, diary = make(SPEC)
    engine.request({**SPEC.defaults(), "chefs": 4})
    engine.ask(State.RUNNING)
    assert served(engine, 60)
    done, trace = diary.last()
    assert trace.source == "model"
    assert trace.lanes == simulate(chefs=4, tasks=8, work=0.01, spawner="task").lanes
    assert SPEC.numbers(done.values, trace)[0].startswith("It took 30 ms.")


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({}, "nested"),
        ({"spawner": "main", "work": 25}, "cpu"),
        ({"spawner": "main", "work": 25, "awaits": 24}, "cpu_yield"),
        ({"spawner": "main", "tasks": 3, "work": 0, "awaits": 1, "wait": 200}, "async_sleep"),
        (
            {"spawner": "main", "tasks": 3, "work": 0, "awaits": 1, "wait": 200, "share": 100},
            "blocking_sleep",
        ),
    ],
)
@pytest.mark.parametrize("chefs", [1, 2, 4])
def test_the_same_job_on_real_tokio_stands_beside_it(
    values: dict[str, Any], name: str, chefs: int
) -> None:
    asked = filled(SPEC, **values, chefs=chefs)
    assert SPEC.beside is not None
    found = SPEC.beside(asked)
    assert found is not None
    assert (found.about["scenario"], found.workers) == (name, chefs)
    model = run(SPEC, asked)
    # Real time adds to what the model counts; the dishes' ticker has 22 ms of its own at each end.
    assert model.duration <= found.duration < 2 * model.duration + 0.1
    assert SPEC.numbers(asked, model)[-1].startswith("Real Tokio took ")


@pytest.mark.parametrize("values", [{"chefs": 3}, {"tasks": 9}, {"stealing": False}, {"work": 11}])
def test_what_was_not_recorded_has_nothing_beside_it(values: dict[str, Any]) -> None:
    asked = filled(SPEC, **values)
    assert SPEC.beside is not None
    assert SPEC.beside(asked) is None
    model = run(SPEC, asked)
    assert not SPEC.numbers(asked, model)[-1].startswith("Real Tokio")


def test_a_chef_without_a_card_is_told_of() -> None:
    asked = filled(SPEC, chefs=8, tasks=1)
    model = run(SPEC, asked)
    said = SPEC.numbers(asked, model)
    assert said[2] == "At work: worker-1 for 30 ms."
    assert said[3] == "7 chefs never had a card."
    assert said[4] == "The longest that a card was ready and not taken up is 20 ms (`card 1`)."


def test_question_forecast_and_numbers_count_in_the_milliseconds_of_sliders_and_axis() -> None:
    model = run(SPEC, SPEC.defaults())
    assert SPEC.unit == "milliseconds"
    assert "How many milliseconds" in SPEC.prediction.question
    told = SPEC.prediction.compare(SPEC.defaults(), 40.0, model)
    assert told.startswith("You predicted 40 ms; it took 50 ms.")
    said = SPEC.numbers(SPEC.defaults(), model)
    assert not any(re.search(r"\d s\b", one) for one in (told, *said))


def test_the_forecast_does_not_answer_the_question_above_it() -> None:
    answer = run(SPEC, SPEC.defaults()).duration
    forecast = SPEC.forecast(SPEC.defaults())
    assert forecast == "8 cards for 2 chefs: they hold chefs for 100 ms in all."
    assert f"{1000 * answer:g} ms" not in forecast


def test_the_recording_can_be_chosen_only_where_there_is_one(
    nothing_left: set[Any],
) -> None:
    panel = Panel(SPEC)

    def offered() -> list[str]:
        """What is said of real Tokio."""
        seen = {
            "the choice": panel.which.layout.display is None,
            "the line": NONE in panel.outcome.value,
        }
        return [name for name, is_there in seen.items() if is_there]

    assert offered() == []
    panel.run.click()
    assert served(panel.engine, 60)
    assert offered() == ["the choice"]
    model = panel.picture.store.film
    panel.which.index = 1
    real = panel.picture.store.film
    assert "peel-8" in str(real["rows"])
    assert real["title"] == SAME
    assert model["to"] == real["to"] >= max(model["end"], real["end"]), "they share an axis"
    panel.controls["chefs"].value = 3
    assert served(panel.engine, 60)
    assert offered() == ["the line"]
    assert panel.picture.store.film["title"] != SAME, "a new run shows the model again"
    panel.reset.click()
    assert served(panel.engine, 60)
    assert offered() == []
    panel.close()
