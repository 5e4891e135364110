"""A JupyterHub on 127.0.0.1 with a course of its own, and a home for each learner."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import aiohttp
import psutil

from tests.browser.server import PROJECT, free_port
from tests.conftest import still_alive

PROXY = PROJECT / "tests/pyodide/node_modules/configurable-http-proxy/bin/configurable-http-proxy"
FOLDER = "my-course"  # in each learner's home
# As TEACHING.md has it: each start brings what is new in the course, and then becomes the server.
UPDATE = f"from helpers._tools.launch import main; main(['--update', '--folder', {FOLDER!r}])"
# Servers of one machine give two kernels the same TCP port now and then, and try only that again.
# A socket's path may have 107 characters, and a learner's home may be long.
SOCKETS, NO_PORTS = "export JUPYTER_RUNTIME_DIR=$(mktemp -d)", "--KernelManager.transport=ipc"
SERVER = f'exec {{python}} -m jupyterhub.singleuser {NO_PORTS} "$@"'
START = f"{{python}} -c {shlex.quote(UPDATE)} && {SOCKETS} && {SERVER}"
RUNNING = b"JupyterHub is now running"
LOOK = 0.05  # seconds between two questions to the hub
SECONDS = 180  # for each step; a server that takes longer has failed


class Hub:
    """JupyterHub, from `async with Hub(...)` to its end: with it end all servers and kernels."""

    def __init__(self, folder: Path, learners: Iterable[str]) -> None:
        self.folder, self.learners = folder, [*learners]
        self.course = folder / "course"
        self.temporary = tempfile.TemporaryDirectory(prefix="hub-")  # not below a long path
        self.token = secrets.token_hex(16)
        self.port, self.hub_port, self.proxy_port = (free_port() for _ in range(3))
        self.url = f"http://127.0.0.1:{self.port}"
        self.log: list[bytes] = []
        self.culler: asyncio.subprocess.Process | None = None
        self.seen: set[psutil.Process] = set()
        self.left: list[psutil.Process] = []  # what was alive when the hub had ended

    async def __aenter__(self) -> Self:
        for part in ("helpers", "lessons", "notebooks"):
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(PROJECT / part, self.course / part, ignore=ignored)
        config = self.folder / "jupyterhub_config.json"
        config.write_text(json.dumps(self._config()), encoding="utf-8")
        self.process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "jupyterhub", f"--config={config}"),
            cwd=self.folder,
            env=os.environ | {"CONFIGPROXY_AUTH_TOKEN": secrets.token_hex(16)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        self.web = aiohttp.ClientSession(
            headers={"Authorization": f"token {self.token}"},
            timeout=aiohttp.ClientTimeout(SECONDS),
            raise_for_status=True,
        )
        runs = asyncio.Event()
        self.reader = asyncio.create_task(self._read(runs))
        try:
            async with asyncio.timeout(SECONDS):
                await runs.wait()
            assert self.process.returncode is None, b"".join(self.log).decode()
        except BaseException as error:
            await self.__aexit__(None, error, None)
            raise
        return self

    async def __aexit__(self, _: object, error: BaseException | None, __: object) -> None:
        await self.web.close()
        started = {*self.seen, *self.processes()}
        for process in filter(None, (self.culler, self.process)):
            if process.returncode is None:
                process.terminate()  # the hub then stops its servers and its proxy
                await process.wait()
        await self.reader
        if error:
            error.add_note(b"".join(self.log[-50:]).decode(errors="replace"))
        self.left = await asyncio.to_thread(still_alive, started, 20)
        for each in self.left:
            with suppress(psutil.NoSuchProcess):
                each.kill()
        self.temporary.cleanup()

    async def ask(self, method: str, path: str, **given: Any) -> Any:
        """What the hub's API answers."""
        async with self.web.request(method, f"{self.url}/hub/api/{path}", **given) as response:
            return await response.json(content_type=None)

    async def start(self, learner: str) -> None:
        """Start a learner's server, and return when it answers."""
        await self.ask("POST", f"users/{learner}/server")
        path = f"{self.url}/hub/api/users/{learner}/server/progress"
        async with self.web.get(path) as events:
            async for line in events.content:
                said = json.loads(line[5:]) if line.startswith(b"data:") else {}
                assert not said.get("failed"), b"".join(self.log).decode()
                if said.get("ready"):
                    self.seen.update(self.processes())
                    return

    async def server(self, learner: str) -> psutil.Process:
        """The process of a learner's server, whose children are kernels."""
        model = await self.ask("GET", f"users/{learner}?include_stopped_servers")
        return psutil.Process(model["servers"][""]["state"]["pid"])

    async def cull(self) -> None:
        """Stop every server that nobody has used for a second."""
        self.culler = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "jupyterhub_idle_culler", "--timeout=1", "--cull-every=1"),
            f"--url=http://127.0.0.1:{self.hub_port}/hub/api",
            env=os.environ | {"JUPYTERHUB_API_TOKEN": self.token},
            stderr=asyncio.subprocess.DEVNULL,
        )

    async def stopped(self, learner: str) -> None:
        """Return when the hub knows that a learner's server has ended: then it may start again."""
        async with asyncio.timeout(SECONDS):
            while (model := await self.ask("GET", f"users/{learner}"))["server"] or model[
                "pending"
            ]:
                await asyncio.sleep(LOOK)

    def processes(self) -> list[psutil.Process]:
        """The hub, its proxy, the servers, the kernels and what they have started."""
        if self.process.returncode is not None:
            return []
        hub = psutil.Process(self.process.pid)
        return [hub, *hub.children(recursive=True)]

    async def _read(self, runs: asyncio.Event) -> None:
        """Keep the log, and tell when the hub serves or has ended."""
        assert self.process.stdout
        async for line in self.process.stdout:
            self.log.append(line)
            if RUNNING in line:
                runs.set()
        runs.set()

    def _config(self) -> dict[str, dict[str, Any]]:
        scopes = ["admin:users", "admin:servers", "admin:server_state", "access:servers"]
        return {
            "JupyterHub": {
                "bind_url": self.url,
                "hub_bind_url": f"http://127.0.0.1:{self.hub_port}",
                "authenticator_class": "dummy",
                "spawner_class": "simple",
                "services": [{"name": "class", "api_token": self.token}],
                "load_roles": [{"name": "class", "scopes": scopes, "services": ["class"]}],
                # All of a class come at nine o'clock.
                "concurrent_spawn_limit": 0,
            },
            "Authenticator": {"allowed_users": self.learners},
            "ConfigurableHTTPProxy": {
                "command": ["node", str(PROXY)],
                "api_url": f"http://127.0.0.1:{self.proxy_port}",
            },
            "SimpleLocalProcessSpawner": {
                "home_dir_template": f"{self.folder}/homes/{{username}}",
                "cmd": ["sh", "-c", START.format(python=shlex.quote(sys.executable)), "sh"],
                "args": ["--allow-root"] if getattr(os, "geteuid", lambda: 1)() == 0 else [],
                "environment": {
                    "PYTHONPATH": str(self.course),
                    "TASK_CARDS_TEXT": "1",
                    "TMPDIR": self.temporary.name,
                },
                "start_timeout": SECONDS,
                "http_timeout": SECONDS,
            },
        }
