"""The panel, with its widgets and no browser: set a slider, click, and read what it shows."""

from __future__ import annotations

import html
import re
import threading
from collections.abc import Callable, Iterator

import ipywidgets as widgets
import pytest
from ipywidgets.widgets.widget import _instances

from helpers import labs
from helpers.labs import NAMES, lab, spec_of
from helpers.labs.engine import State
from helpers.labs.panel import Panel
from helpers.labs.spec import LabSpec, Values
from helpers.run.session import Run
from helpers.trace import Outcome
from tests.labs.conftest import HOUR, wait_for_strangers
from tests.labs.conftest import spec_of as small


@pytest.fixture
def panel_of(nothing_left: set[threading.Thread]) -> Iterator[Callable[[str | LabSpec], Panel]]:
    """`panel_of("spawn")` opens a panel, which is closed at the end."""
    opened: list[Panel] = []

    def one(what: str | LabSpec) -> Panel:
        opened.append(lab(what) if isinstance(what, str) else Panel(what))
        return opened[-1]

    yield one
    for panel in opened:
        panel.close()


OpenPanel = Callable[[str | LabSpec], Panel]


def words(widget: widgets.HTML) -> str:
    """What a person reads there."""
    text = html.unescape(re.sub(r"<[^>]+>", " ", widget.value))
    return text.replace("\N{NO-BREAK SPACE}", " ")


def wait_for_words(widget: widgets.HTML, text: str) -> None:
    """Wait until it has said so, be it for a moment."""
    said = threading.Event()

    def read(_: object) -> None:
        if text in words(widget):
            said.set()

    widget.observe(read, "value")
    read(None)
    assert said.wait(60), f"it says: {words(widget)}"


def title(panel: Panel) -> str:
    """The message above the picture."""
    return re.sub(r"<[^>]+>", "", panel.picture.figure["layout"]["title"]["text"])


def run(panel: Panel) -> None:
    panel.buttons["Run"].click()
    assert panel.engine.wait(60)


def quick(panel: Panel) -> Panel:
    """On the virtual clock where there is a choice, with few things to do."""
    if "clock" in panel.controls:
        panel.controls["clock"].value = "virtual"
    for name in ("guests", "tasks", "orders"):
        if name in panel.controls:
            panel.controls[name].value = 5
    return panel


@pytest.mark.parametrize("name", NAMES)
def test_each_lab_is_run_by_a_click_and_shows_picture_numbers_and_prediction(
    panel_of: OpenPanel, name: str
) -> None:
    panel = quick(panel_of(name))
    assert "Ready. Predict" in words(panel.state_line)
    assert title(panel) == "Nothing has run yet"
    options = panel.spec.prediction.options
    panel.prediction.value = options[0] if options else "0,25"
    run(panel)
    assert panel.engine.state is State.DONE
    assert "Done." in words(panel.state_line)
    assert title(panel) not in ("", "Nothing has run yet")
    said = words(panel.outcome)
    assert "Your prediction" in said
    assert "predicted" in said
    assert "In numbers" in said
    if not options:
        assert "You predicted 0.25 s" in said


def test_the_code_shown_is_the_text_that_runs_and_follows_the_sliders(panel_of: OpenPanel) -> None:
    panel = panel_of("spawn")
    panel.controls["tasks"].value = 345
    shown = html.unescape(re.search(r"<pre[^>]*>(.*)</pre>", panel.code.value, re.DOTALL)[1])  # type: ignore[index]
    assert shown == panel.spec.code(panel.engine.values)
    assert "range(1, 346)" in shown
    assert "345 cards" in words(panel.forecast)


def test_the_title_is_the_lab_s_own_message_where_it_has_one(panel_of: OpenPanel) -> None:
    panel = quick(panel_of("task_cards"))
    run(panel)
    assert re.match(
        r"\d+ tasks?: done after .+; \d+ threads?: after ", title(panel).replace("<br>", " ")
    )


