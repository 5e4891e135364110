"""Where a Chromium is, for pictures and for the tests that click in a real JupyterLab."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

HOW_TO_GET_ONE = (
    "No Chromium was found. Install one (`apt-get install chromium` on Debian, Google Chrome "
    "elsewhere, or `playwright install chromium`), or name its path in TASK_CARDS_CHROMIUM."
)

# Runs as root in a container, without a crash reporter, and asks nothing of the internet.
QUIET_FLAGS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
]

_ON_PATH = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_APPLICATIONS = {
    "darwin": (
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
        "/Applications/Chromium.app/Contents/MacOS/Chromium",
    ),
    "win32": (
        r"C:\Program Files\Google\Chrome\Application\chrome.exe",
        r"C:\Program Files (x86)\Google\Chrome\Application\chrome.exe",
    ),
}


def find_chromium() -> str | None:
    """The path of a Chromium or Chrome on this machine, None where there is none.

    TASK_CARDS_CHROMIUM goes first; naming a file that is not there is an error, so that a typing
    mistake is not answered with another browser.
    """
    named = os.environ.get("TASK_CARDS_CHROMIUM")
    if named:
        if not Path(named).is_file():
            raise FileNotFoundError(
                f"TASK_CARDS_CHROMIUM names {named}, and there is no such file."
            )
        return named
    for command in _ON_PATH:
        if path := shutil.which(command):
            return path
    candidates = [*_APPLICATIONS.get(sys.platform, ()), *_downloaded_by_playwright()]
    return next((path for path in candidates if Path(path).is_file()), None)


def _downloaded_by_playwright() -> list[str]:
    """The Chromiums that `playwright install chromium` put into its cache, newest first."""
    caches = {
        "darwin": Path.home() / "Library/Caches/ms-playwright",
        "win32": Path(os.environ.get("LOCALAPPDATA", "")) / "ms-playwright",
    }
    cache = caches.get(sys.platform, Path.home() / ".cache/ms-playwright")
    names = ("chrome", "chrome.exe", "Chromium", "Google Chrome for Testing")
    found = [path for name in names for path in cache.glob(f"chromium-*/**/{name}")]
    return [str(path) for path in sorted(found, reverse=True)]
