"""A learner predicts, wrongly and by keyboard, runs the next cell, and reads what was wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.browser.page import NotebookPage, write_notebook

PROGRAM = """\
import asyncio
from helpers import busy, predict, record

async def soup():
    busy(2)

async def main():
    stub = asyncio.create_task(soup(), name="soup")
    busy(3)
    await stub"""
NUMBER = """\
predict(
    "At which minute does `soup` start?",
    measure=lambda trace: trace.task("soup").steps[0].start,
    why="`main` lets go at minute 3.",
)"""
CHOICE = """\
predict(
    "What does `create_task` run?",
    {"all of it": "That would be a call.", "none of it": ""},
    measure=lambda trace: "none of it" if trace.task("soup").steps[0].start else "all of it",
)"""
ORDER = """\
predict(
    "Who starts first?",
    order=("soup", "main"),
    measure=lambda trace: [task.name for task in trace.tasks],
)"""
RUN = "trace = await record(main(), unit='minutes')"


def look(notebook: NotebookPage) -> str:
    """The filter through which the text behind the run is seen."""
    return str(notebook.cell(5).evaluate("cell => getComputedStyle(cell).filter"))


def test_wrong_predictions_are_answered_below_the_run(
    open_notebook: Callable[..., NotebookPage], tmp_path: Path
) -> None:
    path = tmp_path / "predictions.ipynb"
    write_notebook(path, PROGRAM, NUMBER, CHOICE, ORDER, RUN, "#:It starts at minute 3.")
    notebook = open_notebook(path)
    for cell in range(4):
        notebook.cell(cell).click()
        notebook.command("notebook:run-cell")
    number, choice, order = (notebook.output(cell) for cell in (1, 2, 3))
    number.get_by_label("Your prediction").fill("0")
    number.get_by_role("status").filter(has_text="Noted. Click the next cell").wait_for()
    choice.get_by_label("all of it").focus()
    notebook.page.keyboard.press("Space")
    choice.get_by_role("status").filter(has_text="Noted. Click the next cell").wait_for()
    notebook.command("notebook:run-cell")  # Shift+Enter there runs the question once more
    order.get_by_label("1.").select_option("soup")
    order.get_by_label("2.").select_option("main")
    order.get_by_role("status").filter(has_text="Noted. Click the next cell").wait_for()
    assert "blur" in look(notebook)
    notebook.cell(4).click()
    notebook.command("notebook:run-cell")
    answers = notebook.output(4)
    answers.get_by_text("You said: 0. The answer: 3 (3 more than you said).").wait_for()
    answers.get_by_text("You said: all of it. The answer: none of it.").wait_for()
    answers.get_by_text("You said: soup, main. The answer: main, soup.").wait_for()
    assert look(notebook) == "none"
    assert "That would be a call." in answers.inner_text()
    assert notebook.errors() == []
