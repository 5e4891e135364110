"""The README: its length, its two commands, and that what it names is there."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib

import pytest
import yaml

from tests.conftest import PROJECT

README = (PROJECT / "README.md").read_text(encoding="utf-8")
LEARN = "python3 -m venv .venv && .venv/bin/pip install -e . && .venv/bin/task-cards"
TEST = "python3 -m venv .venv && .venv/bin/pip install -e '.[test]' && .venv/bin/pytest --nbval"


def test_it_has_120_lines_at_most() -> None:
    assert len(README.splitlines()) <= 120


@pytest.mark.parametrize("command", [LEARN, TEST])
def test_each_command_stands_alone_in_a_block_to_copy(command: str) -> None:
    assert f"```console\n{command}\n```" in README


def test_every_link_and_every_path_it_names_is_there() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    paths = re.findall(r"`((?:lessons|notebooks|helpers|tests|\.ci)/[\w./]*)`", README)
    named = {name for name in links + paths if "NN_" not in name}
    assert len(named) > 10
    assert [name for name in sorted(named) if not (PROJECT / name).exists()] == []


def test_its_map_has_a_line_for_every_part_of_the_package() -> None:
    lines = README.partition("## The map")[2].partition("\n## ")[0]
    named = set(re.findall(r"(?:helpers/|`)(\w+)(?:\.py)?/?`", lines))
    parts = {
        path.name for path in (PROJECT / "helpers").iterdir() if (path / "__init__.py").exists()
    }
    assert parts - named == set()


def test_its_picture_is_a_png_wide_enough_to_read() -> None:
    [name] = re.findall(r"!\[[^\]]{20,}\]\(([^)]+)\)", README)
    data = (PROJECT / name).read_bytes()
    assert data.startswith(b"\x89PNG\r\n")
    assert int.from_bytes(data[16:20], "big") >= 800, "pixels across"


@pytest.mark.parametrize(
    "module",
    [
        "helpers._tools.build",
        "tests.browser.screenshot",
        "tests.browser.look",
        "tests.browser.live",
        "tests.classroom",
    ],
)
def test_every_module_it_says_to_run_has_help(module: str) -> None:
    assert f"python -m {module}" in README
    run = [sys.executable, "-m", module, "--help"]
    shown = subprocess.run(run, cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    assert "usage:" in shown


def test_what_is_said_where_readers_look_names_one_version_and_both_licences() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    cited = yaml.safe_load((PROJECT / ".github" / "CITATION.cff").read_text(encoding="utf-8"))
    changes = (PROJECT / ".github" / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = project["version"], cited["version"], re.findall(r"(?m)^## (\S+)", changes)[0]
    assert len(set(versions)) == 1
    assert project["license"] == " AND ".join(cited["license"])
    assert all((PROJECT / file).is_file() for file in project["license-files"])
