"""What the notebooks of the browser edition load first: the magic of cells that need threads."""

import json
import sys
import time
from pathlib import Path
from typing import Any

from helpers.environment import COURSE
from helpers.exercises import MANIFEST

WHY = "This cell needs threads or processes, and Python in a browser has none."
WHAT = f"{WHY} Here is what it showed on a machine."


def load_ipython_extension(shell: Any) -> None:
    """Keep a learner's progress in this folder, and know `%%recorded`."""
    if sys.platform == "emscripten":
        # Pyodide lets others run meanwhile; a blocking call is what a lesson is about.
        time.sleep = getattr(time.sleep, "__wrapped__", time.sleep)
        Path(MANIFEST).touch()
    shell.register_magic_function(recorded, "cell")


def recorded(line: str, _: str) -> None:
    """Show what a cell showed where the notebook was built; the line is notebook and cell id."""
    from IPython.display import display

    notebook, cell_id = line.split()
    cells = json.loads((COURSE / "notebooks" / notebook).read_text(encoding="utf-8"))["cells"]
    print(WHAT)
    for output in next(cell["outputs"] for cell in cells if cell["id"] == cell_id):
        if "data" in output:
            data = {kind: _joined(text) for kind, text in output["data"].items()}
            display(data, raw=True)  # type: ignore[no-untyped-call]
        else:
            print(_joined(output.get("text") or f"{output['ename']}: {output['evalue']}"))


def _joined(text: Any) -> Any:
    return "".join(text) if isinstance(text, list) else text
