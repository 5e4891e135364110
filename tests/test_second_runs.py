"""A notebook's second run, in the kernel of the first, is compared like the first one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nbformat

COUNT = """\
try:
    runs += 1
except NameError:
    runs = 1
print(runs)"""


def test_a_cell_that_prints_something_else_then_fails_unless_it_says_so_or_measures(
    tmp_path: Path,
) -> None:
    new_code, new_book = nbformat.v4.new_code_cell, nbformat.v4.new_notebook
    printed = nbformat.v4.new_output("stream", name="stdout", text="1\n")
    books = {"silent": [], "honest": ["differs-again"], "measured": ["measures"]}
    for name, tags in books.items():
        counted = new_code(COUNT, execution_count=1, outputs=[printed], metadata={"tags": tags})
        often = "runs == 1" if name == "measured" else "runs in (1, 2)"
        book = new_book(cells=[counted, new_code(f"assert {often}", execution_count=2)])
        nbformat.write(book, tmp_path / f"{name}.ipynb")
    (tmp_path / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "--nbval", "-q", "-p", "tests.second_runs"]
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", "--color=no", str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert "1 failed, 10 passed" in done.stdout, done.stdout + done.stderr
    assert "silent.ipynb::Cell 0, again" in done.stdout
