"""The instructor's edition: slides, handouts, polls and notes, made from the lessons' sources.

Outputs are those of the built notebooks. Plotly's program and reveal.js lie beside the pages: they
ask nothing of the web. Slides end before the exercises; a handout, for after class, has everything.
"""

import argparse
import ast
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from nbconvert import HTMLExporter, SlidesExporter
from plotly.offline import get_plotlyjs

from helpers._tools.lessons import NOTES, Lesson, derive, find_lessons

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_REVEAL = (
    "Slides need reveal.js beside them: `npm pack reveal.js@4`, `tar xf reveal.js-4*.tgz`, and "
    "`--reveal package`, the folder that has dist/reveal.js in it. Once: it is kept."
)


def make(options: argparse.Namespace, root: Path) -> list[Path]:
    """Write slides, handouts, polls or the notes to teach by; the pages' paths."""
    found = {lesson.number: lesson for lesson in find_lessons(root)}
    if unknown := {*options.numbers} - found.keys() or (not found and {"at all"}):
        raise SystemExit(f"There is no lesson {', '.join(unknown)} in {root}; a clone has them.")
    kind, out = "notes" if options.what == "teach" else options.what, options.out
    out.mkdir(parents=True, exist_ok=True)
    if kind in ("slides", "handout"):
        (out / "plotly.min.js").write_text(get_plotlyjs(), encoding="utf-8")
    if options.reveal and (options.reveal / "dist" / "reveal.js").is_file():
        shutil.copytree(options.reveal, out / "reveal.js", dirs_exist_ok=True)
    if kind == "slides" and not (out / "reveal.js" / "dist" / "reveal.js").is_file():
        raise SystemExit(_REVEAL)
    of_kind = SlidesExporter if kind == "slides" else HTMLExporter
    more = {"extra_template_paths": [str(Path(__file__).with_name("pages"))]}
    exporter: Any = of_kind(**more, embed_images=True, exclude_anchor_links=True)  # type: ignore[no-untyped-call]
    exporter.template_file = "page.html.j2"
    # Of no meaning for another page. The theme is one that takes no font from the web.
    exporter.reveal_url_prefix, exporter.reveal_theme = "reveal.js", "white"
    about = {"kind": kind, "answers": options.answers or kind == "notes"}
    about["metadata"] = {"path": str(root / "notebooks")}
    pages = []
    for lesson in map(found.__getitem__, options.numbers or found):
        pages.append(page := out / f"{lesson.source.stem}_{kind}.html")
        html, _ = exporter.from_notebook_node(_notebook(lesson), resources=about)
        html = re.sub(r'href="(\d\d_\w+)\.ipynb', rf'href="\1_{kind}.html', html)
        page.write_text(html, encoding="utf-8")
        print(f"{page} {_print_out(page)}" if kind == "handout" else page)
    return pages


def _print_out(page: Path) -> str:
    """Print a page as a PDF beside it, by a browser of this machine; what came of it."""
    if not (browser := next(filter(None, map(shutil.which, BROWSERS)), None)):
        return "(no PDF: there is no Chromium or Chrome; print it from your browser)"
    flags = ["--headless", "--no-sandbox", "--no-pdf-header-footer", "--virtual-time-budget=30000"]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        target = [f"--user-data-dir={profile}", f"--print-to-pdf={page.with_suffix('.pdf')}"]
        command = [browser, *flags, *target, page.as_uri()]
        subprocess.run(command, check=True, capture_output=True, timeout=300)
    return "and .pdf"


def questions(cell: nbformat.NotebookNode) -> Iterator[dict[str, Any]]:
    """What a cell asks, by the names of `predict`'s parameters; the cell is read, and not run."""
    for node in ast.walk(ast.parse(cell.source)) if cell.cell_type == "code" else ():
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "predict":
            given = dict(zip(("question", "options"), node.args, strict=False))
            given |= {str(word.arg): word.value for word in node.keywords if word.arg != "measure"}
            yield {word: ast.literal_eval(value) for word, value in given.items()}


def _notebook(lesson: Lesson) -> nbformat.NotebookNode:
    """The lesson with its notes, its outputs, and for each cell what it asks and its slide."""
    cells = nbformat.read(lesson.notebook, as_version=4).cells
    built = {cell.id: cell.outputs for cell in cells if cell.cell_type == "code"}
    data = (output.get("data", {}) for outputs in built.values() for output in outputs)
    said = [str(each.get("text/plain")) for each in data]
    right = dict(text.split(" The answer: ", 1) for text in said if " The answer: " in text)
    notebook, next_slide, is_over = derive(lesson, notes=True), "-", False
    notebook.metadata["title"] = f"{lesson.number} · {lesson.question}"
    for cell in notebook.cells:
        if cell.cell_type == "code":
            if cell.id not in built:
                raise SystemExit(f"{lesson.notebook.name} is not what its lesson says; build it.")
            cell.outputs = built[cell.id]
        asked = [each | {"answer": right.get(each["question"], "")} for each in questions(cell)]
        is_over = is_over or cell.source.startswith(("## Exercises", "## Deeper"))
        slide = {"## ": "slide", "###": "subslide"}.get(cell.source[:3], next_slide)
        slide = "notes" if cell.metadata.get("tags") == NOTES else "subslide" if asked else slide
        slide = "skip" if is_over else slide
        cell.metadata |= {"asked": asked, "slideshow": {"slide_type": slide}}
        next_slide = "subslide" if asked else next_slide if slide == "notes" else "-"
    return notebook
