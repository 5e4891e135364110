"""What must hold for a built notebook, each broken rule as a sentence."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat

MAX_KILOBYTES = 300
MAX_LINES = 25
CELLS_PER_IGNORED = 10
IGNORE = "NBVAL_IGNORE_OUTPUT"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"

# What differs from machine to machine, or from run to run, and so has no place in an output.
_MACHINE = [
    re.compile(r"ipykernel_\d+"),
    re.compile(r"(?<![\w.])(?:/home/|/root/|/Users/|/tmp/|/private/|/usr/lib/)[\w.-]+"),
    re.compile(r"\b[A-Z]:\\+(?:Users|Program Files|hosted)[^\s\"']*"),
    re.compile(r"site-packages"),
    re.compile(r"\bat 0x[0-9a-fA-F]{6,}"),
    re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\b"),
]


def broken_rules(notebook: nbformat.NotebookNode, *, kilobytes: float) -> list[str]:
    """A sentence for each rule that an executed notebook breaks; `kilobytes` is its file's size."""
    return [
        *_about_the_file(notebook, kilobytes),
        *(sentence for cell in code_cells(notebook) for sentence in _about_a_cell(*cell)),
        *_about_counts(notebook),
        *_about_ignored(notebook),
    ]


def code_cells(notebook: nbformat.NotebookNode) -> list[tuple[int, nbformat.NotebookNode]]:
    """The code cells with their numbers, counted from 0 over all cells as in an error message."""
    return [(n, cell) for n, cell in enumerate(notebook.cells) if cell.cell_type == "code"]


def is_ignored(cell: nbformat.NotebookNode) -> bool:
    """Whether nbval runs this cell without comparing what it prints."""
    comments = re.findall(r"^\s*#+\s*(\w+)\s*$", cell.source, re.MULTILINE)
    return IGNORE in comments or "nbval-ignore-output" in cell.metadata.get("tags", [])


def describe(number: int, cell: nbformat.NotebookNode) -> str:
    """`cell 5 (code, "trace = await record(main())")`, so that a person finds it."""
    lines = [line for line in cell.source.splitlines() if line.strip()] or ["empty"]
    return f'cell {number} ({cell.cell_type}, "{lines[0][:60]}")'


def machine_words(output: Any) -> list[str]:
    """The pieces of an output that name this machine, this process or this run."""
    text = json.dumps(output, ensure_ascii=False)
    home = json.dumps(str(Path.home()))[1:-1]
    found = [match.group() for pattern in _MACHINE for match in pattern.finditer(text)]
    return sorted({*found, *([home] if len(home) > 1 and home in text else [])})


def _about_the_file(notebook: nbformat.NotebookNode, kilobytes: float) -> Iterator[str]:
    if kilobytes > MAX_KILOBYTES:
        yield f"the file has {kilobytes:.0f} KiB; {MAX_KILOBYTES} is the most a notebook may have."
    if "widgets" in notebook.metadata:
        yield "widget state is saved in its metadata; the build leaves it out."


def _about_a_cell(number: int, cell: nbformat.NotebookNode) -> Iterator[str]:
    name = describe(number, cell)
    if not cell.source.strip():
        yield f"{name} is empty."
    if (lines := len(cell.source.splitlines())) > MAX_LINES:
        yield f"{name} has {lines} lines; {MAX_LINES} is the most a cell may have."
    if re.search(r"NBVAL_SKIP|nbval-skip", cell.source + str(cell.metadata)):
        yield f"{name} is skipped by nbval; every cell is run."
    if words := machine_words(cell.outputs):
        yield f"{name} prints what is this machine's or this run's alone: {', '.join(words)}."
    if extra := {"execution", "collapsed", "scrolled"} & set(cell.metadata):
        yield f"{name} carries {', '.join(sorted(extra))} in its metadata; the build leaves it out."
    if any(WIDGET_VIEW in output.get("data", {}) for output in cell.outputs):
        yield f"{name} holds a widget that nobody can load again; the build replaces it by words."


def _about_counts(notebook: nbformat.NotebookNode) -> Iterator[str]:
    for expected, (number, cell) in enumerate(code_cells(notebook), start=1):
        if cell.execution_count != expected:
            yield (
                f"{describe(number, cell)} has the execution count {cell.execution_count}; "
                f"{expected} was expected. Without a count nbval compares nothing."
            )


def _about_ignored(notebook: nbformat.NotebookNode) -> Iterator[str]:
    cells = code_cells(notebook)
    ignored = [place for place, (_, cell) in enumerate(cells) if is_ignored(cell)]
    if len(ignored) * CELLS_PER_IGNORED > len(cells):
        yield (
            f"{len(ignored)} of its {len(cells)} code cells carry {IGNORE}; "
            f"one in {CELLS_PER_IGNORED} is the most."
        )
    for place in ignored:
        after = cells[place + 1][1] if place + 1 < len(cells) else None
        if after is None or is_ignored(after) or not after.outputs:
            yield (
                f"{describe(*cells[place])} carries {IGNORE}, and the next code cell prints "
                "nothing that is compared; it must state the relation that the ignored one shows."
            )
