"""Build notebooks/ from lessons/.

    python -m helpers._tools.build             every lesson, and the tables
    python -m helpers._tools.build 02 05       these lessons, and the tables
    python -m helpers._tools.build --check     run nothing; say what differs (exit code 1)
    python -m helpers._tools.build --table     README's table and TEACHING's schedules alone

A build that fails leaves the notebook as it was.
"""

import argparse
import asyncio
import difflib
import os
import re
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from helpers._tools.copies import read
from helpers._tools.lessons import Lesson, derive, find_lessons, with_schedules, with_table
from helpers.environment import COURSE

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
_IN_A_FILE = re.compile(r"(\x1b\[[0-9;]*m)*File ")


def build(lesson: Lesson) -> None:
    """Run the lesson in a fresh `python3` kernel and write its notebook with the outputs.

    A cell tagged `raises-exception` may fail. A cell has 60 s, as under nbval.
    """
    path, notebook = lesson.notebook, derive(lesson)
    path.parent.mkdir(exist_ok=True)
    before = path.read_bytes() if path.exists() else None
    nbformat.write(notebook, path)  # an exercise looks there for what a learner was given
    client = NotebookClient(
        notebook,
        timeout=60,
        store_widget_state=False,
        record_timing=False,
        coalesce_streams=True,  # how a print is cut into messages is chance
    )
    env = os.environ | {"PYTHONPATH": str(COURSE), "TASK_CARDS_TEXT": "1"}
    try:
        # On a loop that is closed afterwards. The kernel imports `helpers` from this tree.
        asyncio.run(client.async_execute(env=env, cwd=str(path.parent)))
    except BaseException:
        path.unlink() if before is None else path.write_bytes(before)
        raise
    # The client has written the kernel's own language_info over it, with its Python version.
    notebook.metadata = derive(lesson).metadata
    for cell in (cell for cell in notebook.cells if "outputs" in cell):
        # No widget outlives its kernel: saved, it would read "Error displaying widget".
        cell.outputs = [each for each in cell.outputs if WIDGET_VIEW not in each.get("data", ())]
        for output in cell.outputs:
            if output.output_type == "error":
                # Frames that lie in files name this machine's paths and lines.
                output.traceback = [x for x in output.traceback if not _IN_A_FILE.match(x)]
    # JavaScript writes 1.0 as 1, and a notebook that JupyterLab saves unchanged stays the same.
    text = nbformat.writes(notebook)
    new = nbformat.reads(text, 4, parse_float=lambda n: float(n) if float(n) % 1 else int(float(n)))
    path.write_text(f"{nbformat.writes(new)}\n", encoding="utf-8", newline="\n")


def difference(lesson: Lesson) -> str:
    """How the notebook differs from what its lesson says, outputs apart; "" if it does not."""
    data, _ = read(lesson.notebook)
    a, b = (text.splitlines() for text in (nbformat.writes(derive(lesson)), data.decode()))
    diff = [*difflib.unified_diff(a, b, "lesson", "notebook", n=0, lineterm="")]
    words = f"{lesson.notebook.name} is not what its lesson says; build it."
    return "\n".join([words, *diff]) if diff else ""


def main(arguments: list[str] | None = None, *, root: Path = COURSE) -> int:
    """The command: 0 when all is well, 1 when something differs."""
    parser = argparse.ArgumentParser("python -m helpers._tools.build", usage=__doc__)
    parser.add_argument("numbers", nargs="*", metavar="NN")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args(arguments)
    found = find_lessons(root, solved=True)
    lessons = {lesson.number: lesson for lesson in found if not lesson.solved}
    if unknown := set(options.numbers) - lessons.keys():
        parser.error(f"there is no lesson {', '.join(unknown)}; there are {', '.join(lessons)}")
    chosen = [lesson for lesson in found if lesson.number in (options.numbers or lessons)]
    pages = {root / "README.md": with_table, root / "lessons" / "TEACHING.md": with_schedules}
    texts = {page: page.read_text(encoding="utf-8") for page in pages if page.exists()}
    notebooks = {number: derive(lesson) for number, lesson in lessons.items()}
    new = {page: pages[page](text, notebooks) for page, text in texts.items()}
    if options.check:
        differences = [diff for lesson in chosen if (diff := difference(lesson))]
        old = [page.name for page in texts if texts[page] != new[page]]
        differences += [f"{name}: its lesson table is not what the lessons say." for name in old]
        print(*differences or ["Every notebook is what its lesson says."], sep="\n")
        return 1 if differences else 0
    for lesson in [] if options.table else chosen:
        print(f"{lesson.notebook.relative_to(root)} ...", flush=True)
        build(lesson)
    for page, text in new.items():
        page.write_text(text, encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
