"""A plotly figure that says its facts as text where no figure can be shown."""

from collections.abc import Callable
from typing import Any

import plotly.graph_objects as go

from helpers.draw.theme import CONFIG, PLOTLY


class Timeline(go.Figure):  # type: ignore[misc]  # plotly has no types
    """A `go.Figure` that shows in a notebook with the text twin as its plain text.

    Plotly's own way of showing it leaves no text, so that a page which cannot draw it is empty.
    """

    _ipython_display_ = None  # or IPython would ask for no mimebundle
    _repr_html_ = None  # or a page with a random id would be kept beside the figure

    def __init__(self, *args: Any, text: Callable[[], str] | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        self._text = text  # called when the figure is shown

    def _repr_mimebundle_(self, *args: Any, **options: Any) -> dict[str, Any]:
        """What plotly's renderer sends, with the text twin."""
        bundle: dict[str, Any] = super()._repr_mimebundle_(*args, **options)
        if PLOTLY in bundle:
            bundle[PLOTLY].setdefault("config", CONFIG)
        return {**bundle, "text/plain": self._text()} if self._text else bundle
