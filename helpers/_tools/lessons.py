"""The lessons' sources: their headers, and the notebook that each source says it is."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

PROJECT = Path(__file__).resolve().parents[2]

# The kernel's own language_info names its Python version, and would differ from machine to machine.
_LANGUAGE = {"name": "python", "file_extension": ".py", "mimetype": "text/x-python"}
_KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


class LessonError(Exception):
    """A lesson that cannot be built. The message says which, what is wrong and what is right."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a lesson's header says, and where its source and its notebook are."""

    number: str  # "02"
    name: str  # "spawn"
    question: str  # the title
    minutes: int
    article: str  # the article's section, "" where there is none
    source: Path

    @property
    def notebook(self) -> Path:
        """The built notebook's path: notebooks/NN_name.ipynb beside the lessons folder."""
        return self.source.parents[1] / "notebooks" / f"{self.source.stem}.ipynb"

    @property
    def stem(self) -> str:
        """NN_name, the same for the source and the notebook."""
        return self.source.stem


def find_lessons(root: Path = PROJECT, numbers: Iterable[str] = ()) -> list[Lesson]:
    """The lessons under `root`/lessons in order, or those with the given numbers alone.

    LessonError names a number that no lesson has, two lessons that share one, or a bad header.
    """
    lessons = [read_header(path) for path in sorted((root / "lessons").glob("*.py"))]
    by_number: dict[str, Lesson] = {}
    for lesson in lessons:
        twin = by_number.setdefault(lesson.number, lesson)
        if twin is not lesson:
            raise LessonError(f"Lessons {twin.stem} and {lesson.stem} share a number.")
    wanted = list(numbers)
    if missing := [number for number in wanted if number not in by_number]:
        there = ", ".join(by_number) or "none"
        raise LessonError(f"There is no lesson {', '.join(missing)}; there is {there}.")
    return [by_number[number] for number in wanted] if wanted else lessons


def read_header(source: Path) -> Lesson:
    """The Lesson that a source's YAML header describes; LessonError says what a bad one lacks."""
    before_cells = source.read_text(encoding="utf-8").split("\n# %%", 1)[0]
    read = _notebook_of(before_cells)
    header: dict[str, Any] = read.metadata.get("lesson", {})
    kinds = {"number": str, "name": str, "question": str, "minutes": int, "article": str}
    for key, kind in kinds.items():
        if not isinstance(header.get(key), kind):
            raise LessonError(
                f"{source.name}: the header's lesson.{key} is {header.get(key)!r}; "
                f"{kind.__name__} was expected."
            )
    lesson = Lesson(source=source, **{key: header[key] for key in kinds})
    if source.stem != f"{lesson.number}_{lesson.name}":
        raise LessonError(
            f"{source.name}: the header says {lesson.number}_{lesson.name}; one of them is wrong."
        )
    return lesson


def _notebook_of(source: str) -> nbformat.NotebookNode:
    """The notebook that a text in jupytext's percent format is."""
    import jupytext  # takes half a second, for which not everybody who imports this has a use

    notebook: nbformat.NotebookNode = jupytext.reads(source, fmt="py:percent")
    return notebook


def derive(lesson: Lesson) -> nbformat.NotebookNode:
    """The notebook that the source says: cells with fixed ids, fixed metadata, no outputs yet."""
    read = _notebook_of(lesson.source.read_text(encoding="utf-8"))
    notebook: nbformat.NotebookNode = nbformat.v4.new_notebook()
    notebook.metadata = nbformat.from_dict(
        {"kernelspec": _KERNEL, "language_info": _LANGUAGE, "lesson": read.metadata["lesson"]}
    )
    notebook.cells = read.cells
    for cell, identity in zip(notebook.cells, _identities(read.cells), strict=True):
        cell.id = identity
    _check_title(lesson, notebook)
    return notebook


def _identities(cells: Iterable[nbformat.NotebookNode]) -> list[str]:
    """An id for each cell from its type and text, so that a new cell changes no other's id.

    Cells with the same text are counted, since two cells may not share an id.
    """
    seen: dict[str, int] = {}
    identities = []
    for cell in cells:
        digest = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:12]
        twin = seen[digest] = seen.get(digest, -1) + 1
        identities.append(f"{digest}-{twin}" if twin else digest)
    return identities


def _check_title(lesson: Lesson, notebook: nbformat.NotebookNode) -> None:
    first = notebook.cells[0] if notebook.cells else None
    title = first.source.partition("\n")[0] if first and first.cell_type == "markdown" else ""
    if not re.match(r"# .*" + re.escape(lesson.question), title):
        raise LessonError(
            f"{lesson.source.name}: the first line of the first cell is {title!r}; a Markdown "
            "title with the header's question was expected: "
            f"'# {lesson.number} · {lesson.question}'."
        )
