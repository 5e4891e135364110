"""The labs in a real JupyterLab: run all, press Run, drag a slider, press Stop, read the picture.

JupyterLab sends widget messages on a subshell of the kernel (a thread beside its main one), or,
where that is switched off, on the kernel's main thread. The labs work the same with both.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest

from helpers.labs import NAMES, spec_of
from helpers.labs.lab05_first_wins import FATES
from tests.browser.lab_page import NOTHING_YET, LabOnScreen, printed_by, rerun, run_code
from tests.browser.look import WINDOW
from tests.browser.page import NotebookPage
from tests.browser.server import PROJECT

OpenNotebook = Callable[..., NotebookPage]
ShowLab = Callable[..., LabOnScreen]

# Which thread the callbacks come on, what is shown, and what is left in the kernel beside the lab's
# own thread.
WHO = """
import threading
from helpers.labs import _open
panel = _open["spawn"]
came_on = set()
panel.controls["tasks"].observe(lambda _: came_on.add(threading.current_thread().name), "value")
show, shown = panel.picture.show, []
panel.picture.show = lambda film: (shown.append(film), show(film))
"""
CUT = "print('cancelled' in {lane[2] for lane in shown[-1]['lanes']})"
# A page so busy that anywidget gives the picture's own program up before it has come.
BUSY = """() => {
    const [make, timeout] = [URL.createObjectURL, AbortSignal.timeout];
    globalThis.givenUp = new Promise(resolve => {
        AbortSignal.timeout = () => {
            const signal = timeout.call(AbortSignal, 0);
            signal.addEventListener("abort", () => setTimeout(resolve));
            return signal;
        };
    }).then(() => { [URL.createObjectURL, AbortSignal.timeout] = [make, timeout]; });
    const pause = "await globalThis.givenUp;";
    URL.createObjectURL = blob => make(new Blob([pause, blob], {type: "text/javascript"}));
}"""
# Whatever is wider than the place it has.
TOO_WIDE = """lab => [...lab.querySelectorAll(":is(h3, p, label, button, .widget-hslider)")]
    .filter(part => part.clientWidth && part.scrollWidth > part.clientWidth + 1)
    .map(part => part.outerHTML.slice(0, 200))"""
# What the panel has said of its runs.
SAID = """
from helpers.labs import _open
said = []
_open["not_blocking"].state_line.observe(lambda change: said.append(change["new"]), "value")
"""
LASTING = """
import threading, time
usual_sleep = time.sleep
def lasting_sleep(seconds):
    of_the_run = threading.current_thread().name == "task-cards-run"
    for _ in range(10_000 if of_the_run else 1):
        usual_sleep(seconds)
