"""The README's lesson table, made from the lessons' own headers."""

from __future__ import annotations

from pathlib import Path

from helpers._tools.lessons import Lesson, LessonError

BEGIN = "<!-- lessons: written by `python -m helpers._tools.build --table` -->"
END = "<!-- end of lessons -->"


def lesson_table(lessons: list[Lesson]) -> str:
    """The table in Markdown: number with a link to the notebook, question, minutes."""
    rows = [
        f"| [{lesson.number}](notebooks/{lesson.notebook.name}) | {lesson.question} "
        f"| {lesson.minutes} |"
        for lesson in lessons
    ]
    return "\n".join(["| lesson | the question it answers | minutes |", "|---|---|---|", *rows])


def with_table(readme: str, lessons: list[Lesson]) -> str:
    """The README's text with the table between its markers brought up to date."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise LessonError(f"README.md: the line {BEGIN} with {END} after it was expected.")
    return f"{before}{BEGIN}\n{lesson_table(lessons)}\n{END}{after}"


def write_table(root: Path, lessons: list[Lesson]) -> None:
    """Write the table into `root`/README.md."""
    readme = root / "README.md"
    readme.write_text(with_table(readme.read_text(encoding="utf-8"), lessons), encoding="utf-8")


def table_differs(root: Path, lessons: list[Lesson]) -> list[str]:
    """A sentence where the README's table is not what the headers say, else nothing."""
    readme = (root / "README.md").read_text(encoding="utf-8")
    if readme == with_table(readme, lessons):
        return []
    return ["README.md: its lesson table is not what the lessons' headers say."]
