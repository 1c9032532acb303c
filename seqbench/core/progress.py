"""Progress of long work: a live bar with rate and time left on a terminal, plain lines in a pipe."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Protocol

from seqbench.core.progress_display import Board, LineBoard, LiveBoard, human
from seqbench.core.redaction import legible

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["Advance", "ConsoleReporter", "Reporter", "Silent", "human"]

Advance = Callable[[float], None]
"""Reports that so many more units are done."""


class Reporter(Protocol):
    """Where library code reports progress and remarks; it never prints."""

    def note(self, text: str) -> None:
        """Tell the user one line that needs no answer."""

    def task(self, label: str, total: float, unit: str) -> AbstractContextManager[Advance]:
        """Open a bar of `total` units for a `with` block."""

    def board(self) -> AbstractContextManager[Board]:
        """Open a place for several bars for a `with` block; tasks that begin meanwhile are shown on it."""


class Silent:
    """A reporter for library calls and tests: shows nothing and keeps the remarks in `notes`."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        """Keep the line."""
        self.notes.append(text)

    @contextmanager
    def task(self, label: str, total: float, unit: str) -> Iterator[Advance]:
        """Count nothing."""
        yield lambda amount: None

    def board(self) -> AbstractContextManager[Board]:
        """Show nothing."""
        return LineBoard(lambda text: None)


class ConsoleReporter:
    """A reporter for the command line: Rich bars on a terminal, a line every 10 s elsewhere."""

    def __init__(self, console: "Console") -> None:
        self._console = console
        self._board: Board | None = None

    def note(self, text: str) -> None:
        """Print the line, above any live bar."""
        self._console.print(legible(text), markup=False, highlight=False, soft_wrap=True)

    @contextmanager
    def task(self, label: str, total: float, unit: str) -> Iterator[Advance]:
        """Show a bar, or plain lines where the output is no terminal."""
        with self.board() as board:
            bar = board.bar(label, total, unit)
            finished = False
            try:
                yield bar.advance
                finished = True
            finally:
                bar.close(finished=finished)

    @contextmanager
    def board(self) -> Iterator[Board]:
        """Show bars, or plain lines where the output is no terminal; a board within a board is the same."""
        if self._board is not None:
            yield self._board
            return
        is_live = self._console.is_terminal
        board: Board = LiveBoard(self._console, self.note) if is_live else LineBoard(self.note)
        with board:
            self._board = board
            try:
                yield board
            finally:
                self._board = None
