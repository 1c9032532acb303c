"""Several bars at once: a live view on a terminal, plain lines in a pipe.

`progress.Reporter` opens a board for long work whose parts go on side by side.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live
    from rich.progress import Progress, TaskID

PLAIN_SECONDS = 10.0
"""Seconds between two lines of one bar in a pipe."""


class Bar(Protocol):
    """One piece of work on a board."""

    def advance(self, amount: float) -> None:
        """So many more units are done; less than 0 where they are to be done again."""

    def tokens(self, amount: int) -> None:
        """So many tokens went into what is done."""

    def close(self, *, finished: bool) -> None:
        """Take the bar away, and sum it up where it is finished."""


class Board(AbstractContextManager["Board"], Protocol):
    """What goes on, for a `with` block."""

    def bar(self, label: str, total: float, unit: str) -> Bar:
        """Add a bar of `total` units."""

    def foot(self, lines: Sequence[str]) -> None:
        """Show lines below the bars, in the place of those before: who works on what."""


class _Counted:
    """What every bar knows of its work."""

    def __init__(self, label: str, total: float, unit: str, note: Callable[[str], None]) -> None:
        self.label, self.total, self.unit = label, total, unit
        self._note = note
        self._began = time.monotonic()
        self._done = 0.0
        self._tokens = 0

    def advance(self, amount: float) -> None:
        self._done += amount
        self._show()

    def tokens(self, amount: int) -> None:
        self._tokens += amount
        self._show()

    def close(self, *, finished: bool) -> None:
        if finished:
            what = f"{human(self._done)} {self.unit} in {self._seconds:.1f} s"
            self._note(f"{self.label}: {what} ({self._rate})")

    @property
    def _seconds(self) -> float:
        return max(time.monotonic() - self._began, 1e-9)

    @property
    def _rate(self) -> str:
        rate = f"{human(self._done / self._seconds)} {self.unit}/s"
        return rate + (f", {human(self._tokens / self._seconds)} tokens/s" if self._tokens else "")

    def _show(self) -> None:
        """Make the change visible."""


class _Line(_Counted):
    """A bar in a pipe: now and then a line."""

    def __init__(self, label: str, total: float, unit: str, note: Callable[[str], None]) -> None:
        super().__init__(label, total, unit, note)
        self._last = self._began

    def _show(self) -> None:
        now = time.monotonic()
        if now - self._last >= PLAIN_SECONDS and 0 < self._done < self.total:
            self._last = now
            left = self._seconds * (self.total - self._done) / self._done
            share = 100 * self._done / self.total
            self._note(f"{self.label}: {share:.0f}% ({self._rate}, {left:.0f} s left)")


class LineBoard:
    """A board in a pipe; what stands below the bars is not shown there."""

    def __init__(self, note: Callable[[str], None]) -> None:
        self._note = note

    def __enter__(self) -> "LineBoard":
        return self

    def __exit__(self, *error: object) -> None:
        return None

    def bar(self, label: str, total: float, unit: str) -> Bar:
        """Add a bar that tells by lines."""
        return _Line(label, total, unit, self._note)

    def foot(self, lines: Sequence[str]) -> None:
        """Show nothing: lines that replace each other need a terminal."""


class _LiveBar(_Counted):
    """A bar of the live view."""

    def __init__(
        self,
        label: str,
        total: float,
        unit: str,
        note: Callable[[str], None],
        live: "Live",
        progress: "Progress",
    ) -> None:
        super().__init__(label, total, unit, note)
        self._live = live
        self._progress = progress
        self._id: TaskID = progress.add_task(label, total=total or 1, rate="")

    def _show(self) -> None:
        self._progress.update(self._id, completed=self._done, rate=self._rate)

    def close(self, *, finished: bool) -> None:
        self._live.refresh()
        self._progress.remove_task(self._id)
        super().close(finished=finished)


class LiveBoard:
    """A board on a terminal: bars with rate and time left, and what stands below them."""

    def __init__(self, console: "Console", note: Callable[[str], None]) -> None:
        from rich.live import Live
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._note = note
        self._foot: tuple[str, ...] = ()
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            TextColumn("{task.percentage:>3.0f}%"),
            TextColumn("{task.fields[rate]}", style="dim"),
            TimeRemainingColumn(),
            console=console,
            auto_refresh=False,
        )
        self._live = Live(get_renderable=self._all, console=console, transient=True, refresh_per_second=4)
        self._stack = ExitStack()

    def __enter__(self) -> "LiveBoard":
        self._stack.enter_context(self._live)
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def _all(self) -> "RenderableType":
        from rich.console import Group
        from rich.text import Text

        return Group(self._progress, *(Text(line, style="dim", no_wrap=True) for line in self._foot))

    def bar(self, label: str, total: float, unit: str) -> Bar:
        """Add a bar below those that are there."""
        return _LiveBar(label, total, unit, self._note, self._live, self._progress)

    def foot(self, lines: Sequence[str]) -> None:
        """Show lines below the bars."""
        self._foot = tuple(lines)


def human(number: float) -> str:
    """A count at three digits with k, M, G: 27700 → '27.7k'."""
    for suffix in ("", "k", "M", "G"):
        if abs(number) < 999.5:
            return f"{number:.3g}{suffix}"
        number /= 1000
    return f"{number:.3g}T"
