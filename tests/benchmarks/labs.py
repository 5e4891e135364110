"""How long a learner waits for a lab's picture when its run is over, in a real JupyterLab.

    python tests/benchmarks/labs.py [--repeats 9]

A slider is set to about 1000 tasks again and again. A time begins when the program's `main` has
returned (in the kernel) and ends when the film has drawn for the last time (in the page); both read
the machine's clock. Prints medians, and how each stands to its limit of 300 ms; how much longer
the defaults' runs take in the lab than in a cell; and how many pictures a second follow a slider
that is dragged around 200 tasks, by events of the page's own and with nobody connected to the
browser: to report all that a page receives takes a tenth of two cores.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, Error, Page, Playwright, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.browser.chromium import FLAGS, HOW_TO_GET_ONE, find_chromium
from tests.browser.lab_page import LabOnScreen, run_code
from tests.browser.look import WINDOW
from tests.browser.page import NotebookPage, write_notebook
from tests.browser.server import LabServer, free_port

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
    new MutationObserver(() => drawn.push(Date.now())).observe(film.querySelector("svg"),
        { childList: true }); }"""
SECONDS, REST = 2.5, 1.5  # for which a slider is dragged, and for which it is left alone before
# In the page: drag it to and fro by a tenth of its length, and note how often the film draws.
DRAG = """(slider, [seconds, rest]) => {
    const handle = slider.querySelector(".noUi-handle");
    const { left, top, width, height } = handle.getBoundingClientRect();
    const x = left + width / 2, y = top + height / 2;
    const far = slider.querySelector(".noUi-base").clientWidth / 10;
    const swing = passed => far * (4 * Math.abs((passed / 1.2 + 0.75) % 1 - 0.5) - 1);
    const send = (type, to) => handle.dispatchEvent(new MouseEvent(type,
        { bubbles: true, cancelable: true, buttons: 1, clientX: to, clientY: y }));
    setTimeout(() => {
        const before = drawn.length, began = performance.now();
        send("mousedown", x);
        requestAnimationFrame(function move(now) {
            const passed = (now - began) / 1000;
            send("mousemove", x + (passed < seconds ? swing(passed) : 0));
            if (passed < seconds) return requestAnimationFrame(move);
            window.followed = (drawn.length - before) / passed;
            send("mouseup", x);
        });
    }, rest * 1000);
}"""
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
    await asyncio.sleep(1)  # until the page has drawn: neither run has more beside it
    panel.engine.ask(State.RUNNING)
    while panel.engine._wish is not panel.engine._served:
        await asyncio.sleep(0.01)
    await asyncio.sleep(1)
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


def followed(page: NotebookPage, label: str, connected: Connected) -> float:
    """Pictures a second while a slider is dragged to and fro around 200, on the virtual clock."""
    lab = LabOnScreen(page, 0)
    lab.set(label, 200)
    lab.area.get_by_role("button", name=re.compile("virtual")).click()
    lab.press("Run")
    lab.says("Done.")
    slider = page.slider(label).first
    slider.locator(".noUi-handle").first.hover()
    slider.evaluate(DRAG, [SECONDS, REST])
    connected.let_go()
    time.sleep(REST + SECONDS + 1)
    return float(connected.page().evaluate("() => followed"))


class Started(LabServer):
    """The JupyterLab that a learner has: `task-cards` starts it."""

    def _command(self) -> list[str]:
        main = "from helpers._tools.launch import main; main()"
        return [
            *(sys.executable, "-c", main, "--no-browser", "--expose-app-in-browser"),
            *("--folder", str(self.root), "--port", str(self.port), "--ServerApp.port_retries=0"),
            f"--IdentityProvider.token={self.token}",
        ]


class Connected:
    """A headless browser with one page, of which one can let go, to connect again later."""

    def __init__(self, playwright: Playwright, executable: str, profile: Path) -> None:
        self._playwright, self._port = playwright, free_port()
        own = [f"--remote-debugging-port={self._port}", f"--user-data-dir={profile}"]
        size = f"--window-size={WINDOW['width']},{WINDOW['height']}"
        command = [executable, "--headless=new", "--hide-scrollbars", size, *FLAGS, *own]
        self._process = subprocess.Popen([*command, "about:blank"], stderr=subprocess.DEVNULL)
        self._browser: Browser | None = None

    def page(self) -> Page:
        """Its page, by a new connection where there is none."""
        deadline = time.monotonic() + 60
        while self._browser is None:
            try:
                address = f"http://127.0.0.1:{self._port}"
                self._browser = self._playwright.chromium.connect_over_cdp(address)
            except Error:  # it does not listen yet
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
        return self._browser.contexts[0].pages[0]

    def let_go(self) -> None:
        """End the connection, not the browser."""
        if self._browser is not None:
            self._browser.close()
        self._browser = None

    def stop(self) -> None:
        """End the browser."""
        self.let_go()
        self._process.terminate()
        self._process.wait()


def tell(name: str, path: Path, repeats: int, connected: Connected, server: LabServer) -> None:
    """Print a lab's lines of the table."""
    page = NotebookPage(connected.page(), server)
    page.open(path.name)
    page.run_all()
    waits = measure(page, LABS[name], repeats)
    middle, every = statistics.median(waits), json.dumps([round(wait) for wait in waits])
    print(f"| {name} | {middle:.0f} | {middle / LIMIT:.2f} | {every} |", flush=True)
    in_lab, in_cell = disturbed(page, name, repeats)
    print(f"| {name}, the lab's run by a cell's | {in_lab / in_cell:.3f} | | |")
    label, pictures = next(iter(LABS[name])), []
    for _ in range(repeats):
        page.page = connected.page()
        pictures.append(followed(page, label, connected))
    every = json.dumps([round(each) for each in pictures])
    middle = statistics.median(pictures)
    print(f"| {name}, pictures a second while dragged | {middle:.0f} | | {every} |", flush=True)


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
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        server = Started(home)
        paths = {
            name: write_notebook(home / f"{name}.ipynb", ENDED.format(name=name)) for name in LABS
        }
        server.copy_in(*paths.values())
        server.start()
        try:
            with sync_playwright() as playwright:
                for name, path in paths.items():
                    connected = Connected(playwright, executable, home / f"{name}'s browser")
                    try:
                        tell(name, path, repeats, connected, server)
                    finally:
                        connected.stop()
        finally:
            server.stop()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
