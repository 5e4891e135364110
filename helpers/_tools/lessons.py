"""The lessons' sources: headers, minutes, the README's table, and the notebook of each."""

import hashlib
import re
import sys
from collections import Counter
from dataclasses import dataclass
from itertools import dropwhile, pairwise, takewhile
from pathlib import Path

import jupytext
import nbformat

from helpers.environment import COURSE

# The kernel's own language_info names its Python version, and would differ from machine to machine.
_LANGUAGE = {"name": "python", "file_extension": ".py", "mimetype": "text/x-python"}

BEGIN = "<!-- lessons: written by `python -m helpers._tools.build --table` -->"
END = "<!-- end of lessons -->"

NOTES = ["notes"]  # the tags of a cell for instructors
_EXERCISES = "## Exercises"
_QUESTION = r"(?m)^(?:\w+ = )?predict\([^)]"
# What a cell asks for beside reading, and the minutes for it; the last is a picture at its end.
_TASKS = {
    _QUESTION: 0.75,
    r"(?m)^(?:\w+ = )?lab\([^)]": 5,
    r"(?m)^check\([^)]": 10,
    r"(?m)^(?:(?:timeline|compare|await record)\(.*(?:\n[ )].*)*|[a-zA-Z_]\w*)\Z": 0.5,
}
_PLAN = r"(?s)(<!-- schedules: (\d+) minutes: (.*?) -->\n).*?(?=<!-- end of schedules)"
_RUST = re.compile(r"(?ms)^```rust\n(.*?)^```$")


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a lesson's header says, and where its source is."""

    source: Path
    number: str  # "02"
    name: str  # "spawn"
    question: str  # the title
    article: str  # the article's section, "" where there is none
    solved: bool = False  # its exercises alone, with their solutions

    @property
    def notebook(self) -> Path:
        """The built notebook's path: notebooks/NN_name.ipynb beside the lessons folder."""
        folder = self.source.parents[1] / "notebooks" / ("solutions" if self.solved else ".")
        return folder / f"{self.source.stem}.ipynb"


def find_lessons(root: Path = COURSE, *, solved: bool = False) -> list[Lesson]:
    """The lessons under `root`/lessons in order; behind each its solved exercises, if asked for."""
    found = []
    for source in sorted((root / "lessons").glob("*.py")):
        notebook = jupytext.read(source)
        found.append(Lesson(source, **notebook.metadata["lesson"]))
        if solved and any(cell.source.startswith(_EXERCISES) for cell in notebook.cells):
            found.append(Lesson(source, **notebook.metadata["lesson"], solved=True))
    return found


def derive(lesson: Lesson, *, notes: bool = False) -> nbformat.NotebookNode:
    """The notebook that the source says: cells with fixed ids, fixed metadata, no outputs yet.

    An id comes from the cell's type and text, so that a new cell changes no other's. Headings and
    the title get their minutes. An exercise begins without what is tagged `solution`, or stands
    below `# solution` in a cell. Cells tagged `notes` are left out but with `notes`.
    """
    notebook: nbformat.NotebookNode = jupytext.read(lesson.source, fmt="py:percent")
    cells = notebook.cells = [x for x in notebook.cells if notes or x.metadata.get("tags") != NOTES]
    if lesson.solved:  # the exercises alone, and below each an answer that is right
        head, *rest = dropwhile(lambda cell: not cell.source.startswith(_EXERCISES), cells)
        notebook.cells = [head, *takewhile(lambda cell: not cell.source.startswith("## "), rest)]
    else:
        notebook.cells = [x for x in cells if "solution" not in x.metadata.get("tags", ())]
    seen: Counter[str] = Counter()
    for cell in notebook.cells:
        if not lesson.solved:
            cell.source = re.sub(r"(?ms)^( *)# solution$.*", r"\1...", cell.source)
        digest = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:12]
        cell.id = f"{digest}-{seen[digest]}" if seen[digest] else digest
        seen[digest] += 1
        if re.match(_QUESTION, cell.source):  # its code tells the answer
            cell.metadata["jupyter"] = {"source_hidden": True}
    del notebook.metadata["jupytext"]
    notebook.metadata["language_info"] = _LANGUAGE
    if not lesson.solved:
        _write_minutes(notebook)
        _write_grades(notebook)
    return notebook


def _write_grades(notebook: nbformat.NotebookNode) -> None:
    """Tell nbgrader which cell is an exercise's answer, and that the `check` behind it grades."""
    for before, cell in pairwise(cell for cell in notebook.cells if cell.cell_type == "code"):
        if found := re.match(r'check\("([\w.]+)"', cell.source):
            for each, grade in ((before, False), (cell, True)):
                name = found[1].replace(".", "-") + "-check" * grade  # a dot is not allowed
                about = {"schema_version": 3, "grade_id": name, "task": False, "grade": grade}
                about |= {"solution": not grade, "locked": grade}
                each.metadata["nbgrader"] = about | ({"points": 1} if grade else {})


