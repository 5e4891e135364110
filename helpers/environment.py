"""Whether this Python can run the course, and in words what is wrong where it cannot."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

# `packaging`, `tomllib` and Jupyter's parts are imported where they are used: the check has to give
# a sentence, and not a traceback, on a Python that is too old or lacks them.

OLDEST_PYTHON = (3, 11)

# What JupyterLab loads into the browser for a package: without it, its output stays blank.
_LAB_EXTENSIONS = {
    "@jupyter-widgets/jupyterlab-manager": ("jupyterlab-widgets", "sliders and buttons"),
    "anywidget": ("anywidget", "live figures"),
    "jupyterlab-plotly": ("plotly", "figures"),
}


def check() -> list[str]:
    """What is wrong with this environment, a sentence each with how to mend it; empty if nothing.

    Looks at the Python that runs it: its version, the packages and their bounds (as pyproject.toml
    names them), the kernel `python3`, and JupyterLab's parts for the browser. Changes nothing.
    """
    if sys.version_info[:2] < OLDEST_PYTHON:
        version = sys.version.split()[0]
        mend = "Make the environment with a newer one: `python3.12 -m venv .venv`."
        return [f"This is Python {version}; 3.11 or newer is needed. {mend}"]
    return [*_about_packages(), *_about_jupyter()]


def report(problems: list[str]) -> str:
    """The sentences of `check` as a text to print: one paragraph each, or that all is well."""
    if not problems:
        return "Everything that the lessons need is here."
    return "\n".join(["This environment needs mending:", *(f"- {each}" for each in problems)])


def requirements() -> list[str]:
    """What the course needs, as in pyproject.toml: `plotly>=7,<8` and so on, without extras."""
    import tomllib

    project = Path(__file__).resolve().parents[1] / "pyproject.toml"
    if project.is_file():
        # The tree goes before the installed record, which may be older than the tree.
        return list(tomllib.loads(project.read_text(encoding="utf-8"))["project"]["dependencies"])
    return [line for line in metadata.requires("task-cards") or [] if "extra ==" not in line]


def _install(what: str) -> str:
    return f"`{sys.executable} -m pip install {what}`"


def _about_packages() -> Iterator[str]:
    try:
        from packaging.requirements import Requirement
    except ImportError:
        yield f"The package packaging is missing. Install what the course needs: {_install('-e .')}"
        return
    for need in map(Requirement, requirements()):
        if need.marker and not need.marker.evaluate():
            continue
        install = _install(f'"{need.name}{need.specifier}"')
        try:
            version = metadata.version(need.name)
        except metadata.PackageNotFoundError:
            yield f"The package {need.name} is missing. Install it: {install}"
            continue
        if not need.specifier.contains(version, prereleases=True):
            yield f"{need.name} is {version}; {need.specifier} is needed. Install that: {install}"


def _about_jupyter() -> Iterator[str]:
    try:
        from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
        from jupyter_core.paths import jupyter_path
        from jupyterlab_server.config import get_page_config
    except ImportError:
        return  # JupyterLab or ipykernel is missing, which has been said.
    try:
        spec = KernelSpecManager().get_kernel_spec("python3")
    except NoSuchKernel:
        yield f"There is no kernel `python3`. Install it again: {_install('--force ipykernel')}"
    else:
        # A bare name is replaced by the Python that starts the kernel, so it is this environment's.
        # Links are not followed: two environments may link to one and the same Python.
        program = Path(spec.argv[0])
        if program.name != spec.argv[0] and program.parent != Path(sys.executable).parent:
            yield (
                f"The kernel `python3` is described in {spec.resource_dir} and starts {program}, "
                f"which is not this environment's Python ({sys.executable}). Take that description "
                "away: `jupyter kernelspec remove python3`"
            )
    folders = jupyter_path("labextensions")
    disabled = get_page_config(folders).get("disabledExtensions", [])
    for extension, (package, shows) in _LAB_EXTENSIONS.items():
        if not any(Path(folder, extension, "package.json").is_file() for folder in folders):
            yield (
                f"JupyterLab does not find {extension}, without which {shows} stay blank. Install "
                f"it again: {_install(f'--force-reinstall --no-deps {package}')}"
            )
        elif extension in disabled:
            yield (
                f"JupyterLab's {extension} is disabled, so {shows} stay blank. Enable it: "
                f"`jupyter labextension enable {extension}`"
            )
