"""Draw the timeline of a real run: the README's picture, and the one with an arrow to each part.

python -m tests.browser.screenshot [--out FOLDER]
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

import plotly.graph_objects as go

from helpers import busy, record, timeline
from tests.browser.chromium import HOW_TO_GET_ONE, find_chromium, launched

PROJECT = Path(__file__).resolve().parents[2]
PICTURES = {"timeline": PROJECT / ".github", "reading_a_timeline": PROJECT / "notebooks"}
WIDTH = 1100
# What the arrows point at: a moment, a lane, the words, and how far off they stand, in pixels.
ARROWS = [
    (0, 0, "the card is written: the lane begins", 150, -48),
    (1, 1, "running: a chef is on it", 40, -62),
    (6, 1, "idle: it waits for the oven, and the chef is free", 60, -62),
    (8.5, 1, "scheduled: its bell rang, and the chef is at the salad", 150, 62),
    (3.5, 2, "a step: from one await to the next", 60, -62),
    (15, 0, "a line: a step that takes hardly any time", -150, -48),
    (10.15, 1, "how it ended", 130, -55),
    (2.5, 3, "scheduled: ready, and the chef is at another card", 400, -68),
]


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


def main(arguments: list[str] | None = None) -> int:
    """Save both as PNG, twice as fine as the screen; 1 where there is no Chromium."""
    parser = argparse.ArgumentParser("python -m tests.browser.screenshot", description=__doc__)
    parser.add_argument("--out", type=Path, help="a folder, in place of those of the pictures")
    options = parser.parse_args(arguments)
    executable = find_chromium()
    if executable is None:
        print(HOW_TO_GET_ONE, file=sys.stderr)
        return 1
    figure = timeline(asyncio.run(record(dinner(), clock="virtual")))
    height = int(figure.layout.height or 450) + 40
    with launched(executable) as browser:
        page = browser.new_page(viewport={"width": WIDTH, "height": height}, device_scale_factor=2)
        for name, folder in PICTURES.items():
            if name == "reading_a_timeline":
                height = point_at_parts(figure)
                page.set_viewport_size({"width": WIDTH, "height": height})
            page.set_content(
                figure.to_html(include_plotlyjs=True, config={"displayModeBar": False})
            )
            plot = page.locator(".plotly-graph-div")
            plot.locator(".main-svg").first.wait_for()
            path = (options.out or folder) / f"{name}.png"
            plot.screenshot(path=path)
            print(path)
    return 0


def point_at_parts(figure: go.Figure) -> int:
    """Add the arrows, with room for their words; returns the height in pixels."""
    for moment, lane, words, right, down in ARROWS:
        figure.add_annotation(
            x=moment, y=lane, xref="x", yref="y", text=words, ax=right, ay=down, xanchor="center",
            showarrow=True, arrowhead=2, arrowcolor="#555", bgcolor="white",
            font={"size": 12, "color": "#222"},
        )  # fmt: skip
    height = int(figure.layout.height) + 260
    figure.update_layout(height=height)
    return height + 40


if __name__ == "__main__":
    raise SystemExit(main())
