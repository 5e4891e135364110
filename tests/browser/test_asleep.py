"""A lab or a film that is not alive says so, and what to do; and one on a slow machine works."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.browser.lab_page import NOTHING_YET, LabOnScreen, rerun
from tests.browser.page import NotebookPage, write_notebook
from tests.browser.server import LabServer

LAB = 'from helpers import lab\n\nlab("spawn")'
FILM = """
import asyncio
from helpers import record, replay

replay(await record(asyncio.sleep(1), lines=True))
"""
ASLEEP = ".task-cards-asleep"


def test_what_was_saved_says_that_it_is_asleep_until_its_cell_is_run(
    open_notebook: Callable[..., NotebookPage], lab: LabServer, tmp_path: Path
) -> None:
    path = write_notebook(tmp_path / "saved.ipynb", LAB, FILM)
    notebook = open_notebook(path)
    notebook.run_all()
    for cell in (0, 1):
        notebook.output(cell).locator(".task-cards-film").wait_for()
        assert not notebook.output(cell).locator(ASLEEP).is_visible()
    notebook.command("docmanager:save")
    notebook.page.evaluate("() => jupyterapp.shell.currentWidget.dispose()")
    lab.shut_down_kernels()
    notebook.open(path.name)
    sentences = [notebook.output(cell).locator(ASLEEP) for cell in (0, 1)]
    for sentence, said in zip(sentences, ("The spawn lab: ", "The film of 2 steps"), strict=True):
        sentence.wait_for()
        assert sentence.inner_text().startswith(said)
        assert "run this cell to" in sentence.inner_text().lower()
    for cell in (1, 0):  # the lab last: what it moves off the screen is not in the page
        rerun(notebook, cell)
        sentences[cell].wait_for(state="hidden")
    notebook.problems.clear()  # what JupyterLab says of widgets whose kernel is gone


def test_a_lab_that_was_opened_again_in_another_cell_is_asleep_in_the_first(
    open_notebook: Callable[..., NotebookPage], tmp_path: Path
) -> None:
    notebook = open_notebook(write_notebook(tmp_path / "twice.ipynb", LAB, LAB))
    notebook.run_all()
    notebook.output(0).locator(ASLEEP).wait_for()
    notebook.output(1).locator(".task-cards-film").wait_for()
    assert not notebook.output(1).locator(ASLEEP).is_visible()


@pytest.mark.parametrize("name", ["spawn", "showdown"])
def test_a_lab_works_with_a_slow_processor_and_a_slow_line(
    show_lab: Callable[..., LabOnScreen], name: str
) -> None:
    lab = show_lab(name)
    lab.shows(NOTHING_YET)
    slow = lab.notebook.page.context.new_cdp_session(lab.notebook.page)
    line = {
        "offline": False,
        "latency": 100,
        "downloadThroughput": 125e3,
        "uploadThroughput": 125e3,
    }
    try:
        slow.send("Network.enable")
        slow.send("Network.emulateNetworkConditions", line)
        slow.send("Emulation.setCPUThrottlingRate", {"rate": 6})
        lab.press("Run")
        lab.says("Done.")
        lab.area.get_by_role("button", name="Play", exact=True).click()
        lab.area.get_by_role("button", name="Pause", exact=True).click()
        lab.press("Reset")
        lab.shows(NOTHING_YET)
    finally:
        slow.send("Emulation.setCPUThrottlingRate", {"rate": 1})
        slow.detach()
    assert not lab.notebook.problems
