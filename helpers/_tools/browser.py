"""What a lesson loads first in a browser: a cell that cannot run there shows what it once showed.

Python in a browser has no threads, sockets or processes. The outputs are those of the notebooks.
"""

import sys
import time
from pathlib import Path
from typing import Any

from IPython.display import display
from nbformat.v4 import reads

from helpers.environment import COURSE
from helpers.exercises import MANIFEST

WHY = "This cell does not run here ({}): Python in a browser has no threads, sockets or processes."
WHAT = "Here is what it showed on a machine."


def load_ipython_extension(shell: Any) -> None:
    """Show recorded outputs in place of errors, and keep a learner's progress in this folder."""
    recorded = _recorded()
    if sys.platform == "emscripten":
        # Pyodide lets others run meanwhile; a call that blocks is what a lesson is about.
        time.sleep = getattr(time.sleep, "__wrapped__", time.sleep)
        Path(MANIFEST).touch()

    def begins(info: Any) -> None:
        is_recorded = info.raw_cell.strip() in recorded
        shell.set_custom_exc((Exception,) * is_recorded, lambda *_, **__: None)

    def over(result: Any) -> None:
        error, outputs = result.error_in_exec, recorded.get(result.info.raw_cell.strip())
        if error is not None and outputs is not None:
            result.error_in_exec = None
            print(WHY.format(f"{type(error).__name__}: {error}"), WHAT)
            for output in outputs:
                if "data" in output:
                    display(output.data, raw=True)  # type: ignore[no-untyped-call]
                else:
                    print(output.text, end="")

    shell.events.register("pre_run_cell", begins)
    shell.events.register("post_run_cell", over)


def _recorded() -> dict[str, Any]:
    """The outputs of each cell of the lessons that ends in no error, by its source."""
    paths = (COURSE / "notebooks").glob("*.ipynb")
    cells = [cell for path in paths for cell in reads(path.read_text(encoding="utf-8")).cells]
    return {
        cell.source.strip(): cell.outputs
        for cell in cells
        if all("ename" not in output for output in cell.get("outputs", [{"ename": ""}]))
    }
