"""Whether a committed notebook is what its lesson says, without running anything."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path

import nbformat

from helpers._tools.lessons import Lesson, derive
from helpers._tools.rules import broken_rules, describe


def differences(lesson: Lesson) -> list[str]:
    """A sentence for each way in which the notebook differs from its lesson or breaks a rule."""
    if not lesson.notebook.is_file():
        return [f"{lesson.stem}: there is no {lesson.notebook.name} in notebooks/."]
    text = lesson.notebook.read_text(encoding="utf-8")
    built = nbformat.reads(text, as_version=4)
    expected = derive(lesson)
    sentences = [
        *_cells_that_differ(expected, built),
        *_metadata_that_differs(expected, built),
        *broken_rules(built, kilobytes=len(text.encode()) / 1024),
    ]
    return [f"{lesson.stem}: {sentence}" for sentence in sentences]


def strangers(lessons: list[Lesson], notebooks: Path) -> list[str]:
    """A sentence for each notebook that no lesson stands behind."""
    known = {lesson.notebook.name for lesson in lessons}
    return [
        f"notebooks/{path.name}: there is no lessons/{path.stem}.py behind it."
        for path in sorted(notebooks.glob("*.ipynb"))
        if path.name not in known
    ]


def _cells_that_differ(
    expected: nbformat.NotebookNode, built: nbformat.NotebookNode
) -> Iterator[str]:
    wanted = [_fixed_part(cell) for cell in expected.cells]
    present = [_fixed_part(cell) for cell in built.cells]
    matcher = difflib.SequenceMatcher(a=wanted, b=present, autojunk=False)
    for kind, a, b, c, d in matcher.get_opcodes():
        if kind == "equal":
            continue
        for number in range(a, b):
            yield f"{describe(number, expected.cells[number])} of the lesson is not in it."
        for number in range(c, d):
            yield f"{describe(number, built.cells[number])} of it is not in the lesson."


def _fixed_part(cell: nbformat.NotebookNode) -> tuple[str, str, str, str]:
    """What the source alone decides, hashable: id, type, text, metadata."""
    return cell.get("id", ""), cell.cell_type, cell.source, repr(sorted(cell.metadata.items()))


def _metadata_that_differs(
    expected: nbformat.NotebookNode, built: nbformat.NotebookNode
) -> Iterator[str]:
    for key in sorted({*expected.metadata, *built.metadata} - {"widgets"}):
        wanted, present = expected.metadata.get(key), built.metadata.get(key)
        if wanted != present:
            yield f"its metadata says {key} = {present}; {wanted} was expected."
