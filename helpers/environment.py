"""Whether this Python can run the course, and in words what is wrong where it cannot."""

import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
# In a wheel, lessons and notebooks lie inside of the package; in a clone, beside it.
IS_INSTALLED = (_PACKAGE / "course").is_dir()
COURSE = _PACKAGE / "course" if IS_INSTALLED else _PACKAGE.parent


def check() -> list[str]:
    """What is wrong with this environment, a sentence each with how to mend it; empty if nothing.

    Looks at the packages and their bounds (as pyproject.toml names them); if all of them are there,
    at the kernel `python3`; and at the files of the current folder. Changes nothing.
    """
    if sys.platform == "emscripten":  # the page brought all that there is
        return []
    return [*(list(_about_packages()) or _about_kernel()), *_about_files()]


def report(problems: list[str]) -> str:
    """The sentences of `check` as a text to print: one paragraph each, or that all is well."""
    if not problems:
        return "Everything that the lessons need is here."
    return "\n".join(["This environment needs mending:", *(f"- {each}" for each in problems)])


def _about_packages() -> Iterator[str]:
    from packaging.requirements import Requirement

    project = COURSE / "pyproject.toml"
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


def _about_files() -> Iterator[str]:
    """A file beside the notebooks is found before the module that bears its name."""
    for file in sorted(Path.cwd().glob("*.py")):
        if file.stem == "helpers" or file.stem in sys.stdlib_module_names:
            yield f"The notebooks import {file} in place of the real `{file.stem}`: rename it."
