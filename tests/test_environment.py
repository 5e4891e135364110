"""The environment check, and that pyproject.toml and environment.yml say the same."""

from __future__ import annotations

import json
import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from helpers.environment import check, report

PROJECT = Path(__file__).resolve().parents[1]


def pretend(monkeypatch: pytest.MonkeyPatch, package: str, version: str | None) -> None:
    """Let the check find this version of a package; None: it is missing."""
    real = metadata.version

    def changed(name: str) -> str:
        if name == package and version is None:
            raise metadata.PackageNotFoundError(name)
        return version if name == package and version else real(name)

    monkeypatch.setattr(metadata, "version", changed)


def test_this_environment_can_run_the_course() -> None:
    assert check() == []
    assert report(check()) == "Everything that the lessons need is here."


def test_a_missing_package_is_named_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pretend(monkeypatch, "anywidget", None)
    install = f'`{sys.executable} -m pip install "anywidget<1,>=0.9.13"`'
    assert check() == [f"The package anywidget is missing. Install it: {install}"]


def test_in_a_browser_nothing_is_looked_for_that_a_page_cannot_have(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pretend(monkeypatch, "jupyterlab", None)
    monkeypatch.setattr(sys, "platform", "emscripten")
    assert check() == []


def test_a_version_out_of_bounds_is_named_with_the_bounds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pretend(monkeypatch, "plotly", "5.24.1")
    [sentence] = check()
    assert sentence.startswith("plotly is 5.24.1; <8,>=6.8 is needed.")
    assert sentence in report([sentence])


def test_a_kernel_of_another_environment_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "kernels" / "python3"
    folder.mkdir(parents=True)
    spec = {"argv": ["/elsewhere/bin/python"], "display_name": "Python 3"}
    (folder / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    [sentence] = check()
    assert f"is described in {folder} and starts /elsewhere/bin/python" in sentence
    spec["argv"] = [sys.executable]
    (folder / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
    assert check() == []


def test_a_file_that_hides_a_module_from_the_notebooks_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("helpers.py", "queue.py", "mine.py"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    why = "The notebooks import {} in place of the real `{}`: rename it."
    assert check() == [why.format(tmp_path / f"{name}.py", name) for name in ("helpers", "queue")]


def test_conda_and_pip_are_told_the_same_names_and_bounds() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    conda = yaml.safe_load((PROJECT / "environment.yml").read_text(encoding="utf-8"))
    python, *lines = [x for x in conda["dependencies"] if isinstance(x, str) and x != "pip"]
    assert all(re.fullmatch(r"[a-z0-9_-]+[<>=,.0-9]+", line) for line in lines)
    # conda-forge spells some names with an underscore.
    conda_needs = map(Requirement, lines)
    said_to_conda = {(canonicalize_name(need.name), need.specifier) for need in conda_needs}
    needs = map(Requirement, project["dependencies"])
    said_to_pip = {(need.name, need.specifier) for need in needs}
    assert {name for name, _ in said_to_conda - said_to_pip} == {"jsonschema"}, "a constraint"
    assert said_to_pip < said_to_conda
    version = re.fullmatch(r"python=(3\.\d+)", python)
    assert version, "repo2docker takes another Python for what is written in another way"
    assert SpecifierSet(project["requires-python"]).contains(version[1])
    assert conda["channels"] == ["conda-forge"]
    assert conda["dependencies"][-1] == {"pip": ["-e ."]}
    assert "pip" in conda["dependencies"]
