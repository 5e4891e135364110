"""Recording real Tokio again, with one command, or checking that it would still come out the same.

    python -m helpers.tokio.record              build, record all, write the data folder
    python -m helpers.tokio.record --check      record elsewhere, compare with the data folder
    python -m helpers.tokio.record --debian     build from Debian's crates, with no registry

Exit code 0: all is well. 1: sentences say what is not. 2: recording is not possible here.
"""

from __future__ import annotations

import argparse
import gzip
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from helpers.tokio import cargo, facts, files, rules, shapes
from helpers.tokio.load import DATA
from helpers.tokio.reader import NotATrace

MAX_FILE = 350_000  # bytes
MAX_ALL = 3_000_000
TRIES = 4  # a real clock on a busy machine may need more than one
_SECONDS = 60  # after which a program hangs


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m helpers.tokio.record")
    parser.add_argument("--check", action="store_true", help="compare, and change nothing")
    parser.add_argument("--debian", action="store_true", help=f"build from {cargo.PACKAGE}")
    parser.add_argument("--only", nargs="+", metavar="SCENARIO", help="these programs alone")
    options = parser.parse_args(arguments)
    try:
        program = cargo.build(debian=options.debian)
        wanted = [pair for pair in _listed(program) if not options.only or pair[0] in options.only]
        if not wanted:
            raise cargo.CannotRecord(f"there is no program named {' or '.join(options.only)}")
    except cargo.CannotRecord as error:
        print(error, file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        wrong = _all(program, wanted, Path(folder), compare=options.check)
        if not wrong and not options.check:
            wrong = _keep(Path(folder), complete=not options.only)
    for sentence in wrong:
        print(sentence, file=sys.stderr)
    verb = "compared" if options.check else "recorded"
    print(f"{len(wanted)} recordings {verb}, {len(wrong) or 'nothing'} wrong")
    return 1 if wrong else 0


def _listed(program: Path) -> list[tuple[str, str]]:
    """What the program can record: scenario and runtime."""
    return [(line.split()[0], line.split()[1]) for line in _output(program).splitlines()]


def _output(program: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            [program, *arguments], capture_output=True, text=True, check=True, timeout=_SECONDS
        )
    except subprocess.CalledProcessError as error:
        raise cargo.CannotRecord(f"the recorder failed: {error.stderr.strip()}") from error
    except subprocess.TimeoutExpired as error:
        raise cargo.CannotRecord(f"the recorder hung for {_SECONDS} s") from error
    return done.stdout


def _all(program: Path, wanted: list[tuple[str, str]], folder: Path, *, compare: bool) -> list[str]:
    """Record each into the folder; returns a sentence for each that did not come out right."""
    wrong = []
    for scenario, runtime in wanted:
        path = folder / f"{scenario}.{runtime}.jsonl.gz"
        tries = 1 if runtime.endswith("_paused") else TRIES
        for _ in range(tries):
            found = _once(program, path, scenario, runtime, compare=compare)
            if not found:
                break
        wrong += [f"{path.name}: {sentence}" for sentence in found]
    return wrong


def _once(program: Path, path: Path, scenario: str, runtime: str, *, compare: bool) -> list[str]:
    """One recording, and what is wrong with it."""
    try:
        text = _output(program, scenario, runtime)
        path.write_bytes(gzip.compress(text.encode(), mtime=0))
        wrong = rules.violations(path) + facts.broken(files.load(path))
        if path.stat().st_size > MAX_FILE:
            wrong.append(f"it takes {path.stat().st_size} bytes; at most {MAX_FILE} are kept")
        if compare:
            kept = DATA / path.name
            wrong += shapes.differences(path, kept) if kept.exists() else ["it is not kept"]
    except (cargo.CannotRecord, NotATrace) as error:
        return [str(error)]
    return wrong


def _keep(folder: Path, *, complete: bool) -> list[str]:
    """Move the new recordings to the data folder; a complete set replaces all that was there."""
    new = sorted(folder.glob("*.jsonl.gz"))
    size = sum(path.stat().st_size for path in new)
    if size > MAX_ALL:
        return [f"all recordings take {size} bytes; at most {MAX_ALL} are kept"]
    DATA.mkdir(exist_ok=True)
    if complete:
        for old in DATA.glob("*.jsonl.gz"):
            old.unlink()
    for path in new:
        (DATA / path.name).write_bytes(path.read_bytes())
    return []


if __name__ == "__main__":
    sys.exit(main())
