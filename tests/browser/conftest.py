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

from helpers._tools.chromium import HOW_TO_GET_ONE, find_chromium
from tests.browser.look import WINDOW, launched
from tests.browser.page import NotebookPage
from tests.browser.server import PROJECT, LabServer
from tests.conftest import unavailable

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
    assert psutil.wait_procs(family, timeout=10)[1] == [], "nothing is left running"


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


@pytest.fixture
def open_notebook(
    tab: Tab, lab: LabServer, request: pytest.FixtureRequest
) -> Iterator[Callable[..., NotebookPage]]:
    """`open_notebook("02_spawn.ipynb")` gives it as a NotebookPage.

    A Path is copied into the server's root first. Keyword arguments go to NotebookPage.open. At the
    end of the test each notebook is closed, and its kernel shut down; after a test that failed the
    page is closed as well, and JupyterLab is loaded anew.
    """
    opened: list[NotebookPage] = []
    failed = request.session.testsfailed

    def open_one(notebook: str | Path, **options: object) -> NotebookPage:
        if isinstance(notebook, Path):
            lab.copy_in(notebook)
            notebook = notebook.name
        page = NotebookPage(tab.page, lab)
        opened.append(page)
        page.open(notebook, **options)  # type: ignore[arg-type]
        return page

    yield open_one
    if request.session.testsfailed > failed:
        tab.page.close()
    else:
        for page in opened:
            page.close()
    lab.shut_down_kernels()
