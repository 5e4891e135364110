"""The film of a run in JupyterLab, by keyboard and mouse, without a kernel, and on a page."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from helpers.draw.film import PLAYER, film_of, still_of
from helpers.draw.picture import picture_of
from tests.browser.page import NotebookPage, write_notebook
from tests.draw.pictured import UNUSUAL, recorded
from tests.draw.test_film import dinner

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator

PROGRAM = """\
import asyncio
from helpers import busy, record, replay
async def cook(hands, oven):
    busy(hands)
    await asyncio.sleep(oven)
    busy(1)
async def dinner():
    menu = {"roast": (2, 6), "soup": (2, 3), "salad": (1, 1)}
    async with asyncio.TaskGroup() as group:
        for name, times in menu.items():
            group.create_task(cook(*times), name=name)
trace = await record(dinner(), unit="minutes", lines=True)
replay(trace)"""
# Whether anything is wider than the part of the window that it stands in.
CUT = """film => [...film.querySelectorAll(":is(h3, p, button, .stage)")]
    .filter(node => node.clientWidth && node.scrollWidth > node.clientWidth + 1)
    .map(node => node.outerHTML)"""

# Whether there is the same of a film when another was played before it and when none was; all of
# both; and where the keyboard is, which has begun to play the other.
IN_PLACE = """([before, film]) => {
    Math.random = () => 0.5;
    document.body.innerHTML = "<div></div><div></div>";
    const [alone, changed] = document.body.children;
    const player = play(changed, before), button = changed.querySelectorAll("button")[1];
    button.focus();
    button.click();
    player.load(film);
    const fresh = play(alone, film), focus = document.activeElement.textContent;
    const found = [alone.isEqualNode(changed), `${alone.innerHTML}\n\n${changed.innerHTML}`];
    fresh.stop();
    player.stop();
    document.body.replaceChildren();
    return [...found, focus];
}"""


def said(film: Locator) -> str:
    return film.locator(".say").inner_text()


def test_a_film_is_stepped_dragged_and_played_and_needs_no_kernel(
    open_notebook: Callable[..., NotebookPage], tmp_path: Path
) -> None:
    notebook = open_notebook(write_notebook(tmp_path / "film.ipynb", PROGRAM, "'below'"))
    notebook.run_all()
    film = notebook.output(0).locator(".task-cards-film")
    film.locator(".now").wait_for()
    assert said(film) == "At 0 min: dinner is in hand, at line 8."
    page = notebook.page
    film.get_by_role("button", name="One frame on").focus()
    page.keyboard.press("ArrowRight")
    assert "menu =" in film.locator(".now").inner_text(), "what the line before has changed"
    film.get_by_role("button", name="On to the next card").click()
    assert said(film).startswith("At 0 min: roast is in hand, at line 4")
    assert film.locator(".cards.wide").inner_text().split() == ["soup", "salad"]
    assert notebook.page.evaluate("document.activeElement.closest('.task-cards-film') !== null")
    page.keyboard.press("End")
    assert said(film) == "At 9 min: it is over."
    page.keyboard.press("Home")
    notebook.restart()
    page.keyboard.press("ArrowRight")
    assert said(film) == "At 0 min: dinner is in hand, at line 9."
    axis = film.locator("svg").bounding_box()
    assert axis is not None
    page.mouse.move(axis["x"] + axis["width"] - 24, axis["y"] + 20)
    page.mouse.down()
    page.mouse.move(axis["x"] + axis["width"] * 0.6, axis["y"] + 20, steps=5)
    page.mouse.up()
    assert re.match(r"At 5\.\d+ min: the chef is free", said(film)), "by the mouse"
    film.get_by_label("Speed").select_option("4")
    film.get_by_role("button", name="Play", exact=True).click()
    film.get_by_text("it is over").wait_for()
    film.get_by_role("button", name="Play", exact=True).wait_for()
    assert notebook.problems == []


def test_a_page_plays_by_itself_and_nothing_is_cut_at_420_pixels(
    browser: Browser, tmp_path: Path
) -> None:
    with ThreadPoolExecutor(1) as pool:  # the browser has a loop in this thread
        trace = pool.submit(lambda: recorded(dinner(), unit="minutes", lines=True)).result()
    path = trace.save(tmp_path / "run.html")
    for scheme in ("light", "dark"):
        context = browser.new_context(
            viewport={"width": 420, "height": 800}, color_scheme=scheme, offline=True
        )
        page = context.new_page()
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))  # noqa: B023
        page.goto(path.as_uri())
        film = page.locator(".task-cards-film")
        film.locator("svg text").first.wait_for()
        assert film.evaluate(CUT) == []
        before = film.locator("svg").evaluate("svg => svg.getBoundingClientRect().height")
        large = page.get_by_role("button", name="Presentation size")
        large.click()
        after = film.locator("svg").evaluate("svg => svg.getBoundingClientRect().height")
        assert after == pytest.approx(1.4 * before, rel=0.05)
        assert large.get_attribute("aria-pressed") == "true"
        assert film.evaluate(CUT) == []
        axis = film.locator("svg").bounding_box()
        assert axis is not None
        page.mouse.click(axis["x"] + 0.75 * axis["width"], axis["y"] + 20)
        assert re.match(r"At 6\.\d+ min: salad is", said(film)), "by the mouse, where it points"
        large.click()
        page.emulate_media(reduced_motion="reduce")
        page.get_by_role("slider", name="Frame of the film").focus()
        page.keyboard.press("End")
        assert said(film) == "At 9 min: it is over."
        assert problems == []
        context.close()


def test_a_film_that_takes_anothers_place_is_as_one_that_stands_there_alone(
    browser: Browser,
) -> None:
    with ThreadPoolExecutor(1) as pool:  # the browser has a loop in this thread
        told = pool.submit(lambda: recorded(dinner(), unit="minutes", lines=True)).result()
    films = [film_of(picture_of(trace)) for trace in (told, *UNUSUAL)]
    films += [still_of(picture_of(told)) | {"pale": True}, {**films[1], "small": True}]
    page = browser.new_page()
    page.add_script_tag(type="module", content=f"{PLAYER.read_text()}\nwindow.play = play;")
    page.wait_for_function("() => window.play !== undefined")
    for before, film in pairwise((*films, films[0])):
        alike, both, focus = page.evaluate(IN_PLACE, [before, film])
        assert alike, both
        assert focus == "▶ Play" or "pale" in before, "the button that was pressed is another now"
    page.close()
