"""The panel, with its widgets and no browser: set a slider, click, and read what it shows."""

from __future__ import annotations

import html
import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import ipywidgets as widgets
import pytest
from ipywidgets.widgets.widget import _instances

from helpers import exercises, labs
from helpers.draw.theme import Json
from helpers.labs import NAMES, lab, spec_of
from helpers.labs.engine import Event, State
from helpers.labs.panel import Panel
from helpers.labs.spec import LabSpec, Values
from helpers.task import Finding
from helpers.trace import Trace
from tests.draw.pictured import in_node
from tests.labs.conftest import HOUR, served, wait_for_strangers
from tests.labs.conftest import spec_of as small


@pytest.fixture
def panel_of(nothing_left: set[threading.Thread]) -> Iterator[Callable[[str | LabSpec], Panel]]:
    """`panel_of("spawn")` opens a panel, which is closed at the end, with its run and thread."""
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
    return str(panel.picture.store.film["title"])


def run(panel: Panel) -> None:
    panel.run.click()
    assert served(panel.engine, 60)


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
    assert title(panel) == "Predict first: what will it be?"
    assert panel.picture.store.film["pale"]
    needs_sockets = name == "real_kitchen"  # which the virtual clock has not
    assert bool(panel.picture.store.film["bars"]) is not needs_sockets, "it is blank"
    options = panel.spec.prediction.options
    panel.prediction.value = options[0] if options else "0,25"
    run(panel)
    assert panel.engine.state is State.DONE
    assert "Done." in words(panel.state_line)
    own = (
        r"\d+ tasks?: done after .+; \d+ threads?: after "
        if name == "task_cards"
        else "(?!Nothing)."
    )
    assert re.match(own, title(panel))
    assert not panel.picture.store.film["pale"]
    said = words(panel.verdict)
    assert "In numbers" in words(panel.outcome)
    assert ("predicted" if options else "You predicted 0.25 ") in said
    plain = panel._repr_mimebundle_()["text/plain"]
    assert plain == f"The {name} lab: {spec_of(name).title} (Run this cell to use it.)"


def test_the_code_shown_is_the_text_that_runs_and_follows_the_sliders(panel_of: OpenPanel) -> None:
    panel = panel_of("spawn")
    panel.controls["tasks"].value = 250
    shown = html.unescape(re.search(r"<pre[^>]*>(.*)</pre>", panel.code.value, re.DOTALL)[1])  # type: ignore[index]
    assert shown == panel.spec.code(panel.engine.values)
    assert "range(1, 251)" in shown
    assert "250 cards" in words(panel.forecast)


def test_after_a_run_a_slider_changes_the_picture_by_itself(panel_of: OpenPanel) -> None:
    panel = panel_of("deadlines")
    run(panel)
    assert "0.2" not in words(panel.outcome)
    panel.controls["work"].value = 200
    assert served(panel.engine, 60)
    assert "the fresh dish after 0.2 s, in time" in words(panel.outcome)


@pytest.mark.parametrize(
    ("name", "control", "answer", "none"),
    [("spawn", "tasks", "0.25", ""), ("first_wins", "cache", "it wins", None)],
)
def test_a_run_compares_a_prediction_and_a_changed_control_clears_it(
    panel_of: OpenPanel, name: str, control: str, answer: str, none: str | None
) -> None:
    panel = quick(panel_of(name))
    for _ in range(2):  # a run leaves it
        panel.prediction.value = answer
        run(panel)
        assert "predicted" in words(panel.verdict)
    assert panel.prediction.value == answer
    panel.controls[control].value += 10
    assert panel.prediction.value == none
    assert served(panel.engine, 60)
    assert "You made no prediction for these values." in words(panel.verdict)


# What is seen of each film while its question is open.
OPEN = """
import { asking } from "./film.mjs";
import { readFileSync } from "node:fs";
const seen = JSON.parse(readFileSync(0, "utf8")).map(asking);
console.log(JSON.stringify(seen.map(({ rows, ends, bars, events, hasEvents, to, unknown }) =>
  ({ rows, ends, bars, events, hasEvents, to, unknown }))));
"""


@pytest.fixture
def asking(tmp_path: Path) -> Callable[[list[Json]], list[Json]]:
    """What `film.js` leaves of films in a lab that asks."""
    return lambda films: in_node(tmp_path, OPEN, films)


def test_a_picture_does_not_tell_how_busy_a_chef_is_while_it_asks_how_long_the_run_takes(
    panel_of: OpenPanel, asking: Callable[[list[Json]], list[Json]]
) -> None:
    panel = panel_of("spawn")
    panel.controls["tasks"].value = 300
    assert served(panel.engine, 60)
    film = panel.picture.store.film
    assert film["rows"][1][0].endswith(" %")
    (left,) = asking([film])
    assert [name for name, *_ in left["rows"][:2]] == ["chefs", "chef"]


