"""Whether this Python can run the course, and in words what is wrong where it cannot."""

import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement


def check() -> list[str]:
    """What is wrong with this environment, a sentence each with how to mend it; empty if nothing.

    Looks at the packages and their bounds (as pyproject.toml names them); if all of them are there,
    at the kernel `python3`. Changes nothing.
    """
    return list(_about_packages()) or list(_about_kernel())


def report(problems: list[str]) -> str:
    """The sentences of `check` as a text to print: one paragraph each, or that all is well."""
    if not problems:
        return "Everything that the lessons need is here."
    return "\n".join(["This environment needs mending:", *(f"- {each}" for each in problems)])


def _about_packages() -> Iterator[str]:
    project = Path(__file__).resolve().parents[1] / "pyproject.toml"
    needs = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["dependencies"]
    for need in map(Requirement, needs):
        if need.marker and not need.marker.evaluate():
            continue
        try:
            version = metadata.version(need.name)
            wrong = f"{need.name} is {version}; {need.specifier} is needed."
        except metadata.PackageNotFoundError:
            version, wrong = "", f"The package {need.name} is missing."
        if not version or not need.specifier.contains(version, prereleases=True):
            install = f'`{sys.executable} -m pip install "{need.name}{need.specifier}"`'
            yield f"{wrong} Install it: {install}"


def _about_kernel() -> Iterator[str]:
    from jupyter_client.kernelspec import KernelSpecManager

    spec = KernelSpecManager().get_kernel_spec("python3")
    # A bare name, without a folder, is replaced by the Python that starts the kernel.
    # Links are not followed: two environments may link to one and the same Python.
    program = Path(spec.argv[0])
    if program.parent not in (Path(), Path(sys.executable).parent):
        starts = f"starts {program}, which is not this environment's Python ({sys.executable})"
        mend = "Take that description away: `jupyter kernelspec remove python3`"
        yield f"The kernel `python3` is described in {spec.resource_dir} and {starts}. {mend}"
