"""The widget that plays a film: of a run that is over, or of each run of a lab.

It holds all that it shows, and so needs no kernel once drawn. anywidget gives a widget's JavaScript
two seconds to load, and drops its messages for good after that, as in a page that is busy. So the
film has a model of ipywidgets' own, which drops none.
"""

import json
import threading

import anywidget
import ipywidgets
import traitlets
from IPython.display import display

from helpers.draw.film import PLAYER
from helpers.draw.theme import Json
from helpers.text import as_html


class Awake:
    """A widget that shows itself in the running cell, and where it is not alive, in words."""

    def _ipython_display_(self) -> None:
        alive = ipywidgets.Widget._repr_mimebundle_(self)
        del alive["text/plain"]
        html = f'<p class="task-cards-asleep">{as_html(repr(self))}</p>'
        for bundle in alive, {"text/html": html, "text/plain": repr(self)}:
            display(bundle, raw=True)  # type: ignore[no-untyped-call]


class _Store(ipywidgets.Widget):  # type: ignore[misc]  # it has no types
    # One text: a notebook would write each of its numbers on a line, behind 20 spaces.
    film = traitlets.Dict().tag(sync=True, to_json=lambda film, _: json.dumps(film))


class Film(Awake, anywidget.AnyWidget):
    """A film as a widget, or the place of one; `show` puts another in, from any thread."""

    _esm = PLAYER
    _store = traitlets.Unicode().tag(sync=True)  # the id of the model that holds the film

    def __init__(self, film: Json) -> None:
        self._lock = threading.Lock()
        self.store = _Store(film=film)
        super().__init__(_store=self.store.model_id)

    def show(self, film: Json) -> None:
        """Show another film, the JSON of `film_of` or `still_of`, in place of the one before."""
        with self._lock:
            self.store.film = film

    def close(self) -> None:
        """Close the widget and what holds its film."""
        self.store.close()
        super().close()

    def __repr__(self) -> str:
        """What stands for the film where no widget can be shown."""
        steps = len(self.store.film.get("steps", ()))
        return f"The film of {steps} steps (run this cell to play it): {self.store.film['title']}"
