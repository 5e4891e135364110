"""A JupyterLab of a test's own: its port, its token, its settings, its copies of the notebooks."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]

SETTINGS = {
    # Cells that are off the screen would not be laid out: no text to read, and nothing to click.
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
    # "Get notified about Jupyter news?" would lie over the notebook.
    "@jupyterlab/apputils-extension/notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
    # Nothing is saved by itself: a test's copy stays as it was until the test saves it.
    "@jupyterlab/docmanager-extension/plugin": {"autosave": False},
}


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class LabServer:
    """JupyterLab on 127.0.0.1 over a folder of copies, started by `start`, ended by `stop`.

    `home` receives everything the server writes; nothing of the user's own configuration is read.
    `extra_env` goes to the server and so to its kernels.
    """

    def __init__(self, home: Path, *, extra_env: dict[str, str] | None = None) -> None:
        self.home = home
        self.root = home / "root"
        self.token = secrets.token_hex(16)
        self.port = free_port()
        self.extra_env = extra_env or {}
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The server's address, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    def copy_in(self, *notebooks: Path) -> None:
        """Copy notebooks, or whole folders of them, into the server's root."""
        self.root.mkdir(parents=True, exist_ok=True)
        for source in notebooks:
            if source.is_dir():
                shutil.copytree(source, self.root, dirs_exist_ok=True)
            else:
                shutil.copy(source, self.root)

    def start(self, *, seconds: float = 180) -> None:
        """Start the server and return when it answers; RuntimeError with its log if it does not."""
        self.root.mkdir(parents=True, exist_ok=True)
        self._write_settings()
        with (self.home / "server.log").open("wb") as log:
            self.process = subprocess.Popen(
                self._command(), env=self._environment(), stdout=log, stderr=subprocess.STDOUT
            )
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            if self._answers():
                return
            time.sleep(0.1)
        self.stop()
        raise RuntimeError(f"JupyterLab did not answer within {seconds} s. Its log:\n{self.log()}")

    def log(self) -> str:
        """What the server has written so far."""
        return (self.home / "server.log").read_text(encoding="utf-8", errors="replace")

    def stop(self) -> None:
        """End the server and, with it, its kernels. Safe to call twice."""
        if self.process is None:
            return
        # SIGTERM lets the server shut its kernels down first.
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def kernels(self) -> list[dict[str, object]]:
        """The kernels that are alive, as the server's own API lists them."""
        answer: list[dict[str, object]] = json.loads(self._ask("/api/kernels"))
        return answer

    def shut_down_kernels(self) -> None:
        """End every kernel that is alive, so that the next test starts with none."""
        for kernel in self.kernels():
            self._ask(f"/api/kernels/{kernel['id']}", method="DELETE")

    def _ask(self, path: str, *, method: str = "GET") -> bytes:
        headers = {"Authorization": f"token {self.token}"}
        request = urllib.request.Request(self.url + path, headers=headers, method=method)
        # A proxy in the environment must not be asked for 127.0.0.1.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=10) as response:
            body: bytes = response.read()
        return body

    def _answers(self) -> bool:
        try:
            self._ask("/api/status")
        except (urllib.error.URLError, OSError):
            return False
        return True

    def _command(self) -> list[str]:
        command = [
            *(sys.executable, "-m", "jupyterlab", "--no-browser", "--expose-app-in-browser"),
            *("--ServerApp.ip=127.0.0.1", f"--ServerApp.port={self.port}"),
            *("--ServerApp.port_retries=0", f"--IdentityProvider.token={self.token}"),
            *(f"--ServerApp.root_dir={self.root}", "--LabApp.extension_manager=readonly"),
        ]
        if getattr(os, "geteuid", lambda: 1)() == 0:
            command.append("--allow-root")
        return command

    def _environment(self) -> dict[str, str]:
        path = os.pathsep.join(filter(None, [str(PROJECT), os.environ.get("PYTHONPATH", "")]))
        return {
            **{name: value for name, value in os.environ.items() if name != "TASK_CARDS_TEXT"},
            "PYTHONPATH": path,
            "JUPYTER_CONFIG_DIR": str(self.home / "config"),
            "JUPYTER_DATA_DIR": str(self.home / "data"),
            "JUPYTER_RUNTIME_DIR": str(self.home / "runtime"),
            "JUPYTERLAB_SETTINGS_DIR": str(self.home / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(self.home / "workspaces"),
            "IPYTHONDIR": str(self.home / "ipython"),
            **self.extra_env,
        }

    def _write_settings(self) -> None:
        for plugin, values in SETTINGS.items():
            file = self.home / "settings" / f"{plugin}.jupyterlab-settings"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(values), encoding="utf-8")
