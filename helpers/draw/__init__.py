"""`timeline`: the figure of a trace. One lane a task, one bar a span, a tick for every poll.

A `Picture` is computed from the trace once; plotly's JSON, the film and the text read it.
Nothing here needs plotly but `timeline`, which returns one of plotly's figures and never shows it.
"""

from typing import Any

from helpers.draw.film import film_of
from helpers.draw.picture import MOST_FILMED, Picture, Wanted, picture_of
from helpers.draw.plot import figure_of
from helpers.draw.text import text_of
from helpers.draw.theme import CONFIG, PLOTLY
from helpers.trace import Trace, no_collection


@no_collection()
def timeline(
    trace: Trace, *, title: str | None = None, lanes: Wanted | None = None, unit: str | None = None
) -> Any:
    """Plotly's `Figure` of a trace; the caller shows it.

    title: the message above it; without one, a sentence is computed from the trace.
    lanes: names or ids of the lanes to draw, alone; above 1000 lanes, under the density.
    unit: "seconds", "minutes" (kitchen minutes) or "milliseconds"; without one, the trace's own.

    An unknown lane is a KeyError, an unknown unit a ValueError.
    """
    import plotly.graph_objects as go

    picture = picture_of(trace, title=title, lanes=lanes, unit=unit)
    figure = go.Figure(figure_of(picture))
    as_plotly = figure._repr_mimebundle_

    def with_text(*args: Any, **options: Any) -> dict[str, Any]:
        bundle: dict[str, Any] = as_plotly(*args, **options)
        if PLOTLY in bundle:
            bundle[PLOTLY]["config"] = CONFIG  # in place of what plotly 6 has in there
        return bundle | {"text/plain": text_of(picture)}

    # Plotly's own ways to show it leave no text, or a page with a random id beside the figure.
    figure._repr_mimebundle_ = with_text
    figure._ipython_display_ = figure._repr_html_ = None
    return figure


def replay(trace: Trace, *, first: int = 0, title: str | None = None) -> Any:
    """The film of a run, a widget to play, step through and drag; with its code, if it has lines.

    At each step it shows who is in hand, who is ready and in which order, which timers count down
    and who waits for whom. Of a long run it shows some 2,000 frames, from step number `first` on.
    A step that is not there is a ValueError.
    """
    from helpers.draw.player import Film

    return Film(film_of(picture_of(trace, title=title, most=MOST_FILMED), first=first))


def mimebundle(picture: Picture, text: str = "") -> dict[str, Any]:
    """A picture as a notebook's output: as plotly would send it, and with its text or this one."""
    figure = {**figure_of(picture), "config": CONFIG}
    return {PLOTLY: figure, "text/plain": text or text_of(picture)}
