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


def test_a_cell_that_prints_something_else_the_second_time_fails_unless_it_says_so(
    tmp_path: Path,
) -> None:
    new_code, new_book = nbformat.v4.new_code_cell, nbformat.v4.new_notebook
    printed = nbformat.v4.new_output("stream", name="stdout", text="1\n")
    for name, tags in (("silent", []), ("honest", ["differs-again"])):
        counted = new_code(COUNT, execution_count=1, outputs=[printed], metadata={"tags": tags})
        book = new_book(cells=[counted, new_code("assert runs in (1, 2)", execution_count=2)])
        nbformat.write(book, tmp_path / f"{name}.ipynb")
    (tmp_path / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "--nbval", "-q", "-p", "tests.second_runs"]
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", "--color=no", str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert "1 failed, 7 passed" in done.stdout, done.stdout + done.stderr
    assert "silent.ipynb::Cell 0, again" in done.stdout
