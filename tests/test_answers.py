"""What the answers to each lesson's "Try it" say is what the programs that they are about do."""

from __future__ import annotations

import ast
import asyncio
import re
from collections.abc import Coroutine
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from helpers import Trace, record

LESSONS = Path(__file__).resolve().parents[1] / "lessons"
DEFINITIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom


def lesson(number: str) -> str:
    """The source of a lesson."""
    (path,) = LESSONS.glob(f"{number}_*.py")
    return path.read_text(encoding="utf-8")


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


def test_00_a_roast_that_is_first_makes_the_soup_wait_twice() -> None:
    soup, roast = (
        f'        asyncio.create_task({dish}(), name="{dish}"),\n' for dish in ("soup", "roast")
    )
    trace = run(program("00", 3, (soup + roast, roast + soup)).cook_dinner())
    first, second = trace.task("soup").steps
    said = answer("00", 1)
    assert f"The soup, for {first.start - first.ready:g} minutes" in said
    assert f"minute {second.ready:g}, while the roast is being carved" in said
    assert second.start - second.ready == 1, "it waits for one more"
    before = run(program("00", 3).cook_dinner())
    assert f"minute {trace.duration:g} instead of {before.duration:g}." in said


def test_00_a_stare_with_one_pause_is_as_long_for_the_soup_as_one_without() -> None:
    stare = "busy(6)  # was: await asyncio.sleep(6)"

    def served(*pieces: float, pause: float = 0) -> Trace:
        steps = f"\n    await asyncio.sleep({pause})\n    ".join(f"busy({n})" for n in pieces)
        return run(program("00", 3, (stare, steps)).cook_badly())

    halves, sixths, longer = served(3, 3), served(*[1] * 6), served(3, 3, pause=0.5)
    said = answer("00", 2)
    soup, roast = halves.task("soup"), halves.task("roast")
    assert soup.ended == served(6).task("soup").ended
    assert f"minute {soup.ended:g}, as before" in said
    assert f"rings at minute {soup.steps[1].ready:g}, and" in said
    assert f"ends a step at minute {roast.steps[0].end:g};" in said
    assert roast.steps[1].start == roast.steps[0].end
    assert f"until minute {roast.ended:g}." in said
    assert f"served at minute {sixths.task('soup').ended:g}:" in said
    assert f"served at minute {longer.task('soup').ended:g}." in said


def test_06_a_token_for_the_oven_alone_makes_the_evening_no_shorter() -> None:
    whole = "    async with ovens:\n        return await dish(number)"
    oven = '    busy(1)\n    async with ovens:\n        await asyncio.sleep(4)\n    return "dish"'
    before, after = program("06", 5), program("06", 5, (whole, oven))
    took = {
        tokens: [run(lesson.with_tokens(9, tokens)).duration for lesson in (before, after)]
        for tokens in (1, 3, 4)
    }
    said = answer("06", 1)
    assert took[3][0] == took[3][1]
    assert f"No: {took[3][1]:g} minutes, as before." in said
    assert f"shorter ({took[1][1]:g} minutes in place of {took[1][0]:g})" in said
    assert f"longer ({took[4][1]:g} in place of {took[4][0]:g})" in said
    cards = run(after.with_tokens(9, 3)).tasks[1:]
    rings = [f"{card.steps[1].ready:g}" for card in cards[:3]]
    assert f"ring at minutes {rings[0]}, {rings[1]} and {rings[2]} stay empty" in said
    assert f"until minute {cards[-1].steps[0].end:g}." in said
    assert min(card.steps[1].start for card in cards) == cards[-1].steps[0].end
