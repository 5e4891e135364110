"""A learner answers wrongly, reads the sentence, takes a hint, mends it, and sees the progress."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from helpers.exercises import MANIFEST
from tests.browser.page import NotebookPage, write_notebook

WRONG = """\
async def fetch_all(fetch, urls):
    pages = {}
    for url in urls:
        try:
            pages[url] = await fetch(url)
        except OSError as error:
            pages[url] = error
    return pages"""
MENDED = """\
async def fetch_all(fetch, urls):
    tasks = [asyncio.create_task(fetch(url)) for url in urls]
    pages = await asyncio.gather(*tasks, return_exceptions=True)
    return dict(zip(urls, pages))"""
CELLS = [
    "import asyncio\nfrom helpers import check, hint, progress",
    WRONG,
    'check("02.pages", fetch_all)',
    'hint("02.pages")',
    MENDED,
    'check("02.pages", fetch_all)',
    'progress("02")',
]


def test_a_wrong_answer_is_told_why_and_a_mended_one_is_kept(
    open_notebook: Callable[..., NotebookPage], tmp_path: Path
) -> None:
    path = write_notebook(tmp_path / "exercises.ipynb", *CELLS)
    notebook = open_notebook(path)
    (notebook.server.root / "progress.json").unlink(missing_ok=True)  # another test's
    (notebook.server.root / MANIFEST).touch()  # as in a learner's folder
    notebook.run_all()
    verdict = notebook.output(2)
    verdict.get_by_role("status").filter(has_text="02.pages: incorrect.").wait_for()
    assert "The calls lie one after another: page 2 began at" in verdict.inner_text()
    verdict.locator(".js-plotly-plot .shapelayer path").first.wait_for()
    assert "How many cards are on the rail" in notebook.output(3).inner_text()
    assert "02.pages: correct. All pages are under way" in notebook.output(5).inner_text()
    assert "02.pages        correct             2      1" in notebook.output(6).inner_text()
    assert notebook.errors() == []
    known = json.loads((notebook.server.root / "progress.json").read_text(encoding="utf-8"))
    assert known["exercises"]["02.pages"]["status"] == "correct"
