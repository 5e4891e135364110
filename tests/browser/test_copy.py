"""What a learner finds on the first evening, with no settings; and what saving does to a file."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from helpers._tools.launch import FIRST_LESSON
from tests.browser.look import WINDOW
from tests.browser.page import NotebookPage
from tests.browser.server import LabServer, free_port
from tests.conftest import new_course, new_lesson, new_notebook
from tests.starter import address_in, begin

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SECOND = "02_spawn.ipynb"
BUILD = """
import sys
from pathlib import Path
from helpers._tools.build import main
raise SystemExit(main([], root=Path(sys.argv[1])))
"""
CELLS = [
    "import asyncio\n\nfrom helpers import lab, predict, record, timeline",
    "predict('How long?', measure=lambda trace: trace.duration)",
    "trace = await record(asyncio.sleep(5), unit='minutes')\ntimeline(trace)",
    "display({'application/json': {'whole': 65.0, 'half': 0.5}}, raw=True)",
    "print('\N{BELL}', 65.0)\n1.0",
    '# %% tags=["raises-exception"]\n1 / 0',
    "lab('spawn')",
]


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course of two lessons and a page."""
    root = new_course(tmp_path_factory.mktemp("course"))
    text = "# 00 · What?\n\n[the next](02_spawn.ipynb), [words](words.md)"
    new_notebook(root, FIRST_LESSON, text, "1 + 1")
    new_notebook(root, SECOND, "# 02 · What runs first?", "1 + 1")
    page = "# Words\n\n[their lesson](02_spawn.ipynb)"
    (root / "lessons" / "words.md").write_text(page, encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def evening(browser: Browser, course: Path) -> Iterator[NotebookPage]:
    """`task-cards`, at the address that it prints, in a browser that knows nothing of it."""
    port = free_port()
    context = browser.new_context(viewport=WINDOW)
    context.set_default_timeout(120_000)  # ms; a busy machine draws slowly
    with begin(course, "--no-browser", "--expose-app-in-browser", f"--port={port}") as process:
        try:
            notebook = NotebookPage(context.new_page(), LabServer(course))
            notebook.page.goto(address_in(process))
            notebook.ready()
            yield notebook
        finally:
            context.close()
            process.terminate()
            process.communicate(timeout=60)


def current(notebook: NotebookPage) -> str:
    """The file that is in front, once its content is there."""
    path: str = notebook.page.evaluate(
        """async () => { const context = jupyterapp.shell.currentWidget.context;
            await context.ready; return context.path; }"""
    )
    return path


def test_the_first_copy_is_open_and_nothing_is_asked_about_news(evening: NotebookPage) -> None:
    assert current(evening) == FIRST_LESSON
    assert [cell["outputs"] for cell in evening.cells()] == [[], []]
    # What JupyterLab has to say comes with its start, and is shown in turn: this comes last.
    evening.page.evaluate("() => jupyterapp.restored")
    evening.command("apputils:notify", {"message": "the last", "options": {"autoClose": False}})
    toasts = evening.page.locator(".Toastify__toast")
    toasts.filter(has_text="the last").wait_for()
    assert [text.strip() for text in toasts.all_inner_texts()] == ["the last"]


def test_links_lead_to_the_next_lesson_and_to_a_page_and_from_there_to_a_lesson(
    evening: NotebookPage,
) -> None:
    def follow(name: str, path: str) -> None:
        link = evening.page.locator(".jp-RenderedMarkdown:visible a", has_text=name)
        link.first.click()
        evening.until(lambda: current(evening) == path, path)

    follow("the next", SECOND)
    evening.command("docmanager:open", {"path": FIRST_LESSON})
    follow("words", "words.md")
    assert evening.page.locator(".jp-MarkdownViewer h1:visible").inner_text().startswith("Words")
    follow("their lesson", SECOND)


def but_for_metadata(path: Path) -> Any:
    """A notebook without its metadata, and without the pictures that plotly adds when it draws."""
    notebook = json.loads(path.read_text(encoding="utf-8"), parse_float=str)  # 1.0 is not 1
    del notebook["metadata"]
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            if "application/vnd.plotly.v1+json" in output.get("data", {}):
                output["data"].pop("image/png", None)
    return notebook


def test_a_copy_that_is_opened_and_saved_is_the_same_file_but_for_its_metadata(
    evening: NotebookPage, course: Path
) -> None:
    evening.command("docmanager:open", {"path": FIRST_LESSON})
    assert current(evening) == FIRST_LESSON
    evening.ready()
    copy = course / "my-course" / FIRST_LESSON
    bytes_before, before = copy.read_bytes(), but_for_metadata(copy)
    evening.command("docmanager:save")
    assert copy.read_bytes() != bytes_before, "the kernel's language is in the metadata"
    assert but_for_metadata(copy) == before


def test_a_built_notebook_that_is_opened_and_saved_is_the_same_but_for_its_metadata(
    open_notebook: Callable[..., NotebookPage], lab: LabServer, tmp_path: Path
) -> None:
    course = new_course(tmp_path)
    new_lesson(course, *CELLS)
    # In a process of its own: a loop runs in this thread as long as a browser is open.
    subprocess.run([sys.executable, "-c", BUILD, str(course)], check=True)
    built = course / "notebooks" / SECOND
    notebook = open_notebook(built)
    notebook.page.locator(".jp-OutputArea .js-plotly-plot").first.wait_for()
    notebook.command("docmanager:save")
    saved = lab.root / SECOND
    assert saved.read_bytes() != built.read_bytes(), "the kernel's language is in the metadata"
    assert but_for_metadata(saved) == but_for_metadata(built)
