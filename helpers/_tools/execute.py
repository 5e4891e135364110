"""Running a notebook's cells, and making its outputs the same on every machine."""

from __future__ import annotations

import asyncio
import copy
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from helpers._tools.lessons import PROJECT, LessonError
from helpers._tools.rules import WIDGET_VIEW, describe, is_ignored

CELL_SECONDS = 60
PANEL_WORDS = "(A live panel. Run this cell to use it.)"

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def execute(notebook: nbformat.NotebookNode, *, folder: Path, name: str) -> None:
    """Run every cell in one fresh `python3` kernel in `folder`, and keep the outputs in `notebook`.

    `name` stands in the LessonError that a failing, hanging or dying cell raises; a cell tagged
    `raises-exception` may fail. A cell has 60 s, as under nbval.
    """
    current: dict[str, Any] = {}
    # The client writes the kernel's own language_info over it, with its Python version.
    metadata = copy.deepcopy(notebook.metadata)
    client = NotebookClient(
        notebook,
        timeout=CELL_SECONDS,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        store_widget_state=False,
        record_timing=False,
        on_cell_start=lambda cell, cell_index: current.update(cell=cell, number=cell_index),
    )
    try:
        with _project_on_path():
            asyncio.run(client.async_execute())  # on a loop that is closed afterwards
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        where = describe(current["number"], current["cell"]) if current else "its kernel"
        raise LessonError(f"{name}, {where}: {_reason(error)}") from error
    notebook.metadata = metadata
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            _tidy(cell, f"{name}, {describe(number, cell)}")


def _reason(error: Exception) -> str:
    if isinstance(error, CellExecutionError):
        return f"{error.ename}: {error.evalue}\n{_COLOUR.sub('', error.traceback)}"
    if isinstance(error, CellTimeoutError):
        return f"it was still running after {CELL_SECONDS} s."
    return "the kernel died."


@contextmanager
def _project_on_path() -> Iterator[None]:
    """Let kernels import `helpers` from this tree, also where it is not installed."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(PROJECT), before]))
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before


def _tidy(cell: nbformat.NotebookNode, name: str) -> None:
    cell.metadata.pop("execution", None)
    cell.outputs = _merge_streams(cell.outputs)
    for output in cell.outputs:
        if output.output_type == "error":
            output.traceback = _own_frames(output.traceback)
        if WIDGET_VIEW in output.get("data", {}):
            if not is_ignored(cell):
                raise LessonError(
                    f"{name}: it shows a widget, whose ids differ in each run, so it must carry "
                    "# NBVAL_IGNORE_OUTPUT."
                )
            # No widget outlives its kernel: saved, it would read "Error displaying widget".
            output.data = nbformat.from_dict({"text/plain": PANEL_WORDS})


def _merge_streams(outputs: list[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    """Join neighbours that are one stream: how a print is cut into messages is chance."""
    merged: list[nbformat.NotebookNode] = []
    for output in outputs:
        last = merged[-1] if merged else None
        if (
            last is not None
            and output.output_type == last.output_type == "stream"
            and output.name == last.name
        ):
            last.text += output.text
        else:
            merged.append(output)
    return merged


def _own_frames(traceback: list[str]) -> list[str]:
    """A traceback without the frames that lie in files: their paths and lines are the machine's."""
    return [part for part in traceback if not _COLOUR.sub("", part).startswith("File ")]
