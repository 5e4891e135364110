"""Labs and films for who sees little, or uses no mouse: axe-core finds nothing, light and dark."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from helpers.labs import NAMES
from tests.browser.lab_page import LabOnScreen
from tests.browser.page import NotebookPage, write_notebook
from tests.conftest import unavailable

AXE = Path(__file__).parents[1] / "pyodide" / "node_modules" / "axe-core" / "axe.min.js"
HOW_TO_GET_IT = "axe-core is not there; in tests/pyodide: npm install --no-save --no-package-lock"
FOUND = """async selector => (await axe.run(selector)).violations.map(found =>
    [found.id, found.impact, found.nodes.map(node => node.html.slice(0, 200))])"""


def faults(notebook: NotebookPage, selector: str) -> list[Any]:
    """What axe-core finds in a part of the page."""
    if not AXE.is_file():
        unavailable(HOW_TO_GET_IT)
    if not notebook.page.evaluate("() => 'axe' in globalThis"):
        notebook.page.evaluate(AXE.read_text(encoding="utf-8"))
    found: list[Any] = notebook.page.evaluate(FOUND, selector)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_lab_is_for_everybody(show_lab: Callable[..., LabOnScreen], name: str) -> None:
    lab = show_lab(name)
    lab.area.locator(".task-cards-film svg text").first.wait_for(state="attached")
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        lab.notebook.theme(theme)
        lab.notebook.settle()
        assert faults(lab.notebook, ".task-cards-lab") == [], theme
    for slider in lab.area.get_by_role("slider").all():
        assert slider.get_attribute("aria-label")
    chosen = lab.area.locator(".widget-toggle-button.mod-active").all()
    assert all(one.get_attribute("aria-pressed") == "true" for one in chosen)
    summary = lab.area.locator("summary").last
    summary.focus()
    lab.notebook.page.keyboard.press("Enter")
    lab.area.get_by_role("button", name="Copy").wait_for()


def test_a_film_is_for_everybody_in_both_themes(
    open_notebook: Callable[..., NotebookPage], tmp_path: Path
) -> None:
    code = (
        "import asyncio\nfrom helpers import record, replay\n"
        "async def main():\n    await asyncio.sleep(1)\n"
        "replay(await record(main(), lines=True))"
    )
    notebook = open_notebook(write_notebook(tmp_path / "film.ipynb", code))
    notebook.run_all()
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        notebook.theme(theme)
        notebook.settle()
        assert faults(notebook, ".task-cards-film") == []
