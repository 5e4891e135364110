"""The lab of the team: what it shows is what its program returns, with real Tokio beside it."""

from __future__ import annotations

import ast
import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.labs import spec_of
from helpers.labs.engine import Engine, State
from helpers.labs.panel import NONE, SAME, Panel
from helpers.labs.spec import Slider, Values
from helpers.model import simulate
from helpers.trace import Trace
from tests.labs.conftest import Diary
from tests.labs.test_programs import check_words, ends_of

SPEC = spec_of("team_of_chefs")


def pasted(values: Values) -> tuple[Trace, Any]:
    """What a notebook's cell makes of the shown text: the trace, and its last expression."""
    tree = ast.parse(SPEC.code(values))
    last = tree.body[-1]
    assert isinstance(last, ast.Expr)
    tree.body[-1] = ast.parse("figure = 0").body[0]
    tree.body[-1].value = last.value  # type: ignore[attr-defined]
    code = compile(tree, "<cell>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    namespace: dict[str, Any] = {"__name__": "__main__"}
    asyncio.run(eval(code, namespace))
    return namespace["trace"], namespace["figure"]


def test_the_lab_shows_the_trace_that_its_program_returns(
    make: Callable[..., tuple[Engine, Diary]],
) -> None:
    engine, diary = make(SPEC)
    engine.request({**SPEC.defaults(), "chefs": 4})
    engine.run()
    assert engine.wait(60)
    done = diary.last(State.DONE)
    assert done.trace is not None
    assert done.trace.source == "model"
    assert done.trace.lanes == simulate(chefs=4, tasks=8, work=0.01, spawner="task").lanes
    assert done.numbers[0].startswith("It took 0.03 s.")


def test_pasted_in_a_cell_the_code_gives_the_same_trace_on_the_same_axis() -> None:
    values = SPEC.check({"chefs": 3, "awaits": 2, "wait": 20, "share": 50, "spawner": "main"})
    trace, figure = pasted(values)
    model = simulate(chefs=3, tasks=8, work=0.01, yields=2, wait=0.02, blocking=0.5)
    assert trace.lanes == model.lanes
    assert "milliseconds" in str(figure.layout)


EVERYTHING = st.fixed_dictionaries(
    {
        control.name: st.integers(int(control.low), int(control.high))
        if isinstance(control, Slider)
        else st.sampled_from(ends_of(control))
        for control in SPEC.controls
    }
)


@given(EVERYTHING)
@settings(max_examples=25, deadline=None)
def test_whatever_the_sliders_say_the_model_runs_and_is_told_in_sentences(
    given: dict[str, Any],
) -> None:
    values = SPEC.check(given)
    namespace: dict[str, Any] = {}
    exec(SPEC.source(values), namespace)
    check_words(SPEC, values, asyncio.run(namespace["main"]()))


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
    asked = SPEC.check({**values, "chefs": chefs})
    assert SPEC.beside is not None
    found = SPEC.beside(asked)
    assert found is not None
    assert (found.about["scenario"], found.workers) == (name, chefs)
    model, _ = pasted(asked)
    # Real time adds to what the model counts; the dishes' ticker has 22 ms of its own at each end.
    assert model.duration <= found.duration < 2 * model.duration + 0.1
    assert SPEC.numbers(asked, model)[-1].startswith("Real Tokio took ")


@pytest.mark.parametrize("values", [{"chefs": 3}, {"tasks": 9}, {"stealing": False}, {"work": 11}])
def test_what_was_not_recorded_has_nothing_beside_it(values: dict[str, Any]) -> None:
    asked = SPEC.check(values)
    assert SPEC.beside is not None
    assert SPEC.beside(asked) is None
    model, _ = pasted(asked)
    assert not SPEC.numbers(asked, model)[-1].startswith("Real Tokio")


def test_a_chef_without_a_card_is_told_of() -> None:
    asked = SPEC.check({"chefs": 8, "tasks": 1})
    model, _ = pasted(asked)
    said = SPEC.numbers(asked, model)
    assert said[2] == "At work: worker-1 for 0.03 s."
    assert said[3] == "7 chefs never had a card."
    assert said[4] == "The longest that a card was ready and not taken up is 0.02 s (`card 1`)."


def test_the_second_picture_is_there_only_for_what_was_recorded(
    nothing_left: set[Any],
) -> None:
    panel = Panel(SPEC)

    def below() -> list[str]:
        """What can be seen below the lab's own picture."""
        parts = {"the picture": panel.beside, "the line": panel.not_recorded}
        return [name for name, part in parts.items() if part.layout.display is None]

    assert below() == []
    panel.buttons["Run"].click()
    assert panel.engine.wait(60)
    assert below() == ["the picture"]
    assert "peel-8" in str(panel.beside.figure)
    assert SAME in panel.beside.figure["layout"]["title"]["text"]
    panel.controls["chefs"].value = 3
    assert panel.engine.wait(60)
    assert below() == ["the line"]
    assert NONE in panel.not_recorded.value
    panel.buttons["Reset"].click()
    assert panel.engine.wait(60)
    assert below() == []
    panel.close()
