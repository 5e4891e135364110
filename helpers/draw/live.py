"""A timeline that follows a run: one widget whose traces are made once and filled again and again.

It shows what `timeline` shows, since both ask the same functions. Each `show` is one message to the
browser, and only what has changed is in it. A view that is drawn late, or again, gets it all.
"""

from __future__ import annotations

import threading
from typing import Any

from helpers.draw import density, draw, frame, lanes, rows
from helpers.draw import units as scale
from helpers.draw.live_figure import LiveFigure
from helpers.draw.theme import Json
from helpers.trace import Trace

NOTHING = Trace((), 0.0)
WAITING = "Nothing has run yet"
_STILL = {"type"}  # what a trace keeps from the moment it is made


class LiveTimeline:
    """plotly's `FigureWidget` in `.widget`, and `show(trace)` to fill it, up to ten times a second.

    The `height` is fixed, in pixels, so that what stands below does not move with the number of
    lanes; `unit` is that of `timeline`. Calls may come from any thread.
    """

    def __init__(
        self, trace: Trace | None = None, *, unit: str | None = None, height: int = 480
    ) -> None:
        """Make the widget, empty or with a first trace."""
        self.unit, self.height = unit, height
        drawn = self._draw(NOTHING if trace is None else trace, WAITING if trace is None else None)
        self._sent: dict[str, Json] = drawn.traces
        self._layout: Json = drawn.layout
        self._first = drawn
        self._lock = threading.Lock()
        self.widget = LiveFigure(list(drawn.traces.values()), drawn.layout)
        self._by_key = dict(zip(drawn.traces, self.widget.data, strict=True))
        self.widget.on_drawn(self._send_again)

    def show(self, trace: Trace, *, title: str | None = None) -> None:
        """Draw a trace in the stead of the one before; `title` as in `timeline`."""
        drawn = self._draw(trace, title)
        with self._lock:
            self._send(drawn)

    def _send(self, drawn: frame.Drawing) -> None:
        """Change the figure into this one."""
        with self.widget.batch_update():
            for key, made in drawn.traces.items():
                if changed := _changes(self._sent[key], made):
                    self._by_key[key].update(changed, overwrite=True)
            if changed := _changes(self._layout, drawn.layout):
                self.widget.layout.update(changed, overwrite=True)
        self._sent, self._layout = drawn.traces, drawn.layout

    def _send_again(self) -> None:
        """Send all there is, to a browser that may have missed any of it.

        plotly sends nothing that is as it was, so the way there leads over the first figure.
        """
        with self._lock:
            last = frame.Drawing(self._sent, self._layout)
            self._send(self._first)
            self._send(last)

    def clear(self, title: str = WAITING) -> None:
        """Empty the picture."""
        self.show(NOTHING, title=title)

    def _draw(self, trace: Trace, title: str | None) -> frame.Drawing:
        """The drawing of a trace with every trace a timeline can have, most of them empty."""
        drawn = draw(trace, title=title, unit=self.unit, height=self.height)
        if not trace.lanes:  # where nothing has run there is nothing to say of it
            drawn.layout["title"] = {**drawn.layout["title"], "subtitle": {"text": ""}}
        layout = {
            "yaxis2": {"visible": False, "overlaying": "y"},  # it has traces, if empty ones
            **drawn.layout,
            "autosize": True,  # as wide as its cell, from the first `show` on the page on
        }
        return frame.Drawing({**_all_empty(), **drawn.traces}, layout)


def _all_empty() -> dict[str, Json]:
    """Every trace of both kinds of picture, without data, in the order in which they are drawn."""
    nothing = scale.scale(NOTHING)
    areas = density.areas(NOTHING, nothing)
    return {
        **{key: {**one, "y": []} for key, one in areas.items()},
        **lanes.traces(NOTHING, rows.rows(NOTHING), nothing, 20.0),
    }


def _changes(before: Json, after: Json) -> dict[str, Any]:
    """What must be set so that `before` becomes `after`; what has gone is set to None."""
    gone = {key: None for key in before if key not in after and key not in _STILL}
    return {**gone, **{key: value for key, value in after.items() if before.get(key) != value}}
