"""What a run prints: some hundred lines as they come, the rest once it has ended by itself."""

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
        self.lines = self.size = 0
        self.kept: list[str] = []
        sys.stdout = self

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def write(self, text: str) -> Any:
        """Print the first lines, and keep what follows."""
        if self.over or threading.get_ident() != self.thread:
            return self.inner.write(text)
        printed, self.lines = self.lines, self.lines + str.count(text, "\n")
        if printed < MOST_LINES:
            return self.inner.write(text)
        self.size += len(text)
        if self.size <= _MOST_KEPT:
            self.kept.append(text)
        return len(text)

    def end(self, *, cut: bool) -> None:
        """Print what was kept, or how much that is."""
        self.over = True
        if sys.stdout is self:
            sys.stdout = self.inner
        if cut or self.size > _MOST_KEPT:
            self.kept = [f"... and {self.lines - MOST_LINES:,} more lines, which are not shown\n"]
        if self.size:
            self.inner.write("".join(self.kept))
