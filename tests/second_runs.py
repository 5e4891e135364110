"""nbval runs each cell of a notebook; this pytest plugin has all of them run and compared again.

The second run is in the kernel of the first, as by somebody who chooses "Run All Cells" once more.
A cell whose lesson says that it prints something else then has the tag `differs-again`.
"""

from __future__ import annotations

import itertools

import pytest
from nbval.plugin import IPyNbCell

DIFFERS = "differs-again"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put a second run of a notebook's cells after its last cell."""
    groups = itertools.groupby(items, lambda item: isinstance(item, IPyNbCell) and item.parent)
    items[:] = [
        item
        for notebook, group in groups
        for cells in [list(group)]
        for item in (cells + [again(cell) for cell in cells] if notebook else cells)
    ]


def again(cell: IPyNbCell) -> IPyNbCell:
    """The same cell, to be run once more, and compared unless it is tagged."""
    options = cell.options.copy()
    if DIFFERS in cell.cell.metadata.get("tags", []):
        options["check"] = False
    return IPyNbCell.from_parent(
        cell.parent,
        name=f"{cell.name}, again",
        cell_num=cell.cell_num,
        cell=cell.cell,
        options=options,
    )
