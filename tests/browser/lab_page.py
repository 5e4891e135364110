"""A lab in a notebook page: what it says, its picture, its sliders and buttons."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.browser.page import NotebookPage, write_notebook

if TYPE_CHECKING:
    from playwright.sync_api import Locator

NOTHING_YET = "Predict first: what will it be?"


def drawn(film: Locator) -> list[str]:
    """Each text of a film: its title, what is below that, and what is drawn in its timeline."""
    texts: list[str] = film.evaluate(
        "film => [...film.querySelectorAll('h3, .about, svg text')].map(text => text.textContent)"
    )
    return texts


class LabOnScreen:
    """One lab in a notebook page: what it says, its picture, its buttons."""

    def __init__(self, notebook: NotebookPage, cell: int) -> None:
        self.notebook, self.cell, self.area = notebook, cell, notebook.output(cell)

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
        """Each text of the picture: its title, what is below that, and what is drawn."""
        return drawn(self.area.locator(".task-cards-film").first)

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


class LabNotebook:
    """A notebook with nothing but a lab, for one test after another; `show` puts a new one in.

    It is opened by the first `show`, and again by the one after `close` or after its page has gone.
    """

    CLOSE_ALL = "for panel in list(_open.values()):\n    panel.close()"

    def __init__(self, path: Path, open_one: Callable[[Path], NotebookPage]) -> None:
        """It will be written at the path, and opened by that function."""
        self._path, self._open_one = path, open_one
        self._notebook: NotebookPage | None = None

    def show(
        self, name: str, *, messages: str = "perCommTarget", script: str | None = None
    ) -> LabOnScreen:
        """A new panel of this lab, alone; where its messages go is as in `send_messages`.

        The page runs the script, if there is one, before the panel is shown.
        """
        if self._notebook is None or self._notebook.page.is_closed():
            self._notebook = self._opened()
        notebook = self._notebook
        notebook.send_messages(messages)
        if script is not None:
            notebook.page.evaluate(script)
        rerun(notebook, 1)
        set_source(notebook, 0, f'from helpers.labs import _open, lab\n\nlab("{name}")')
        rerun(notebook, 0)
        assert notebook.errors() == []
        notebook.problems.clear()
        return LabOnScreen(notebook, 0)

    def _opened(self) -> NotebookPage:
        sources = "from helpers.labs import _open", self.CLOSE_ALL
        notebook = self._open_one(write_notebook(self._path, *sources))
        notebook.run_all()
        return notebook

    def close(self) -> None:
        """Close it, where it is open."""
        if self._notebook is not None and not self._notebook.page.is_closed():
            self._notebook.close()
        self._notebook = None


def set_source(notebook: NotebookPage, cell: int, code: str) -> None:
    """Write code into a cell."""
    notebook.page.evaluate(
        """([cell, code]) => jupyterapp.shell.currentWidget.content.widgets.at(cell)
            .model.sharedModel.setSource(code)""",
        [cell, code],
    )


def run_code(notebook: NotebookPage, code: str) -> list[dict[str, Any]]:
    """Run code in a new cell at the end of the notebook; its outputs."""
    select(notebook, -1)
    notebook.command("notebook:insert-cell-below")
    set_source(notebook, -1, code)
    rerun(notebook, -1)
    outputs: list[dict[str, Any]] = notebook.page.evaluate(
        "() => jupyterapp.shell.currentWidget.content.widgets.at(-1).model.outputs.toJSON()"
    )
    return outputs


def printed_by(notebook: NotebookPage, code: str) -> str:
    """Run code in a new cell at the end of the notebook; what it prints."""
    return "".join(output["text"] for output in run_code(notebook, code))


def rerun(notebook: NotebookPage, cell: int) -> None:
    """Run a cell again."""
    select(notebook, cell)
    notebook.command("notebook:run-cell")


def select(notebook: NotebookPage, cell: int) -> None:
    """Make a cell the active one; a negative number counts from the end."""
    notebook.page.evaluate(
        """cell => { const book = jupyterapp.shell.currentWidget.content;
            book.activeCellIndex = cell < 0 ? book.widgets.length + cell : cell; }""",
        cell,
    )
