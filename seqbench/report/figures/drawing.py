"""Drawing figures, in this process or in several."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

from seqbench.core import signals
from seqbench.core.types import FigureFormat
from seqbench.report.figures.figure import Figure

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
