"""The second picture of a lab: a recorded run of the same job on real Tokio, where there is one."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets

from helpers.labs import view
from helpers.labs.picture import Picture
from helpers.labs.spec import LabSpec, Values

SAME = "The same job on real Tokio, recorded"
NONE = "These values were not recorded on real Tokio."


class Beside:
    """A line and a picture below a lab's own; `widgets` is empty for a lab that has none.

    The picture is there only while there is something in it. `show` may come from any thread, one
    call at a time.
    """

    def __init__(self, spec: LabSpec) -> None:
        """Make them, hidden."""
        self._find = spec.beside
        self.widgets: tuple[Any, ...] = ()
        if self._find is not None:
            self.picture = Picture(height=spec.height, unit=spec.unit)
            self.line = widgets.HTML()
            # A FigureWidget has no layout that hides it: the box round it has.
            self.box = widgets.VBox([self.picture.widget])
            self.widgets = (self.line, self.box)
            self.show(None)

    def show(self, values: Values | None) -> None:
        """Show the recording of these values, or say that there is none; None: show nothing."""
        if self._find is None:
            return
        found = None if values is None else self._find(values)
        self.line.value = "" if values is None or found is not None else view.paragraph(NONE)
        # First seen, then drawn: plotly cannot measure what is hidden.
        self.box.layout.display = None if found is not None else "none"
        if found is not None:
            self.picture.show(found, title=SAME)
