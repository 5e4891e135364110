"""The view of a lab: question and prediction, sliders, Run, Stop and Reset, and what came out.

Widget callbacks come on the kernel's main thread or on a subshell's, and only note what is wanted;
the engine's thread writes what is to be seen.
"""

from __future__ import annotations

import gc
import threading
from typing import Any

import ipywidgets as widgets

from helpers.labs import view
from helpers.labs.beside import Beside
from helpers.labs.engine import Engine
from helpers.labs.events import Event, State
from helpers.labs.picture import Picture
from helpers.labs.spec import LabSpec, Values
from helpers.text import plural, seconds
from helpers.trace import Trace

_NO_PREDICTION = "You made no prediction. Make one, and it is compared with the next run."
_STATES = {
    State.READY: "Ready. Predict, then press Run.",
    State.DONE: "Done. Move a slider, and it runs again.",
    State.STOPPED: "Press Run to run it again.",
    State.CLOSED: "This lab was opened again in another cell.",
}


class Panel(widgets.VBox):
    """A lab that can be used. `close` ends its run and its thread, and takes it off the screen."""

    def __init__(self, spec: LabSpec) -> None:
        """Make the panel at the lab's defaults; nothing runs yet."""
        self.spec = spec
        self.controls = {control.name: view.control(control) for control in spec.controls}
        self.prediction = view.question(spec.prediction)
        self.forecast, self.state_line, self.outcome, self.code = (widgets.HTML() for _ in range(4))
        self.buttons = {
            "Run": widgets.Button(description="Run", icon="play", button_style="primary"),
            "Stop": widgets.Button(description="Stop", icon="stop"),
            "Reset": widgets.Button(description="Reset", icon="undo"),
        }
        self.picture = Picture(height=spec.height, unit=spec.unit)
        self.beside = Beside(spec)
        self._lock = threading.RLock()
        self.engine = Engine(spec, self._show)
        super().__init__(self._parts())
        self.add_class("task-cards-lab")
        self.state_line.value = view.paragraph(_STATES[State.READY])
        for text, act in (("Run", self._run), ("Stop", self._stop), ("Reset", self._reset)):
            self.buttons[text].on_click(act)
        for widget in self.controls.values():
            widget.observe(self._changed, "value")
        self._changed()
        # Much was loaded for the panel. Looked through now, it does not hold the first run's loop.
        gc.collect()

    def _parts(self) -> list[Any]:
        spec, asked = self.spec, self.spec.prediction.question
        head = f"{view.STYLE}<h3>{view.marked(spec.title)}</h3>{view.paragraph(spec.story)}"
        program = widgets.Accordion([self.code], titles=("The code that runs",))
        return [
            widgets.HTML(head),
            *self.controls.values(),
            widgets.HTML(f"<h4>Predict</h4>{view.paragraph(asked)}"),
            self.prediction,
            self.forecast,
            widgets.HBox(tuple(self.buttons.values())),
            self.state_line,
            self.picture.widget,
            *self.beside.widgets,
            self.outcome,
            program,
        ]

    # -- callbacks: on the kernel's main thread, or on a subshell's ----------------------------

    def values(self) -> Values:
        """What the controls stand at."""
        return {name: widget.value for name, widget in self.controls.items()}

    def _changed(self, _: Any = None) -> None:
        # Each widget may have a thread of its own. Reading all and asking for them is one act, so
        # that whoever comes last asks with the newest values of all.
        with self._lock:
            values = self.spec.check(self.values())
            self.engine.request(values)
            for control in self.spec.controls:
                display = None if control.shown(values) else "none"
                self.controls[control.name].layout.display = display
            view.offer(self.spec.prediction, self.prediction, values)
            refused = self.spec.refusal(values)
            self.forecast.value = view.paragraph(refused or self.spec.forecast(values))
            self.code.value = view.code(self.spec.code(values))

    def _run(self, _: Any) -> None:
        self.engine.run()

    def _stop(self, _: Any) -> None:
        self.engine.stop()

    def _reset(self, _: Any) -> None:
        with self._lock:
            self.engine.reset()
            for control in self.spec.controls:
                self.controls[control.name].value = control.default
            self.prediction.value = None if self.spec.prediction.options else ""

    # -- events: on the engine's thread --------------------------------------------------------

    def _show(self, event: Event) -> None:
        """Show what happened."""
        if self.comm is None:
            return
        if event.state is State.READY:
            self.picture.clear()
            self.beside.show(None)
        elif event.trace is not None:
            self.picture.show(event.trace, title=self._title(event))
            self.beside.show(event.values)
        self.state_line.value = view.paragraph(_state_in_words(event))
        goes_on = event.state is State.RUNNING and event.trace is not None
        stays = event.state is State.STOPPED and event.trace is None  # what came out before
        if not (goes_on or stays):
            self.outcome.value = self._outcome(event)

    def _title(self, event: Event) -> str | None:
        if event.state is not State.DONE or event.trace is None or self.spec.message is None:
            return None
        return self.spec.message(event.trace)

    def _outcome(self, event: Event) -> str:
        if event.trace is None:
            return ""
        compared = ""
        if event.state is State.DONE:
            compared = f"<h4>Your prediction</h4>{view.paragraph(self._compared(event))}"
        return (
            compared
            + view.bullets("In numbers", event.numbers)
            + view.bullets("Findings", event.trace.findings)
        )

    def _compared(self, event: Event) -> str:
        assert event.trace is not None
        prediction = self.spec.prediction
        try:
            answer = view.answer(prediction, self.prediction)
        except ValueError as error:
            return str(error)
        if answer is None:
            return _NO_PREDICTION
        return prediction.compare(event.values, answer, event.trace)

    def close(self) -> None:
        """End the run and the thread, and take the panel off the screen. Safe to call twice."""
        self.engine.close()
        for widget in _below(self):
            widget.close()
        super().close()

    def __repr__(self) -> str:
        """What stands for the panel where no widget can be shown."""
        return f"The {self.spec.name} lab: {self.spec.title} (Run this cell to use it.)"


def _below(widget: Any) -> list[Any]:
    """Every widget that belongs to another, at any depth: children, layouts and styles."""
    parts = [getattr(widget, "layout", None), getattr(widget, "style", None)]
    found = [part for part in parts if isinstance(part, widgets.Widget)]
    for child in getattr(widget, "children", ()):
        found += [child, *_below(child)]
    return found


def _state_in_words(event: Event) -> str:
    said = " ".join(part for part in (event.sentence, _STATES.get(event.state, "")) if part)
    if event.state is State.RUNNING:
        said = _progress(event.trace)
    return said


def _progress(trace: Trace | None) -> str:
    if trace is None:
        return "Running."
    ended = sum(task.ended is not None for task in trace.tasks)
    return (
        f"Running for {seconds(trace.duration, exact=False)}: {ended:,} of "
        f"{plural(len(trace.tasks), 'task')} have ended."
    )