@pytest.mark.parametrize("name", sorted({*NAMES} - {"real_kitchen"}))  # which has no preview
def test_a_picture_shows_how_a_run_begins_while_it_asks_how_it_goes_on(
    panel_of: OpenPanel, asking: Callable[[list[Json]], list[Json]], name: str
) -> None:
    film = panel_of(name).picture.store.film
    (left,) = asking([film])
    firsts = [at for _, at, *_ in film["ends"] if at > 0]
    assert 0 < left["unknown"] <= min(firsts)
    assert left["to"] == pytest.approx(left["unknown"] * 1.6), "it tells how long the run is"
    assert max(over for _, _, _, over, *_ in left["bars"]) == left["unknown"]
    assert left["ends"] == []


@pytest.mark.parametrize(
    ("name", "control", "values"),
    [
        ("first_wins", "losers", {}),
        ("first_wins", "losers", {"replica": 100}),
        ("deadlines", "cancel", {}),
        ("deadlines", "fallback", {"cancel": "cleans"}),
    ],
)
def test_a_picture_does_not_tell_what_will_happen_while_that_is_asked(
    panel_of: OpenPanel,
    asking: Callable[[list[Json]], list[Json]],
    name: str,
    control: str,
    values: Values,
) -> None:
    panel = panel_of(name)
    films = []
    for choice in panel.controls[control].options:
        panel._set({**values, control: choice[1]})
        assert served(panel.engine, 60)
        films.append(panel.picture.store.film)
    told = [json.dumps([film["bars"], film["ends"], film["events"]]) for film in films]
    assert len(set(told)) > 1, "they are alike anyway"
    first, *others = asking(films)
    assert others == [first] * len(others)
    assert first["bars"], "it is blank"


def test_the_picture_follows_a_slider_pale_also_without_a_run(panel_of: OpenPanel) -> None:
    panel = panel_of("spawn")
    panel.controls["tasks"].value = 3
    assert served(panel.engine, 60)
    film = panel.picture.store.film
    assert (film["pale"], film["open"]) == (True, True)
    assert "steps" not in film, "nobody plays it"
    assert "film of 0 steps" in repr(panel.picture)
    assert title(panel) == "Predict first: what will it be?"
    assert [row[0] for row in film["rows"]] == ["main", "card 1", "card 2", "card 3"]
    assert "Ready." in words(panel.state_line)
    run(panel)
    films = []
    panel.picture.store.observe(lambda change: films.append(change["new"]), "film")
    panel.controls["tasks"].value = 2
    assert served(panel.engine, 60)
    assert films[0]["title"] == "On the virtual clock; the real run follows"
    assert [(film["pale"], film["open"]) for film in (films[0], films[-1])] == [
        (True, False),
        (False, False),
    ]
    assert "Done." in words(panel.state_line)


def test_a_scene_sets_its_controls_and_leaves_the_others(panel_of: OpenPanel) -> None:
    panel = panel_of("deadlines")
    panel.controls["fallback"].value = "sorry"
    chips = {chip.description: chip for chip in panel.scenes.children}
    assert list(chips) == ["in time", "time is up", "refuses", "hands-on"]
    run(panel)
    chips["refuses"].click()
    assert served(panel.engine, 60)
    assert panel.controls["cancel"].value == "refuses"
    assert panel.engine.values["fallback"] == "sorry"
    assert "the fresh dish after 0.5 s" in words(panel.outcome)


def test_a_challenge_is_ticked_by_a_run_that_meets_it_and_kept_in_the_progress(
    panel_of: OpenPanel,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(exercises.MANIFEST).touch()
    panel = panel_of("deadlines")
    text = "a fallback that comes 200 ms late although nobody held the chef."
    run(panel)
    assert words(panel.challenge).strip() == f"☐ Find {text}"
    assert not Path(exercises.PROGRESS).exists()
    panel._set({"cancel": "cleans", "fallback": "other"})
    assert served(panel.engine, 60)
    assert words(panel.challenge).strip() == f"☑ Found {text}"
    kept = json.loads(Path(exercises.PROGRESS).read_text(encoding="utf-8"))["exercises"]
    assert kept["lab.deadlines"]["status"] == "correct"
    exercises.progress("lab")
    assert "1 of 1 are correct." in capsys.readouterr().out
    panel.reset.click()
    assert served(panel.engine, 60)
    for one in (panel, panel_of("deadlines")):
        assert "☑ Found" in words(one.challenge)
    assert "☐ Find" in words(panel_of("first_wins").challenge)


def test_the_deadline_is_in_the_picture_whether_or_not_it_came(panel_of: OpenPanel) -> None:
    panel = panel_of("deadlines")
    for work, marked in (  # the run ends at the deadline, and before it
        (500, [0.3, 0, "deadline: time is up"]),
        (200, [0.3, -1, "the deadline"]),
    ):
        panel.controls["work"].value = work
        run(panel)
        film = panel.picture.store.film
        assert film["events"] == [marked]
        assert (film["to"], film["end"]) == (0.3, min(work / 1000, 0.3))
    panel.controls["deadline"].value = 1000
    assert served(panel.engine, 60)
    assert panel.picture.store.film["to"] == 1.0


def test_a_picture_stays_where_a_change_has_no_preview(panel_of: OpenPanel) -> None:
    panel = panel_of(small("ovens"))
    run(panel)
    film = panel.picture.store.film
    assert film["bars"]
    panel._show(Event(State.RUNNING, panel.engine.values, Trace((), 0.0), pale=True))
    assert panel.picture.store.film == film


def test_while_it_runs_a_lab_may_tell_what_came_out_so_far(panel_of: OpenPanel) -> None:
    spec = small("ovens")
    panel = panel_of(replace(spec, so_far=lambda trace: [f"{trace.duration:g} seconds."]))
    panel._show(Event(State.RUNNING, panel.engine.values, Trace((), 1.5)))
    assert words(panel.outcome).split() == ["So", "far", "1.5", "seconds."]
    panel._show(Event(State.RUNNING, panel.engine.values))
    assert panel.outcome.value == ""


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
    ("lab_name", "guess", "drawn"),
    [("spawn", "0.1", 0.1), ("spawn", "100", None), ("spawn", "", None),
     ("team_of_chefs", "40", 40), ("deadlines", "the fallback, in time", None)],
)  # fmt: skip
def test_a_guess_at_a_moment_is_drawn_there_unless_it_is_far_off(
    panel_of: OpenPanel, lab_name: str, guess: str, drawn: float | None
) -> None:
    panel = panel_of(lab_name)
    if "clock" in panel.controls:
        panel.controls["clock"].value = "virtual"
    panel.prediction.value = guess
    run(panel)
    film = panel.picture.store.film
    assert film.get("guess") == (drawn and pytest.approx(drawn))
    assert film["to"] >= film.get("guess", 0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "You made no prediction"),
        ("soon", "'soon' is no number."),
        ("nan", "'nan' is no number."),
        ("<b>", "'<b>' is no number."),
    ],
)
def test_a_missing_or_bad_prediction_is_answered_in_a_sentence(
    panel_of: OpenPanel, text: str, said: str
) -> None:
    panel = quick(panel_of("spawn"))
    panel.prediction.value = text
    run(panel)
    assert said in words(panel.verdict)


