"""Slides and handouts in a browser: nothing is cut, nothing is asked of the web, figures stand."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from helpers._tools.launch import main
from helpers._tools.lessons import find_lessons
from helpers._tools.teach import BROWSERS
from tests.conftest import PROJECT, unavailable

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

REVEAL = PROJECT / "tests" / "pyodide" / "node_modules" / "reveal.js"
STEMS = [lesson.source.stem for lesson in find_lessons()]
# What of a slide lies outside of it, as seen when the slide is shown; and slides of nothing.
CUT = """() => {
    const cut = [];
    for (const slide of document.querySelectorAll(".slides > section > section")) {
        const {h, v} = Reveal.getIndices(slide);
        Reveal.slide(h, v);
        const all = document.querySelector(".slides").getBoundingClientRect();
        const seen = [...slide.querySelectorAll("h1, h2, h3, p, li, pre, td, .main-svg")]
            .filter(each => !each.closest("aside, details:not([open])"));
        if (!seen.some(each => each.className !== "part")) cut.push([h, v, "is empty"]);
        if (slide.scrollHeight > 720 || slide.scrollWidth > 1280) cut.push([h, v, "is too high"]);
        for (const each of seen) {
            const box = each.getBoundingClientRect();
            const isIn = box.left >= all.left - 1 && box.right <= all.right + 1
                && box.top >= all.top - 1 && box.bottom <= all.bottom + 1
                && each.scrollWidth <= each.clientWidth + 5;
            if (!isIn && each.clientWidth) cut.push([h, v, each.outerHTML.slice(0, 200)]);
        }
    }
    return cut;
}"""
SMALLEST = """() => Math.min(1, ...[...document.querySelectorAll(".jp-Cell, .figure > div")].map(
    each => Number(each.style.zoom || 1)))"""
DRAWN = """() => [".figure", ".figure .main-svg:first-child"].map(
    each => document.querySelectorAll(each).length)"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The slides of all lessons."""
    if not REVEAL.is_dir():
        unavailable("Slides need reveal.js: run `npm install` in tests/pyodide.")
    out = tmp_path_factory.mktemp("slides")
    assert main(["slides", "--out", str(out), "--reveal", str(REVEAL)]) == 0
    return out


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of a projector's size that may ask for files alone."""
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("requestfailed", lambda request: problems.append(request.url))
    yield page
    page.close()
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    assert problems == []


@pytest.mark.parametrize("stem", STEMS)
def test_nothing_of_a_slide_is_cut_and_each_figure_is_drawn(
    made: Path, page: Page, stem: str
) -> None:
    page.goto((made / f"{stem}_slides.html").as_uri())
    page.wait_for_function("() => window.Reveal?.isReady()")
    assert page.evaluate(CUT) == []
    assert page.evaluate(SMALLEST) >= 0.6, "what is shrunk can be read"
    figures, drawn = page.evaluate(DRAWN)
    assert figures == drawn > 1
    page.set_viewport_size({"width": 853, "height": 480})  # 1280 x 720 at 150 %
    assert page.evaluate(CUT) == []


# What is wider than the text of a sheet of A4: 186 mm.
WIDE = """() => [...document.querySelectorAll(".main-svg, pre, table, p, li")].filter(each =>
    each.getBoundingClientRect().right > 704 || each.scrollWidth > each.clientWidth + 5)
    .filter(each => each.clientWidth).map(each => each.outerHTML.slice(0, 200))"""


def test_a_handout_is_as_wide_as_its_paper_and_is_printed_with_its_figures(
    tmp_path: Path, page: Page
) -> None:
    assert main(["handout", "02", "03", "--out", str(tmp_path)]) == 0
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 703, "height": 1000})
    for stem in STEMS[2:4]:
        page.goto((tmp_path / f"{stem}_handout.html").as_uri())
        assert page.evaluate(WIDE) == []
        figures, drawn = page.evaluate(DRAWN)
        assert figures == drawn > 5
        if any(map(shutil.which, BROWSERS)):
            assert (tmp_path / f"{stem}_handout.pdf").read_bytes().startswith(b"%PDF")
