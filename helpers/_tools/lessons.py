"""The lessons' sources: their headers, the README's table, and the notebook that each one says."""

import hashlib
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import jupytext
import nbformat

from helpers._tools import PROJECT

# The kernel's own language_info names its Python version, and would differ from machine to machine.
_LANGUAGE = {"name": "python", "file_extension": ".py", "mimetype": "text/x-python"}

BEGIN = "<!-- lessons: written by `python -m helpers._tools.build --table` -->"
END = "<!-- end of lessons -->"


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a lesson's header says, and where its source is."""

    source: Path
    number: str  # "02"
    name: str  # "spawn"
    question: str  # the title
    minutes: int
    article: str  # the article's section, "" where there is none

    @property
    def notebook(self) -> Path:
        """The built notebook's path: notebooks/NN_name.ipynb beside the lessons folder."""
        return self.source.parents[1] / "notebooks" / f"{self.source.stem}.ipynb"


def find_lessons(root: Path = PROJECT) -> list[Lesson]:
    """The lessons under `root`/lessons, in order."""
    sources = sorted((root / "lessons").glob("*.py"))
    return [Lesson(source, **jupytext.read(source).metadata["lesson"]) for source in sources]


def derive(lesson: Lesson) -> nbformat.NotebookNode:
    """The notebook that the source says: cells with fixed ids, fixed metadata, no outputs yet.

    An id comes from the cell's type and text, so that a new cell changes no other's.
    """
    notebook: nbformat.NotebookNode = jupytext.read(lesson.source, fmt="py:percent")
    seen: Counter[str] = Counter()
    for cell in notebook.cells:
        digest = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:12]
        cell.id = f"{digest}-{seen[digest]}" if seen[digest] else digest
        seen[digest] += 1
        if re.match(r"(\w+ = )?predict\(", cell.source):  # its code tells the answer
            cell.metadata["jupyter"] = {"source_hidden": True}
    del notebook.metadata["jupytext"]
    notebook.metadata["language_info"] = _LANGUAGE
    return notebook


def with_table(readme: str, lessons: list[Lesson]) -> str:
    """The README's text with the table of lessons between its markers brought up to date."""
    before, _, rest = readme.partition(BEGIN)
    rows = [
        f"| [{each.number}](notebooks/{each.notebook.name}) | {each.question} | {each.minutes} |"
        for each in lessons
    ]
    head = [BEGIN, "| lesson | the question it answers | minutes |", "|---|---|---|"]
    return before + "\n".join([*head, *rows, END]) + rest.partition(END)[2]
