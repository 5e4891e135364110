"""Look at a notebook as a learner sees it: run it in a real JupyterLab and save pictures.

    python -m tests.browser.look notebooks/02_spawn.ipynb --out pictures [--dark]

The notebook is copied first, so the committed one stays as it is. Writes `page.png` (all of it) and
`cell_NN.png` (each output), prints each cell's error, and ends with exit code 1 if there was one.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.browser.chromium import HOW_TO_GET_ONE, find_chromium, launched
from tests.browser.page import NotebookPage
from tests.browser.server import LabServer

if TYPE_CHECKING:
    from playwright.sync_api import ViewportSize

WINDOW: ViewportSize = {"width": 1200, "height": 900}


def take_pictures(notebook: NotebookPage, out: Path) -> list[Path]:
    """Save the whole page and each cell's output as PNG, and return the paths."""
    notebook.grow()
    notebook.page.mouse.move(0, 0)
    pictures = [notebook.picture(out / "page.png")]
    for number, cell in enumerate(notebook.cells()):
        if not cell["outputs"]:
            continue
        area = notebook.output(number)
        box = area.bounding_box()
        if box and box["height"] >= 1:
            pictures.append(notebook.picture(out / f"cell_{number:02d}.png", of=area))
    return pictures


def main(arguments: list[str] | None = None) -> int:
    """Run one notebook in a browser and save pictures; 1 if a cell failed, 2 without a browser."""
    parser = argparse.ArgumentParser(prog="python -m tests.browser.look", description=__doc__)
    parser.add_argument("notebook", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="folder for the pictures")
    parser.add_argument("--dark", action="store_true", help="JupyterLab's dark theme")
    parser.add_argument("--mode", choices=("doc", "lab"), default="doc")
    parser.add_argument("--seconds", type=float, default=180, help="patience for all cells")
    parser.add_argument("--no-run", action="store_true", help="show the saved outputs")
    options = parser.parse_args(arguments)
    executable = find_chromium()
    if executable is None:
        print(HOW_TO_GET_ONE, file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        return _look(options, executable, Path(home))


def _look(options: argparse.Namespace, executable: str, home: Path) -> int:
    server = LabServer(home)
    server.copy_in(options.notebook)
    server.start()
    try:
        with launched(executable) as browser:
            notebook = NotebookPage(browser.new_page(viewport=WINDOW), server)
            notebook.open(options.notebook.name, mode=options.mode, dark=options.dark)
            if not options.no_run:
                notebook.run_all(seconds=options.seconds)
            for path in take_pictures(notebook, options.out):
                print(path)
            errors = notebook.errors()
            for problem in notebook.problems:
                print(f"The page's console: {problem}", file=sys.stderr)
    finally:
        server.stop()
    for error in errors:
        print(error, file=sys.stderr)
    return 1 if errors else 0


if __name__ == "__main__":
    raise SystemExit(main())
