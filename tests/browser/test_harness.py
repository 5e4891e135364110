"""The browser harness itself, on a notebook of three cells with a slider, a button and a figure."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.browser.chromium import find_chromium
from tests.browser.page import NotebookPage, write_notebook
from tests.browser.server import LabServer

PANEL = """
import ipywidgets as widgets
from helpers import Trace
from helpers import replay

slider = widgets.IntSlider(description="tasks", min=0, max=100, value=5)
button = widgets.Button(description="Run")
words, pressed = widgets.HTML("nothing yet"), widgets.HTML()
live = replay(Trace((), 0.0), title="five cards")

def redraw(change):
    live.show(live.store.film | {"title": f"{slider.value} cards"})
    words.value = f"slider at {slider.value}"

slider.observe(redraw, "value")
button.on_click(lambda _: setattr(pressed, "value", "button pressed"))
display(widgets.VBox([slider, button, words, pressed, live]))
"""


@pytest.fixture
def panel(tmp_path: Path) -> Path:
    return write_notebook(tmp_path / "panel.ipynb", PANEL, "print('a cell after it')", "1 / 0")


OpenNotebook = Callable[..., NotebookPage]


def test_a_notebook_is_run_and_driven_and_the_committed_file_stays_as_it_was(
    open_notebook: OpenNotebook, panel: Path, lab: LabServer, tmp_path: Path
) -> None:
    before = panel.read_bytes()
    notebook = open_notebook(panel)
    notebook.run_all()
    assert notebook.errors() == ["Cell 2: ZeroDivisionError: division by zero"]
    assert notebook.cells()[1]["outputs"][0]["text"] == "a cell after it\n"

    title = notebook.output(0).locator(".task-cards-film h3")
    notebook.until(lambda: title.all_text_contents() == ["five cards"], "the film")
    assert notebook.drag("tasks", 1.0, 0.0, 0.5) == "50"
    notebook.until(lambda: "slider at 50" in notebook.output(0).inner_text(), "the slider's words")
    notebook.until(lambda: title.all_text_contents() == ["50 cards"], "the film's title")

    notebook.click("Run")
    notebook.until(lambda: "button pressed" in notebook.output(0).inner_text(), "the click")

    light = notebook.picture(tmp_path / "light.png", of=notebook.output(0)).read_bytes()
    notebook.theme("JupyterLab Dark")
    notebook.settle()
    assert notebook.picture(tmp_path / "dark.png", of=notebook.output(0)).read_bytes() != light

    notebook.command("docmanager:save")
    copy = lab.root / panel.name
    notebook.until(lambda: copy.read_bytes() != before, "the copy to be saved")
    assert panel.read_bytes() == before


def test_a_named_chromium_that_is_not_there_is_an_error_and_not_another_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TASK_CARDS_CHROMIUM", "/no/such/browser")
    with pytest.raises(FileNotFoundError, match="/no/such/browser"):
        find_chromium()
