"""Copy the lessons into a folder of your own, and start JupyterLab there at the first of them.

What you have changed is never overwritten. JupyterLab serves this machine alone, asks for a token,
and ends with Ctrl-C. It gets all other options: --no-browser, or --ip=0.0.0.0 in a container.
For instructors there are `task-cards slides 03`, `handout`, `poll`, `teach` and `progress`; in a
clone, `task-cards site --out _site` builds the edition that runs in a browser.
"""

import argparse
import contextlib
import json
import os
import shutil
import socket
import sys
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from helpers._tools.copies import bring, set_aside
from helpers.environment import COURSE, IS_INSTALLED, check, report
from helpers.exercises import EXERCISES, NEW, PROGRESS

FIRST_LESSON = "00_start_here.ipynb"
TEACHING = ("slides", "handout", "poll", "teach", "progress")
SETTINGS = Path(__file__).with_name("settings")
OPTIONS = [
    "--ServerApp.answer_yes=True",  # Ctrl-C asks nothing, which a closed terminal never answers
    "--ServerApp.allow_root=True",  # in a container
    # Fetch nothing from the internet: no news, no hint at an update, no list of extensions.
    "--LabApp.news_url=None",
    f"--LabApp.app_settings_dir={SETTINGS}",  # it does not ask about news, and renders pages
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    "--LabApp.extension_manager=readonly",
]


def main(arguments: Sequence[str] | None = None, *, root: Path = COURSE) -> int:
    """The command: 0 when it has done what it was asked for, 1 or a sentence if it could not."""
    words = [*(sys.argv[1:] if arguments is None else arguments)]
    mine = (Path.cwd() if root == COURSE and IS_INSTALLED else root) / "my-course"
    try:
        if words[:1] == ["site"]:
            return _site(words[1:], root)
        return (_teach if words[:1] and words[0] in TEACHING else _learn)(words, root, mine)
    except (ImportError, OSError, OverflowError) as error:
        extras = "'task-cards[teach]'" if IS_INSTALLED else "-e '.[teach,site]'"
        mend = f"; `python -m pip install {extras}` may mend it" * isinstance(error, ImportError)
        sys.exit(f"`{' '.join(['task-cards', *words])}` fails: {error}{mend}")


def _learn(words: list[str], root: Path, mine: Path) -> int:
    parser = argparse.ArgumentParser(prog="task-cards", description=__doc__, allow_abbrev=False)
    add = parser.add_argument
    add("--folder", type=Path, default=mine, help="yours; else %(default)s")
    add("--port", type=int, default=0, help="else a free one, from 8888 on")
    add("--check", action="store_true", help="do all that but serve, and say what is wrong")
    add("--update", action="store_true", help="bring what is new, but for what you have changed")
    add("--reset", metavar="NN", help="copy lesson NN anew, and keep yours beside it")
    parser.set_defaults(page=f"/lab/tree/{FIRST_LESSON}")
    options, passed_on = parser.parse_known_args(words)
    folder = options.folder.resolve()
    if options.reset:
        set_aside(root, folder, options.reset)
    print(bring(root, folder, update=options.update))
    return 0 if options.reset or options.update else _start(folder, options, passed_on)


def _teach(words: list[str], root: Path, mine: Path) -> int:
    """What an instructor needs: a lesson's pages, the presenter's copy, and who solved what."""
    parser = argparse.ArgumentParser("task-cards", description=_teach.__doc__, allow_abbrev=False)
    add = parser.add_argument
    add("what", choices=TEACHING)
    add("numbers", nargs="*", metavar="NN", help="lessons; else all")
    add("--out", type=Path, default=mine / "teaching", help="else %(default)s")
    add("--reveal", type=Path, help="npm's reveal.js, unpacked, to be laid beside slides")
    add("--answers", action="store_true", help="in a poll too")
    add("--export", action="store_true", help="progress as CSV: who, exercise, outcome")
    add("--folder", type=Path, nargs="+", default=[mine], help="whose progress")
    parser.set_defaults(port=0, check=False)
    options, passed_on = parser.parse_known_intermixed_args(words)
    if passed_on and options.what != "teach":
        parser.error(f"{options.what} knows no {' '.join(passed_on)}")
    if options.what == "progress":
        print("folder,exercise,outcome")
        for path in (folder / PROGRESS for folder in options.folder):
            try:
                known = json.loads(path.read_bytes())["exercises"] if path.exists() else {}
            except (ValueError, LookupError, TypeError) as error:
                sys.exit(f"{path} is no file of progress: {error!r}")
            for name in EXERCISES | known:
                print(path.parent, name, known.get(name, NEW)["status"], sep=",")
        return 0
    from helpers._tools.teach import make

    options.out = options.out.resolve()
    pages = make(options, root)
    if options.what != "teach":
        return 0
    print(bring(root, options.out, update=True))
    if "--no-browser" not in passed_on:
        webbrowser.open(pages[0].as_uri())
    options.page = f"/doc/tree/{pages[0].name.removesuffix('_notes.html')}.ipynb"
    settings = options.out / ".settings"  # JupyterLab's, with a type to be seen from afar
    if not settings.exists():
        shutil.copytree(SETTINGS / "teaching", settings)
    return _start(options.out, options, [f"--LabApp.user_settings_dir={settings}", *passed_on])


def _site(words: list[str], root: Path) -> int:
    """Build the browser edition into a folder that any web server can serve; it is made anew."""
    parser = argparse.ArgumentParser("task-cards site", description=_site.__doc__)
    parser.add_argument("--out", type=Path, default=Path("_site"), help="else %(default)s")
    out = parser.parse_args(words).out.resolve()
    if out.exists() and not (out / "jupyter-lite.json").is_file():
        sys.exit(f"{out} is there and is no site: name another folder.")
    from helpers._tools.site import build

    build(root, out)
    print(f"The site is in {out}: `python -m http.server -b 127.0.0.1 -d {out}` serves it.")
    return 0


def _start(folder: Path, options: argparse.Namespace, passed_on: list[str]) -> int:
    """Start JupyterLab in the folder; a check ends where that would begin to serve."""
    os.chdir(folder)
    if (problems := check()) or options.check:
        print(report(problems))
    socket.create_server(("127.0.0.1", options.port)).close()
    from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
    from jupyterlab.labapp import LabApp

    class AtOnce(ZMQChannelsWebsocketConnection):
        """Else a message waits, 40 ms on Linux, until the browser says it has the one before."""

        def connect(self) -> Any:
            self.websocket_handler.set_nodelay(True)
            return super().connect()

    LabApp.serverapp_config = {"kernel_websocket_connection_class": AtOnce}
    port = [f"--port={options.port}"] if options.port else []
    arguments = [*OPTIONS, f"--LabApp.default_url={options.page}", *port, *passed_on]
    if options.check:
        LabApp.initialize_server([*arguments, "--Application.log_level=CRITICAL"])
        return 1 if problems else 0
    with contextlib.suppress(KeyboardInterrupt):  # before the server's own handler is in place
        LabApp.launch_instance(arguments)
    return 0
