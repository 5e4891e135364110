"""Building the recorder: from the crates registry, or from the crates that Debian packages."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

RECORDER = Path(__file__).parent / "recorder"
PACKAGE = "librust-tokio-dev"
_NAME = "task-cards-recorder" + (".exe" if os.name == "nt" else "")


class CannotRecord(RuntimeError):
    """Something that recording needs is not there, or does not work. The sentence says what."""


def build(*, debian: bool) -> Path:
    """Build the recorder and give the path of the program. Errors are CannotRecord."""
    if shutil.which("cargo") is None:
        raise CannotRecord("recording needs Rust's cargo, and there is none on the PATH")
    folder, config = (_debian_folder(), _debian_config()) if debian else (RECORDER, [])
    target = folder / "target"
    command = ["cargo", *config, "build", "--release", "--target-dir", str(target)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        hint = "" if debian else "; with no crates registry at hand, add --debian"
        raise CannotRecord(f"cargo could not build the recorder{hint}:\n{done.stderr.strip()}")
    return target / "release" / _NAME


def crates(listing: str) -> str:
    """The folder of crates, from the list of files of Debian's package (`dpkg -L`)."""
    for line in listing.splitlines():
        path = Path(line)
        if path.name == "Cargo.toml" and path.parent.name.startswith("tokio-"):
            return str(path.parent.parent)
    raise CannotRecord(f"{PACKAGE} is installed, but lists no crate of Tokio")


def _debian_config() -> list[str]:
    """What tells cargo to take the packaged crates, for this build alone."""
    try:
        done = subprocess.run(["dpkg", "-L", PACKAGE], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise CannotRecord("--debian needs dpkg, and there is none: is this Debian?") from None
    if done.returncode:
        raise CannotRecord(
            f"--debian needs the package {PACKAGE}: "
            f"apt-get install -y --no-install-recommends {PACKAGE}"
        )
    directory = f"source.debian.directory={json.dumps(crates(done.stdout))}"
    return ["--config", str(RECORDER / "debian.toml"), "--config", directory]


def _debian_folder() -> Path:
    """A copy of the crate, so that its Cargo.lock does not bind a build from the registry."""
    folder = RECORDER / "target" / "debian"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("Cargo.toml", "build.rs"):
        shutil.copy2(RECORDER / name, folder / name)
    shutil.rmtree(folder / "src", ignore_errors=True)
    shutil.copytree(RECORDER / "src", folder / "src")
    return folder
