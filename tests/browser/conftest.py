"""Fixtures for tests that click in a real JupyterLab.

Playwright's sync API keeps an event loop in this thread while a browser is open, so a test in this
folder calls no `asyncio.run`. The browser is closed when pytest leaves the folder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.browser.chromium import HOW_TO_GET_ONE, find_chromium, launched
from tests.browser.lab_page import LabNotebook, LabOnScreen
from tests.browser.look import WINDOW
from tests.browser.page import NotebookPage
from tests.browser.server import PROJECT, LabServer
from tests.conftest import still_alive, unavailable

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """A headless Chromium for the whole folder."""
    executable = find_chromium()
    if executable is None:
        unavailable(HOW_TO_GET_ONE)
    with launched(executable) as opened:
        yield opened


@pytest.fixture(scope="package")
def lab(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    """A JupyterLab over copies of the notebooks/ folder, stopped at the end of the folder."""
    server = LabServer(tmp_path_factory.mktemp("lab"))
    server.copy_in(PROJECT / "notebooks")
    server.start()
    assert server.process
    try:
        yield server
        family = psutil.Process(server.process.pid).children(recursive=True)
    finally:
        server.stop()
    assert still_alive(family, 10) == [], "nothing is left running"


@pytest.fixture(scope="package")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """One browser profile for the folder."""
    opened = browser.new_context(viewport=WINDOW)
    opened.set_default_timeout(120_000)  # ms; a busy machine draws slowly
    yield opened
    opened.close()


class Tab:
    """A page for the folder, as a learner opens one lesson after another in one JupyterLab."""

    def __init__(self, context: BrowserContext) -> None:
        self._context = context
        self._page: Page | None = None

    @property
    def page(self) -> Page:
        """The page; a new one if it has been closed."""
        if self._page is None or self._page.is_closed():
            self._page = self._context.new_page()
        return self._page


@pytest.fixture(scope="package")
def tab(context: BrowserContext) -> Tab:
    return Tab(context)


def opened(tab: Tab, server: LabServer, notebook: str | Path, **options: object) -> NotebookPage:
    """A notebook in the folder's page; a Path is copied into the server's root first."""
    if isinstance(notebook, Path):
        server.copy_in(notebook)
        notebook = notebook.name
    page = NotebookPage(tab.page, server)
    page.open(notebook, **options)  # type: ignore[arg-type]
    return page


@pytest.fixture
def failed(request: pytest.FixtureRequest) -> Callable[[], bool]:
    """Whether the test has failed."""
    before = request.session.testsfailed
    return lambda: request.session.testsfailed > before


@pytest.fixture
def one_page(tab: Tab, failed: Callable[[], bool]) -> Iterator[Tab]:
    """The folder's page; after a test that failed it is closed, and JupyterLab is loaded anew."""
    yield tab
    if failed():
        tab.page.close()


@pytest.fixture
def open_notebook(
    one_page: Tab, lab: LabServer, lab_notebook: LabNotebook, failed: Callable[[], bool]
) -> Iterator[Callable[..., NotebookPage]]:
    """`open_notebook("02_spawn.ipynb")` gives it as a NotebookPage.

    A Path is copied into the server's root first. Keyword arguments go to NotebookPage.open. At the
    end of the test each notebook is closed, and its kernel shut down.
    """
    lab_notebook.close()
    pages: list[NotebookPage] = []

    def open_one(notebook: str | Path, **options: object) -> NotebookPage:
        pages.append(opened(one_page, lab, notebook, **options))
        return pages[-1]

    yield open_one
    if not failed():
        for page in pages:
            page.close()
    lab.shut_down_kernels()


@pytest.fixture(scope="package")
def lab_notebook(
    tab: Tab, lab: LabServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LabNotebook]:
    """The notebook that `show_lab` shows labs in."""

    def open_one(path: Path) -> NotebookPage:
        lab.shut_down_kernels()  # after a test that failed, the kernel is not taken over
        return opened(tab, lab, path)

    notebook = LabNotebook(tmp_path_factory.mktemp("labs") / "a_lab.ipynb", open_one)
    yield notebook
    notebook.close()


@pytest.fixture
def show_lab(one_page: Tab, lab_notebook: LabNotebook) -> Callable[..., LabOnScreen]:
    """`show_lab("spawn")` shows a new panel of that lab, in a notebook that stays open."""
    return lab_notebook.show
