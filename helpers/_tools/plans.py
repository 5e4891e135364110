"""TEACHING.md's schedules, from the minutes that the lessons' parts take."""

import re

from nbformat import NotebookNode

from helpers._tools.lessons import Lesson, derive

_MARKS = re.compile(r"(?s)(<!-- schedules:\n(.*?)-->\n).*?(?=<!-- end of schedules -->)")
_PLAN = "| lesson | parts | left out of the core | minutes |"
_TERM = "| lesson | core | exercises in class | at home |"


def with_schedules(teaching: str, lessons: list[Lesson]) -> str:
    """TEACHING.md's text with a table for each of the plans in its mark.

    A plan is a line, `A day, 390 minutes: 00 1 2; 02; 03 4 lab`: lessons with the parts to take, by
    number or a word of their headings (none: the core), or `A term, 90 minutes a week`.
    """
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
        rows += [("in all", "", "", total)] if wanted else []
        for number, each in () if wanted else notebooks.items():
            core, exercises, deeper = (
                each.metadata["lesson"][part] for part in ("core", "exercises", "deeper")
            )
            inside = min(exercises, max(room - core, 0))
            rows.append((number, f"{core}", f"{inside}", exercises - inside + deeper))
        lines += [*(f"| {' | '.join(map(str, row))} |" for row in rows), ""]
    return "\n".join(lines)


def _row(
    notebooks: dict[str, NotebookNode], number: str, *wanted: str
) -> tuple[str, str, str, int]:
    """A lesson's line in a plan: what is taken of it, what is not of its core, and the minutes."""
    if number not in notebooks:
        raise SystemExit(f"TEACHING.md: there is no lesson {number!r}.")
    text = "\n".join(cell.source for cell in notebooks[number].cells)
    found = re.findall(r"(?m)^## (?:(\d+)\. )?(.*) \((\d+) min\)$", text)
    parts = [(at or head, head.lower(), int(minutes)) for at, head, minutes in found]
    ends = [n for n, part in enumerate(parts) if part[1].startswith(("exercises", "deeper"))]
    core = parts[: min(ends, default=None)]
    taken = [] if wanted else core
    for word in wanted:
        these = [part for part in parts if word == part[0] or word in part[1].split()]
        if not these:
            raise SystemExit(f"TEACHING.md: lesson {number} has no part {word!r}.")
        taken.append(these[0])
    before = notebooks[number].metadata["lesson"]["core"] - sum(part[2] for part in core)
    names, left = (
        "; ".join(part[0] for part in each) for each in (taken, [x for x in core if x not in taken])
    )
    return number, names, left, max(before, 0) + sum(part[2] for part in taken)
