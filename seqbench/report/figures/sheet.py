"""The layout that all figures share: pages of at most A4 with a title, how to read them, and a key."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from seqbench.report.figures.canvas import Canvas
from seqbench.report.figures.letters import shorten, text_width
from seqbench.report.figures.placing import Box
from seqbench.report.figures.style import AXIS, GRID, MUTED, SMALL_PT, Look

PAGE_WIDTH = 595.0
PAGE_HEIGHT = 842.0
"""A4."""
EDGE = 16.0
INNER = PAGE_WIDTH - 2 * EDGE
TITLE_PT = 13.0
_LINE = 12.5
_SAMPLE = 22.0
_KEY_GAP = 16.0

Item = TypeVar("Item")


def new_page(height: float, title: str, notes: Sequence[str], right: str = "") -> tuple[Canvas, float]:
    """A page with its head.

    Args:
        height: Of what stands below the head, in points.
        title: In bold.
        notes: Lines below it, shortened where they are too long.
        right: Words at the right of the title.

    Returns:
        The page, and where its body starts.
    """
    head = head_height(len(notes))
    canvas = Canvas(PAGE_WIDTH, 2 * EDGE + head + height)
    room = INNER - (text_width(right) + 12 if right else 0)
    canvas.text(EDGE, EDGE + 11, shorten(title, room, TITLE_PT, bold=True), size=TITLE_PT, bold=True)
    canvas.text(EDGE + INNER, EDGE + 11, right, color=MUTED, align="right")
    for number, note in enumerate(notes, 1):
        y = EDGE + 11 + number * _LINE + 2
        canvas.text(EDGE, y, shorten(note, INNER, SMALL_PT), size=SMALL_PT, color=MUTED)
    return canvas, EDGE + head


def head_height(n_notes: int) -> float:
    """How tall title and notes are, with the gap below them."""
    return 16.0 + n_notes * _LINE + 8.0


def key_height(names: Sequence[str]) -> float:
    """How tall the key of so many models is, with the gap below it."""
    return _LINE * len(_key_rows(names)) + 6.0


def draw_key(canvas: Canvas, names: Sequence[str], looks: Mapping[str, Look], top: float) -> None:
    """Name the models beside samples of their lines, in as many rows as it takes."""
    for number, row in enumerate(_key_rows(names)):
        x, y = EDGE, top + 8 + number * _LINE
        for name in row:
            draw_sample(canvas, x, y - 3, looks[name])
            words = shorten(name, _KEY_NAME)
            canvas.text(x + _SAMPLE + 5, y, words)
            x += _SAMPLE + 5 + text_width(words) + _KEY_GAP


def draw_sample(canvas: Canvas, left: float, y: float, look: Look) -> None:
    """A short piece of a model's line."""
    canvas.line([(left, y), (left + _SAMPLE, y)], look.color, look.width, dashes=look.dashes)


_KEY_NAME = 170.0


def _key_rows(names: Sequence[str]) -> list[list[str]]:
    rows: list[list[str]] = []
    used = INNER + 1
    for name in names:
        width = _SAMPLE + 5 + text_width(shorten(name, _KEY_NAME)) + _KEY_GAP
        if used + width - _KEY_GAP > INNER:
            rows.append([])
            used = 0.0
        rows[-1].append(name)
        used += width
    return rows


def pages(
    items: Sequence[Item], height: Callable[[Item], float], room: float, columns: int = 1
) -> list[list[Item]]:
    """Share items out to pages, row by row, so that the rows of a page are at most `room` points tall.

    A row is as tall as its tallest item; one that is taller than the room has a page of its own.
    """
    found: list[list[Item]] = []
    used = room + 1
    for start in range(0, len(items), columns):
        row = items[start : start + columns]
        tall = max(map(height, row))
        if not found or used + tall > room:
            found.append([])
            used = 0.0
        found[-1] += row
        used += tall
    return found


def body_room(n_notes: int, key: float = 0.0) -> float:
    """How tall the body of a page can be."""
    return PAGE_HEIGHT - 2 * EDGE - head_height(n_notes) - key


def draw_axes(
    canvas: Canvas,
    box: Box,
    across: Sequence[tuple[float, str]],
    upward: Sequence[tuple[float, str]],
    *,
    size: float = SMALL_PT,
    below: float = 0.0,
) -> None:
    """Lines and numbers of a plot.

    Args:
        canvas: Where to draw.
        box: The plot.
        across: x and words of the numbers below it.
        upward: y and words of the numbers at its left, each with a line across; no words, no number.
        size: Of the letters.
        below: Room between the plot and the numbers below it.
    """
    canvas.segments([((box.left, y), (box.right, y)) for y, _ in upward], GRID, 0.8, order=0)
    canvas.segments([((box.left, box.bottom), (box.right, box.bottom))], AXIS, 0.8, order=0.5)
    for x, words in across:
        canvas.text(x, box.bottom + below + 3 + size, words, size=size, color=MUTED, align="center")
    for y, words in upward:
        if words:
            canvas.text(box.left - 4, y + 0.36 * size, words, size=size, color=MUTED, align="right")
