"""Recording real Tokio again, with one command, or checking that it would still come out the same.

    python -m tests.tokio.record              build, record all, write the data folder
    python -m tests.tokio.record --check      record elsewhere, compare with the data folder
    python -m tests.tokio.record --debian     build from Debian's crates, with no registry

Two recordings of one Tokio on the virtual clock must be equal event by event. All others must have
one shape: which tasks there were, who spawned them, and how they ended.

Exit code 0: all is well. 1: sentences say what is not. 2: recording is not possible here.
"""

from __future__ import annotations

import argparse
import gzip
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from helpers.tokio import DATA
from helpers.trace import Trace
from tests.tokio import facts, rules

RECORDER = DATA.parent / "recorder"
PACKAGE = "librust-tokio-dev"
MAX_FILE = 350_000  # bytes of one that is kept; those of a busy machine are bigger
MAX_ALL = 3_000_000
TRIES = 4  # a real clock on a busy machine may need more than one
_PROGRAM = "task-cards-recorder" + (".exe" if os.name == "nt" else "")


class RecorderError(RuntimeError):
    """Something that recording needs is not there, or does not work. The sentence says what."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.tokio.record")
    parser.add_argument("--check", action="store_true", help="compare, and change nothing")
    parser.add_argument("--debian", action="store_true", help=f"build from {PACKAGE}")
    parser.add_argument("--only", nargs="+", metavar="SCENARIO", help="these programs alone")
    options = parser.parse_args(arguments)
    try:
        program = build(debian=options.debian)
        wanted = listed(program, options.only)
    except RecorderError as error:
        print(error, file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        wrong: list[str] = []
        for name in wanted:
            wrong += record(program, Path(folder) / f"{name}.jsonl.gz", compare=options.check)
        if not wrong and not options.check:
            wrong = keep(Path(folder), complete=not options.only)
    for sentence in wrong:
        print(sentence, file=sys.stderr)
    verb = "compared" if options.check else "recorded"
    print(f"{len(wanted)} recordings {verb}, {len(wrong) or 'nothing'} wrong")
    return 1 if wrong else 0


def build(*, debian: bool) -> Path:
    """Build the recorder and give the path of the program. Errors are RecorderError."""
    if shutil.which("cargo") is None:
        raise RecorderError("recording needs Rust's cargo, and there is none on the PATH")
    folder, config = RECORDER, []
    if debian:
        config = ["--config", str(RECORDER / "debian.toml"), "--config", _debian_crates()]
        # A copy of the crate, so that its Cargo.lock does not bind a build from the registry.
        folder = RECORDER / "target" / "debian"
        shutil.rmtree(folder / "src", ignore_errors=True)
        shutil.copytree(RECORDER / "src", folder / "src")
        for name in ("Cargo.toml", "build.rs"):
            shutil.copy2(RECORDER / name, folder / name)
    command = ["cargo", *config, "build", "--release", "--target-dir", str(folder / "target")]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        hint = "" if debian else "; with no crates registry at hand, add --debian"
        raise RecorderError(f"cargo could not build the recorder{hint}:\n{done.stderr.strip()}")
    return folder / "target" / "release" / _PROGRAM


def _debian_crates() -> str:
    """The setting that tells cargo where Debian's package has its crates."""
    try:
        command = ["dpkg", "-L", PACKAGE]
        listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (FileNotFoundError, subprocess.CalledProcessError):
        install = f"apt-get install -y --no-install-recommends {PACKAGE}"
        raise RecorderError(f"--debian needs Debian and its package: {install}") from None
    manifests = (Path(line) for line in listing.splitlines() if line.endswith("/Cargo.toml"))
    crates = {path.parent.parent for path in manifests if path.parent.name.startswith("tokio-")}
    return f"source.debian.directory={json.dumps(str(crates.pop()))}"


def output(program: Path, *arguments: str) -> str:
    """What the recorder prints."""
    try:
        return subprocess.run(
            [program, *arguments], capture_output=True, text=True, check=True, timeout=60
        ).stdout
    except subprocess.CalledProcessError as error:
        raise RecorderError(f"the recorder failed: {error.stderr.strip()}") from error
    except subprocess.TimeoutExpired as error:
        raise RecorderError("the recorder hung for 60 s") from error


def listed(program: Path, only: list[str] | None) -> list[str]:
    """The recordings that the recorder can make, or those of these programs alone."""
    pairs = [line.split() for line in output(program).splitlines()]
    names = [".".join(pair) for pair in pairs if not only or pair[0] in only]
    if not names:
        raise RecorderError(f"there is no program named {' or '.join(only or [])}")
    return names


def record(program: Path, path: Path, *, compare: bool) -> list[str]:
    """Record what the path's name says; returns a sentence for each thing that is wrong."""
    scenario, runtime, *_ = path.name.split(".")
    wrong: list[str] = []
    for _ in range(1 if runtime.endswith("_paused") else TRIES):
        try:
            text = output(program, scenario, runtime)
            path.write_bytes(gzip.compress(text.encode(), mtime=0))
            wrong = rules.violations(rules.rows_of(path)) + facts.broken(Trace.load(path))
            wrong += differences(path, DATA / path.name) if compare else []
        except (RecorderError, ValueError) as error:
            wrong = [str(error)]
        else:
            if path.stat().st_size > MAX_FILE and not compare:
                wrong.append(f"it takes {path.stat().st_size} bytes; at most {MAX_FILE} are kept")
        if not wrong:
            break
    return [f"{path.name}: {sentence}" for sentence in wrong]


def differences(new: Path, kept: Path) -> list[str]:
    """What a new recording shows otherwise than the one that is kept, as sentences."""
    if not kept.exists():
        return ["it is not kept"]
    (meta, *now), (old, *then) = rules.rows_of(new), rules.rows_of(kept)
    # Another Tokio may order things otherwise and be as right.
    if meta["clock"] == "virtual" and meta["tokio"] == old["tokio"]:
        pairs = itertools.zip_longest(now, then, fillvalue="nothing")
        other = next((pair for pair in pairs if pair[0] != pair[1]), None)
        return [f"it is no longer the same: {other[0]}, was {other[1]}"] if other else []
    shapes = shape(Trace.load(new)) ^ shape(Trace.load(kept))
    return [f"only one of the two has {', '.join(lane)}" for lane in sorted(shapes)]


def shape(trace: Trace) -> set[tuple[str, str, str, str]]:
    """What does not depend on the machine: each lane's name, kind, parent and outcome."""
    return {
        (lane.name, lane.kind, f"child of {trace.name_of(lane.parent)}", lane.outcome)
        for lane in trace.lanes
    }


def keep(folder: Path, *, complete: bool) -> list[str]:
    """Copy the new recordings to the data folder; a complete set replaces all that was there."""
    new = sorted(folder.glob("*.jsonl.gz"))
    size = sum(path.stat().st_size for path in new)
    if size > MAX_ALL:
        return [f"all recordings take {size} bytes; at most {MAX_ALL} are kept"]
    for old in DATA.glob("*.jsonl.gz") if complete else ():
        old.unlink()
    for path in new:
        shutil.copyfile(path, DATA / path.name)
    return []


if __name__ == "__main__":
    sys.exit(main())
