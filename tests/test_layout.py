"""The package's shape: who may import whom, how long it may be, what `import helpers` loads."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import helpers

PROJECT = Path(__file__).resolve().parents[1]
HELPERS = PROJECT / "helpers"
MODULES = {
    ".".join(path.relative_to(PROJECT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(HELPERS.rglob("*.py"))
}
# Each part sees its own row's modules of its own, and the rows above; never another of its row, and
# never a row below. Imports inside functions count too.
ROWS = [
    {"text", "task"},
    {"perfetto"},
    {"files"},
    {"trace"},
    {"findings", "draw"},
    {"run"},
    {"_cost_probe"},
    {"tokio", "model", "race", "costs", "environment"},
    {"comparison", "predictions", "kitchen"},
    {"exercises"},
    {"labs"},
    {"_tools"},
]
# Text, and a notebook's output: a trace shows itself without knowing how it is drawn.
EXCEPTION = ("trace", "draw")
# What the package may have. More is a decision, with its reason beside the number.
MOST_LINES, MOST_MODULES = 11_706, 68
# All but the content: the labs' programs, the exercises, the kitchen. It began at 6,600; 150 make a
# recorded run change nothing and end, 200 tell in findings and pictures apart what a program waits
# for, and who is late, 200 ask before a run and answer with it, count a lesson's minutes, and keep
# a learner's copies, and 350 judge an answer by its run, in a process that can do no harm. 460 let
# time pass: the film of a run with its code, which is a page too and the stage of every lab, the
# picture that follows a slider, and what a lab asks to be found. 200 teach: slides, handouts, polls
# and notes from the same source, schedules, and who solved what.
# 301 reach who can install little or nothing: the course in a wheel, the browser edition with its
# pages and lock, and what runs where there are no threads: jobs, labs, and the end of a run.
MOST_LINES_OF_THE_MACHINE = 8_448
# The service that a lesson builds, and the evening that puts it under load, are content, too.
MOST_LINES_OF_THE_SERVICE, MOST_LINES_OF_AN_EVENING = 500, 186

OF_THE_COURSE = {"helpers", "tests"}
# The name to import, where it is not the name to install.
INSTALLED_AS = {
    "IPython": "ipykernel",
    "yaml": "pyyaml",
    "jupyter_client": "ipykernel",
} | dict.fromkeys(("jupyter_core", "jupyterlab_server"), "jupyterlab")


def imports(path: Path) -> Iterator[str]:
    """The modules that a file imports, also in functions; not those that only types need."""

    def walk(node: ast.AST) -> Iterator[ast.AST]:
        for child in ast.iter_child_nodes(node):
            if not (isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)):
                yield child
                yield from walk(child)

    for node in walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are written in full"
            assert node.module
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in MODULES else node.module for name in names)


def part_of(module: str) -> str:
    """The part of the package that a module belongs to; "" for the package itself."""
    return module.partition(".")[2].partition(".")[0]


def row_of(part: str) -> int:
    numbers = [n for n, row in enumerate(ROWS) if part in row]
    assert numbers, f"{part} stands in no row"
    return numbers[0]


def lines_of(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


@pytest.mark.parametrize("module", [name for name in MODULES if part_of(name)])
def test_a_part_imports_only_itself_and_the_rows_above(module: str) -> None:
    own = part_of(module)
    for name in imports(MODULES[module]):
        other = part_of(name) if name in MODULES else ""
        if name in MODULES and other not in (own, "") and (own, other) != EXCEPTION:
            assert row_of(other) < row_of(own), f"{module} imports {name}"


def test_no_part_but_labs_and_tools_imports_the_package_itself() -> None:
    users = {part_of(m) for m in MODULES if part_of(m) and "helpers" in imports(MODULES[m])}
    assert users <= {"labs", "_tools"}


def test_no_module_imports_itself_on_any_way() -> None:
    seen = {
        module: {
            name
            for name in imports(path)
            if name in MODULES and (part_of(module), part_of(name)) != EXCEPTION
        }
        for module, path in MODULES.items()
    }
    while leaves := {module for module, names in seen.items() if not names & seen.keys()}:
        seen = {module: names for module, names in seen.items() if module not in leaves}
    assert seen.keys() == set(), "an import circle runs through these"


def test_no_module_bears_the_name_of_a_public_function() -> None:
    names = {module.rpartition(".")[2] for module in MODULES}
    assert names & set(helpers.__all__) == set()


def test_the_package_is_small() -> None:
    content = re.compile(r"(lab|ex)\d\d_\w+\.py")
    code = [path for path in MODULES.values() if path.parent.name != "kitchen"]
    machine = [path for path in code if not content.fullmatch(path.name)]
    assert len(code) <= MOST_MODULES
    assert sum(map(lines_of, code)) <= MOST_LINES
    assert sum(map(lines_of, machine)) <= MOST_LINES_OF_THE_MACHINE


def test_the_service_of_a_lesson_can_be_read_in_an_evening() -> None:
    lines = {path.name: lines_of(path) for path in (HELPERS / "kitchen").rglob("*.py")}
    assert lines.pop("evening.py") <= MOST_LINES_OF_AN_EVENING
    assert len(lines) <= 5
    assert sum(lines.values()) <= MOST_LINES_OF_THE_SERVICE


def test_import_helpers_loads_neither_plotly_nor_ipywidgets_nor_anything_installed() -> None:
    script = (
        "import sys; before = set(sys.modules); import helpers; print(*set(sys.modules) - before)"
    )
    run = [sys.executable, "-c", script]
    loaded = subprocess.run(run, cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    roots = {name.partition(".")[0] for name in loaded.split()}
    assert "helpers" in roots
    assert roots - {"helpers"} - sys.stdlib_module_names == set()


@pytest.mark.parametrize("module", MODULES)
def test_every_import_is_of_the_standard_library_or_a_declared_dependency(module: str) -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = list(project["dependencies"])
    extras = project["optional-dependencies"]
    # Who has a server for the kitchen has its driver.
    if module.startswith(("helpers._tools", "helpers.kitchen.stores")):
        declared += extras["test"] + extras["teach"] + extras["site"]
    names = {re.split(r"[<>=;\s[]", line)[0].lower() for line in declared}
    for name in imports(MODULES[module]):
        root = name.partition(".")[0]
        if root not in sys.stdlib_module_names and root not in OF_THE_COURSE:
            wanted = INSTALLED_AS.get(root, root).replace("_", "-")
            assert wanted in names, f"{module} imports {root}, which pyproject.toml does not name"
