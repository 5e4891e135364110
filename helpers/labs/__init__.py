"""The labs: one a lesson, each a panel with sliders, Run and Stop, and the film of each run.

`lab("spawn")` in a cell shows one. What a lab is stands in a file of its own, as data
(`lab02_spawn.py`); `engine` runs it and knows no widget; `panel` shows it and runs nothing.
"""

import importlib
from pathlib import Path
from typing import Any

from helpers.labs.spec import LabSpec

# Each lab's name, and the module that holds it.
NAMES = {path.stem[6:]: path.stem for path in sorted(Path(__file__).parent.glob("lab??_*.py"))}

_open: dict[str, Any] = {}


def lab(name: str) -> Any:
    """A lab's `Panel`, for a cell to show: at the lab's defaults, and nothing runs yet.

    Opening a lab again closes the panel before, with its run and its thread.
    """
    from helpers.labs.panel import Panel

    if name in _open:
        _open[name].close()
    _open[name] = Panel(spec_of(name))
    return _open[name]


def spec_of(name: str) -> LabSpec:
    """A lab as data. An unknown name is a ValueError that lists the labs."""
    if name not in NAMES:
        raise ValueError(f"there is no lab {name!r}; the labs are {', '.join(NAMES)}")
    spec: LabSpec = importlib.import_module(f"helpers.labs.{NAMES[name]}").LAB
    return spec
