"""The lab of the team in a real JupyterLab: the model's picture, and real Tokio's in its place."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from helpers.labs.panel import NONE, REAL, SAME
from tests.browser.lab_page import NOTHING_YET, LabOnScreen


def test_real_tokio_takes_the_models_place_where_it_was_recorded(
    show_lab: Callable[..., LabOnScreen],
) -> None:
    lab = show_lab("team_of_chefs")
    notebook = lab.notebook
    lab.shows(NOTHING_YET)
    lab.area.get_by_label("Your prediction").fill("40")
    lab.press("Run")
    lab.says("You predicted 40 ms; it took 50 ms.")
    lab.shows("card ")
    real = lab.area.get_by_role("button", name=REAL)
    real.click()
    lab.shows("peel-")
    assert SAME in lab.drawn()
    assert real.get_attribute("aria-pressed") == "true"
    if out := os.environ.get("LOOK"):
        notebook.grow()
        notebook.picture(Path(out), of=lab.area)

    lab.set("Number of chefs", 3)
    lab.says(NONE)
    lab.shows("3 chefs")
    assert not real.is_visible()

    lab.set("Number of chefs", 4)
    lab.shows("4 chefs")
    real.click()
    lab.shows(SAME)
    lab.press("Reset")
    lab.shows(NOTHING_YET)
    assert not real.is_visible()
    assert not notebook.problems
