"""The lab of the team in a real JupyterLab: the model's picture, and real Tokio's below it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from helpers.labs.panel import NONE, SAME
from tests.browser.lab_page import NOTHING_YET, LabOnScreen
from tests.browser.lab_page import drawn as texts_of


def drawn(lab: LabOnScreen, picture: int) -> list[str]:
    """Each text in one of the panel's two pictures, if it can be seen."""
    found = lab.area.locator(".task-cards-film").nth(picture)
    return texts_of(found) if found.is_visible() else []


def test_real_tokio_stands_below_the_model_where_it_was_recorded(
    show_lab: Callable[..., LabOnScreen],
) -> None:
    lab = show_lab("team_of_chefs")
    notebook = lab.notebook
    notebook.until(lambda: NOTHING_YET in " ".join(drawn(lab, 0)), "the empty picture")
    lab.area.get_by_label("Your prediction").fill("40")
    lab.press("Run")
    lab.says("You predicted 40 ms; it took 50 ms.")
    notebook.until(lambda: "card 8" in drawn(lab, 0), "the model's cards")
    notebook.until(lambda: "peel-8" in drawn(lab, 1), "the recording's cards")
    assert SAME in drawn(lab, 1)
    if out := os.environ.get("LOOK"):
        notebook.grow()
        notebook.picture(Path(out), of=lab.area)

    lab.set("Number of chefs", 3)
    lab.says(NONE)
    notebook.until(lambda: drawn(lab, 1) == [], "no second picture")
    assert "worker-3" in drawn(lab, 0)

    lab.set("Number of chefs", 4)
    notebook.until(lambda: "4 chefs" in " ".join(drawn(lab, 1)), "the recording of four workers")
    lab.press("Reset")
    notebook.until(lambda: drawn(lab, 1) == [], "no second picture")
    assert not notebook.problems
