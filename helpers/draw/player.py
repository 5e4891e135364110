"""The widget that plays a film. It holds all that it shows, and so needs no kernel once drawn."""

from typing import Any

import anywidget
import traitlets

from helpers.draw.film import PLAYER


class Film(anywidget.AnyWidget):
    """A film as a widget; `film` is the JSON of `film_of`."""

    _esm = PLAYER
    film = traitlets.Dict().tag(sync=True)

    def __repr__(self) -> str:
        """What stands for the film where no widget can be shown."""
        frames: Any = len(self.film["steps"])
        return f"The film of {frames} steps (run this cell to play it): {self.film['title']}"
