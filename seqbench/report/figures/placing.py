"""Where a label goes so that it hides no line: the free place nearest to its mark.

All coordinates are points (1/72 inch) from the top left corner; y counts downward.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

_STEP = 3.0
"""Distance between the points that stand for a line."""
_MARGIN = 2.0
"""Kept free around a label."""
_BAND = 6
"""Weight of one point of a line under a label against a point of distance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A rectangle."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """From left to right."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """From top to bottom."""
        return self.bottom - self.top

    def holds(self, x: float, y: float) -> bool:
        """Whether the point is in it or within the margin."""
        inside_x = self.left - _MARGIN <= x <= self.right + _MARGIN
        return inside_x and self.top - _MARGIN <= y <= self.bottom + _MARGIN

    def overlaps(self, other: "Box") -> bool:
        """Whether the two share any place, margins included."""
        apart_x = other.left > self.right + _MARGIN or other.right < self.left - _MARGIN
        apart_y = other.top > self.bottom + _MARGIN or other.bottom < self.top - _MARGIN
        return not (apart_x or apart_y)


def along(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Points every 3 pt along a line through `points`, these included."""
    dense = list(points[:1])
    for (x0, y0), (x1, y1) in pairwise(points):
        pieces = max(1, math.ceil(math.hypot(x1 - x0, y1 - y0) / _STEP))
        dense += [(x0 + (x1 - x0) * i / pieces, y0 + (y1 - y0) * i / pieces) for i in range(1, pieces + 1)]
    return dense


def place(
    mark: tuple[float, float],
    around: float,
    size: tuple[float, float],
    frame: Box,
    lines: Sequence[tuple[float, float]],
    taken: Sequence[Box],
) -> Box | None:
    """Find the best place for a label of a mark.

    Args:
        mark: What the label belongs to.
        around: Half the width of the mark.
        size: Width and height of the label.
        frame: Where it must stay.
        lines: Points along all lines, from `along`.
        taken: Labels that are placed already.

    Returns:
        Of the places that hide no other label, the one with the least of lines hidden and distance from the
        mark; None where there is none.
    """
    xs, ys = np.array(lines).reshape(-1, 2).T

    def cost(box: Box) -> float:
        beside = (xs < box.left - _MARGIN) | (xs > box.right + _MARGIN)
        hidden = np.count_nonzero(~(beside | (ys < box.top - _MARGIN) | (ys > box.bottom + _MARGIN)))
        nearest_x = min(max(mark[0], box.left), box.right)
        nearest_y = min(max(mark[1], box.top), box.bottom)
        return _BAND * hidden + math.hypot(nearest_x - mark[0], nearest_y - mark[1])

    free = (box for box in _candidates(mark, around, size, frame) if not any(map(box.overlaps, taken)))
    return min(free, key=cost, default=None)


def _candidates(
    mark: tuple[float, float], around: float, size: tuple[float, float], frame: Box
) -> Iterator[Box]:
    width, height = size
    for away in (around + extra for extra in (2.5, 7.0, 13.0, 21.0, 32.0)):
        for top in (mark[1] - away - height, mark[1] + away, mark[1] - height / 2):
            for left in (mark[0] - width / 2, mark[0] + away, mark[0] - away - width):
                beside = left != mark[0] - width / 2
                if top == mark[1] - height / 2 and not beside:
                    continue
                x = min(max(left, frame.left), frame.right - width)
                y = min(max(top, frame.top), frame.bottom - height)
                box = Box(left=x, top=y, right=x + width, bottom=y + height)
                if not box.holds(*mark):
                    yield box
