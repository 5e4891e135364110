"""The view of a lab: question and prediction, sliders, Run, Stop and Reset, and what came out.

Widget callbacks come on the kernel's main thread or on a subshell's, and only leave a wish with the
engine; the engine's thread writes what is to be seen.
"""

import gc
import html
import threading
from dataclasses import replace
from functools import partial
from math import log10
from pathlib import Path
from typing import Any

import ipywidgets as widgets

from helpers.draw.film import film_of, still_of
from helpers.draw.picture import MOST_FILMED, picture_of
from helpers.draw.player import Awake, Film
from helpers.draw.text import findings
from helpers.draw.theme import Json
from helpers.exercises import achieved
from helpers.labs.engine import Engine, Event, State
from helpers.labs.spec import Choice, Control, LabSpec, Values
from helpers.predictions import field, read
from helpers.text import as_html, plural, seconds
from helpers.trace import Trace, no_collection

SAME, MODEL, REAL = "The same job on real Tokio, recorded", "The model", "Real Tokio"
NONE = "These values were not recorded on real Tokio."
_PREDICT = "Predict first: what will it be?"
_FOLLOWS = "On the virtual clock; the real run follows"
_UNASKED = "You made no prediction for these values. Make one, and press Run."
_STATES = {
    State.READY: "Ready. Predict, then press Run.",
    State.RUNNING: "Running.",
    State.STOPPING: "The run is being ended.",
    State.DONE: "Done. Move a slider, and it runs again.",
    State.STOPPED: "Press Run to run it again.",
}
_PALE = _PREDICT, _FOLLOWS  # the titles of pictures that are not to be played
_LABEL, _NARROW = {"description_width": "auto"}, {"button_width": "auto"}
_STYLE = Path(__file__).with_name("panel.css").read_text(encoding="utf-8")
_ABOUT_CODE = Path(__file__).with_name("code.html").read_text(encoding="utf-8")
_CODE = '<pre class="task-cards-code" tabindex="0">{}</pre>'