time.sleep = lasting_sleep
"""
LEFT = """
from tests.labs.conftest import served
idle = served(panel.engine, 10)
mine = [t.name for t in threading.enumerate() if t.name.startswith(("task-cards", "helper"))]
print(idle, panel.engine.state, came_on - {"MainThread"} != set(), mine)
"""


@pytest.fixture
def lesson(tmp_path: Path) -> Path:
    """Lesson 02 without its outputs, so that what is seen comes from a run."""
    book = nbformat.read(PROJECT / "notebooks" / "02_spawn.ipynb", as_version=4)
    for cell in book.cells:
        if cell.cell_type == "code":
            cell.outputs = []
    nbformat.write(book, tmp_path / "02_spawn.ipynb")
    return tmp_path / "02_spawn.ipynb"


def test_the_spawn_lab_in_its_lesson_works_on_a_subshell_of_the_kernel(
    open_notebook: OpenNotebook, lesson: Path
) -> None:
    notebook = open_notebook(lesson)
    notebook.run_all()
    assert notebook.errors() == []
    sources = [cell["source"] for cell in notebook.cells()]
    place = next(n for n, source in enumerate(sources) if 'lab("spawn")' in source)
    lab = LabOnScreen(notebook, place)
    the_spawn_lab_runs_follows_its_slider_stops_and_leaves_nothing_behind(lab, True)


def test_the_spawn_lab_works_on_the_kernels_main_thread(show_lab: ShowLab) -> None:
    lab = show_lab("spawn", messages="disabled")
    the_spawn_lab_runs_follows_its_slider_stops_and_leaves_nothing_behind(lab, False)


def the_spawn_lab_runs_follows_its_slider_stops_and_leaves_nothing_behind(
    lab: LabOnScreen, beside_main: bool
) -> None:
    notebook = lab.notebook
    run_code(notebook, WHO)
    lab.says("Ready. Predict, then press Run.")
    lab.shows(NOTHING_YET)
    assert "returned" not in lab.area.locator(".signs").inner_text()

    lab.area.get_by_label("Your prediction").fill("0.5")
    lab.press("Run")
    lab.says("You predicted 0.5 s; it took")
    lab.shows("21 tasks")
    assert "returned" in lab.area.locator(".signs").inner_text()
    assert "card 20" in lab.drawn()

    lab.area.get_by_text("The code that runs").click()
    count = int(notebook.drag("Number of cards", 0.9, 0.1, 0.5, 0.008))
    assert 2 <= count <= 19
    lab.shows(f"{count + 1} tasks")
    lab.shows(f"card {count}")
    assert "card 20" not in lab.drawn()
    lab.says("Done.")
    lab.says(f"for n in range(1, {count + 1})")  # the code is still open, and the new one

    notebook.drag("Number of cards", 1.0)
    lab.says("Running for")  # eight seconds of hands-on work
    lab.press("Stop")
    lab.says("Stopped after")
    printed = printed_by(notebook, CUT)
    assert printed == "True\n", "it was not stopped, it ended"
    assert not notebook.problems

    lab.press("Reset")
    lab.says("Ready. Predict, then press Run.")
    lab.shows(NOTHING_YET)
    assert lab.readout("Number of cards") == "20"
    printed = printed_by(notebook, LEFT)
    assert printed == f"True ready {beside_main} ['task-cards-lab-spawn']\n"

    rerun(notebook, lab.cell)  # a new panel; the one before goes, with its thread
    lab.says("Ready. Predict, then press Run.")
    printed = printed_by(notebook, LEFT)
    assert printed == f"True closed {beside_main} []\n"
    lab.press("Run")
    lab.shows("21 tasks")
    assert not notebook.problems


def test_a_picture_follows_its_runs_in_a_page_that_was_too_busy_to_load_it_in_time(
    show_lab: ShowLab,
) -> None:
    lab = show_lab("spawn", script=BUSY)
    lab.shows(NOTHING_YET)
    lab.press("Run")
    lab.shows("21 tasks")
    assert not lab.notebook.problems


def test_a_view_that_opens_late_shows_what_there_is(show_lab: ShowLab) -> None:
    lab = show_lab("spawn")
    lab.press("Run")
    lab.says("Done.")
    run_code(lab.notebook, 'from helpers.labs import _open\n\n_open["spawn"]')
    late = LabOnScreen(lab.notebook, -1)
    late.shows("card 20")
    late.press("Reset")
    lab.shows(NOTHING_YET)
    late.shows(NOTHING_YET)
    assert not lab.notebook.problems


def test_a_picture_tells_nobodys_end_while_the_question_is_open(show_lab: ShowLab) -> None:
    lab = show_lab("first_wins")
    lab.shows("replica")
    signs, svg = lab.area.locator(".signs"), lab.area.locator("svg").first
    high = "svg => svg.getBoundingClientRect().height"
    pale = svg.evaluate(high)
    assert "?" in lab.drawn()
    assert not any("asked to stop" in text for text in lab.drawn())
    assert "cancelled" not in signs.inner_text()
    lab.press("Run")
    lab.says("Done.")
    lab.shows("asked to stop")
    assert "cancelled" in signs.inner_text()
    assert "?" not in lab.drawn()
    assert svg.evaluate(high) == pale, "what is below has moved"
    lab.press("Reset")
    lab.shows("?")
    assert "the run before" not in signs.inner_text()


def test_a_picture_is_as_wide_as_its_cell_when_the_window_changes(show_lab: ShowLab) -> None:
    lab = show_lab("first_wins")
    lab.press("Run")
    lab.says("Done.")
    page = lab.notebook.page
    try:
        for width in (1000, 700, 1200):
            page.set_viewport_size({"width": width, "height": 900})
            lab.notebook.until(lambda: _fits(lab), f"a picture that fits {width} pixels")
    finally:
        page.set_viewport_size(WINDOW)


def _fits(lab: LabOnScreen) -> bool:
    """Whether the picture is drawn as wide as the place it has, and nothing is beyond that."""
    return bool(
        lab.area.locator(".task-cards-film svg").first.evaluate(
            """svg => [...svg.querySelectorAll("path, text")].every(part =>
                part.getBoundingClientRect().right <= svg.getBoundingClientRect().right + 1)
                && svg.getBBox().width > 0.6 * svg.clientWidth"""
        )
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_lab_is_on_one_screen_of_a_laptop_before_and_after_its_run(
    show_lab: ShowLab, name: str
) -> None:
    lab = show_lab(name)
    page = lab.notebook.page
    try:
        page.set_viewport_size({"width": 1366, "height": 768})
        for _ in range(2):
            lab.notebook.settle()
            box = lab.area.locator(".task-cards-lab").bounding_box()
            assert box is not None
            assert box["height"] <= 500
            assert lab.area.locator(".task-cards-lab").evaluate(TOO_WIDE) == []
            lab.press("Run")
            lab.says("Done.")
        page.set_viewport_size({"width": 460, "height": 900})
        lab.notebook.settle()
        assert lab.area.locator(".task-cards-lab").evaluate(TOO_WIDE) == []
    finally:
        page.set_viewport_size(WINDOW)


# When the page has drawn what it was told by now.
DRAWN = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


def test_an_axis_is_held_with_its_slider_and_in_its_own_unit(show_lab: ShowLab) -> None:
    lab = show_lab("not_blocking")
    lab.press("Run")
    lab.shows(" ms · one chef")
    lab.set("Each dish waits", 90)
    lab.says("each with 90 ms in the oven")
    page, ghost = lab.notebook.page, lab.area.locator(".ghost")
    page.evaluate(DRAWN)
    before = ghost.get_attribute("d")
    lab.notebook.drag("Number of guests")  # to no other place
    page.evaluate(DRAWN)
    assert ghost.get_attribute("d") == before, "the run before is not this one"
    lab.notebook.hold("Number of guests", 0.45)
    is_long = re.compile(r" real clock .* [\d.]+ s · one chef")  # as there are more guests
    lab.notebook.until(lambda: any(map(is_long.search, lab.drawn())), "a run of a second")
    ticks = [float(text) for text in lab.drawn() if re.fullmatch(r"[\d.]+", text)]
    page.mouse.up()
    assert 0 < max(ticks) < 100, "the axis of 300 ms was taken for one of 300 s"


def test_a_panel_whose_kernel_is_gone_says_so(show_lab: ShowLab) -> None:
    lab = show_lab("first_wins")
    lab.press("Run")
    lab.says("Done.")
    film = lab.area.locator(".task-cards-film")
    before = film.bounding_box()
    lab.notebook.restart()
    said = "panel => [getComputedStyle(panel, '::before').content, panel.className]"
    panel = lab.area.locator(".task-cards-lab")
    lab.notebook.until(lambda: "Run this cell again" in panel.evaluate(said)[0], "the sentence")
    after = film.bounding_box()
    assert before is not None
    assert after is not None
    assert (after["x"], after["width"]) == (before["x"], before["width"]), "it stays in its place"
    lab.area.get_by_role("button", name="One frame on").click()  # its film needs no kernel
    rerun(lab.notebook, lab.cell)
    lab.says("Ready. Predict, then press Run.")
    assert "Run this cell" not in panel.evaluate(said)[0]
    lab.notebook.problems.clear()  # what JupyterLab says of widgets whose kernel is gone


def test_the_panel_answers_while_a_run_blocks(show_lab: ShowLab) -> None:
    lab = show_lab("not_blocking")
    run_code(lab.notebook, SAID)
    run_code(lab.notebook, LASTING)  # a run that ends by itself could do so before Stop comes
    lab.set("Number of guests", 100)
    lab.set("Dishes that are stared at", 100)
    lab.says("100 are stared at: each holds the chef for 0.1 s")
    lab.press("Run")
    lab.says("Running for")
    lab.set("Each dish waits", 90)  # a newer value: the blocked run is ended, for a new one
    lab.press("Stop")
    lab.says("each holds the chef for 0.09 s")
    lab.says("Stopped after")
    printed = printed_by(lab.notebook, "time.sleep = usual_sleep\nprint(*said)")
    assert "Running for" in printed
    assert "Done." not in printed, "the panel stood still until a run had ended by itself"


def is_run_by_a_click_and_shows_what_came_out(
    show_lab: ShowLab, name: str, answer: str | None, said: str
) -> LabOnScreen:
    lab = show_lab(name)
    lab.says(spec_of(name).title)
    if answer is None:
        lab.area.get_by_label("Your prediction").fill("0.25")
    else:
        lab.area.get_by_label(answer, exact=True).check()
    lab.press("Run")
    lab.says(said)
    lab.says("Done.")
    assert NOTHING_YET not in " ".join(lab.drawn())
    assert not lab.notebook.problems
    return lab


@pytest.mark.parametrize(
    ("name", "answer", "said"),
    [
        ("task_cards", "about as long", "all done after"),
        ("first_wins", FATES[2], "That is what you predicted."),
    ],
)
def test_a_lab_is_run_by_a_click(show_lab: ShowLab, name: str, answer: str, said: str) -> None:
    is_run_by_a_click_and_shows_what_came_out(show_lab, name, answer, said)


def test_the_lab_of_the_showdown_is_run_by_a_click_and_follows_its_slider(
    show_lab: ShowLab,
) -> None:
    asked = "showdown", None, "You predicted 0.25 s; it took"
    lab = is_run_by_a_click_and_shows_what_came_out(show_lab, *asked)
    lab.set("Number of orders", 40)
    lab.shows("41 tasks")
    assert not lab.notebook.problems


def test_the_code_that_is_copied_gives_the_same_timeline_in_a_cell(show_lab: ShowLab) -> None:
    asked = "deadlines", "the fallback, in time", "That is what you predicted."
    lab = is_run_by_a_click_and_shows_what_came_out(show_lab, *asked)
    lab.notebook.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    lab.set("The call takes", 250)
    lab.shows("0.25 s")
    lab.area.get_by_text("The code that runs").click()
    lab.press("Copy")
    lab.says("Copied: paste it in a cell")
    copied = lab.notebook.page.evaluate("() => navigator.clipboard.readText()")
    output = run_code(lab.notebook, copied)[0]["data"]
    title, below = str(output["text/plain"]).splitlines()[:2]
    lab.shows(below)
    words = title.replace("`", "").split()
    assert "".join(words) in "".join(" ".join(lab.drawn()).split()), "a figure breaks its lines"
    assert "returned" in output["text/plain"]


def test_after_a_kernel_restart_the_cell_is_run_again_and_works(show_lab: ShowLab) -> None:
    lab = show_lab("spawn")
    lab.press("Run")
    lab.shows("21 tasks")
    lab.notebook.restart()
    rerun(lab.notebook, lab.cell)
    assert lab.notebook.errors() == []
    lab.says("Ready. Predict, then press Run.")
    lab.shows(NOTHING_YET)
    lab.press("Run")
    lab.shows("21 tasks")
    lab.says("Done.")
    assert not lab.notebook.problems
