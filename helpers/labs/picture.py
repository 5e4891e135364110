"""The live timeline of a panel, quick enough to follow a slider."""

from __future__ import annotations

from helpers.draw import density
from helpers.draw import units as scale
from helpers.draw.frame import Drawing
from helpers.draw.live import LiveTimeline
from helpers.trace import Trace

# A browser takes about 2 s to redraw 1000 lanes, and a quarter of a second for 200. Above that the
# panel shows how many tasks are in each state, as `timeline` does above 1000.
MOST_LANES = 200
_NOTHING = Trace((), 0.0)


class Picture(LiveTimeline):
    """A live timeline that goes over to the density of states at 200 lanes."""

    def _draw(self, trace: Trace, title: str | None) -> Drawing:
        if len(trace.lanes) <= MOST_LANES:
            return super()._draw(trace, title)
        scaled = scale.scale(trace, self.unit)
        dense = density.draw(trace, scaled, title=title, height=self.height, hint=False)
        empty = super()._draw(_NOTHING, title)
        kept = {key: empty.layout[key] for key in ("autosize",) if key in empty.layout}
        return Drawing({**empty.traces, **dense.traces}, {**dense.layout, **kept})
