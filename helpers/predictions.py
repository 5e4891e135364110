"""`predict`: a question before a run, which the next recorded trace answers.

Where `TASK_CARDS_TEXT` is set, as where notebooks are built and compared, a question is a line of
text; elsewhere it is a widget with a choice, a number or an order to give.
"""

import os
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from helpers.draw.theme import Json
from helpers.run import listeners
from helpers.text import as_html, number
from helpers.trace import Trace

Answer = str | float | Sequence[str]

_asked: dict[str, "Prediction"] = {}  # by question
# What the text behind the run says is blurred until then, but for who points at it.
_OPEN = "task-cards-open"
_RUN = f".jp-Cell:has(.{_OPEN}) + .jp-CodeCell"
_BLUR = "+ .jp-MarkdownCell:not(:hover, .jp-mod-active) { filter: blur(5px); }"
_STYLE = f"<style>{_RUN} {_BLUR} {_RUN} + .jp-CodeCell {_BLUR}</style>"


def predict(
    question: str,
    options: Sequence[str] | Mapping[str, str] = (),
    *,
    order: Sequence[str] = (),
    measure: Callable[[Trace], Answer] | None = None,
    why: str = "",
) -> "Prediction":
    """A question for a cell to show; the next recorded trace answers it in the cell of its run.

    options: the answers to choose from; as a mapping, each with a sentence on why it is wrong.
    order: the things to arrange. With neither, a number is asked for.
    measure: the right answer, from the trace; without one, call `answer` with it.
    why: the reason, in a sentence.

    Where `measure` raises, the run was another one: the question stays open.
    """
    wrong = options if isinstance(options, Mapping) else dict.fromkeys(options, "")
    asked, before = Prediction(question, wrong, order, measure, why), _asked.get(question)
    if before and before.is_open and repr(before) == repr(asked):  # its cell is run to go on
        before.options, before.measure, before.why = wrong, measure, why
        return before
    _asked[question] = asked
    return asked


@dataclass(eq=False, repr=False)
class Prediction:
    """A question, and as `given` the learner's answer: None as long as there is none."""

    question: str
    options: Mapping[str, str]
    order: Sequence[str]
    measure: Callable[[Trace], Answer] | None
    why: str
    given: Answer | None = None
    is_open: bool = True

    def answer(self, right: Answer) -> None:
        """Show in the running cell what was said, what is right, and why."""
        from IPython.display import display

        said, is_so = _in_words(self.given), _in_words(right)
        verdict = f"The answer: {is_so}"
        if isinstance(self.given, float) and isinstance(right, int | float):
            gap = self.given - right
            verdict += f" ({number(abs(gap))} {'less' if gap > 0 else 'more'} than you said)"
        if said:
            verdict = f"You said: {said}. {'So it is' if said == is_so else verdict}"
        because = " ".join(filter(None, [self.options.get(said, "") * (said != is_so), self.why]))
        html = f"<i>{as_html(self.question)}</i><br><b>{as_html(verdict)}.</b> {as_html(because)}"
        text = f"{self.question} {verdict}. {because}".rstrip()
        display({"text/html": f"<p>{html}</p>", "text/plain": text}, raw=True)  # type: ignore[no-untyped-call]
        self.is_open = False
        if "_view" in vars(self):
            self._view.remove_class(_OPEN)

    def __repr__(self) -> str:
        """The question in one line, for where no widget can be shown."""
        choices = " / ".join(self.options or self.order) or "a number"
        return f"Predict: {self.question} ({choices}{', in which order' * bool(self.order)})"

    def _repr_mimebundle_(self, **options: Any) -> Any:
        shown = {} if os.environ.get("TASK_CARDS_TEXT") else self._view._repr_mimebundle_(**options)
        return shown | {"text/plain": repr(self)}

    @cached_property
    def _view(self) -> Any:
        """The question as a widget, which notes what the learner answers."""
        import ipywidgets as widgets

        things = [("choose", None), *zip(self.order, self.order, strict=True)]
        places = [f"{place}." for place in range(1, len(things))]
        look, auto, html = _looks()
        fields = [widgets.Dropdown(options=things, description=place, **look) for place in places]
        fields = fields or [field(tuple(self.options), **(auto if self.options else look))]
        noted = widgets.HTML(**html)

        def take(_: Any) -> None:
            values, wrong = [each.value for each in fields], "Give each a place of its own."
            if self.is_open and self.order:
                self.given = values if set(values) == set(self.order) else None
            elif self.is_open:
                self.given, wrong = read(self.options, values[0])
            words = wrong if self.given is None else "Noted. Click the next cell, and run it."
            words = words if self.is_open else "It is answered. To be asked again, run its cell."
            noted.value = f'<span role="status">{as_html(words)}</span>'

        for each in fields:
            each.observe(take, "value")
        head = widgets.HTML(f"{_STYLE}<b>Predict.</b> {as_html(self.question)}", **html)
        return widgets.VBox([head, *fields, noted], **look).add_class(_OPEN)


@cache
def _looks() -> tuple[Json, Json, Json]:
    """What all questions share, their choices and texts: a notebook keeps a kilobyte of each."""
    from ipywidgets import HTML, Layout

    look, auto = ({"layout": Layout(width=width)} for width in (None, "auto"))
    return look, auto, look | {"style": HTML.style.klass()}


def field(options: Sequence[str], **look: Any) -> Any:
    """The widget for an answer: a choice of the options, or without any, for a number."""
    import ipywidgets as widgets

    if options:
        return widgets.RadioButtons(options=options, value=None, **look)
    look |= {"style": {"description_width": "initial"}, "placeholder": "a number"}
    return widgets.Text(description="Your prediction", **look)


def read(options: Collection[str], value: str | None) -> tuple[str | float | None, str]:
    """The answer that a field's value is, or None and what is wrong with it."""
    if options or not value:
        return value or None, ""
    found = re.findall(r"-?\d*[.,]?\d+", re.sub(r"(?<=\d)(?<!\b0),(?=\d{3}(?!\d))", "", value))
    if len(found) != 1:
        return None, f"{value!r} is no number."
    return float(found[0].replace(",", ".")), ""


def _in_words(answer: Answer | None) -> str:
    if isinstance(answer, int | float):
        return number(answer)
    return answer if isinstance(answer, str) else ", ".join(answer or ())


def _answer_all(trace: Trace) -> None:
    for asked in _asked.values():
        if asked.is_open and asked.measure:
            with suppress(Exception):  # it was another run
                asked.answer(asked.measure(trace))


listeners.append(_answer_all)
