"""A figure measured in points (1/72 inch) from its top left corner, and its PNG, SVG and PDF.

Things are drawn straight onto a matplotlib figure. Its axes, with their ticks and layout, would cost several
times as much, and a report has hundreds of panels.
"""

import io
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from seqbench.core.types import FigureFormat
from seqbench.report.figures.placing import Box
from seqbench.report.figures.style import BACKGROUND, INK, RC, TEXT_PT

if TYPE_CHECKING:
    from matplotlib.artist import Artist

PNG_DPI = 200

Point = tuple[float, float]


class Canvas:
    """A blank figure to draw on; y counts downward."""

    def __init__(self, width: float, height: float) -> None:
        """Make a figure of so many points."""
        from matplotlib.figure import Figure
        from matplotlib.transforms import Affine2D

        self.width = width
        self.height = height
        self._figure = Figure(figsize=(width / 72, height / 72))
        self._place = Affine2D().scale(1 / width, -1 / height).translate(0, 1) + self._figure.transFigure

    def text(
        self,
        x: float,
        y: float,
        words: str,
        *,
        size: float = TEXT_PT,
        color: str = INK,
        align: str = "left",
        bold: bool = False,
        halo: bool = False,
    ) -> None:
        """Write words with their baseline at y; x is where they start, end or have their middle.

        Args:
            x: From the left.
            y: From the top.
            words: Plain text; nothing in it is markup.
            size: In points.
            color: Of the letters.
            align: `left`, `center` or `right`.
            bold: Whether the letters are.
            halo: Whether lines behind the words are made pale.
        """
        box = {"facecolor": BACKGROUND, "alpha": 0.75, "pad": 0.5, "lw": 0} if halo else None
        self._figure.text(
            x / self.width,
            1 - y / self.height,
            words,
            fontsize=size,
            color=color,
            ha=align,
            va="baseline",
            weight="bold" if bold else "normal",
            parse_math=False,
            bbox=box,
            zorder=6,
        )

    def line(
        self,
        points: Sequence[Point],
        color: str,
        width: float = 1.0,
        *,
        dashes: Sequence[float] = (),
        alpha: float = 1.0,
        order: float = 3,
    ) -> None:
        """Draw a line through points; a point with a NaN breaks it. `dashes` are on and off in points."""
        from matplotlib.lines import Line2D

        style: dict[str, Any] = {"dashes": tuple(dashes)} if dashes else {}
        style |= {"solid_joinstyle": "round", "solid_capstyle": "butt", "alpha": alpha, "zorder": order}
        xs, ys = [x for x, _ in points], [y for _, y in points]
        self._add(Line2D(xs, ys, color=color, lw=width, transform=self._place, **style))

    def segments(
        self,
        pairs: Sequence[tuple[Point, Point]],
        color: str,
        width: float = 1.0,
        *,
        dashes: Sequence[float] = (),
        order: float = 1,
    ) -> None:
        """Draw many straight lines of one look."""
        from matplotlib.collections import LineCollection

        if pairs:
            dashed = (0, tuple(dashes)) if dashes else "solid"
            lines = LineCollection(
                list(pairs), colors=color, linewidths=width, linestyles=[dashed], zorder=order
            )
            self._add(lines, at=self._place)

    def marks(
        self,
        points: Sequence[Point],
        shape: str,
        size: float,
        *,
        face: str,
        edge: str = "none",
        edge_width: float = 0.0,
        order: float = 4,
    ) -> None:
        """Draw one of matplotlib's markers, `size` points wide, at each point."""
        from matplotlib.lines import Line2D

        xs, ys = [x for x, _ in points], [y for _, y in points]
        look: dict[str, Any] = {"mfc": face, "mec": edge, "mew": edge_width, "zorder": order}
        self._add(Line2D(xs, ys, ls="none", marker=shape, ms=size, transform=self._place, **look))

    def area(
        self, upper: Sequence[Point], lower: Sequence[Point], color: str, alpha: float, order: float = 2
    ) -> None:
        """Fill what lies between two lines of as many points; where either has a NaN nothing is filled."""
        from matplotlib.patches import Polygon

        for start, end in _runs([not math.isnan(u[1] + w[1]) for u, w in zip(upper, lower, strict=True)]):
            outline = [*upper[start:end], *reversed(lower[start:end])]
            self._add(Polygon(outline, fc=color, alpha=alpha, lw=0, transform=self._place, zorder=order))

    def rectangles(
        self,
        boxes: Sequence[tuple[float, float, float, float]],
        colors: Sequence[str],
        *,
        edge: str = "none",
        edge_width: float = 0.0,
        order: float = 1,
    ) -> None:
        """Fill rectangles given as left, top, width and height."""
        from matplotlib.collections import PolyCollection

        if boxes:
            corners = [
                [(left, top), (left + width, top), (left + width, top + height), (left, top + height)]
                for left, top, width, height in boxes
            ]
            shapes = PolyCollection(
                corners, facecolors=list(colors), edgecolors=edge, linewidths=edge_width, zorder=order
            )
            self._add(shapes, at=self._place)

    def hatch(self, left: float, top: float, width: float, height: float, color: str) -> None:
        """Fill a rectangle with slanted lines."""
        step = 4.0
        pairs = []
        for number in range(1, int((width + height) / step) + 1):
            away = number * step
            right, down = min(away, width), min(away, height)
            start = (left + away - down, top + down)
            pairs.append((start, (left + right, top + away - right)))
        self.segments(pairs, color, 0.5)

    def save(self, form: FigureFormat, salt: str) -> bytes:
        """The figure as a file, the same bytes for the same figure.

        Args:
            form: PNG has 200 dots an inch; text stays text in SVG and PDF.
            salt: What ids in an SVG depend on.
        """
        import matplotlib

        buffer = io.BytesIO()
        with matplotlib.rc_context({"svg.hashsalt": salt}):
            self._figure.savefig(buffer, format=form, **_PLAIN[form])
        return buffer.getvalue()

    def text_boxes(self) -> list[tuple[str, Box]]:
        """All words and where they stand, as matplotlib draws them in a PNG."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        self._figure.set_dpi(PNG_DPI)
        renderer = FigureCanvasAgg(self._figure).get_renderer()  # type: ignore[no-untyped-call]
        found = []
        for text in self._figure.texts:
            left, low, right, high = (72 / PNG_DPI * end for end in text.get_window_extent(renderer).extents)
            box = Box(left=left, top=self.height - high, right=right, bottom=self.height - low)
            found.append((text.get_text(), box))
        return found

    def _add(self, artist: "Artist", at: Any = None) -> None:
        if at is not None:
            artist.set_transform(at)
        self._figure.add_artist(artist)


_PLAIN: dict[FigureFormat, dict[str, Any]] = {
    # Level 3 takes 0.12 s where zlib's usual 6 takes 0.19, for files that are 5 to 15 % larger.
    "png": {"dpi": PNG_DPI, "metadata": {"Software": None}, "pil_kwargs": {"compress_level": 3}},
    "svg": {"metadata": {"Date": None, "Creator": None}},
    "pdf": {"metadata": {"CreationDate": None, "Creator": None, "Producer": None}},
}
"""What is saved beside the figure: nothing that changes from day to day."""


@contextmanager
def house_style() -> Iterator[None]:
    """The context in which canvases are made and saved; what a user set for matplotlib does not count."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        settings: Any = matplotlib.rcParams
        settings.update(RC)
        yield


def _runs(known: Sequence[bool]) -> Iterator[tuple[int, int]]:
    """Start and end of each stretch of at least two that are true."""
    start = 0
    for index in range(len(known) + 1):
        if index == len(known) or not known[index]:
            if index - start > 1:
                yield start, index
            start = index + 1
