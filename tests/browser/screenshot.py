"""Draw the README's picture: the timeline of a real run.

python -m tests.browser.screenshot [--out .github/timeline.png]
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from helpers import busy, record, timeline
from tests.browser.chromium import HOW_TO_GET_ONE, find_chromium, launched

PICTURE = Path(__file__).resolve().parents[2] / ".github" / "timeline.png"
WIDTH = 1100


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
    """Save a timeline as PNG, twice as fine as the screen; 1 where there is no Chromium."""
    parser = argparse.ArgumentParser("python -m tests.browser.screenshot", description=__doc__)
    parser.add_argument("--out", type=Path, default=PICTURE, help="where the PNG goes")
    options = parser.parse_args(arguments)
    executable = find_chromium()
    if executable is None:
        print(HOW_TO_GET_ONE, file=sys.stderr)
        return 1
    figure = timeline(asyncio.run(record(dinner(), clock="virtual")))
    height = int(figure.layout.height or 450) + 40
    with launched(executable) as browser:
        page = browser.new_page(viewport={"width": WIDTH, "height": height}, device_scale_factor=2)
        page.set_content(figure.to_html(include_plotlyjs=True, config={"displayModeBar": False}))
        plot = page.locator(".plotly-graph-div")
        plot.locator(".main-svg").first.wait_for()
        plot.screenshot(path=options.out)
    print(options.out)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