def test_after_a_run_a_slider_changes_the_picture_by_itself(panel_of: OpenPanel) -> None:
    panel = panel_of("deadlines")
    run(panel)
    assert "0.2" not in words(panel.outcome)
    panel.controls["work"].value = 200
    assert panel.engine.wait(60)
    assert "the fresh dish after 0.2 s, in time" in words(panel.outcome)


def test_only_what_can_come_true_is_offered_and_an_answer_stays(panel_of: OpenPanel) -> None:
    panel = panel_of("first_wins")
    assert panel.prediction.options == ("database", "cache", "replica", "nobody")
    assert panel.prediction.value is None
    panel.prediction.value = "replica"
    panel.controls["racers"].value = 4
    assert panel.prediction.options == ("database", "cache", "replica", "archive", "nobody")
    assert panel.prediction.value == "replica"
    panel.controls["racers"].value = 2
    assert panel.prediction.options == ("database", "cache", "nobody")
    assert panel.prediction.value is None


def test_a_control_that_means_nothing_is_hidden(panel_of: OpenPanel) -> None:
    panel = panel_of("first_wins")
    delays = ("database", "cache", "replica", "archive", "neighbour")
    panel.controls["racers"].value = 4
    hidden = [panel.controls[name].layout.display for name in delays]
    assert hidden == [None, None, None, None, "none"]
    assert panel.controls["seed"].layout.display == "none"
    panel.controls["chance"].value = 30
    assert panel.controls["seed"].layout.display is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "You made no prediction"),
        ("  ", "You made no prediction"),
        ("soon", "Your prediction is no number of seconds: 'soon'."),
        ("-1", "Your prediction is no number of seconds: '-1'."),
        ("nan", "Your prediction is no number of seconds: 'nan'."),
        ("<b>", "Your prediction is no number of seconds: '<b>'."),
    ],
)
def test_a_missing_or_bad_prediction_is_answered_in_a_sentence(
    panel_of: OpenPanel, text: str, said: str
) -> None:
    panel = quick(panel_of("spawn"))
    panel.prediction.value = text
    run(panel)
    assert said in words(panel.outcome)


def test_stop_keeps_the_picture_and_says_how_far_it_came(panel_of: OpenPanel) -> None:
    panel = panel_of(small("ovens"))
    panel.controls["ms"].value = HOUR
    panel.buttons["Run"].click()
    wait_for_words(panel.state_line, "0 of 4 tasks have ended")
    panel.buttons["Stop"].click()
    assert panel.engine.wait(60)
    assert "Stopped after" in words(panel.state_line)
    assert title(panel) != "Nothing has run yet"
    assert "Your prediction" not in words(panel.outcome)


def test_stop_after_the_end_says_that_nothing_runs_by_itself_and_keeps_what_came_out(
    panel_of: OpenPanel,
) -> None:
    panel = quick(panel_of("spawn"))
    run(panel)
    before = title(panel), words(panel.outcome)
    assert "In numbers" in before[1]
    panel.buttons["Stop"].click()
    assert panel.engine.wait(60)
    assert words(panel.state_line).strip() == "Press Run to run it again."
    assert (title(panel), words(panel.outcome)) == before


def test_reset_puts_everything_back_to_where_a_fresh_lab_stands(panel_of: OpenPanel) -> None:
    panel = panel_of("spawn")
    fresh = dict(panel.values())
    quick(panel).prediction.value = "3"
    run(panel)
    panel.buttons["Reset"].click()
    assert panel.engine.wait(60)
    assert panel.values() == fresh == panel.engine.values
    assert (panel.prediction.value, panel.outcome.value) == ("", "")
    assert title(panel) == "Nothing has run yet"
    assert "Ready." in words(panel.state_line)
    assert panel.engine.state is State.READY, "putting a slider back started a run"


def test_an_error_of_the_run_is_a_sentence_in_the_panel(panel_of: OpenPanel) -> None:
    panel = panel_of(small("fails"))
    run(panel)
    assert "The run ended in an error: ValueError: burnt." in words(panel.state_line)