class Panel(Awake, widgets.VBox):
    """A lab that can be used. `close` ends its run and its thread, and takes it off the screen."""

    def __init__(self, spec: LabSpec) -> None:
        self.spec = spec
        self.controls = {control.name: _control(control) for control in spec.controls}
        look = {"layout": widgets.Layout()}  # shared: a notebook keeps a kilobyte of each
        text = partial(widgets.HTML, **look, style=widgets.HTML.style.klass())
        self.prediction = field(spec.prediction.options, layout={"width": "auto"})
        self.state_line = text(_paragraph(_STATES[State.READY]))
        self.forecast, self.verdict, self.outcome, self.code = (text() for _ in range(4))
        self.challenge = text()
        self.run = widgets.Button(description="Run", icon="play", button_style="primary", **look)
        self.reset = widgets.Button(description="Reset", icon="undo", **look)
        fresh = spec.defaults()
        self.preview = self._filmed(spec.preview(fresh), fresh, _PREDICT)
        self.picture = Film(self.preview)
        self.which = widgets.ToggleButtons(options=[(MODEL, None)], style=_NARROW)
        self.which.layout.display = "none"
        self._lock = threading.RLock()
        self.engine = Engine(spec, self._show)
        head = f"<style>{_STYLE}</style><h3>{as_html(spec.title)}</h3>{_paragraph(spec.story)}"
        chips = [widgets.Button(description=words, **look) for words in spec.scenes]
        self.scenes = widgets.HBox(chips, **look).add_class("task-cards-scenes")
        parts = [text(_paragraph(spec.prediction.question)), self.prediction, self.verdict]
        parts += [widgets.HBox([self.run, self.reset], **look), self.which, self.state_line]
        parts += [self.scenes, *self.controls.values(), self.forecast]
        film = widgets.VBox([self.picture], **look)
        side = widgets.VBox(parts, **look).add_class("task-cards-side")
        told = widgets.VBox([self.challenge, self.outcome], **look).add_class("task-cards-told")
        body = widgets.Box([film, side, told], **look).add_class("task-cards-body")
        super().__init__([text(head), body, text(_ABOUT_CODE), self.code], **look)
        self.add_class("task-cards-lab")
        self.run.on_click(lambda _: self._run_or_stop())
        self.reset.on_click(lambda _: self._reset())
        for chip in self.scenes.children:
            chip.on_click(lambda chip: self._set(spec.scenes[chip.description]))
        self.which.observe(lambda change: self.picture.show(change.new), "value")
        for widget in self.controls.values():
            widget.observe(self._changed, "value")
        self._changed()
        self._tick()
        gc.collect()  # so that no full collection blocks the first run's loop

    @no_collection()
    def _filmed(self, trace: Trace, values: Values, said: str = "", *, over: bool = False) -> Json:
        if marks := self.spec.marks(values, trace if over else None):
            trace = replace(trace, marks=(*trace.marks, *marks))
        picture = picture_of(trace, title=said or None, unit=self.spec.unit, most=MOST_FILMED)
        film = still_of(picture) if said in _PALE else film_of(picture)
        film |= {"small": True, "to": max([film["to"], *(at for at, *_ in film["events"])])}
        return film | {"pale": said in _PALE, "open": said == _PREDICT}

    def _run_or_stop(self) -> None:
        runs = self.engine.state in (State.RUNNING, State.STOPPING)
        self.engine.ask(State.STOPPED if runs else State.RUNNING)

    def _set(self, values: Values) -> None:
        for name, value in values.items():
            self.controls[name].value = value

    def _changed(self, _: Any = None) -> None:
        # Each widget may have a thread of its own: whoever comes last asks with the newest values.
        with self._lock:
            spec = self.spec
            chosen = {name: widget.value for name, widget in self.controls.items()}
            values = {k: round(v) if isinstance(v, float) else v for k, v in chosen.items()}
            self.engine.request(values)
            for control, widget in zip(spec.controls, self.controls.values(), strict=True):
                widget.layout.display = None if control.shown(values) else "none"
            self.prediction.value = None if spec.prediction.options else ""  # it was for others
            self.forecast.value = _paragraph(spec.forecast(values))
            self.code.value = _CODE.format(html.escape(spec.code(values), quote=False))

    def _reset(self) -> None:
        with self._lock:
            self.engine.ask(State.READY)
            self._set(self.spec.defaults())
            self._changed()

    def _show(self, event: Event) -> None:
        spec, trace = self.spec, event.trace
        if event.pale and trace is not None:  # all else stays, and all where there is no preview
            title = _FOLLOWS if event.state is State.RUNNING else _PREDICT
            if trace.lanes:
                self.picture.show(self._filmed(trace, event.values, title))
            return
        done, runs = event.state is State.DONE, event.state in (State.RUNNING, State.STOPPING)
        recording = spec.beside(event.values) if spec.beside and done else None
        if event.state is State.READY:
            self.picture.show(self.preview)
        elif trace is not None:
            said = spec.message(trace) if spec.message and done else ""
            film = self._filmed(trace, event.values, said, over=done)
            film |= self._guessed(film) if done else {}
            if recording is not None:  # on one axis
                real = self._filmed(recording, event.values, SAME)
                film["to"] = real["to"] = max(film["to"], real["to"])
                self.which.options = [(MODEL, film), (REAL, real)]
            self.picture.show(film)
        if trace is not None or event.state is State.READY:
            self.which.layout.display = None if recording else "none"
        self.state_line.value = _paragraph(_state_in_words(event))
        self.run.description, self.run.icon = ("Stop", "stop") if runs else ("Run", "play")
        if event.state in (State.READY, State.RUNNING):
            self.outcome.value = _bullets("So far", *(spec.so_far(trace) if trace else ()))
            self.verdict.value = ""
        elif trace is not None:
            missing = _paragraph(NONE) if done and spec.beside and not recording else ""
            numbers = _bullets("In numbers", *spec.numbers(event.values, trace)) if done else ""
            self.verdict.value = _paragraph(self._verdict(event.values, trace)) if done else ""
            self.outcome.value = missing + numbers + _bullets(*findings(trace, most=6))
            if done:
                self._tick(event.values, trace)

    def _guessed(self, film: Json) -> Json:
        """Where a guess at a moment stands; of one far off, the run itself would be a stroke."""
        asked = self.spec.prediction
        answer, _ = read(asked.options, self.prediction.value)
        guess = float(answer or 0) * asked.unit if asked.unit else 0.0
        guess *= 1e3 if film["unit"] == "ms" else 1
        return {"guess": guess, "to": max(guess, film["to"])} if 0 < guess <= 3 * film["to"] else {}

    def _tick(self, *run: Any) -> None:
        if (asked := self.spec.challenge) is not None:
            found = achieved(f"lab.{self.spec.name}", lambda: bool(run) and asked.met(*run))
            self.challenge.value = _paragraph(f"{'☑ Found' if found else '☐ Find'} {asked.text}")

    def _verdict(self, values: Values, trace: Trace) -> str:
        asked = self.spec.prediction
        answer, wrong = read(asked.options, self.prediction.value)
        return wrong or _UNASKED if answer is None else asked.compare(values, answer, trace)

    def close(self) -> None:
        """End the run and the thread, and take the panel off the screen. Safe to call twice."""
        self.engine.ask(State.CLOSED)
        _close_parts(self)
        super().close()

    def __repr__(self) -> str:
        """What stands for the panel where no widget can be shown."""
        return f"The {self.spec.name} lab: {self.spec.title} (Run this cell to use it.)"


def _close_parts(widget: Any) -> None:
    """Close what belongs to a widget, at any depth; ipywidgets would keep it for good."""
    styles = [getattr(widget, name) for name in ("layout", "style") if widget.has_trait(name)]
    for part in (*styles, *getattr(widget, "children", ())):
        _close_parts(part)
        part.close()


def _control(spec: Control) -> Any:
    own = {"value": spec.default, "description": spec.label, "layout": {"width": "auto"}}
    if isinstance(spec, Choice):
        return widgets.ToggleButtons(**own, style=_LABEL | _NARROW, options=spec.options)
    if spec.log:
        powers = {"min": log10(spec.low), "max": log10(spec.high), "step": 0.02}
        return widgets.FloatLogSlider(**own, **powers, style=_LABEL, readout_format=".0f")
    limits = {"min": spec.low, "max": spec.high, "step": spec.step}
    return widgets.IntSlider(**own, **limits, style=_LABEL)


def _paragraph(text: str) -> str:
    return f"<p>{as_html(text)}</p>" if text else ""


def _bullets(title: str = "", *sentences: str) -> str:
    items = [f"<li>{as_html(sentence.removeprefix('- '))}</li>" for sentence in sentences]
    return f"<h4>{title}</h4><ul>{''.join(items)}</ul>" if items else ""


def _state_in_words(event: Event) -> str:
    if event.state is not State.RUNNING or event.trace is None:
        return f"{event.sentence} {_STATES.get(event.state, '')}".strip()
    so_far, tasks = seconds(event.trace.duration, exact=False), event.trace.tasks
    ended = sum(task.ended is not None for task in tasks)
    return f"Running for {so_far}: {ended:,} of {plural(len(tasks), 'task')} have ended."
