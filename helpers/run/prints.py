"""What a run prints: some hundred lines as they come, the rest once it has ended by itself."""

import io
import sys
import threading
from typing import Any

MOST_LINES = 300
_MOST_KEPT = 10_000_000  # characters


class Prints:
    """Stands in for `sys.stdout` in the thread of a run, so that no endless run floods its cell."""

    over = False

    def __init__(self) -> None:
        self.inner: Any = sys.stdout
        while isinstance(self.inner, Prints) and self.inner.over:  # put back by a redirection
            self.inner = self.inner.inner
        self.thread = threading.get_ident()
        self.lines, self.kept = 0, io.StringIO()
        sys.stdout = self

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def write(self, text: str) -> Any:
        """Print the first lines, and keep what follows."""
        if self.over or threading.get_ident() != self.thread:
            return self.inner.write(text)
        printed, self.lines = self.lines, self.lines + str.count(text, "\n")
        into = self.inner if printed < MOST_LINES else self.kept
        return len(text) if self.kept.tell() > _MOST_KEPT else into.write(text)

    def end(self, *, cut: bool) -> None:
        """Print what was kept, or how much that is."""
        self.over = True
        if sys.stdout is self:
            sys.stdout = self.inner
        if kept := self.kept.getvalue():
            if cut or len(kept) > _MOST_KEPT:
                kept = f"... and {self.lines - MOST_LINES:,} more lines, which are not shown\n"
            self.inner.write(kept)
