"""Progress of long work: a live bar with rate and time left on a terminal, plain lines in a pipe."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.console import Console

PLAIN_SECONDS = 10.0
"""Seconds between two lines of one task in a pipe."""

Advance = Callable[[float], None]
"""Reports that so many more units are done."""


class Reporter(Protocol):
    """Where library code reports progress and remarks; it never prints."""

    def note(self, text: str) -> None:
        """Tell the user one line that needs no answer."""

    def task(self, label: str, total: float, unit: str) -> AbstractContextManager[Advance]:
        """Open a bar of `total` units for a `with` block."""


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


class ConsoleReporter:
    """A reporter for the command line: Rich bars on a terminal, a line every 10 s elsewhere."""

    def __init__(self, console: "Console") -> None:
        self._console = console

    def note(self, text: str) -> None:
        """Print the line, above any live bar."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def task(self, label: str, total: float, unit: str) -> AbstractContextManager[Advance]:
        """Show a bar, or plain lines where the output is no terminal."""
        return self._bar(label, total, unit) if self._console.is_terminal else self._lines(label, total, unit)

    @contextmanager
    def _bar(self, label: str, total: float, unit: str) -> Iterator[Advance]:
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            TextColumn("{task.percentage:>3.0f}%"),
            TextColumn("{task.fields[rate]}", style="dim"),
            TimeRemainingColumn(),
        )
        began = time.monotonic()
        with Progress(*columns, console=self._console, transient=True) as progress:
            bar = progress.add_task(label, total=total or 1, rate="")
            done = 0.0

            def advance(amount: float) -> None:
                nonlocal done
                done += amount
                progress.update(bar, advance=amount, rate=_rate(done, began, unit))

            yield advance
        self.note(_summary(label, done, began, unit))

    @contextmanager
    def _lines(self, label: str, total: float, unit: str) -> Iterator[Advance]:
        began = last = time.monotonic()
        done = 0.0

        def advance(amount: float) -> None:
            nonlocal done, last
            done += amount
            now = time.monotonic()
            if now - last >= PLAIN_SECONDS and done < total:
                last = now
                left = (now - began) * (total - done) / done
                self.note(
                    f"{label}: {100 * done / total:.0f}% ({_rate(done, began, unit)}, {left:.0f} s left)"
                )

        yield advance
        self.note(_summary(label, done, began, unit))


def _rate(done: float, began: float, unit: str) -> str:
    return f"{human(done / max(time.monotonic() - began, 1e-9))} {unit}/s"


def _summary(label: str, done: float, began: float, unit: str) -> str:
    seconds = time.monotonic() - began
    return f"{label}: {human(done)} {unit} in {seconds:.1f} s ({human(done / max(seconds, 1e-9))} {unit}/s)"


def human(number: float) -> str:
    """A count at three digits with k, M, G: 27700 → '27.7k'."""
    for suffix in ("", "k", "M", "G"):
        if abs(number) < 999.5:
            return f"{number:.3g}{suffix}"
        number /= 1000
    return f"{number:.3g}T"
