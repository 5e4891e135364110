"""Draw the README's picture: the timeline of a real run, as a browser shows it.

python -m helpers._tools.screenshot [--out .github/timeline.png]
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from helpers import busy, record, timeline
from helpers._tools.chromium import HOW_TO_GET_ONE, QUIET_FLAGS, find_chromium

if TYPE_CHECKING:
    import plotly.graph_objects as go

PICTURE = Path(__file__).resolve().parents[2] / ".github" / "timeline.png"
WIDTH = 1100


async def dish(name: str, *, chop: float, oven: float) -> str:
    """Hands-on work, then the oven, then hands-on work again."""
    busy(chop)
    await asyncio.sleep(oven)
    busy(1)
    return name


async def dinner() -> list[str]:
    """Three cards and one chef: while one dish is in the oven, the next is chopped."""
    async with asyncio.TaskGroup() as kitchen:
        cards = [
            kitchen.create_task(dish("soup", chop=2, oven=6), name="soup"),
            kitchen.create_task(dish("roast", chop=3, oven=9), name="roast"),
            kitchen.create_task(dish("salad", chop=4, oven=1), name="salad"),
        ]
    return [card.result() for card in cards]


def draw(figure: go.Figure, path: Path, *, executable: str) -> None:
    """Save a figure as PNG, twice as fine as the screen, through a headless Chromium."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        html = Path(folder) / "figure.html"
        figure.write_html(html, include_plotlyjs=True, config={"displayModeBar": False})
        browser = playwright.chromium.launch(executable_path=executable, args=QUIET_FLAGS)
        page = browser.new_page(
            viewport={"width": WIDTH, "height": int(figure.layout.height or 450) + 40},
            device_scale_factor=2,
        )
        page.goto(html.as_uri())
        plot = page.locator(".plotly-graph-div")
        plot.locator(".main-svg").first.wait_for()
        path.parent.mkdir(parents=True, exist_ok=True)
        plot.screenshot(path=path)
        browser.close()


def main(arguments: list[str] | None = None) -> int:
    """Record the dinner, draw its timeline, save the picture; 1 where there is no Chromium."""
    parser = argparse.ArgumentParser(
        prog="python -m helpers._tools.screenshot", description=__doc__
    )
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
