"""plotly's `FigureWidget`, so that nothing is lost while a browser still loads what draws it.

anywidget gives a widget's JavaScript two seconds to load; after that it drops every message to the
widget, for good. plotly's is five megabytes. So a few lines are loaded first, which are ready at
once and load plotly's then. That is sent as bytes, which nobody on the way has to read.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import resources

import plotly
import plotly.graph_objects as go
import traitlets

_DRAWN = "drawn"

# A page loads plotly's program once for all its figures. What comes in before it is there is seen
# by none, so the kernel is told of each first drawing of a view.
_FIRST = """\
const loaded = globalThis.taskCardsLoaded ??= new Map();

function load(version, program) {
  if (!loaded.has(version)) {
    const url = URL.createObjectURL(new Blob([program], { type: "text/javascript" }));
    loaded.set(version, import(url).finally(() => URL.revokeObjectURL(url)));
  }
  return loaded.get(version);
}

export default () => {
  let plotly;

  async function begin(props) {
    const { model } = props;
    const program = await load(model.get("_program_version"), model.get("_program"));
    const made = await program.default();
    await made.initialize(props);
    return made;
  }

  function initialize(props) {
    plotly = begin(props);
    plotly.catch(() => {}); // `render` meets it, and shows it
  }

  async function render(props) {
    const { model, el } = props;
    const tell = event => {
      if (event.detail.element === el) model.send("drawn");
    };
    document.addEventListener("plotlywidget-after-render", tell);
    const remove = await (await plotly).render(props);
    return () => {
      document.removeEventListener("plotlywidget-after-render", tell);
      remove?.();
    };
  }

  return { initialize, render };
};
"""


@cache
def _plotly() -> bytes:
    """The JavaScript of plotly's own widget, about five megabytes."""
    return (resources.files("plotly") / "package_data" / "widgetbundle.js").read_bytes()


class LiveFigure(go.FigureWidget):  # type: ignore[misc]  # plotly has no types
    """A `FigureWidget` that tells when a browser has drawn it for the first time.

    It does so once for each view: another output, another page, a page loaded again.
    """

    _esm = _FIRST
    _program_version = traitlets.Unicode(plotly.__version__).tag(sync=True)
    _program = traitlets.Bytes().tag(sync=True)

    def __init__(self, data: list[object], layout: dict[str, object]) -> None:
        """Make it from plotly's JSON."""
        super().__init__({"data": data, "layout": layout})

    @traitlets.default("_program")
    def _read_program(self) -> bytes:
        return _plotly()

    def on_drawn(self, drawn: Callable[[], None]) -> None:
        """Call `drawn` from then on, on the thread on which the kernel takes widget messages."""
        self.on_msg(lambda _, content, buffers: drawn() if content == _DRAWN else None)
