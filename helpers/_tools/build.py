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
import sys
from pathlib import Path

import nbformat

from helpers._tools.compare import differences, strangers
from helpers._tools.execute import execute
from helpers._tools.lessons import PROJECT, Lesson, LessonError, derive, find_lessons
from helpers._tools.rules import broken_rules
from helpers._tools.table import table_differs, write_table


def build(lesson: Lesson) -> None:
    """Run the lesson and write its notebook with the outputs; LessonError says why it cannot be."""
    notebook = derive(lesson)
    lesson.notebook.parent.mkdir(parents=True, exist_ok=True)
    execute(notebook, folder=lesson.notebook.parent, name=lesson.stem)
    text = nbformat.writes(notebook) + "\n"
    if broken := broken_rules(notebook, kilobytes=len(text.encode()) / 1024):
        raise LessonError("\n".join(f"{lesson.stem}: {sentence}" for sentence in broken))
    lesson.notebook.write_text(text, encoding="utf-8", newline="\n")


def check(root: Path, numbers: list[str]) -> list[str]:
    """What differs between sources and notebooks, in sentences; nothing is run."""
    lessons = find_lessons(root, numbers)
    sentences = [sentence for lesson in lessons for sentence in differences(lesson)]
    if not numbers:
        sentences += strangers(lessons, root / "notebooks")
        sentences += table_differs(root, lessons)
    return sentences


def main(arguments: list[str] | None = None, *, root: Path = PROJECT) -> int:
    """The command: 0 when all is well, 1 when something differs or a lesson failed."""
    parser = argparse.ArgumentParser(
        prog="python -m helpers._tools.build",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "numbers", nargs="*", metavar="NN", help="the lessons' numbers; all if none"
    )
    parser.add_argument("--check", action="store_true", help="run nothing; say what differs")
    parser.add_argument("--table", action="store_true", help="write the README's table alone")
    options = parser.parse_args(arguments)
    try:
        if options.check:
            return _report(check(root, options.numbers))
        if not options.table:
            _build_all(find_lessons(root, options.numbers))
        if options.table or not options.numbers:
            write_table(root, find_lessons(root))
    except LessonError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _build_all(lessons: list[Lesson]) -> None:
    for lesson in lessons:
        print(f"{lesson.stem} ...", flush=True)
        build(lesson)
        size = lesson.notebook.stat().st_size / 1024
        print(f"{lesson.stem}: written, {size:.0f} KiB", flush=True)


def _report(sentences: list[str]) -> int:
    for sentence in sentences:
        print(sentence)
    if sentences:
        print("Mend the lesson, then run `python -m helpers._tools.build NN` and commit both.")
        return 1
    print("Every notebook is what its lesson says.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
