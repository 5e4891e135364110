"""`task-cards`: check the environment, then start JupyterLab at the first lesson."""

import argparse
import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from helpers._tools import PROJECT
from helpers.environment import check, report

FIRST_LESSON = "notebooks/00_start_here.ipynb"
OPTIONS = [
    f"--LabApp.default_url=/lab/tree/{FIRST_LESSON}",
    # Ctrl-C ends it at once, without the question that a closed terminal never answers.
    "--ServerApp.answer_yes=True",
    # Fetch nothing from the internet: no news, no hint at an update, no list of extensions.
    "--LabApp.news_url=None",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    "--LabApp.extension_manager=readonly",
]
ABOUT = """\
Check the environment and start JupyterLab at the first lesson, on this machine alone and with a
token. Stop it with Ctrl-C. Options that are not listed here go to JupyterLab, for example
--port=9000, --no-browser, or --ip=0.0.0.0 in a container whose port is published."""


def main(arguments: Sequence[str] | None = None, *, root: Path = PROJECT) -> int:
    """The command: 0 after JupyterLab was stopped, 1 if it cannot start or a check fails."""
    parser = argparse.ArgumentParser(prog="task-cards", description=ABOUT, allow_abbrev=False)
    parser.add_argument("--check", action="store_true", help="check the environment, start nothing")
    options, passed_on = parser.parse_known_args(arguments)
    if not (root / FIRST_LESSON).is_file():
        where = "install the course from its own folder: `python -m pip install -e .`"
        sys.exit(f"There is no {FIRST_LESSON} in {root}; {where}")
    problems = check()
    if options.check:
        print(report(problems))
        return 1 if problems else 0
    if problems:
        print(report(problems), file=sys.stderr)
    from jupyterlab.labapp import LabApp

    os.chdir(root)
    is_root = getattr(os, "geteuid", lambda: 1)() == 0  # whom JupyterLab refuses unless it is told
    with contextlib.suppress(KeyboardInterrupt):  # before the server's own handler is in place
        LabApp.launch_instance([*OPTIONS, *["--allow-root"] * is_root, *passed_on])
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
