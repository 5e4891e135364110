"""How long a learner waits for a lab's picture when its run is over, in a real JupyterLab.

    python tests/benchmarks/labs.py [--repeats 9]

A slider is set to about 1000 tasks again and again. A time begins when the program's `main` has
returned (in the kernel) and ends when plotly has drawn for the last time (in the page); both read
the machine's clock. Prints medians, and how each stands to its limit of 300 ms.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import tempfile
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
# In the kernel: when the program's main returned.
ENDED = """
import time
from helpers.labs import lab
from helpers.labs.spec import LabSpec

ended, plain = [], LabSpec.coroutine


def timed(spec, values):
    async def main():
        try:
            return await made
        finally:
            ended.append(time.time() * 1000)

    made = plain(spec, values)
    return main()


LabSpec.coroutine = timed
lab("{name}")
"""
# In the page: when plotly has drawn.
DRAWN = (
    """plot => { window.drawn = []; plot.on('plotly_afterplot', () => drawn.push(Date.now())); }"""
)


def measure(page: NotebookPage, values: dict[str, int], repeats: int) -> list[float]:
    """Milliseconds from the end of each run to its last drawing."""
    lab = LabOnScreen(page, 0)
    for label, value in values.items():
        lab.set(label, value)
    lab.press("Run")
    lab.says("Done.", 60)
    page.page.wait_for_timeout(2000)
    lab.area.locator(".js-plotly-plot").evaluate(DRAWN)
    label, most = next(iter(values.items()))
    waits = []
    for n in range(repeats):
        page.page.evaluate("() => { drawn.length = 0 }")
        lab.set(label, most - 1 - n % 2)
        lab.shows(f"{most - n % 2:,} tasks", 60)
        page.page.wait_for_timeout(1500)
        last = max(page.page.evaluate("() => drawn"))
        printed = run_code(page, "print(ended[-1])")[0]["text"]
        waits.append(last - float(printed))
    return waits


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
                    page.page.close()
        finally:
            server.stop()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
