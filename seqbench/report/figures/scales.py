"""From numbers to places on a figure, and which numbers stand at an axis."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_LAYER_STEPS = (1, 2, 4, 5, 8, 10, 20, 25, 50, 100)
_MOST_LAYER_TICKS = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Where a number lies: `low` at `start`, `high` at `end`, in points."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def __call__(self, value: float) -> float:
        """The place of a number; NaN where it is NaN."""
        low, high = self.low, self.high
        if self.logarithmic:
            low, high, value = math.log(low), math.log(high), math.log(value)
        return self.start + (value - low) / (high - low) * (self.end - self.start)


def ticks(low: float, high: float, most: int = 5) -> list[tuple[float, str]]:
    """Round numbers from low to high, at most so many, with equally many digits.

    Args:
        low: Where the axis starts.
        high: Where it ends; more than `low`.
        most: How many there may be; at least one is found where `most` is two or more.
    """
    power = 10.0 ** math.floor(math.log10((high - low) / most))
    for step in (power * factor for factor in (*_STEPS, 20.0, 25.0, 50.0)):
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if 0 <= last - first < most:
            return [(number * step, _written(number * step, step)) for number in range(first, last + 1)]
    return []


def tick_step(last: int) -> int:
    """Every how many layers the axis has a number, so that there are at most nine and two don't touch."""
    return next((step for step in _LAYER_STEPS if last // step < _MOST_LAYER_TICKS), last)


def padded(ends: Sequence[float], below: float, above: float) -> tuple[float, float]:
    """The range of an axis that shows all of `ends`, with room below and above in shares of it.

    It spans at least 2 % of the greatest number, so that a hair's breadth does not look like a gulf.
    """
    spread = max(max(ends) - min(ends), 0.02 * max(map(abs, ends)), 1e-3)
    spare = (spread - (max(ends) - min(ends))) / 2
    return min(ends) - spare - below * spread, max(ends) + spare + above * spread


def count(number: int) -> str:
    """A number of items in few letters: `800`, `8k`, `12.5k`, `1.2M`."""
    for size, unit in ((1_000_000, "M"), (1_000, "k")):
        if number >= size:
            return f"{number / size:.1f}".removesuffix(".0") + unit
    return str(number)


def _written(value: float, step: float) -> str:
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    if digits and not math.isclose(step * 10**digits, round(step * 10**digits)):
        digits += 1
    text = f"{value:.{digits}f}"
    return text.removeprefix("-") if float(text) == 0 else text
