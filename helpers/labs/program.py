"""From a lab's source text to the coroutine that runs: what is shown is what runs."""

from __future__ import annotations

import linecache
from collections.abc import Coroutine
from typing import Any

from helpers.labs.spec import LabSpec, Values


def file_name(spec: LabSpec) -> str:
    """The name that findings give to the program of a lab, as if it were a file."""
    return f"the {spec.name} lab's code"


def coroutine(spec: LabSpec, values: Values) -> Coroutine[Any, Any, Any]:
    """A fresh `main()` of the program for these values.

    The text is kept where Python looks for lines of source, so that findings can quote them. What
    is wrong with the text comes as the SyntaxError or NameError that a cell would give.
    """
    source, name = spec.source(values), file_name(spec)
    namespace: dict[str, Any] = {"__name__": name}
    exec(compile(source, name, "exec"), namespace)
    # No time of change (None): the entry is no copy of a file, and is not dropped as outdated.
    # There is one for each lab, of its latest run.
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    if "main" not in namespace:
        raise NameError(f"the program of the {spec.name} lab has no main()")
    made: Coroutine[Any, Any, Any] = namespace["main"]()
    return made
