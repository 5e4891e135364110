"""nbval runs each cell of a notebook; this pytest plugin has all of them run and compared again.

The second run is in the kernel of the first, as by somebody who chooses "Run All Cells" once more.
A cell whose lesson says that it prints something else then has the tag `differs-again`. One that
measures in processes of its own, which nothing of a first run can reach, has the tag `measures`: it
takes seconds, and is not run again.
"""

from __future__ import annotations

import itertools

import pytest
from nbval.plugin import IPyNbCell

DIFFERS = "differs-again"
MEASURES = "measures"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put a second run of a notebook's cells after its last cell."""
    groups = itertools.groupby(items, lambda item: isinstance(item, IPyNbCell) and item.parent)
    items[:] = [
        item for notebook, group in groups for item in (twice(list(group)) if notebook else group)
    ]


def twice(cells: list[IPyNbCell]) -> list[IPyNbCell]:
    """A notebook's cells, and once more those that do not measure."""
    return cells + [again(cell) for cell in cells if MEASURES not in tags(cell)]


def tags(cell: IPyNbCell) -> list[str]:
    """What a lesson says of a cell."""
    return cell.cell.metadata.get("tags", [])  # type: ignore[no-any-return]  # nbval has no types


def again(cell: IPyNbCell) -> IPyNbCell:
    """The same cell, to be run once more, and compared unless it is tagged."""
    options = cell.options.copy()
    if DIFFERS in tags(cell):
        options["check"] = False
    return IPyNbCell.from_parent(
        cell.parent,
        name=f"{cell.name}, again",
        cell_num=cell.cell_num,
        cell=cell.cell,
        options=options,
    )
