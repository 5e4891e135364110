"""The labs: one a lesson, each a panel with sliders, Run and Stop, and a live timeline.

`lab("spawn")` in a cell shows one. What a lab is stands in a file of its own, as data
(`lab02_spawn.py`); `engine` runs it and knows no widget; `panel` shows it and runs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from helpers.labs.panel import Panel
    from helpers.labs.spec import LabSpec

NAMES = {
    "task_cards": "lab01_task_cards",
    "spawn": "lab02_spawn",
    "not_blocking": "lab03_not_blocking",
    "deadlines": "lab04_deadlines",
    "first_wins": "lab05_first_wins",
    "showdown": "lab06_showdown",
    "team_of_chefs": "lab07_team_of_chefs",
}

_open: dict[str, Panel] = {}


def lab(name: str) -> Panel:
    """A lab's panel, for a cell to show: at the lab's defaults, and nothing runs yet.

    Opening a lab again closes the panel before, with its run and its thread.
    """
    from helpers.labs.panel import Panel

    panel = Panel(spec_of(name))
    if name in _open:
        _open[name].close()
    _open[name] = panel
    return panel


def spec_of(name: str) -> LabSpec:
    """A lab as data. An unknown name is a ValueError that lists the labs."""
    if name not in NAMES:
        raise ValueError(f"there is no lab {name!r}; the labs are {', '.join(NAMES)}")
    spec: LabSpec = importlib.import_module(f"helpers.labs.{NAMES[name]}").LAB
    return spec