def test_a_lab_opened_again_closes_the_one_before_and_no_thread_piles_up(
    panel_of: OpenPanel, nothing_left: set[threading.Thread]
) -> None:
    before = len(_instances)
    run(panel_of("first_wins"))
    panel = panel_of("first_wins")
    run(panel)
    wait_for_strangers(nothing_left, but=panel.engine.thread)
    panel.close()
    wait_for_strangers(nothing_left)
    assert len(_instances) == before, "closed panels left widgets behind"


def test_a_lab_that_runs_when_it_is_opened_again_is_ended(
    panel_of: OpenPanel, nothing_left: set[threading.Thread], monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[Run] = []
    start, started = Run.start, threading.Event()

    def remembered(run: Run) -> None:
        start(run)
        runs.append(run)
        started.set()

    monkeypatch.setattr(Run, "start", remembered)
    monkeypatch.setattr(labs, "spec_of", lambda name: small("ovens"))
    first = panel_of("spawn")
    first.controls["ms"].value = HOUR
    first.buttons["Run"].click()
    assert started.wait(60)
    panel_of("spawn")
    wait_for_strangers(nothing_left)
    assert first.engine.state is State.CLOSED
    (run,) = runs
    assert Outcome.CANCELLED in {task.outcome for task in run.finished.result().tasks}


def test_two_different_labs_are_open_side_by_side(panel_of: OpenPanel) -> None:
    one, other = quick(panel_of("spawn")), quick(panel_of("showdown"))
    one.buttons["Run"].click()
    run(other)
    assert one.engine.wait(60)
    assert (one.engine.state, other.engine.state) == (State.DONE, State.DONE)


def test_sliders_that_move_in_threads_of_their_own_end_with_the_newest_of_each(
    panel_of: OpenPanel,
) -> None:
    panel = panel_of("spawn")
    panel.controls["clock"].value = "virtual"
    run(panel)

    def drag(name: str, low: int, high: int) -> None:
        for value in range(low, high + 1):
            panel.controls[name].value = value

    threads = [
        threading.Thread(target=drag, args=(name, 1, high))
        for name, high in (("tasks", 60), ("work", 7), ("awaits", 9))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert panel.engine.wait(60)
    wanted = {"tasks": 60, "work": 7, "awaits": 9, "kind": "oven", "clock": "virtual"}
    assert panel.engine.values == wanted
    assert "range(1, 61)" in panel.code.value
    assert "with 60 cards" in words(panel.outcome) or "card 60" in words(panel.outcome)


def test_a_slider_that_was_read_before_another_moved_does_not_have_the_last_word(
    panel_of: OpenPanel,
) -> None:
    panel = panel_of("spawn")
    request = panel.engine.request
    first_has_read, second_has_asked = threading.Event(), threading.Event()

    def slow(values: Values) -> None:
        if values["work"] != 3:  # read before the other slider moved
            first_has_read.set()
            second_has_asked.wait(0.3)
        request(values)
        if values["work"] == 3:
            second_has_asked.set()

    panel.engine.request = slow  # type: ignore[method-assign]
    first = threading.Thread(target=setattr, args=(panel.controls["tasks"], "value", 7))
    first.start()
    assert first_has_read.wait(60)
    panel.controls["work"].value = 3
    first.join()
    assert (panel.engine.values["tasks"], panel.engine.values["work"]) == (7, 3)


@pytest.mark.parametrize("name", NAMES)
def test_what_stands_for_a_lab_as_text_is_the_same_every_time(
    panel_of: OpenPanel, name: str
) -> None:
    panel = panel_of(name)
    plain = panel._repr_mimebundle_()["text/plain"]
    assert plain == f"The {name} lab: {spec_of(name).title} (Run this cell to use it.)"


def test_text_is_shown_as_text_and_not_as_html(panel_of: OpenPanel) -> None:
    panel = panel_of(small("ovens", numbers=lambda v, t: ["`a<b` & <i>c</i>."]))
    run(panel)
    assert "<code>a&lt;b</code> &amp; &lt;i&gt;c&lt;/i&gt;." in panel.outcome.value
