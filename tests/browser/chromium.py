"""A Chromium or Chrome of this machine, and a browser started from it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser

HOW_TO_GET_ONE = (
    "No Chromium was found. Install one (`apt-get install chromium` on Debian, Google Chrome "
    "elsewhere, or `playwright install chromium`), or name its path in TASK_CARDS_CHROMIUM."
)
_OFF = ("background-networking", "component-update", "dev-shm-usage", "sync", "quic")
# Runs as root in a container, without a crash reporter, and asks nothing of the internet.
FLAGS = ["--no-sandbox", "--no-first-run", *(f"--disable-{each}" for each in _OFF)]
_ON_PATH = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_INSTALLED = (
    "Applications/*Chrom*.app/Contents/MacOS/*Chrom*",
    "Program Files*/Google/Chrome/Application/chrome.exe",
)
_DOWNLOADED_BY_PLAYWRIGHT = (
    "Library/Caches/ms-playwright/chromium-*/*/*.app/Contents/MacOS/*",
    "AppData/Local/ms-playwright/chromium-*/*/chrome.exe",
    ".cache/ms-playwright/chromium-*/*/chrome",
)


def find_chromium() -> str | None:
    """The path of a Chromium or Chrome on this machine, None where there is none.

    TASK_CARDS_CHROMIUM goes first; naming a file that is not there is an error, so that a typing
    mistake is not answered with another browser.
    """
    if named := os.environ.get("TASK_CARDS_CHROMIUM"):
        if not Path(named).is_file():
            raise FileNotFoundError(f"TASK_CARDS_CHROMIUM names {named}; there is no such file.")
        return named
    if path := next(filter(None, map(shutil.which, _ON_PATH)), None):
        return path
    home = Path.home()
    places = [(Path(home.anchor), each) for each in _INSTALLED]
    places += [(home, each) for each in _DOWNLOADED_BY_PLAYWRIGHT]
    found = (path for folder, pattern in places for path in sorted(folder.glob(pattern)))
    return next(map(str, found), None)


@contextmanager
def launched(executable: str) -> Iterator[Browser]:
    """A headless browser, closed at the end. No `asyncio.run` in this thread while it is open."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()