def test_stop_says_how_far_the_run_came_or_keeps_what_came_out(panel_of: OpenPanel) -> None:
    panel = panel_of(small("ovens"))
    run(panel)
    assert "It returned 50." in words(panel.outcome)
    assert panel.run.description == "Run"
    panel._show(Event(State.RUNNING, panel.engine.values))
    assert panel.outcome.value == "", "what came out is still shown when the next run begins"
    assert panel.run.description == "Stop"
    panel.controls["ms"].value = HOUR
    panel.run.click()
    wait_for_words(panel.state_line, "0 of 4 tasks have ended")
    panel.run.click()
    assert served(panel.engine, 60)
    assert "Stopped after" in words(panel.state_line)
    assert not panel.picture.store.film["pale"]
    assert "In numbers" not in words(panel.outcome)


def test_reset_puts_everything_back_to_where_a_fresh_lab_stands(panel_of: OpenPanel) -> None:
    panel = panel_of("spawn")
    fresh = panel.engine.values
    quick(panel).prediction.value = "3"
    run(panel)
    panel.reset.click()
    assert served(panel.engine, 60)
    assert {name: widget.value for name, widget in panel.controls.items()} == fresh
    assert panel.engine.values == fresh == panel.spec.defaults()
    assert (panel.prediction.value, panel.outcome.value, panel.verdict.value) == ("", "", "")
    assert panel.picture.store.film["pale"]
    assert "Ready." in words(panel.state_line)
    assert panel.engine.state is State.READY, "putting a slider back started a run"


def test_a_lab_opened_again_ends_the_one_before_with_its_run_its_thread_and_its_widgets(
    panel_of: OpenPanel, nothing_left: set[threading.Thread], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(labs, "spec_of", lambda name: small("endless"))
    before = len(_instances)
    first = panel_of("spawn")
    first.run.click()
    wait_for_words(first.state_line, "Running")
    second = panel_of("spawn")
    wait_for_strangers(nothing_left)
    assert first.engine.state is State.CLOSED
    second.close()
    assert len(_instances) == before, "closed panels left widgets behind"


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
    first = threading.Thread(target=setattr, args=(panel.controls["tasks"], "value", 8))
    first.start()
    assert first_has_read.wait(60)
    panel.controls["work"].value = 3
    first.join()
    assert (panel.engine.values["tasks"], panel.engine.values["work"]) == (8, 3)


def test_text_is_shown_as_text_and_not_as_html(panel_of: OpenPanel) -> None:
    panel = panel_of(small("ovens", numbers=lambda v, t: ["`a<b` & <i>c</i>."]))
    run(panel)
    assert "<code>a&lt;b</code> &amp; &lt;i&gt;c&lt;/i&gt;." in panel.outcome.value


def test_of_many_findings_the_first_are_listed_and_the_others_counted(
    panel_of: OpenPanel,
) -> None:
    panel = panel_of("spawn")
    many = tuple(Finding(f"No. {n}.") for n in range(1, 9))
    panel._show(Event(State.STOPPED, panel.engine.values, Trace((), 0.0, findings=many)))
    assert "No. 6." in words(panel.outcome)
    assert "No. 7." not in words(panel.outcome)
    assert "and 2 more." in words(panel.outcome)
