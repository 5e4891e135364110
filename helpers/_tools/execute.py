"""Running a notebook's cells, and making its outputs the same on every machine."""

from __future__ import annotations

import asyncio
import copy
import os
import re
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from helpers._tools import python_path
from helpers._tools.lessons import LessonError

CELL_SECONDS = 60
IGNORE = "NBVAL_IGNORE_OUTPUT"
PANEL_WORDS = "(A live panel. Run this cell to use it.)"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def is_ignored(cell: nbformat.NotebookNode) -> bool:
    """Whether nbval runs this cell without comparing what it prints."""
    return re.search(rf"^\s*#+\s*{IGNORE}\s*$", cell.source, re.MULTILINE) is not None


def describe(cell: nbformat.NotebookNode) -> str:
    """`the cell "trace = await record(main())"`, so that a person finds it."""
    first, *_ = cell.source.strip().splitlines() or ["empty"]
    return f'the cell "{first[:60]}"'


def execute(notebook: nbformat.NotebookNode, *, folder: Path, name: str) -> None:
    """Run every cell in one fresh `python3` kernel in `folder`, and keep the outputs in `notebook`.

    `name` stands in the LessonError that a failing, hanging or dying cell raises; a cell tagged
    `raises-exception` may fail. A cell has 60 s, as under nbval.
    """
    # The client writes the kernel's own language_info over it, with its Python version.
    metadata = copy.deepcopy(notebook.metadata)
    client = NotebookClient(
        notebook,
        timeout=CELL_SECONDS,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        store_widget_state=False,
        record_timing=False,
    )
    try:
        # On a loop that is closed afterwards.
        asyncio.run(client.async_execute(env=os.environ | python_path()))
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        raise LessonError(f"{name}: {_COLOUR.sub('', str(error))}") from error
    notebook.metadata = metadata
    for cell in notebook.cells:
        if cell.cell_type == "code":
            _tidy(cell, name)


def _tidy(cell: nbformat.NotebookNode, name: str) -> None:
    cell.outputs = _merge_streams(cell.outputs)
    for output in cell.outputs:
        if output.output_type == "error":
            # Frames that lie in files name this machine's paths and lines.
            output.traceback = [
                part for part in output.traceback if not _COLOUR.sub("", part).startswith("File ")
            ]
        if WIDGET_VIEW in output.get("data", {}):
            if not is_ignored(cell):
                raise LessonError(
                    f"{name}: {describe(cell)} shows a widget, whose ids differ in each run, so it "
                    f"must carry # {IGNORE}."
                )
            # No widget outlives its kernel: saved, it would read "Error displaying widget".
            output.data = nbformat.from_dict({"text/plain": PANEL_WORDS})


def _merge_streams(outputs: list[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    """Join neighbours that are one stream: how a print is cut into messages is chance."""
    merged: list[nbformat.NotebookNode] = []
    for output in outputs:
        stream = output.get("name")
        if stream and merged and merged[-1].get("name") == stream:
            merged[-1].text += output.text
        else:
            merged.append(output)
    return merged
