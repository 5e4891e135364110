"""Task Cards: record how an async runtime schedules work, and see it."""

from __future__ import annotations

import importlib
import sys
import types
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from helpers.clock import busy as busy
    from helpers.errors import Deadlock as Deadlock
    from helpers.errors import RunTooLong as RunTooLong
    from helpers.labs import lab as lab
    from helpers.parity import compare as compare
    from helpers.race import select as select
    from helpers.recorder import record as record
    from helpers.recordings import load_recording as load_recording
    from helpers.timeline import timeline as timeline
    from helpers.trace import Trace as Trace

# Where each public name lives. It is loaded when it is first used, so that `import helpers` is
# quick and brings neither plotly nor ipywidgets.
_HOMES = {
    "busy": "helpers.clock",
    "Deadlock": "helpers.errors",
    "RunTooLong": "helpers.errors",
    "compare": "helpers.parity",
    "lab": "helpers.labs",
    "load_recording": "helpers.recordings",
    "record": "helpers.recorder",
    "select": "helpers.race",
    "timeline": "helpers.timeline",
    "Trace": "helpers.trace",
}

__all__ = [
    "Deadlock",
    "RunTooLong",
    "Trace",
    "busy",
    "compare",
    "lab",
    "load_recording",
    "record",
    "select",
    "timeline",
]


def __getattr__(name: str) -> Any:
    """Load a public name from its module at first use."""
    if name not in _HOMES:
        raise AttributeError(f"helpers has no {name!r}; it has {', '.join(_HOMES)}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


class _Package(types.ModuleType):
    """The package itself: importing the module `timeline` must not hide the function."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOMES and isinstance(value, types.ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __dir__() -> list[str]:
    """The public names."""
    return sorted(_HOMES)
