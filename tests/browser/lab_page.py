"""A lab in a notebook page: what it says, its picture, its sliders and buttons."""

from __future__ import annotations

import re
from typing import Any

from tests.browser.page import NotebookPage

NOTHING_YET = "Nothing has run yet"


class LabOnScreen:
    """One lab in a notebook page: what it says, its picture, its buttons."""

    def __init__(self, notebook: NotebookPage, cell: int) -> None:
        self.notebook, self.area = notebook, notebook.output(cell)

    def says(self, words: str, seconds: float = 120) -> None:
        """Wait until the words stand in the panel."""

        def said() -> bool:
            return words in self.area.inner_text().replace("\N{NO-BREAK SPACE}", " ")

        self.notebook.until(said, f"{words!r} in the panel", seconds)

    def shows(self, words: str, seconds: float = 120) -> None:
        """Wait until the words stand in the picture: its title, what is below it, its lanes."""
        self.notebook.until(
            lambda: any(words in text for text in self.drawn()),
            f"{words!r} in the picture",
            seconds,
        )

    def drawn(self) -> list[str]:
        """Each text that plotly has drawn."""
        texts: list[str] = self.area.locator(".js-plotly-plot").evaluate(
            "plot => [...plot.querySelectorAll('svg text')].map(text => text.textContent)"
        )
        return texts

    def press(self, text: str) -> None:
        """Press a button with this text; an icon may stand before it."""
        self.area.get_by_role("button", name=re.compile(rf"(^|\W){text}$")).click()

    def readout(self, label: str) -> str:
        """The number beside a slider."""
        slider = self.area.locator(".widget-slider").filter(has_text=label)
        return str(slider.locator(".widget-readout").inner_text())

    def set(self, label: str, value: int) -> None:
        """Type a number beside a slider."""
        slider = self.area.locator(".widget-slider").filter(has_text=label)
        slider.locator(".widget-readout").fill(str(value))
        slider.locator(".widget-readout").press("Enter")


def run_code(notebook: NotebookPage, code: str) -> list[dict[str, Any]]:
    """Run code in a new cell at the end of the notebook; its outputs."""
    select_last = (
        "() => { const book = jupyterapp.shell.currentWidget.content; "
        "book.activeCellIndex = book.widgets.length - 1; }"
    )
    notebook.page.evaluate(select_last)
    notebook.command("notebook:insert-cell-below")
    notebook.page.evaluate(
        """code => { const book = jupyterapp.shell.currentWidget.content;
            book.widgets.at(-1).model.sharedModel.setSource(code);
            book.activeCellIndex = book.widgets.length - 1; }""",
        code,
    )
    notebook.command("notebook:run-cell")
    outputs: list[dict[str, Any]] = notebook.cells()[-1]["outputs"]
    return outputs


def printed_by(notebook: NotebookPage, code: str) -> str:
    """Run code in a new cell at the end of the notebook; what it prints."""
    return "".join(output["text"] for output in run_code(notebook, code))


def rerun(notebook: NotebookPage, cell: int) -> None:
    """Run a cell again."""
    notebook.page.evaluate(
        "n => { jupyterapp.shell.currentWidget.content.activeCellIndex = n; }", cell
    )
    notebook.command("notebook:run-cell")
