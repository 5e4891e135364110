"""Build notebooks/ from lessons/.

    python -m helpers._tools.build             every lesson, and the README's table
    python -m helpers._tools.build 02 05       these lessons
    python -m helpers._tools.build --check     run nothing; say what differs (exit code 1)
    python -m helpers._tools.build --table     the README's table alone

A notebook is written when all of its cells have run and every rule holds, so a failing build leaves
the notebook as it was.
"""

from __future__ import annotations

import argparse
import difflib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import jupytext
import nbformat

from helpers._tools import PROJECT
from helpers._tools.execute import IGNORE, WIDGET_VIEW, describe, execute, is_ignored
from helpers._tools.lessons import Lesson, LessonError, derive, find_lessons, with_table

MAX_KILOBYTES = 300
MAX_LINES = 25
CELLS_PER_IGNORED = 10

# What differs from machine to machine, or from run to run, and so has no place in an output.
_MACHINE = re.compile(
    r"ipykernel_\d+|site-packages|\bat 0x[0-9a-fA-F]{6,}"
    r"|(?<![\w.])(?:/home/|/root/|/Users/|/tmp/|/private/|/usr/lib/)[\w.-]+"
    r"|\b[A-Z]:\\+(?:Users|Program Files|hosted)[^\s\"']*"
    r"|\b[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\b"
)


def build(lesson: Lesson) -> None:
    """Run the lesson and write its notebook with the outputs; LessonError says why it cannot be."""
    notebook = derive(lesson)
    lesson.notebook.parent.mkdir(parents=True, exist_ok=True)
    execute(notebook, folder=lesson.notebook.parent, name=lesson.stem)
    text = nbformat.writes(notebook) + "\n"
    if broken := broken_rules(text):
        raise LessonError("\n".join(f"{lesson.stem}: {sentence}" for sentence in broken))
    lesson.notebook.write_text(text, encoding="utf-8", newline="\n")


def check(root: Path, numbers: list[str]) -> list[str]:
    """What differs between sources and notebooks, in sentences; nothing is run."""
    lessons = find_lessons(root, numbers)
    sentences = [f"{each.stem}: {text}" for each in lessons for text in _differences(each)]
    if not numbers:
        known = {lesson.stem for lesson in lessons}
        sentences += [
            f"notebooks/{path.name}: there is no lessons/{path.stem}.py behind it."
            for path in sorted((root / "notebooks").glob("*.ipynb"))
            if path.stem not in known
        ]
        readme = (root / "README.md").read_text(encoding="utf-8")
        if readme != with_table(readme, lessons):
            sentences.append("README.md: its lesson table is not what the lessons' headers say.")
    return sentences


def _differences(lesson: Lesson) -> Iterator[str]:
    """A sentence for each way in which the notebook differs from its lesson or breaks a rule."""
    if not lesson.notebook.is_file():
        yield f"there is no {lesson.notebook.name} in notebooks/."
        return
    text = lesson.notebook.read_text(encoding="utf-8")
    yield from broken_rules(text)
    expected, notebook = derive(lesson), nbformat.reads(text, as_version=4)
    for cell in _code_cells(notebook):
        cell.update(outputs=[], execution_count=None)
    if notebook != expected:
        a, b = (jupytext.writes(each, "py:percent").splitlines() for each in (expected, notebook))
        diff = list(difflib.unified_diff(a, b, "lesson", "notebook", n=0, lineterm=""))
        yield "\n".join(["it is not what its lesson says:", *(diff or ["its metadata differ"])])


def broken_rules(text: str) -> list[str]:
    """A sentence for each rule that an executed notebook breaks, given its file's text."""
    notebook = nbformat.reads(text, as_version=4)
    cells = _code_cells(notebook)
    sentences = []
    if (kilobytes := len(text.encode()) / 1024) > MAX_KILOBYTES:
        sentences.append(f"it has {kilobytes:.0f} KiB; {MAX_KILOBYTES} is the most.")
    ignored = sum(map(is_ignored, cells))
    if ignored * CELLS_PER_IGNORED > len(cells):
        most = f"one in {CELLS_PER_IGNORED} is the most"
        sentences.append(f"{ignored} of its {len(cells)} code cells carry {IGNORE}; {most}.")
    for count, (cell, following) in enumerate(zip(cells, [*cells[1:], None], strict=True), start=1):
        broken = _broken_in_a_cell(cell, count, following)
        sentences += [f"{describe(cell)} {text}" for text in broken]
    return sentences


def _broken_in_a_cell(
    cell: nbformat.NotebookNode, count: int, following: nbformat.NotebookNode | None
) -> Iterator[str]:
    outputs = json.dumps(cell.outputs, ensure_ascii=False)
    if (lines := len(cell.source.splitlines())) > MAX_LINES:
        yield f"has {lines} lines; {MAX_LINES} is the most."
    if "NBVAL_SKIP" in cell.source:
        yield "is skipped by nbval; every cell is run."
    if cell.execution_count != count:  # without a count nbval compares nothing
        yield f"has the execution count {cell.execution_count}; {count} was expected."
    if found := sorted({match.group() for match in _MACHINE.finditer(outputs)}):
        yield f"prints what is this machine's or this run's alone: {', '.join(found)}."
    if WIDGET_VIEW in outputs:
        yield "holds a widget that nobody can load again; the build replaces it by words."
    if is_ignored(cell) and (not following or is_ignored(following) or not following.outputs):
        yield f"carries {IGNORE}; the next one must print the relation that it shows."


def _code_cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def main(arguments: list[str] | None = None, *, root: Path = PROJECT) -> int:
    """The command: 0 when all is well, 1 when something differs or a lesson failed."""
    parser = argparse.ArgumentParser("python -m helpers._tools.build", usage=__doc__)
    parser.add_argument("numbers", nargs="*", metavar="NN")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args(arguments)
    try:
        if options.check:
            sentences = check(root, options.numbers)
            print(*sentences or ["Every notebook is what its lesson says."], sep="\n")
            return 1 if sentences else 0
        for lesson in [] if options.table else find_lessons(root, options.numbers):
            print(f"{lesson.stem} ...", flush=True)
            build(lesson)
            print(f"{lesson.stem}: written, {lesson.notebook.stat().st_size / 1024:.0f} KiB")
        if options.table or not options.numbers:
            readme = root / "README.md"
            text = with_table(readme.read_text(encoding="utf-8"), find_lessons(root))
            readme.write_text(text, encoding="utf-8", newline="\n")
    except LessonError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
