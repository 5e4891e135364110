"""The parts of a panel: widgets for controls, and text as HTML."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from typing import Any

import ipywidgets as widgets

from helpers.labs.spec import Choice, Control, Prediction, Slider, Switch, Values

WIDTH = "52em"
_LABEL = {"description_width": "17em"}

# JupyterLab's own colours, so that the panel is readable in its light and its dark theme.
STYLE = """\
<style>
.task-cards-lab { color: var(--jp-ui-font-color1); max-width: 64em; }
.task-cards-lab .widget-html-content { line-height: 1.5; font-size: var(--jp-ui-font-size2, 14px); }
.task-cards-lab .widget-html-content p { margin: 2px 0; }
.task-cards-lab h3 { margin: 4px 0; font-size: 1.25em; }
.task-cards-lab h4 { margin: 6px 0 0; font-size: 1em; }
.task-cards-lab ul { margin: 2px 0; padding-left: 1.4em; }
.task-cards-lab code { background: var(--jp-layout-color2); padding: 0 3px; }
.task-cards-lab pre { background: var(--jp-layout-color2); color: var(--jp-content-font-color1);
  padding: 8px 10px; margin: 4px 0; overflow: auto; font-family: var(--jp-code-font-family);
  font-size: var(--jp-code-font-size); line-height: 1.4; }
.task-cards-lab .widget-toggle-buttons { display: flex; align-items: center; margin: 2px; }
.task-cards-lab .widget-toggle-buttons > label { flex: 0 0 auto; text-align: right;
  margin-right: 8px; }
.task-cards-lab .widget-radio-box label { white-space: normal; height: auto; }
.task-cards-lab .widget-html { height: auto; }
</style>"""

# The text is taken from the page itself, so what is copied is what is shown.
_COPY = """\
const shown = this.parentNode.querySelector('pre');
if (navigator.clipboard) {
  navigator.clipboard.writeText(shown.textContent)
    .then(() => { this.textContent = 'Copied: paste it in a cell'; });
} else {
  getSelection().selectAllChildren(shown);
  this.textContent = 'Selected: copy it with the keyboard';
}"""
_SAME = (
    "This very text runs. In a cell it gives the same timeline; there up to 1,000 lanes are drawn "
    "one by one, here up to 200."
)


def control(spec: Control) -> Any:
    """The widget of a control; its `value` is the control's."""
    if isinstance(spec, Slider):
        kind = widgets.IntSlider if spec.whole else widgets.FloatSlider
        return kind(
            min=spec.low, max=spec.high, step=spec.step, value=spec.default,
            description=spec.label, style=_LABEL, layout={"width": WIDTH},
        )  # fmt: skip
    if isinstance(spec, Choice):
        return widgets.ToggleButtons(
            options=spec.options, value=spec.default, description=spec.label,
            style=_LABEL | {"button_width": "auto"}, layout={"width": "auto"},
        )  # fmt: skip
    assert isinstance(spec, Switch)
    return widgets.Checkbox(
        value=spec.default, description=spec.label, indent=False,
        layout={"width": WIDTH, "margin": "0 0 0 17.5em"},
    )  # fmt: skip


def question(spec: Prediction) -> Any:
    """The widget that takes the prediction; empty until the user fills it."""
    if spec.options:
        return widgets.RadioButtons(
            options=spec.options, value=None, layout={"width": "auto", "margin": "0 0 0 1em"}
        )
    return widgets.Text(
        description=f"Your prediction ({spec.unit})", placeholder="a number",
        style=_LABEL, layout={"width": "30em"},
    )  # fmt: skip


def offer(spec: Prediction, widget: Any, values: Values) -> None:
    """Offer the options that can come true; an answer stays as long as it is one of them."""
    offered = spec.offers(values)
    if not spec.options or offered == tuple(widget.options):
        return
    kept = widget.value if widget.value in offered else None
    widget.options = offered  # which chooses the first
    widget.value = kept


def answer(spec: Prediction, widget: Any) -> str | float | None:
    """What the user predicted; None if nothing. A ValueError in a sentence if it is no number."""
    if spec.options:
        return widget.value  # type: ignore[no-any-return]
    text = str(widget.value).strip().replace(",", ".")
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise ValueError(f"Your prediction is no number of {spec.unit}: {widget.value.strip()!r}.")
    return number


def marked(text: str) -> str:
    """A sentence as HTML; what stands in backticks as code."""
    safe = re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text, quote=False))
    return re.sub(r"(?<=\d) (?=(?:s|ms|µs)\b|%)", "&nbsp;", safe)  # no line ends there


def paragraph(text: str) -> str:
    """A sentence as a paragraph; nothing for an empty one."""
    return f"<p>{marked(text)}</p>" if text else ""


def bullets(title: str, sentences: Sequence[str], most: int = 6) -> str:
    """A titled list of sentences, `most` at most; nothing if there are none."""
    if not sentences:
        return ""
    shown = [f"<li>{marked(sentence)}</li>" for sentence in sentences[:most]]
    if len(sentences) > most:
        shown.append(f"<li>and {len(sentences) - most} more like these.</li>")
    return f"<h4>{html.escape(title)}</h4><ul>{''.join(shown)}</ul>"


def code(text: str) -> str:
    """A program with a button that copies it."""
    return (
        '<button class="jupyter-button" style="width: auto; margin: 4px 0" '
        f'onclick="{html.escape(_COPY)}">Copy</button> {_SAME}'
        f'<pre tabindex="0">{html.escape(text, quote=False)}</pre>'
    )
