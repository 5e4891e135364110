"""A timeline that follows a run: a widget with one figure in it, which plotly draws in the browser.

anywidget gives a widget's JavaScript two seconds to load, and drops its messages for good after
that, as in a page that is busy. So the figure has a model of ipywidgets' own, which drops none. Who
sees a figure first asks it for plotly's five megabytes, and the page keeps them for every figure.
"""

import threading
from functools import partial
from importlib import resources
from pathlib import Path

import anywidget
import ipywidgets
import plotly
import traitlets

from helpers.draw.picture import picture_of
from helpers.draw.plot import figure_of
from helpers.draw.theme import CONFIG, Json
from helpers.trace import Trace

WAITING = "Nothing has run yet"
NOTHING = Trace((), 0.0)
_JS = resources.files("plotly") / "package_data" / "plotly.min.js"


class _Store(ipywidgets.Widget):
    figure = traitlets.Dict().tag(sync=True)  # plotly's JSON: data, layout and config


class LiveTimeline(anywidget.AnyWidget):
    """A widget that shows a trace as `timeline` does; `show` fills it, up to ten times a second.

    The height is fixed, in pixels, so that what stands below does not move with the number of
    lanes; `unit` is that of `timeline`. Calls may come from any thread.
    """

    _esm = Path(__file__).with_name("live.js")
    _version = traitlets.Unicode(plotly.__version__).tag(sync=True)
    _store = traitlets.Unicode().tag(sync=True)  # the id of the model that holds the figure

    def __init__(self, *, unit: str | None = None, height: int = 480) -> None:
        self._picture = partial(picture_of, unit=unit, height=height)
        self._lock = threading.Lock()
        self.store = store = _Store(figure=self._figure(NOTHING, None))
        super().__init__(_store=store.model_id)
        # Not a trait: that would be saved in the notebook, and sent again by each run of the cell.
        store.on_msg(lambda _, asked, __: asked == "plotly" and store.send({}, [_JS.read_bytes()]))

    def show(self, trace: Trace, *, title: str | None = None) -> None:
        """Draw a trace in place of the one before; `title` as in `timeline`."""
        figure = self._figure(trace, title)
        with self._lock:
            self.store.figure = figure

    def close(self) -> None:
        """Close the widget and what holds its figure."""
        self.store.close()
        super().close()

    def _figure(self, trace: Trace, title: str | None) -> Json:
        figure = figure_of(self._picture(trace, title=title if title or trace.lanes else WAITING))
        figure["layout"]["autosize"] = True  # as wide as its cell
        if not trace.lanes:  # there is no clock to name where nothing has run
            figure["layout"]["title"]["subtitle"] = {"text": ""}
        return {**figure, "config": CONFIG}
