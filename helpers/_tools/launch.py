"""`task-cards`: check the environment, then start JupyterLab at the first lesson."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from helpers.environment import check, report

PROJECT = Path(__file__).resolve().parents[2]
FIRST_LESSON = "notebooks/00_start_here.ipynb"

ABOUT = """\
Check the environment and start JupyterLab at the first lesson, on this machine alone (127.0.0.1)
and with a token. Stop it with Ctrl-C. Options that are not listed here go to JupyterLab, for
example --port=9000, --no-browser, or --ip=0.0.0.0 in a container whose port is published."""


def main(arguments: Sequence[str] | None = None, *, root: Path = PROJECT) -> int:
    """The command. 0 after JupyterLab was stopped; 1 where it cannot be started, said in words."""
    parser = argparse.ArgumentParser(
        prog="task-cards",
        description=ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--check", action="store_true", help="check the environment, start nothing")
    options, passed_on = parser.parse_known_args(arguments)
    problems = check()
    if options.check:
        print(report(problems))
        return 1 if problems else 0
    if problems:
        print(report(problems), file=sys.stderr)
    if not (root / FIRST_LESSON).is_file():
        print(
            f"There is no {FIRST_LESSON} in {root}. The lessons are files that you run and change, "
            "so install the course from its own folder: `python -m pip install -e .`",
            file=sys.stderr,
        )
        return 1
    return _start(lab_options(passed_on, root=root), root=root)


def lab_options(passed_on: Sequence[str], *, root: Path) -> list[str]:
    """JupyterLab's command line: the course's defaults, then what the person passed on.

    What is passed on goes before a default that says the same thing.
    """
    defaults = {
        "--ServerApp.ip": "127.0.0.1",
        "--ServerApp.root_dir": str(root),
        "--LabApp.default_url": f"/lab/tree/{FIRST_LESSON}",
        # Ctrl-C ends it at once, without the question that a closed terminal never answers.
        "--ServerApp.answer_yes": "True",
        # The versions are the course's matter: no question about news, no hint at an update, no
        # list of extensions fetched from the internet.
        "--LabApp.news_url": "None",
        "--LabApp.check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
        "--LabApp.extension_manager": "readonly",
    }
    short = {"--ip": "--ServerApp.ip", "--notebook-dir": "--ServerApp.root_dir"}
    named = {option.partition("=")[0] for option in passed_on}
    taken = named | {short[option] for option in named & set(short)}
    options = [f"{key}={value}" for key, value in defaults.items() if key not in taken]
    if is_root():
        options.append("--allow-root")
    if not has_display():
        options.append("--no-browser")
    return [*options, *passed_on]


def is_root() -> bool:
    """Whether this process runs as root, which JupyterLab refuses unless it is told."""
    return getattr(os, "geteuid", lambda: 1)() == 0


def has_display() -> bool:
    """Whether a browser could show a window here."""
    if sys.platform in ("win32", "darwin"):
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))


def _start(options: list[str], *, root: Path) -> int:
    """Run JupyterLab in this process until it is stopped."""
    try:
        from jupyterlab.labapp import LabApp
    except ImportError as error:
        print(f"JupyterLab cannot be started: {error}.", file=sys.stderr)
        return 1
    # The kernels import `helpers` from this tree, also where it was not installed.
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(PROJECT), before]))
    if not has_display():
        print(
            "There is no display here. Open the address below that begins with http://127.0.0.1 "
            "in a browser; Ctrl-C stops JupyterLab.",
            flush=True,
        )
    try:
        LabApp.launch_instance(options)
    except KeyboardInterrupt:
        # Pressed before the server had put its own handler in place.
        print("Stopped.", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
