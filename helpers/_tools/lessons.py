"""The lessons' sources: their headers, the README's table, and the notebook that each one says."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import jupytext
import nbformat

from helpers._tools import PROJECT

# The kernel's own language_info names its Python version, and would differ from machine to machine.
_LANGUAGE = {"name": "python", "file_extension": ".py", "mimetype": "text/x-python"}
_KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}

BEGIN = "<!-- lessons: written by `python -m helpers._tools.build --table` -->"
END = "<!-- end of lessons -->"


class LessonError(Exception):
    """A lesson that cannot be built. The message says which, what is wrong and what is right."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a lesson's header says, and where its source and its notebook are."""

    source: Path
    number: str  # "02"
    name: str  # "spawn"
    question: str  # the title
    minutes: int
    article: str  # the article's section, "" where there is none

    @property
    def stem(self) -> str:
        """NN_name, the same for the source and the notebook."""
        return f"{self.number}_{self.name}"

    @property
    def notebook(self) -> Path:
        """The built notebook's path: notebooks/NN_name.ipynb beside the lessons folder."""
        return self.source.parents[1] / "notebooks" / f"{self.stem}.ipynb"


def find_lessons(root: Path = PROJECT, numbers: Iterable[str] = ()) -> list[Lesson]:
    """The lessons under `root`/lessons in order, or those with the given numbers alone.

    LessonError names a number that no lesson has, or a bad header.
    """
    lessons = [read_header(path) for path in sorted((root / "lessons").glob("*.py"))]
    existing, wanted = [lesson.number for lesson in lessons], list(numbers)
    if missing := [number for number in wanted if number not in existing]:
        raise LessonError(f"There is no lesson {', '.join(missing)}; there is {existing}.")
    return [lesson for lesson in lessons if lesson.number in (wanted or existing)]


def read_header(source: Path) -> Lesson:
    """The Lesson that a source's YAML header describes; LessonError says what is wrong with it."""
    header = source.read_text(encoding="utf-8").partition("\n# %%")[0]
    try:
        lesson = Lesson(source, **jupytext.reads(header, fmt="py:percent").metadata["lesson"])
    except (KeyError, TypeError) as error:
        raise LessonError(f"{source.name}: a bad header: {error}") from error
    if lesson.stem != source.stem:
        raise LessonError(f"{source.name}: the header says {lesson.stem}; one of them is wrong.")
    return lesson


def derive(lesson: Lesson) -> nbformat.NotebookNode:
    """The notebook that the source says: cells with fixed ids, fixed metadata, no outputs yet.

    An id comes from the cell's type and text, so that a new cell changes no other's. LessonError:
    the title is not the header's question.
    """
    source = jupytext.reads(lesson.source.read_text(encoding="utf-8"), fmt="py:percent")
    title = f"# {lesson.number} · {lesson.question}"
    if not source.cells or source.cells[0].source.partition("\n")[0] != title:
        raise LessonError(f"{lesson.source.name}: its first line should be {title!r}.")
    seen: Counter[str] = Counter()
    for cell in source.cells:
        digest = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:12]
        cell.id = f"{digest}-{seen[digest]}" if seen[digest] else digest
        seen[digest] += 1
    notebook: nbformat.NotebookNode = nbformat.v4.new_notebook(cells=source.cells)
    notebook.metadata.update(
        kernelspec=_KERNEL, language_info=_LANGUAGE, lesson=source.metadata["lesson"]
    )
    return notebook


def with_table(readme: str, lessons: list[Lesson]) -> str:
    """The README's text with the table of lessons between its markers brought up to date."""
    before, _, rest = readme.partition(BEGIN)
    after = rest.partition(END)[2]
    rows = [
        f"| [{each.number}](notebooks/{each.stem}.ipynb) | {each.question} | {each.minutes} |"
        for each in lessons
    ]
    head = [BEGIN, "| lesson | the question it answers | minutes |", "|---|---|---|"]
    return before + "\n".join([*head, *rows, END]) + after
