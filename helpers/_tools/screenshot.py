"""Find a Chromium, and draw the README's picture with it: the timeline of a real run.

python -m helpers._tools.screenshot [--out .github/timeline.png]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from helpers import busy, record, timeline
from helpers._tools import PROJECT

if TYPE_CHECKING:
    import plotly.graph_objects as go

PICTURE = PROJECT / ".github" / "timeline.png"
WIDTH = 1100

HOW_TO_GET_ONE = (
    "No Chromium was found. Install one (`apt-get install chromium` on Debian, Google Chrome "
    "elsewhere, or `playwright install chromium`), or name its path in TASK_CARDS_CHROMIUM."
)
_OFF = ("background-networking", "component-update", "dev-shm-usage", "sync", "quic")
# Runs as root in a container, without a crash reporter, and asks nothing of the internet.
QUIET_FLAGS = ["--no-sandbox", "--no-first-run", *(f"--disable-{each}" for each in _OFF)]
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


async def dish(chop: float, oven: float) -> None:
    """Hands-on work, then the oven, then hands-on work again."""
    busy(chop)
    await asyncio.sleep(oven)
    busy(1)


async def dinner() -> None:
    """Three cards and one chef: while one dish is in the oven, the next is chopped."""
    async with asyncio.TaskGroup() as kitchen:
        for name, chop, oven in (("soup", 2, 6), ("roast", 3, 9), ("salad", 4, 1)):
            kitchen.create_task(dish(chop, oven), name=name)


def draw(figure: go.Figure, path: Path, *, executable: str) -> None:
    """Save a figure as PNG, twice as fine as the screen, through a headless Chromium."""
    from playwright.sync_api import sync_playwright

    html = figure.to_html(include_plotlyjs=True, config={"displayModeBar": False})
    height = int(figure.layout.height or 450) + 40
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=QUIET_FLAGS)
        page = browser.new_page(viewport={"width": WIDTH, "height": height}, device_scale_factor=2)
        page.set_content(html)
        plot = page.locator(".plotly-graph-div")
        plot.locator(".main-svg").first.wait_for()
        path.parent.mkdir(parents=True, exist_ok=True)
        plot.screenshot(path=path)
        browser.close()


def main(arguments: list[str] | None = None) -> int:
    """Record the dinner, draw its timeline, save the picture; 1 where there is no Chromium."""
    parser = argparse.ArgumentParser("python -m helpers._tools.screenshot", description=__doc__)
    parser.add_argument("--out", type=Path, default=PICTURE, help="where the PNG goes")
    options = parser.parse_args(arguments)
    executable = find_chromium()
    if executable is None:
        print(HOW_TO_GET_ONE, file=sys.stderr)
        return 1
    trace = asyncio.run(record(dinner(), clock="virtual"))
    draw(timeline(trace), options.out, executable=executable)
    print(options.out)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
