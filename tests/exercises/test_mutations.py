"""Each solution, broken in each way that people break programs, is refused."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from helpers.exercises import EXERCISES
from helpers.exercises import judge as judges
from helpers.exercises.judge import Status
from tests.exercises.answers import judged, solved

# What survives, as it is called below, and why that is no fault: each lesson's tests know it.
SURVIVES: dict[tuple[str, str], str] = {}
for _file in Path(__file__).parent.glob("test_ex??_*.py"):
    SURVIVES |= import_module(f"tests.exercises.{_file.stem}").SURVIVES


class _Change(ast.NodeTransformer):
    """Applies a change to the n-th node for which it is one."""

    def __init__(self, kind: str, n: int) -> None:
        self.kind, self.left, self.told = kind, n, ""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        changed: Any = self._changed(node)
        self.left -= changed is not None
        if changed is None or self.left != -1 or self.told:
            return node
        self.told = f"{self.kind}: {ast.unparse(node).splitlines()[0]}"
        return changed  # type: ignore[no-any-return]

    def _changed(self, node: ast.AST) -> Any:
        if self.kind == "no await" and isinstance(node, ast.Await):
            return node.value
        if self.kind == "no block" and isinstance(node, ast.AsyncWith):
            return node.body
        if self.kind == "no line" and isinstance(node, ast.Expr | ast.AugAssign):
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                return None  # a docstring
            return ast.Pass()
        stands = isinstance(node, ast.Expr | ast.Assign | ast.Return)
        if self.kind == "blocks" and stands and ast.Await in map(type, ast.walk(node)):
            return [*ast.parse("busy(3)").body, node]
        return None


def _swapped(tree: ast.Module) -> Iterator[tuple[str, ast.Module]]:
    bodies = sum(len(getattr(node, "body", [])) > 1 for node in ast.walk(tree))
    for n in range(bodies):
        k = 0
        while True:
            new = copy.deepcopy(tree)
            body = [x for x in ast.walk(new) if len(getattr(x, "body", [])) > 1][n].body  # type: ignore[attr-defined]
            if k + 1 >= len(body):
                break
            body[k], body[k + 1] = body[k + 1], body[k]
            k += 1
            if isinstance(body[k], ast.Expr) and isinstance(body[k].value, ast.Constant):
                continue  # a docstring
            if body is not new.body:
                yield f"swapped: {ast.unparse(body[k]).splitlines()[0]}", new


def mutants(code: str) -> Iterator[tuple[str, str]]:
    """What is changed, and the code with that change."""
    tree = ast.parse(code)
    for kind in ("no await", "no block", "no line", "blocks"):
        n = 0
        while True:
            change = _Change(kind, n)
            new = change.visit(copy.deepcopy(tree))
            if not change.told:
                break
            yield change.told, ast.unparse(ast.fix_missing_locations(new))
            n += 1
    for told, new in _swapped(tree):
        yield told, ast.unparse(ast.fix_missing_locations(new))


MUTANTS = [
    pytest.param(name, told, code, id=f"{name}-{told}")
    for name, each in solved().items()
    if EXERCISES[name].takes is not None
    for told, code in mutants(each.code)
]


@pytest.mark.parametrize(("name", "told", "code"), MUTANTS)
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_broken_solution_is_refused(
    name: str, told: str, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judges, "MOST_SECONDS", {"virtual": 0.5, "real": 0.5})
    try:
        answer = solved()[name].answer(code)
    except SyntaxError:  # a line that needs the block around it
        return
    status = judged(name, answer).status
    if (name, told) in SURVIVES:
        assert status is Status.CORRECT, "it is refused now: take it from the list"
    else:
        assert status is Status.INCORRECT
