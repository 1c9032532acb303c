"""A matplotlib figure measured in points from its top left corner, and its PNG and SVG."""

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from seqbench.report.figures.style import BACKGROUND, INK, ON_DARK, RC, TEXT_PT

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PNG_DPI = 200
_LETTER_EM = 0.56
"""Mean width of a letter of DejaVu Sans, in font sizes."""


class Canvas:
    """A blank figure to draw on; y counts downward."""

    def __init__(self, width: float, height: float) -> None:
        """Make a figure of so many points."""
        from matplotlib.figure import Figure

        self.width = width
        self.height = height
        self._figure = Figure(figsize=(width / 72, height / 72))

    def axes(self, left: float, top: float, width: float, height: float) -> "Axes":
        """Add axes with their upper left corner at (left, top)."""
        bottom = self.height - top - height
        return self._figure.add_axes(
            (left / self.width, bottom / self.height, width / self.width, height / self.height)
        )

    def text(self, x: float, y: float, words: str, *, size: float = TEXT_PT, **style: Any) -> None:
        """Write words with their baseline at y; `style` is matplotlib's (`ha`, `color`, `weight`)."""
        look: dict[str, Any] = {"color": INK, "ha": "left", "va": "baseline", "parse_math": False} | style
        self._figure.text(x / self.width, 1 - y / self.height, words, fontsize=size, **look)

    def line(self, xs: Sequence[float], ys: Sequence[float], **style: Any) -> None:
        """Draw a line or markers; `style` is that of matplotlib's Line2D."""
        from matplotlib.lines import Line2D

        across = [x / self.width for x in xs]
        up = [1 - y / self.height for y in ys]
        self._figure.add_artist(Line2D(across, up, transform=self._figure.transFigure, **style))

    def png(self) -> bytes:
        """The figure as PNG, 200 dots an inch, the same bytes for the same figure."""
        buffer = io.BytesIO()
        self._figure.savefig(buffer, format="png", dpi=PNG_DPI, metadata={"Software": None})
        return buffer.getvalue()

    def svg(self, salt: str) -> str:
        """The figure as SVG, the same text for the same figure; ids in it depend on `salt`."""
        import matplotlib

        buffer = io.StringIO()
        with matplotlib.rc_context({"svg.hashsalt": salt}):
            self._figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
        return buffer.getvalue()


@contextmanager
def house_style() -> Iterator[None]:
    """The context in which canvases are made and saved; what a user set for matplotlib does not count."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        settings: Any = matplotlib.rcParams
        settings.update(RC)
        yield


def text_width(words: str, size: float = TEXT_PT) -> float:
    """About how many points the words take."""
    return len(words) * size * _LETTER_EM


def shorten(words: str, width: float, size: float = TEXT_PT) -> str:
    """The words with their middle left out so that they fit into `width` points."""
    fits = int(width / (size * _LETTER_EM))
    if len(words) <= fits:
        return words
    tail = max(1, (fits - 1) // 2)
    return f"{words[: max(1, fits - 1 - tail)]}…{words[-tail:]}"


def inline_svg(svg: str, label: str) -> str:
    """Make an SVG part of a page: it fills its box, follows the page's colours, and says what it is.

    Args:
        svg: From `Canvas.svg`.
        label: What a screen reader says; escaped here.
    """
    from html import escape

    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r"<!--.*?-->\s*", "", body, flags=re.DOTALL)
    # Matplotlib numbers its groups in every file alike; in one page these ids would clash.
    body = re.sub(r' id="[a-z]+\d*(_\d+)+"', "", body)
    body = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", body, count=1)
    body = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", body, count=1)
    for color in ON_DARK:
        body = body.replace(color, f"var({variable(color)})")
    return body.replace("<svg", f'<svg role="img" aria-label="{escape(label, quote=True)}"', 1)


def variable(color: str) -> str:
    """The page's CSS variable for a colour of the house style."""
    return "--background" if color == BACKGROUND else f"--c-{color.removeprefix('#')}"