def _write_minutes(notebook: nbformat.NotebookNode) -> None:
    """Into each section's heading; of core, exercises and what is deeper, below the title."""
    total = section = deeper = exercises = 0.0
    for cell in reversed([x for x in notebook.cells if x.metadata.get("tags") != NOTES]):
        pieces = re.split("(?m)^(?=## )", cell.source)
        for n, piece in reversed([*enumerate(pieces)]):
            section += _minutes(piece, cell.cell_type)
            if piece.startswith("## ") and cell.cell_type == "markdown":
                pieces[n] = re.sub("(?m)$", f" ({max(1, round(section))} min)", piece, count=1)
                total, section = total + section, 0.0
                deeper = total if piece.startswith("## Deeper") else deeper
                exercises = total - deeper if piece.startswith(_EXERCISES) else exercises
        cell.source = "".join(pieces)
    core = total + section - deeper - exercises
    minutes = {"core": round(core), "exercises": round(exercises), "deeper": round(deeper)}
    notebook.metadata["lesson"] |= minutes
    title, end, text = notebook.cells[0].source.partition("\n")
    more = f" Exercises: {minutes['exercises']}." if exercises else ""
    more += f" Deeper, to be left out: {minutes['deeper']}." if deeper else ""
    notebook.cells[0].source = f"{title}\n\n*Core: {minutes['core']} minutes.{more}*{end}{text}"


def _minutes(text: str, cell_type: str) -> float:
    """How long a learner takes for a cell or a piece of it. Nobody reads a hidden prediction."""
    if cell_type == "markdown":
        rust = "".join(_RUST.findall(text)).splitlines()
        words = re.findall(r"\S*\w\S*", _RUST.sub("", text))
        return len(words) / 200 + sum(map(bool, rust)) / 15
    if re.match(_QUESTION, text):
        return _TASKS[_QUESTION] * len(re.findall(_QUESTION, text))
    tasks = sum(each * len(re.findall(task, text)) for task, each in _TASKS.items())
    return len(re.findall(r"(?m)^ *[^\s#]", text)) / 12 + tasks


def with_table(readme: str, notebooks: dict[str, nbformat.NotebookNode]) -> str:
    """The README's text with the table of lessons between its markers brought up to date."""
    row = "| [{number}](notebooks/{number}_{name}.ipynb) | {question} | "
    row += "{core} min | {exercises} min | {deeper} min |"
    rows = [BEGIN, "| lesson | the question it answers | core | exercises | deeper |"]
    rows.append("|---|---|---|---|---|")
    rows += [row.format_map(each.metadata["lesson"]) for each in notebooks.values()]
    before, _, rest = readme.partition(BEGIN)
    return before + "\n".join([*rows, END]) + rest.partition(END)[2]


def with_schedules(teaching: str, notebooks: dict[str, nbformat.NotebookNode]) -> str:
    """TEACHING.md's text with the table below each of its marks brought up to date.

    A mark says `schedules: 390 minutes: 00 1 2; 02; 03 4 lab`: lessons with the parts to take, by
    number or a word of their headings (none: the core).
    """

    def table(mark: re.Match[str]) -> str:
        rows, total = [("lesson", "in class", "minutes"), ("---",) * 3], 0
        for one in mark[3].split(";"):
            try:
                number, *words = one.split()
                taken, minutes = _planned(notebooks[number], words)
            except (LookupError, ValueError):
                sys.exit(f"TEACHING.md: there is no such lesson or part: {one!r}.")
            rows.append((number, taken, str(minutes)))
            total += minutes
        if total > int(mark[2]):
            sys.exit(f"TEACHING.md: a plan for {mark[2]} minutes takes {total}.")
        rows.append(("in all", "", str(total)))
        return mark[1] + "".join(f"| {' | '.join(row)} |\n" for row in rows)

    return re.sub(_PLAN, table, teaching)


def _planned(notebook: nbformat.NotebookNode, words: list[str]) -> tuple[str, int]:
    """What of a lesson is taken, and how long that is."""
    text = "\n".join(cell.source for cell in notebook.cells)
    parts = re.findall(r"(?m)^## (?:(\d+)\. )?(.*) \((\d+) min\)$", text)
    core = [*takewhile(lambda part: not part[1].startswith(("Exercises", "Deeper")), parts)]
    words_of = {n: (number, *head.lower().split()) for n, (number, head, _) in enumerate(parts)}
    taken = [parts[min(n for n, own in words_of.items() if word in own)] for word in words] or core
    more = sum(int(part[2]) for part in taken) - sum(int(part[2]) for part in core)
    names = "; ".join(number or head for number, head, _ in taken)
    return names if words else "the core", notebook.metadata["lesson"]["core"] + more
