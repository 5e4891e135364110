"""Whether this Python can run the course, and in words what is wrong where it cannot."""

import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

# What JupyterLab loads into the browser for a package: without it, its output stays blank.
_LAB_EXTENSIONS = {
    "@jupyter-widgets/jupyterlab-manager": ("jupyterlab-widgets", "sliders and buttons"),
    "anywidget": ("anywidget", "live figures"),
    "jupyterlab-plotly": ("plotly", "figures"),
}
_INSTALL = f"Install it: `{sys.executable} -m pip install"


def check() -> list[str]:
    """What is wrong with this environment, a sentence each with how to mend it; empty if nothing.

    Looks at the packages and their bounds (as pyproject.toml names them); if all of them are there,
    at the kernel `python3`, and JupyterLab's parts for the browser. Changes nothing.
    """
    return list(_about_packages()) or list(_about_jupyter())


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
        install = f'{_INSTALL} "{need.name}{need.specifier}"`'
        try:
            version = metadata.version(need.name)
        except metadata.PackageNotFoundError:
            yield f"The package {need.name} is missing. {install}"
            continue
        if not need.specifier.contains(version, prereleases=True):
            yield f"{need.name} is {version}; {need.specifier} is needed. {install}"


def _about_jupyter() -> Iterator[str]:
    from jupyter_client.kernelspec import KernelSpecManager
    from jupyter_core.paths import jupyter_path

    spec = KernelSpecManager().get_kernel_spec("python3")
    # A bare name, without a folder, is replaced by the Python that starts the kernel.
    # Links are not followed: two environments may link to one and the same Python.
    program = Path(spec.argv[0])
    if program.parent not in (Path(), Path(sys.executable).parent):
        yield (
            f"The kernel `python3` is described in {spec.resource_dir} and starts {program}, "
            f"which is not this environment's Python ({sys.executable}). Take that description "
            "away: `jupyter kernelspec remove python3`"
        )
    for extension, (package, shows) in _LAB_EXTENSIONS.items():
        folders = jupyter_path("labextensions")
        if not any(Path(folder, extension, "package.json").is_file() for folder in folders):
            yield (
                f"JupyterLab does not find {extension}, without which {shows} stay blank. "
                f"{_INSTALL} --force-reinstall --no-deps {package}`"
            )
