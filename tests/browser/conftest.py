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


class Tabs:
    """The pages of that profile; tests share one, as a learner opens one lesson after another."""

    def __init__(self, context: BrowserContext) -> None:
        self._context = context
        self._shared: Page | None = None

    def new(self) -> Page:
        return self._context.new_page()

    def shared(self) -> Page:
        if self._shared is None or self._shared.is_closed():
            self._shared = self.new()
        return self._shared


@pytest.fixture(scope="package")
def tabs(context: BrowserContext) -> Tabs:
    return Tabs(context)


@pytest.fixture
def open_notebook(
    tabs: Tabs, lab: LabServer, request: pytest.FixtureRequest
) -> Iterator[Callable[..., NotebookPage]]:
    """`open_notebook("02_spawn.ipynb")` gives it as a NotebookPage, in the page that tests share.

    With `anew=True` JupyterLab is loaded in a page of its own. A Path is copied into the server's
    root first. Other arguments go to NotebookPage.open. At the end of the test each notebook is
    closed, and its kernel shut down; a page in which a test failed is closed as well.
    """
    opened: list[NotebookPage] = []
    failed = request.session.testsfailed

    def open_one(notebook: str | Path, *, anew: bool = False, **options: object) -> NotebookPage:
        if isinstance(notebook, Path):
            lab.copy_in(notebook)
            notebook = notebook.name
        page = NotebookPage(tabs.new() if anew else tabs.shared(), lab)
        opened.append(page)
        page.open(notebook, **options)  # type: ignore[arg-type]
        return page

    yield open_one
    for page in opened:
        if page.page is tabs.shared() and request.session.testsfailed == failed:
            page.close()
        else:
            page.page.close()
    lab.shut_down_kernels()
