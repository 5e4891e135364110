"""The live timeline in a panel: shown with its first trace, gone when it is cleared."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets

from helpers.timeline import figure_dict
from helpers.trace import Trace


class Picture:
    """One figure that is changed in place. `widget` is what the panel holds."""

    def __init__(self) -> None:
        """Make it, empty and hidden."""
        import plotly.graph_objects as go

        self._figure: Any = go.FigureWidget()
        self.widget = widgets.VBox([self._figure])
        self.clear()

    def show(self, trace: Trace) -> None:
        """Show a trace."""
        plain = figure_dict(trace)
        with self._figure.batch_update():
            self._figure.data = []
            self._figure.add_traces(plain["data"])
            self._figure.layout = plain["layout"]
        self.widget.layout.display = None

    def clear(self) -> None:
        """Hide it until there is something to show."""
        self.widget.layout.display = "none"
