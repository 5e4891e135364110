"""Run the notebooks of a built site in a browser, and count the requests that leave it.

    python -m tests.browser.live _site            every notebook
    python -m tests.browser.live _site 02 05      these
    python -m tests.browser.live _site --seconds 120   begin no other after so long

Exit code 1 where a cell fails that is not meant to, or a request leaves the site.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import math
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.browser.chromium import HOW_TO_GET_ONE, find_chromium, launched

if TYPE_CHECKING:
    from playwright.sync_api import Page, Request

PREFIX = "a/sub-path"
IDLE = ".jp-Notebook-ExecutionIndicator"
# Run all cells; each with what it showed.
RUN = """async () => {
  const app = window.jupyterapp;
  await app.restored;
  const panel = app.shell.currentWidget;
  await panel.context.ready;
  await panel.sessionContext.ready;
  await app.commands.execute('notebook:run-all-cells');
  // This kernel gives up what is queued behind a cell that is meant to fail, too.
  const cells = panel.content.widgets, code = cells.filter(cell => cell.model.type === 'code');
  for (const [n, cell] of code.entries())
    if (n && cell.model.executionCount === null
        && code[n - 1].model.getMetadata('tags')?.includes('raises-exception')) {
      panel.content.activeCellIndex = cells.indexOf(cell);
      await app.commands.execute('notebook:run-all-below');
    }
  return code.map(cell => ({
    source: cell.model.sharedModel.getSource(),
    tags: cell.model.getMetadata('tags') || [],
    count: cell.model.executionCount,
    outputs: cell.model.outputs.toJSON(),
  }));
}"""


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The address of a folder, which is served meanwhile."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


@contextlib.contextmanager
def served(site: Path) -> Iterator[str]:
    """The address of the site, served below a sub-path."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / PREFIX).parent.mkdir()
        (folder / PREFIX).symlink_to(site.resolve())
        with serving(folder) as address:
            yield f"{address}{PREFIX}/"


def failures(cells: list[dict[str, Any]]) -> Iterator[str]:
    """What went wrong in the cells of a notebook, in words."""
    for n, cell in enumerate(cells):
        errors = [each for each in cell["outputs"] if each["output_type"] == "error"]
        if cell["count"] is None:
            yield f"cell {n} was not run: {cell['source'][:60]!r}"
        if errors and "raises-exception" not in cell["tags"]:
            yield f"cell {n}: {errors[0]['ename']}: {errors[0]['evalue'][:300]}"


def run(page: Page, address: str, name: str) -> list[str]:
    """Run all of a notebook, and print how long that took; what went wrong."""
    began = time.monotonic()
    page.goto(address)
    page.wait_for_selector(f"{IDLE}[data-status='idle']", timeout=120_000)
    alive = time.monotonic() - began
    cells = page.evaluate(RUN)
    wrong = [f"{name}, {words}" for words in failures(cells)]
    shown = [str(cell["outputs"]) for cell in cells]
    recorded = sum("This cell does not run here" in text for text in shown)
    took = f"alive after {alive:.1f} s, over after {time.monotonic() - began:.1f} s"
    print(f"{name}: {took}; {len(cells)} cells, {recorded} recorded, {len(wrong)} wrong")
    print(*wrong, sep="\n", end="\n" if wrong else "", flush=True)
    return wrong


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser("python -m tests.browser.live", usage=__doc__)
    parser.add_argument("site", type=Path)
    parser.add_argument("numbers", nargs="*")
    parser.add_argument("--seconds", type=float, default=math.inf)
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="save one of each in there")
    options = parser.parse_args()
    if not (browser_path := find_chromium()):
        sys.exit(HOW_TO_GET_ONE)
    names = sorted(path.name for path in (options.site / "files").glob("*.ipynb"))
    names = [name for name in names if not options.numbers or name[:2] in options.numbers]
    wrong: list[str] = []
    left: list[str] = []
    began = time.monotonic()
    with served(options.site) as address, launched(browser_path) as browser:
        origin = address.removesuffix(f"{PREFIX}/")

        def note(request: Request) -> None:
            if request.url.startswith(("http", "ws")) and not request.url.startswith(origin):
                left.append(request.url)

        for name in names:
            if time.monotonic() - began > options.seconds:
                print(f"{name}: there was no time for it")
                continue
            # Fresh for each, or JupyterLab would open those before it again.
            context = browser.new_context(viewport={"width": 1200, "height": 900})
            context.on("request", note)
            page = context.new_page()
            wrong += run(page, f"{address}lab/index.html?path={name}", name)
            if options.pictures:
                options.pictures.mkdir(exist_ok=True, parents=True)
                page.screenshot(path=options.pictures / f"{name}.png")
            context.close()
    print(f"{len(left)} requests left the site.", *left, sep="\n")
    return 1 if wrong or left else 0


if __name__ == "__main__":
    raise SystemExit(main())
