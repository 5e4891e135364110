"""`predict`: a question before a run, which the next recorded trace answers.

Where `TASK_CARDS_TEXT` is set, as where notebooks are built and compared, a question is a line of
text; elsewhere it is a widget with a choice, a number or an order to give.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from helpers.run import listeners
from helpers.text import as_html, number
from helpers.trace import Trace

Answer = str | float | Sequence[str]

_asked: dict[str, Prediction] = {}  # by question


def predict(
    question: str,
    options: Sequence[str] | Mapping[str, str] = (),
    *,
    order: Sequence[str] = (),
    measure: Callable[[Trace], Answer] | None = None,
    why: str = "",
) -> Prediction:
    """A question for a cell to show; the next recorded trace answers it in the cell of its run.

    options: the answers to choose from; as a mapping, each with a sentence on why it is wrong.
    order: the things to arrange. With neither, a number is asked for.
    measure: the right answer, from the trace; without one, call `answer` with it.
    why: the reason, in a sentence.

    Where `measure` raises, the run was another one: the question stays open.
    """
    wrong = options if isinstance(options, Mapping) else dict.fromkeys(options, "")
    if question in _asked:
        _asked[question].close()
    _asked[question] = Prediction(question, wrong, order, measure, why)
    return _asked[question]


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
    _view: Any = None

    def note(self, given: Answer | None) -> None:
        """Take the learner's answer, for the next trace to answer."""
        self.given, self.is_open = given, True

    def answer(self, right: Answer) -> None:
        """Show in the running cell what was said, what is right, and why."""
        from IPython.display import display

        self.is_open = False
        said, is_so = _in_words(self.given), _in_words(right)
        answer = f"The answer: {is_so}"
        if isinstance(self.given, float) and isinstance(right, int | float):
            gap = self.given - right
            answer += f", {_in_words(abs(gap))} {'less' if gap > 0 else 'more'}"
        if said:
            answer = f"You said: {said}. {'So it is' if said == is_so else answer}"
        verdict = f"{answer}."
        because = " ".join(filter(None, [self.options.get(said, "") * (said != is_so), self.why]))
        html = f"<i>{as_html(self.question)}</i><br><b>{as_html(verdict)}</b> {as_html(because)}"
        text = f"{self.question} {verdict} {because}".rstrip()
        display({"text/html": f"<p>{html}</p>", "text/plain": text}, raw=True)  # type: ignore[no-untyped-call]

    def close(self) -> None:
        """Take the widget off the screen, and ask no more."""
        self.is_open = False
        if self._view is not None:
            self._view.close()

    def __repr__(self) -> str:
        """The question in one line, for where no widget can be shown."""
        choices = " / ".join(self.options or self.order) or "a number"
        return f"Predict: {self.question} ({choices}{', in which order' * bool(self.order)})"

    def _repr_mimebundle_(self, **options: Any) -> Any:
        if os.environ.get("TASK_CARDS_TEXT"):
            return {"text/plain": repr(self)}
        self._view = self._view or _view(self)
        return self._view._repr_mimebundle_(**options) | {"text/plain": repr(self)}


def _view(asked: Prediction) -> Any:
    """The question as a widget, which tells it what the learner answers."""
    import ipywidgets as widgets

    if asked.options:
        choices = tuple(asked.options)
        fields = [widgets.RadioButtons(options=choices, value=None, layout={"width": "auto"})]
    elif asked.order:
        things = [("choose", None), *((thing, thing) for thing in asked.order)]
        labels = [f"{n + 1}." for n in range(len(asked.order))]
        fields = [widgets.Dropdown(options=things, description=label) for label in labels]
    else:
        fields = [widgets.Text(description="Your answer", placeholder="a number")]
    noted = widgets.HTML()

    def take(_: Any) -> None:
        given, words = _read(asked, [field.value for field in fields])
        asked.note(given)
        noted.value = f'<span role="status">{as_html(words)}</span>'

    for field in fields:
        field.observe(take, "value")
    head = widgets.HTML(f"<b>Predict.</b> {as_html(asked.question)}")
    return widgets.VBox([head, *fields, noted])


def _read(asked: Prediction, values: list[Any]) -> tuple[Answer | None, str]:
    """The answer that the fields give, if they do, and what is said of it."""
    words = "Noted: the next run answers."
    if asked.options:
        return values[0], words
    if asked.order:
        twice = [thing for thing, count in Counter(values).items() if thing and count > 1]
        if twice:
            return None, f"`{twice[0]}` stands there twice."
        return (None, "") if None in values else (values, words)
    found = re.search(r"-?\d+(?:[.,]\d+)?", values[0])
    if found is None:
        return None, f"{values[0]!r} is no number." if values[0] else ""
    return float(found[0].replace(",", ".")), words


def _in_words(answer: Answer | None) -> str:
    if answer is None:
        return ""
    if isinstance(answer, str):
        return answer
    return number(answer) if isinstance(answer, int | float) else ", ".join(answer)


def _answer_all(trace: Trace) -> None:
    for asked in _asked.values():
        if asked.is_open and asked.measure:
            try:
                right = asked.measure(trace)
            except Exception:  # noqa: S112 - it was another run
                continue
            asked.answer(right)


listeners.append(_answer_all)
