"""Which figures of the last report would come out the same: those are not drawn again."""

import hashlib
import json
import pickle
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path

from seqbench import __version__
from seqbench.core import signals
from seqbench.core.types import FigureFormat
from seqbench.report.figures.figure import Figure
from seqbench.report.files import write_file

RECORD = ".drawn.json"
"""Beside the figures; by figure what it was drawn from, and the hash of each of its files."""


class Drawn:
    """The figures in a folder, and what they were drawn from.

    A figure holds all that it shows (`Figure.draw` is a function of it), so one of the same content, code and
    formats would give the same bytes. Files that somebody changed or took away are drawn again.
    """

    def __init__(self, folder: Path, formats: Sequence[FigureFormat]) -> None:
        self._folder = folder
        self._formats = formats
        self._before = _read(folder / RECORD)
        self._now: dict[str, dict[str, str]] = {}

    def has(self, figure: Figure) -> bool:
        """Whether all files of a figure lie there as they would be drawn now."""
        known = self._before.get(figure.name, {})
        same = known.get("content") == _content(figure) and all(
            known.get(form) == _hash(self.path(figure, form)) for form in self._formats
        )
        if same:
            self._now[figure.name] = known
        return same

    def path(self, figure: Figure, form: FigureFormat) -> Path:
        """Where a file of a figure lies."""
        return self._folder / f"{figure.name}.{form}"

    def write(self, figure: Figure, files: dict[FigureFormat, bytes]) -> None:
        """Put a drawn figure's files in place.

        Raises:
            ConfigError: They can't be written there.
        """
        hashes: dict[str, str] = {
            form: hashlib.sha256(content).hexdigest() for form, content in files.items()
        }
        for form, content in files.items():
            write_file(self.path(figure, form), content)
        self._now[figure.name] = {"content": _content(figure)} | dict(hashes)

    def close(self) -> None:
        """Write down what lies there now.

        Raises:
            ConfigError: It can't be written there.
        """
        if self._now or self._before:
            write_file(self._folder / RECORD, json.dumps(self._now, indent=1, sort_keys=True) + "\n")


def _content(figure: Figure) -> str:
    """Hash of all that a figure is drawn from."""
    digest = hashlib.sha256(_code().encode())
    digest.update(pickle.dumps(figure))
    return digest.hexdigest()


@cache
def _code() -> str:
    """Hash of what draws: this folder's modules, and the versions of seqbench and matplotlib."""
    digest = hashlib.sha256(f"{__version__} {version('matplotlib')}".encode())
    for module in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(module.read_bytes())
    return digest.hexdigest()


def _hash(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None


def _read(path: Path) -> dict[str, dict[str, str]]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    entries = found.items() if isinstance(found, dict) else ()
    return {name: known for name, known in entries if isinstance(known, dict)}


_WORTH_A_PROCESS = 4
"""Figures that a process must have to draw: it needs about the time of two to start."""


def draw_all(
    figures: Sequence[Figure], formats: Sequence[FigureFormat], *, processes: int = 1
) -> Iterator[tuple[Figure, dict[FigureFormat, bytes]]]:
    """Draw figures and give each with its files, in their order, as soon as it is done.

    Args:
        figures: What to draw.
        formats: What files each becomes.
        processes: How many may draw at once. More than one start Python anew and import `__main__` again, so
            a script of one's own that asks for them needs the usual `if __name__ == "__main__":`.
    """
    wanted = min(processes, len(figures) // _WORTH_A_PROCESS)
    if wanted < 2:
        for figure in figures:
            yield figure, figure.files(formats)
        return
    # Started anew, not forked: threads of DuckDB and of progress bars would be cut in the middle.
    pool = ProcessPoolExecutor(wanted, mp_context=get_context("spawn"), initializer=signals.end_with_parent)
    try:
        with signals.blocked():
            files = pool.map(partial(_files, formats), figures)
        yield from zip(figures, files, strict=True)
    finally:
        pool.shutdown(cancel_futures=True)  # whoever interrupts does not wait for the others


def _files(formats: Sequence[FigureFormat], figure: Figure) -> dict[FigureFormat, bytes]:
    return figure.files(formats)
