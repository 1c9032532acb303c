"""Measuring contenders in turns, so that whatever else the machine does falls on all of them alike."""

import gc
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

Values = dict[str, NDArray[np.float64]]
"""A value a round for each contender; those of one round belong together."""


def in_turns(
    contenders: Mapping[str, Callable[[], float]], rounds: int, console: Console, label: str
) -> Values:
    """Run A, B, C, A, B, C … and keep what each returns.

    Args:
        contenders: Each does its whole work when called and returns its figure, usually seconds.
        rounds: How often each is called.
        console: Told every figure as it comes.
        label: What is being measured.
    """
    values: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(1, rounds + 1):
        for name, work in contenders.items():
            gc.collect()
            values[name].append(work())
            console.print(
                f"{label}, round {number}/{rounds}: {name} {values[name][-1]:,.4g}",
                highlight=False,
                markup=False,
            )
    return {name: np.asarray(found) for name, found in values.items()}


def paired(above: NDArray[np.float64], below: NDArray[np.float64]) -> tuple[float, ...]:
    """The ratio of every round: its median is less disturbed than the ratio of medians."""
    return tuple((above / below).tolist())
