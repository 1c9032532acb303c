"""A figure of the report before it is drawn: its name, what it shows in words, and how to draw it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from seqbench.core.types import FigureFormat
from seqbench.report.figures.canvas import Canvas, house_style


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One page; what takes several pages is several figures.

    It can be pickled, so that several processes can draw. Matplotlib's settings belong to a whole process:
    threads must not draw at the same time.
    """

    name: str
    """Of its files, without an ending."""
    title: str
    alt: str
    """What it shows, for those who can't see it."""
    draw: Callable[[], Canvas]
    """Draws it; to be called within `house_style`."""

    def files(self, formats: Sequence[FigureFormat]) -> dict[FigureFormat, bytes]:
        """Draw the figure and make its files: the same bytes for the same figure."""
        with house_style():
            canvas = self.draw()
            return {form: canvas.save(form, self.name) for form in formats}


def page_name(name: str, page: int) -> str:
    """The name of a figure's page, counted from 0; the first has the figure's name."""
    return name if page == 0 else f"{name}_{page + 1}"


def page_words(page: int, n_pages: int) -> str:
    """Which of several pages it is, counted from 0; empty for the only one."""
    return "" if n_pages == 1 else f"page {page + 1} of {n_pages}"


def join(*words: str) -> str:
    """Those that are not empty, with commas."""
    return ", ".join(filter(None, words))
