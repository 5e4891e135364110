"""`task-cards`, started for real: the address it prints answers, and Ctrl-C ends it."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tomllib
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import aiohttp
import psutil
import pytest

from helpers._tools import launch
from helpers._tools.launch import FIRST_LESSON, main
from tests.browser.server import free_port
from tests.conftest import PROJECT, new_notebook
from tests.starter import address_in, begin

Started = Callable[..., subprocess.Popen[str]]


@pytest.fixture(autouse=True)
def lesson(course: Path) -> None:
    new_notebook(course, FIRST_LESSON, "# 00 · What?", "1 + 1")


@pytest.fixture
def started(course: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """`started("--port=9000")` starts `task-cards` over the course; it is ended afterwards."""
    with ExitStack() as running:

        def start(*options: str, before: str = "") -> subprocess.Popen[str]:
            process = running.enter_context(begin(course, *options, before=before))
            running.callback(process.kill)
            return process

        yield start


def fetch(address: str) -> bytes:
    """The body at an address of this machine, which no proxy is asked for."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(address, timeout=60) as response:
        body: bytes = response.read()
        return body


def test_it_serves_the_first_copy_at_the_address_it_prints_alone_until_ctrl_c(
    started: Started, course: Path
) -> None:
    port = free_port()
    process = started(f"--port={port}", "--no-browser")
    address = address_in(process)
    parts = urlsplit(address)
    assert (parts.hostname, parts.port) == ("127.0.0.1", port)
    assert parts.path == f"/lab/tree/{FIRST_LESSON}"
    assert b"JupyterLab" in fetch(address)
    token = parse_qs(parts.query)["token"][0]
    lesson = f"http://127.0.0.1:{port}/api/contents/{FIRST_LESSON}"
    about = json.loads(fetch(f"{lesson}?content=1&token={token}"))
    assert [cell.get("outputs", []) for cell in about["content"]["cells"]] == [[], []]
    assert (course / "my-course" / FIRST_LESSON).is_file()
    with pytest.raises(urllib.error.HTTPError, match="403"):
        fetch(lesson)  # without the token
    sockets = psutil.Process(process.pid).net_connections()
    served = {each.laddr.ip for each in sockets if each.laddr.port == port}
    assert served <= {"127.0.0.1", "::1"}, "nobody else on the network is served"
    if os.name == "nt":
        process.terminate()  # Windows sends no Ctrl-C to a process of another console.
        return
    process.send_signal(signal.SIGINT)
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Traceback" not in printed


TELLS = """
from tornado.websocket import WebSocketHandler
plain = WebSocketHandler.set_nodelay
def told(handler, at_once):
    print("sends at once:", at_once, flush=True)
    plain(handler, at_once)
WebSocketHandler.set_nodelay = told
"""


def test_what_a_kernel_says_is_sent_at_once(started: Started) -> None:
    process = started("--no-browser", before=TELLS)
    parts = urlsplit(address_in(process))

    async def first_word() -> object:
        kernels = f"http://{parts.netloc}/api/kernels"
        async with aiohttp.ClientSession(raise_for_status=True) as web:
            token = {"token": parse_qs(parts.query)["token"][0]}
            async with web.post(kernels, params=token) as answer:
                kernel = await answer.json()
            async with web.ws_connect(f"{kernels}/{kernel['id']}/channels", params=token) as heard:
                return await heard.receive_json()

    assert asyncio.run(first_word())
    process.terminate()
    printed, _ = process.communicate(timeout=60)
    assert "sends at once: True" in printed


def test_a_check_says_where_the_copies_are_and_that_all_is_well(
    started: Started, course: Path
) -> None:
    process = started("--check")
    printed, _ = process.communicate(timeout=60)
    assert printed == (
        f"Your copies of the lessons are in {course / 'my-course'}.\n"
        "Everything that the lessons need is here.\n"
    )
    assert process.returncode == 0


@pytest.mark.parametrize("check", [["--check"], []], ids=["check", "start"])
def test_a_check_fails_where_a_start_would_with_a_sentence_that_names_the_value(
    started: Started, course: Path, check: list[str]
) -> None:
    (course / "a_file").touch()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        end = " --check` fails: " if check else "` fails: "
        wrong = {
            f"--port={port}": f"`task-cards --port={port}{end}[",
            "--port=99999": f"`task-cards --port=99999{end}bind(): port must be 0-65535.",
            "--port=here": "argument --port: invalid int value: 'here'",
            "--ip=203.0.113.1": f"`task-cards --ip=203.0.113.1{end}[",
            f"--folder={course / 'a_file'}": f"--folder={course / 'a_file'}{end}[",
        }
        processes = {words: started(option, *check) for option, words in wrong.items()}
        for words, process in processes.items():
            printed, _ = process.communicate(timeout=60)
            assert words in printed.splitlines()[-1], printed
            assert process.returncode in {1, 2}
            assert "Traceback" not in printed


def test_a_start_and_a_check_without_jupyterlab_end_with_a_sentence(
    course: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "jupyterlab.labapp", None)
    for command, options in {"task-cards": [], "task-cards --check": ["--check"]}.items():
        with pytest.raises(SystemExit, match=f"^`{command}` fails: .*jupyterlab"):
            main(options, root=course)


def test_a_check_fails_on_a_package_that_is_missing(
    course: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(launch, "check", lambda: ["plotly is 5; 7 is needed."])
    monkeypatch.setattr("jupyterlab.labapp.LabApp.initialize_server", lambda _: None)
    monkeypatch.chdir(course)
    assert main(["--check"], root=course) == 1
    assert "- plotly is 5; 7 is needed." in capsys.readouterr().out


def installed(folder: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Lay the package out as its wheel does; what runs its command from an empty folder."""
    wheel = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]
    skip = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
    shutil.copytree(PROJECT / "helpers", folder / "site" / "helpers", ignore=skip)
    for source, target in wheel["targets"]["wheel"]["force-include"].items():
        copy = shutil.copytree if (PROJECT / source).is_dir() else shutil.copy
        copy(PROJECT / source, folder / "site" / target)
    empty = folder / "empty"
    empty.mkdir()
    script = "from helpers._tools.launch import main; raise SystemExit(main())"
    env = os.environ | {"PYTHONPATH": str(folder / "site")}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", script, *words]
        return subprocess.run(
            command, cwd=empty, env=env, capture_output=True, text=True, check=False
        )

    return run


def test_from_a_wheel_it_copies_the_course_into_the_current_folder_and_serves_all_commands(
    tmp_path: Path,
) -> None:
    run, mine = installed(tmp_path), tmp_path / "empty" / "my-course"
    copies = f"Your copies of the lessons are in {mine}.\n"
    checked = run("--check")
    assert (checked.stdout, checked.returncode) == (
        f"{copies}Everything that the lessons need is here.\n",
        0,
    )
    assert json.loads((mine / FIRST_LESSON).read_bytes())["cells"]
    again = run("--reset", "00").stdout
    assert again == f"Your {FIRST_LESSON} is now 00_start_here_before_reset_1.ipynb.\n{copies}"
    assert run("--update").stdout == copies
    assert run("poll", "02").stdout == f"{mine / 'teaching' / '02_spawn_poll.html'}\n"
    assert run("progress").stdout.startswith(f"folder,exercise,outcome\n{mine},")
    script = "from helpers import solution; solution('02.lost_handle')"
    env = os.environ | {"PYTHONPATH": str(tmp_path / "site")}
    solved = [sys.executable, "-c", script]
    said = subprocess.run(solved, cwd=mine, env=env, capture_output=True, text=True, check=True)
    assert "create_task" in said.stdout
