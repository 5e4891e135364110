"""Keeping a trace and reading it again: what `Trace.save` and `Trace.load` do."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

from helpers.tokio.building import build
from helpers.tokio.reader import Reader
from helpers.tokio.writing import lines
from helpers.trace import Trace


def save(trace: Trace, path: str | os.PathLike[str]) -> Path:
    """Write the trace as JSON Lines, gzipped when the name ends in ".gz"; returns the path.

    `load` gives an equal trace back. A result that is neither JSON nor a Python literal comes back
    as the text it prints as.
    """
    path = Path(path)
    text = "".join(lines(trace)).encode()
    # No time stamp in the gzip header: the same trace gives the same file.
    path.write_bytes(gzip.compress(text, mtime=0) if path.name.endswith(".gz") else text)
    return path


def load(path: str | os.PathLike[str]) -> Trace:
    """Read a trace that `save` or the recorder wrote.

    A file that is none, or cut, or newer than this course, is a NotATrace (a ValueError) whose
    sentence names the file, the line and the field.
    """
    with Reader(path) as reader:
        return build(reader.meta, reader)
