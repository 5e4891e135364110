"""TEACHING.md's schedules, with the minutes that the lessons' parts take.

A plan is a line in the mark: `A day, 390 minutes: 00 1-3; 02 1-2 6 lab; 03`, each lesson with the
parts to take, by number or by a word of their heading (none: its core, and each part of it), or
without lessons, `A term, 90 minutes a week`.
"""

import re

from nbformat import NotebookNode

from helpers._tools.lessons import Lesson, derive

_MARKS = re.compile(r"(?s)(<!-- schedules:\n(.*?)-->\n).*?(?=<!-- end of schedules -->)")
_PLAN = "| lesson | parts | left out of the core | minutes |"
_TERM = "| lesson | core | exercises in class | at home |"


def with_schedules(teaching: str, lessons: list[Lesson]) -> str:
    """TEACHING.md's text with the tables of the plans in its mark brought up to date."""
    notebooks = {each.number: derive(each) for each in lessons}
    return _MARKS.sub(lambda marks: marks[1] + _tables(marks[2], notebooks), teaching)


def _tables(plans: str, notebooks: dict[str, NotebookNode]) -> str:
    lines = []
    for plan, _, wanted in (line.partition(": ") for line in plans.splitlines()):
        room = int(re.findall(r"\d+", plan)[0])
        rows = [_row(notebooks, *one.split()) for one in wanted.split(";") if one]
        if (total := sum(minutes for *_, minutes in rows)) > room:
            raise SystemExit(f"TEACHING.md: {plan}: its parts take {total} minutes.")
        lines += [f"**{plan}**", "", _PLAN if wanted else _TERM, "|---|---|---|---|"]
        rows += [("in all", "", "", total)] if wanted else _weeks(notebooks, room)
        lines += [*(f"| {' | '.join(map(str, row))} |" for row in rows), ""]
    return "\n".join(lines)


def _row(
    notebooks: dict[str, NotebookNode], number: str, *wanted: str
) -> tuple[str, str, str, int]:
    """A lesson's line in a plan: what is taken of its core, what is not, and the minutes."""
    if number not in notebooks:
        raise SystemExit(f"TEACHING.md: there is no lesson {number!r}.")
    text = "\n".join(cell.source for cell in notebooks[number].cells)
    found = re.findall(r"(?m)^## (?:(\d+)\. )?(.*) \((\d+) min\)$", text)
    heads = [title for _, title, _ in found]
    ends = [n for n, head in enumerate(heads) if head.startswith(("Exercises", "Deeper"))]
    core, chosen = range(min(ends, default=len(heads))), set[int]()
    for part in wanted:
        low, _, high = part.partition("-")
        these = [n for n, head in enumerate(heads) if part in head.lower()][:1]
        if low.isdigit():
            numbers = {*map(str, range(int(low), int(high or low) + 1))}
            these = [n for n, (at, *_) in enumerate(found) if at in numbers]
        if not these:
            raise SystemExit(f"TEACHING.md: lesson {number} has no part {part!r}.")
        chosen |= {*these}
    chosen = chosen or {*core}
    about = notebooks[number].metadata["lesson"]
    before = about["core"] - sum(int(found[n][2]) for n in core)  # what stands before the parts
    names = [at or head for at, head, _ in found]
    taken, left = ([names[n] for n in sorted(each)] for each in (chosen, {*core} - chosen))
    minutes = max(before, 0) + sum(int(found[n][2]) for n in chosen)
    return number, "; ".join(taken), "; ".join(left), minutes


def _weeks(notebooks: dict[str, NotebookNode], room: int) -> list[tuple[str, str, str, str]]:
    """A lesson a week: its core, as much of the exercises as there is time for, and the rest."""
    rows = []
    for number, notebook in notebooks.items():
        core, exercises, deeper = (
            notebook.metadata["lesson"][k] for k in ("core", "exercises", "deeper")
        )
        inside = min(exercises, max(room - core, 0))
        rows.append((number, f"{core} min", f"{inside} min", f"{exercises - inside + deeper} min"))
    return rows
