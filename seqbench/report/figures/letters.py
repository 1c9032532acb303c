"""How wide words are, and how they are made to fit. All lengths are points (1/72 inch)."""

from functools import cache, lru_cache
from typing import TYPE_CHECKING

from seqbench.report.figures.style import TEXT_PT

if TYPE_CHECKING:
    from matplotlib.ft2font import FT2Font

_EM = 100.0
"""Size at which a letter is measured."""


def text_width(words: str, size: float = TEXT_PT, *, bold: bool = False) -> float:
    """How many points the words take in DejaVu Sans, the font of the figures (without kerning)."""
    return size * sum(_advance(letter, bold) for letter in words)


def shorten(words: str, width: float, size: float = TEXT_PT, *, bold: bool = False) -> str:
    """The words, with their middle left out where they don't fit into `width` points.

    Head and tail are kept alike, since models and data sets often differ in their last letters only.
    """
    if text_width(words, size, bold=bold) <= width:
        return words
    for left_out in range(1, len(words)):
        kept = len(words) - left_out
        head = (kept + 1) // 2
        short = f"{words[:head]}…{words[head + left_out :]}"
        if text_width(short, size, bold=bold) <= width:
            return short
    return "…"


def wrap(words: str, width: float, lines: int, size: float = TEXT_PT) -> tuple[str, ...]:
    """The words on at most so many lines of `width` points, broken after spaces, hyphens and underscores.

    What does not fit is shortened: a piece that is too long for a line, and all that is left on the last one.
    """
    found: list[str] = []
    rest = _pieces(words)
    while rest:
        if len(found) == lines - 1:
            found.append(shorten("".join(rest).strip(), width, size))
            break
        line = rest.pop(0)
        while rest and text_width((line + rest[0]).rstrip(), size) <= width:
            line += rest.pop(0)
        found.append(shorten(line.rstrip(), width, size))
    return tuple(found)


def _pieces(words: str) -> list[str]:
    """The words cut after each place where a line may end."""
    pieces = [""]
    for letter in words:
        pieces[-1] += letter
        if letter in " -_":
            pieces.append("")
    return [piece for piece in pieces if piece]


@lru_cache(maxsize=4096)
def _advance(letter: str, bold: bool) -> float:
    """Width of a letter in font sizes, as the font file has it."""
    from matplotlib.ft2font import LoadFlags

    # The advance at 100 pt is in 1/65536 points; hinting would round it to whole pixels.
    glyph = _font(bold).load_char(ord(letter), flags=LoadFlags.NO_HINTING)
    return float(glyph.linearHoriAdvance) / 65536 / _EM


@cache
def _font(bold: bool) -> "FT2Font":
    from matplotlib.font_manager import FontProperties, findfont
    from matplotlib.ft2font import FT2Font

    weight = "bold" if bold else "normal"
    font = FT2Font(findfont(FontProperties(family="DejaVu Sans", weight=weight)))
    font.set_size(_EM, 72)
    return font
