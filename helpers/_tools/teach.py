"""The instructor's edition: slides, handouts, polls and notes, made from the lessons' sources.

Outputs are those of the built notebooks. Nothing is asked of the web: plotly's program and reveal.js
lie beside the pages. Slides end before the exercises; a handout, for after class, has everything.
"""

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
from nbformat import NotebookNode
from plotly.offline import get_plotlyjs

from helpers._tools.lessons import Lesson, derive, is_note

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")

_REVEAL = (
    "Slides need reveal.js beside them: `npm pack reveal.js@4`, `tar xf reveal.js-4*.tgz`, and "
    "`--reveal package`, the folder that has dist/reveal.js in it. Once: it is kept."
)


def lay_reveal(out: Path, package: Path | None) -> None:
    """Lay npm's reveal.js beside the slides, where it stays."""
    kept = out / "reveal.js"
    if package and (package / "dist" / "reveal.js").is_file():
        for part in ("dist", "plugin/notes"):
            shutil.copytree(package / part, kept / part, dirs_exist_ok=True)
    if not (kept / "dist" / "reveal.js").is_file():
        raise SystemExit(_REVEAL)


def make(kind: str, lesson: Lesson, out: Path, *, answers: bool = False) -> Path:
    """Write a lesson's "slides", "handout", "poll" or "notes" into a folder; the page's path."""
    exporter: Any = (SlidesExporter if kind == "slides" else HTMLExporter)(
        template_file="page.html.j2",
        extra_template_paths=[str(Path(__file__).with_name("pages"))],
        embed_images=True,
        exclude_anchor_links=True,
    )
    # Of no meaning for another page. The theme is one that takes no font from the web.
    exporter.reveal_url_prefix, exporter.reveal_theme = "reveal.js", "white"
    about = {"kind": kind, "answers": answers or kind == "notes"}
    about["metadata"] = {"path": str(lesson.notebook.parent)}
    html, _ = exporter.from_notebook_node(_notebook(lesson), resources=about)
    out.mkdir(parents=True, exist_ok=True)
    if kind in ("slides", "handout"):
        (out / "plotly.min.js").write_text(get_plotlyjs(), encoding="utf-8")
    page = out / f"{lesson.number}_{kind}.html"
    page.write_text(re.sub(r'href="(\d\d)_\w+\.ipynb', rf'href="\1_{kind}.html', html), "utf-8")
    return page


def print_out(page: Path) -> str:
    """Print a page as a PDF beside it, by a browser of this machine; a sentence."""
    if not (browser := next(filter(None, map(shutil.which, _BROWSERS)), None)):
        return f"There is no Chromium or Chrome to make a PDF: print {page} from a browser."
    pdf = page.with_suffix(".pdf")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        flags = ["headless", "no-sandbox", "no-pdf-header-footer", "virtual-time-budget=30000"]
        flags += [f"user-data-dir={profile}", f"print-to-pdf={pdf}"]
        command = [browser, *(f"--{flag}" for flag in flags), page.as_uri()]
        subprocess.run(command, check=True, capture_output=True, timeout=300)
    return f"{pdf} is the same to print."


def questions(cell: NotebookNode) -> Iterator[dict[str, Any]]:
    """What a cell asks, by the names of `predict`'s parameters; the cell is read, and not run."""
    for node in ast.walk(ast.parse(cell.source)) if cell.cell_type == "code" else ():
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "predict":
            given = dict(zip(("question", "options"), node.args, strict=False))
            given |= {str(word.arg): word.value for word in node.keywords if word.arg != "measure"}
            yield {word: ast.literal_eval(value) for word, value in given.items()}


def _notebook(lesson: Lesson) -> NotebookNode:
    """The lesson with its notes, its outputs, and for each cell what it asks and its slide."""
    built = {each.id: each for each in nbformat.read(lesson.notebook, as_version=4).cells}
    outputs = [output for each in built.values() for output in each.get("outputs", [])]
    said = [str(output.get("data", {}).get("text/plain")) for output in outputs]
    notebook, next_slide, is_over = derive(lesson, notes=True), "-", False
    for cell in notebook.cells:
        if cell.cell_type == "code":
            if cell.id not in built:
                raise SystemExit(f"{lesson.notebook.name} is not what its lesson says; build it.")
            cell.outputs = built[cell.id].outputs
        cell.metadata["asked"] = asked = [*questions(cell)]
        for each in asked:
            start = f"{each['question']} The answer: "
            answers = [text.removeprefix(start) for text in said if text.startswith(start)]
            each["answer"] = (answers or [""])[0]
        is_over = is_over or bool(re.match("## (Exercises|Deeper)", cell.source))
        slide = {"## ": "slide", "###": "subslide"}.get(cell.source[:3], next_slide)
        slide = "skip" if is_over else "notes" if is_note(cell) else "subslide" if asked else slide
        cell.metadata["slideshow"] = {"slide_type": slide}
        next_slide = "subslide" if asked else next_slide if slide == "notes" else "-"
    return notebook
