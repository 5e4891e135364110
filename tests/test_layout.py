"""The package's shape: who may import whom, how long things may be, what `import helpers` loads."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
HELPERS = PROJECT / "helpers"
MODULES = {
    ".".join(path.relative_to(PROJECT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(HELPERS.rglob("*.py"))
}
NAMED_IN_THE_MAP = ("trace", "race", "costs")

# Each row sees the rows above it, and never one below it.
LAYERS = [
    {"helpers.text", "helpers.trace"},
    {"helpers.draw"},
    {"helpers.run", "helpers.tokio", "helpers.model", "helpers.race", "helpers.costs"},
    {"helpers.comparison"},
    {"helpers.labs"},
]
OF_THE_COURSE = {"helpers", "tests"}
# The name to import, where it is not the name to install.
INSTALLED_AS = {
    "IPython": "ipykernel",
    "yaml": "pyyaml",
    "jupyter_client": "ipykernel",
} | dict.fromkeys(("jupyter_core", "jupyterlab_server"), "jupyterlab")


def imports(path: Path, *, at_import_time: bool) -> Iterator[str]:
    """The modules that a file imports: all, or those that importing it imports too.

    Imports in functions wait until they are called, those under TYPE_CHECKING never happen.
    """

    def walk(node: ast.AST) -> Iterator[ast.AST]:
        for child in ast.iter_child_nodes(node):
            later = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            if at_import_time and (later or _for_types_alone(child)):
                continue
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


def _for_types_alone(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def reached(module: str) -> set[str]:
    """Every module of the package that importing this one imports, itself included."""
    found, queue = set(), [module]
    while queue:
        name = queue.pop()
        if name in MODULES and name not in found:
            found.add(name)
            queue.extend(imports(MODULES[name], at_import_time=True))
    return found


def part_of(name: str, layer: set[str]) -> bool:
    return any(name == member or name.startswith(f"{member}.") for member in layer)


@pytest.mark.parametrize("number", range(len(LAYERS)), ids=lambda n: "-".join(sorted(LAYERS[n])))
def test_no_layer_imports_one_that_is_built_on_it(number: int) -> None:
    above = set().union(*LAYERS[number + 1 :])
    for module in MODULES:
        if part_of(module, LAYERS[number]):
            assert [name for name in sorted(reached(module)) if part_of(name, above)] == []


def test_exercises_see_the_trace_and_nothing_that_is_built_on_it() -> None:
    own, trace = {"helpers.exercises"}, reached("helpers.trace")
    for module, path in MODULES.items():
        if part_of(module, own):
            seen = {name for name in imports(path, at_import_time=True) if name in MODULES}
            strangers = {name for name in seen if not part_of(name, own)} - trace
            assert strangers == set(), f"{module} sees more than the trace"


@pytest.mark.parametrize("name", NAMED_IN_THE_MAP)
def test_each_module_of_the_map_is_there_with_a_test_of_its_own(name: str) -> None:
    assert f"helpers.{name}" in MODULES
    assert (PROJECT / "tests" / f"test_{name}.py").is_file()


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
    if module.startswith("helpers._tools"):
        declared += project["optional-dependencies"]["test"]
    names = {re.split(r"[<>=;\s]", line)[0].lower() for line in declared}
    for name in imports(MODULES[module], at_import_time=False):
        root = name.partition(".")[0]
        if root not in sys.stdlib_module_names and root not in OF_THE_COURSE:
            wanted = INSTALLED_AS.get(root, root).replace("_", "-")
            assert wanted in names, f"{module} imports {root}, which pyproject.toml does not name"
