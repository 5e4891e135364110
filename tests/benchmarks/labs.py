"""How long a learner waits for a lab's picture when its run is over, in a real JupyterLab.

    python tests/benchmarks/labs.py [--repeats 9]

A slider is set to about 1000 tasks again and again. A time begins when the program's `main` has
returned (in the kernel) and ends when the film has drawn for the last time (in the page); both read
the machine's clock. Prints medians, and how each stands to its limit of 300 ms; how much longer
the defaults' runs take in the lab than in a cell; and how many pictures a second follow a slider
that is dragged.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.browser.chromium import HOW_TO_GET_ONE, find_chromium, launched
from tests.browser.lab_page import LabOnScreen, run_code
from tests.browser.look import WINDOW
from tests.browser.page import NotebookPage, write_notebook
from tests.browser.server import LabServer

LIMIT = 300  # ms
LABS = {
    "spawn": {"Number of cards": 1000, "Hands-on work": 0},
    "showdown": {"Number of orders": 1000},
}
OTHER = 955  # where a logarithmic slider stands next
# In the kernel: when the program's main returned.
ENDED = """
import time
from helpers.labs import lab
from helpers.labs.spec import LabSpec

ended, plain = [], LabSpec.coroutine


def timed(spec, values, **how):
    async def main():
        try:
            return await made
        finally:
            ended.append(time.time() * 1000)

    made = plain(spec, values, **how)
    return main()


LabSpec.coroutine = timed
lab("{name}")
"""
# In the page: when the film has drawn.
DRAWN = """film => { window.drawn = [];
    new MutationObserver(() => drawn.push(Date.now())).observe(film.parentElement,
        { childList: true }); }"""
# In the kernel: the defaults' runs in the lab and in a cell, one after the other.
DISTURBED = """
import statistics
from helpers import record
from helpers.labs import _open
from helpers.labs.engine import State
panel, took, show = _open["{name}"], dict(lab=[], cell=[]), None
while panel.engine._wish is not panel.engine._served:
    await asyncio.sleep(0.01)
publish = panel.engine._publish
def published(event):
    if event.state is State.DONE:
        took["lab"].append(event.trace.duration)
    publish(event)
panel.engine._publish = published
for _ in range({repeats}):
    panel.engine.ask(State.RUNNING)
    while panel.engine._wish is not panel.engine._served:
        await asyncio.sleep(0.01)
    trace = await record(panel.spec.coroutine(panel.engine.values), clock="real")
    took["cell"].append(trace.duration)
print(*(statistics.median(x) for x in took.values()))
"""


def measure(page: NotebookPage, values: dict[str, int], repeats: int) -> list[float]:
    """Milliseconds from the end of each run to its last drawing."""
    lab = LabOnScreen(page, 0)
    for label, value in values.items():
        lab.set(label, value)
    lab.press("Run")
    lab.says("Done.", 60)
    page.page.wait_for_timeout(2000)
    lab.area.locator(".task-cards-film").first.evaluate(DRAWN)
    label = next(iter(values))
    waits = []
    for n in range(repeats):
        page.page.evaluate("() => { drawn.length = 0 }")
        count = values[label] if n % 2 else OTHER
        lab.set(label, count)
        lab.shows(f"{count + 1:,} tasks", 60)
        page.page.wait_for_timeout(1500)
        last = max(page.page.evaluate("() => drawn"))
        printed = run_code(page, "print(ended[-1])")[0]["text"]
        waits.append(last - float(printed))
    return waits


def disturbed(page: NotebookPage, name: str, repeats: int) -> tuple[float, float]:
    """Median seconds of the defaults' runs in the lab, and in a cell."""
    LabOnScreen(page, 0).press("Reset")
    code = DISTURBED.replace("{name}", name).replace("{repeats}", str(repeats))
    lab, cell = map(float, run_code(page, "import asyncio" + code)[0]["text"].split())
    return lab, cell


def followed(page: NotebookPage, label: str, clock: str) -> float:
    """Pictures a second while a slider is dragged to and fro for two seconds."""
    lab = LabOnScreen(page, 0)
    lab.area.get_by_role("button", name=re.compile(clock)).click()
    lab.says("Done.")
    slider, mouse = page.slider(label).first, page.page.mouse
    slider.locator(".noUi-handle").first.hover()
    track = slider.locator(".noUi-base").first.bounding_box()
    assert track is not None
    page.page.evaluate("() => { drawn.length = 0 }")
    mouse.down()
    began = time.monotonic()
    for n in range(120):
        place = 0.02 + 0.0045 * abs(40 - n % 80)
        mouse.move(track["x"] + place * track["width"], track["y"] + track["height"] / 2)
        page.page.wait_for_timeout(16)
    spent = time.monotonic() - began
    mouse.up()
    return len(page.page.evaluate("() => drawn")) / spent


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=9)
    repeats = parser.parse_args().repeats
    executable = find_chromium()
    if executable is None:
        print(HOW_TO_GET_ONE, file=sys.stderr)
        return 2
    print(f"Python {platform.python_version()}, {platform.system()}, median of {repeats}")
    print("| lab | end of the run to its picture, ms | of its limit | all |")
    print("|---|---|---|---|")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        server = LabServer(Path(home))
        paths = {
            name: write_notebook(Path(home, f"{name}.ipynb"), ENDED.format(name=name))
            for name in LABS
        }
        server.copy_in(*paths.values())
        server.start()
        try:
            with launched(executable) as browser:
                for name, path in paths.items():
                    page = NotebookPage(browser.new_page(viewport=WINDOW), server)
                    page.open(path.name)
                    page.run_all()
                    waits = measure(page, LABS[name], repeats)
                    middle = statistics.median(waits)
                    every = json.dumps([round(wait) for wait in waits])
                    print(f"| {name} | {middle:.0f} | {middle / LIMIT:.2f} | {every} |", flush=True)
                    in_lab, in_cell = disturbed(page, name, repeats)
                    print(f"| {name}, the lab's run by a cell's | {in_lab / in_cell:.3f} | | |")
                    pictures = followed(page, next(iter(LABS[name])), "virtual")
                    print(f"| {name}, pictures a second while dragged | {pictures:.0f} | | |")
                    page.page.close()
        finally:
            server.stop()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
