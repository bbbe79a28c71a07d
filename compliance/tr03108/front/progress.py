"""What is going on, on standard error: plain lines, or one line that is written over on a terminal."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import TextIO

_NARROW = 20  # columns below which nothing sensible fits


class Progress:
    """Tells the user what each domain's probe does. `quiet` says nothing at all but problems."""

    def __init__(self, stream: TextIO, *, quiet: bool = False, verbose: bool = False) -> None:
        self._stream = stream
        self._quiet = quiet
        self._live = stream.isatty() and not verbose
        self._dirty = False

    def of(self, domain: str) -> Callable[[str], None]:
        """The callback for one domain's probe."""
        return lambda text: self.say(f"{domain}: {text}")

    def say(self, text: str) -> None:
        """One step. What servers sent cannot move the cursor: control characters are shown as escapes."""
        if self._quiet:
            return
        line = printable(text)
        if self._live:
            width = max(shutil.get_terminal_size().columns - 1, _NARROW)
            self._write(f"\r\x1b[K{line[:width]}")
            self._dirty = True
        else:
            self._write(f"{line}\n")

    def problem(self, text: str) -> None:
        """One clear line that is shown even when quiet."""
        self.end()
        self._write(f"tr03108: {printable(text)}\n")

    def trace(self, text: str) -> None:
        """Many lines, for whoever has to find a bug of ours."""
        self.end()
        self._write(text)

    def end(self) -> None:
        """Clears the live line, before anything else is written to the terminal."""
        if self._dirty:
            self._write("\r\x1b[K")
            self._dirty = False

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def printable(text: str) -> str:
    """The text on one line, with control and other unprintable characters as backslash escapes."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "backslashreplace").decode("ascii")
        for char in text
    )
