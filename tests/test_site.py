"""The browser edition: what a cell shows that cannot run there, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from helpers._tools import browser, site
from helpers._tools.launch import main
from tests.conftest import PROJECT


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)  # IPython warns of another one
    shell: Any = InteractiveShell()  # type: ignore[no-untyped-call]
    browser.load_ipython_extension(shell)
    return shell


def test_a_lesson_s_cell_that_fails_shows_why_and_what_it_showed_and_is_no_error(
    shell: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    lesson = json.loads((PROJECT / "notebooks" / "00_start_here.ipynb").read_bytes())
    printing = next(
        cell
        for cell in lesson["cells"][5:]
        if [out["output_type"] for out in cell.get("outputs", ())] == ["stream"]
    )
    result = shell.run_cell("".join(printing["source"]))  # none before it was run
    assert result.success
    why, _, shown = capsys.readouterr().out.partition("\n")
    assert why.startswith("This cell does not run here (NameError: name ")
    assert why.endswith(browser.WHAT)
    assert shown == "".join(printing["outputs"][0]["text"])


def test_a_cell_of_the_learner_s_that_fails_shows_its_own_error(
    shell: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not shell.run_cell("1 / 0").success
    assert "ZeroDivisionError" in capsys.readouterr().out


def test_a_learner_s_copy_loads_that_in_its_first_cell(tmp_path: Path) -> None:
    site.lay_lessons(PROJECT, tmp_path)
    cells = json.loads((tmp_path / "03_not_blocking.ipynb").read_bytes())["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    assert code[0] == "%load_ext helpers._tools.browser"
    assert code[1].startswith("import asyncio\n")
    ids = [cell["id"] for cell in cells]
    assert len(set(ids)) == len(ids)


def test_without_pyodide_or_into_a_folder_with_other_files_it_builds_nothing(
    tmp_path: Path,
) -> None:
    with pytest.raises(SystemExit, match="^There is no Pyodide in .*: `npm install"):
        main(["site", f"--out={tmp_path / '_site'}"], root=tmp_path)
    (tmp_path / "mine.txt").touch()
    with pytest.raises(SystemExit, match="is there and is no site"):
        main(["site", f"--out={tmp_path}"])
    assert (tmp_path / "mine.txt").exists()
