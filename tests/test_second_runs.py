"""A notebook's second run, in the kernel of the first, is compared like the first one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nbformat

COUNT = """\
try:
    {name} += 1
except NameError:
    {name} = 1
print({name})"""
TAGS = {"silent": [], "honest": ["differs-again"], "measured": ["measures"]}


def test_a_cell_that_prints_something_else_then_fails_unless_it_says_so_or_measures(
    tmp_path: Path,
) -> None:
    printed = nbformat.v4.new_output("stream", name="stdout", text="1\n")
    cells = [
        nbformat.v4.new_code_cell(
            COUNT.format(name=name),
            execution_count=count,
            outputs=[printed],
            metadata={"tags": tags},
        )
        for count, (name, tags) in enumerate(TAGS.items(), 1)
    ]
    last = "assert silent == honest in (1, 2)\nassert measured == 1"
    cells.append(nbformat.v4.new_code_cell(last, execution_count=4))
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "counting.ipynb")
    (tmp_path / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "--nbval", "-q", "-p", "tests.second_runs"]
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", "--color=no", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert "1 failed, 6 passed" in done.stdout, done.stdout + done.stderr
    assert "counting.ipynb::Cell 0, again" in done.stdout
