"""What a lesson says and defines, for the tests of what it says."""

from __future__ import annotations

import ast
import asyncio
import re
from collections.abc import Coroutine
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from helpers import Trace, record

LESSONS = Path(__file__).resolve().parents[2] / "lessons"
NOTES = re.compile(r'(?m)^# %% \[markdown\] tags=\["notes"\]\n(?:#.*\n)*')
DEFINITIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom


def lesson(number: str) -> str:
    """The source of a lesson, without the instructor's notes."""
    (path,) = LESSONS.glob(f"{number}_*.py")
    return NOTES.sub("", path.read_text(encoding="utf-8"))


def answer(number: str, task: int) -> str:
    """The answer to one "Try it" of a lesson, on one line and without markup."""
    section = lesson(number).split("# ## Try it\n")[1].split("# ## What to take away")[0]
    last_three = re.split(r"(?m)^# \d\. ", section)[-3:]  # a list of answers follows its questions
    text = last_three[task - 1].split("</summary>")[-1].split("</details>")[0]
    return " ".join(re.sub(r"(?m)^#|</?(?:code|em)>|`", "", text).split())


def program(number: str, section: int, *edits: tuple[str, str]) -> SimpleNamespace:
    """What a lesson defines up to the end of a section, with each old text replaced by its new."""
    parts = re.split(r"(?m)^(?=# ## )", lesson(number))
    end = next(n for n, part in enumerate(parts) if part.startswith(f"# ## {section}. "))
    source = "".join(parts[: end + 1])
    for old, new in edits:
        assert source.count(old) == 1, f"lesson {number} has {source.count(old)} times {old!r}"
        source = source.replace(old, new)
    cells = compile(
        source, number, "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, True
    )
    defined = [node for node in cells.body if isinstance(node, DEFINITIONS) or is_constant(node)]
    names: dict[str, Any] = {}
    exec(compile(ast.Module(defined, []), number, "exec", dont_inherit=True), names)
    return SimpleNamespace(**names)


def is_constant(node: ast.stmt) -> bool:
    """Whether a statement gives a value to one name in capitals."""
    return isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).isupper()


def run(main: Coroutine[Any, Any, Any]) -> Trace:
    """Record a program on the virtual clock, in minutes."""
    return asyncio.run(record(main, unit="minutes"))
