"""Truth and prediction of the letters of a few test sequences, as lines of text under each other.

Shape letters: M letters of a sequence, K outputs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqbench.core.types import Task

SEQUENCES = 10
"""Sequences of test that are shown, the first ones."""
MOST_LETTERS = 2000
"""Of a sequence; what comes behind them is not shown."""
MOST_ROWS = 6
"""Labels or targets that are shown; those behind them are not."""
NOWHERE = "·"
"""Stands where a letter has no label, or was not predicted."""
LEVELS = "▁▂▃▄▅▆▇█"
"""Of values, from the least to the greatest true one of the sequences that are shown."""
YES, NO = "█", "░"
YES_NO = NO + YES
_ROOM = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackRow:
    """One thing that is predicted, letter by letter."""

    name: str | None
    """Of the label or target; None of classes."""
    truth: str
    predicted: str
    """As long as `truth`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One sequence."""

    item: int
    """Its row in test, from 0."""
    n_letters: int
    """That were predicted; fewer may be shown."""
    rows: tuple[TrackRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracks:
    """The sequences of one data set, as the probe that leads its leaderboard predicts them."""

    dataset: str
    model: str
    head: str
    layer: int
    symbols: tuple[tuple[str, str], ...]
    """What stands for what: a letter of the lines and its class; of values the ends of the scale."""
    tracks: tuple[Track, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ItemPredictions:
    """What is stored of one sequence."""

    item: int
    place_M: NDArray[np.int64]
    """Ascending."""
    targets_MK: NDArray[np.float64]
    """As the catalog keeps them: of two classes class 1 alone; NaN where it is not known."""
    scores_MK: NDArray[np.float64]


def symbols_of(n_classes: int, names: Sequence[str]) -> str:
    """One character a class: its name where all names are single letters, else letters in their order."""
    if len(names) == n_classes and all(len(name) == 1 for name in names) and len(set(names)) == n_classes:
        return "".join(names)
    return _ROOM[:n_classes] if n_classes <= len(_ROOM) else ""


def tracks_of(
    task: Task, items: Sequence[ItemPredictions], names: Sequence[str], thresholds: Sequence[float] | None
) -> tuple[tuple[tuple[str, str], ...], tuple[Track, ...]]:
    """Write the lines.

    Args:
        task: Classification, labels or regression.
        items: The sequences.
        names: Of classes, labels or targets; empty where they have none.
        thresholds: The probe's, from where on a probability is a yes; None for the usual.

    Returns:
        What stands for what, and a track a sequence. Nothing of more classes than there are letters.
    """
    if not items:
        return (), ()
    n_outputs = items[0].scores_MK.shape[1]
    if task is Task.CLASSIFICATION:
        return _of_classes(items, 2 if n_outputs == 1 else n_outputs, names, thresholds)
    shown = range(min(n_outputs, MOST_ROWS))
    called = [names[at] if at < len(names) else str(at) for at in shown]
    if task is Task.LABELS:
        cuts = np.full(n_outputs, np.nextafter(0.5, 1)) if thresholds is None else np.asarray(thresholds)
        levels = YES_NO
        kinds: tuple[tuple[str, str], ...] = ((YES, "yes"), (NO, "no"))
        numbers = [(each.targets_MK, (each.scores_MK >= cuts).astype(np.float64)) for each in items]
        ends = [(0.0, 1.0)] * n_outputs
    else:
        levels = LEVELS
        every = np.concatenate([each.targets_MK for each in items])
        ends = [(float(np.nanmin(column)), float(np.nanmax(column))) for column in every.T]
        kinds = tuple(
            (f"{LEVELS[0]} – {LEVELS[-1]}", f"{called[at]}: {ends[at][0]:.3g} to {ends[at][1]:.3g}")
            for at in shown
        )
        numbers = [(each.targets_MK, each.scores_MK) for each in items]
    tracks = []
    for each, (true, told) in zip(items, numbers, strict=True):
        rows = tuple(
            _row(
                called[at],
                each.place_M,
                _levels(true[:, at], ends[at], levels),
                _levels(told[:, at], ends[at], levels),
            )
            for at in shown
        )
        tracks.append(Track(item=each.item, n_letters=len(each.place_M), rows=rows))
    return kinds, tuple(tracks)


def _of_classes(
    items: Sequence[ItemPredictions], n_classes: int, names: Sequence[str], thresholds: Sequence[float] | None
) -> tuple[tuple[tuple[str, str], ...], tuple[Track, ...]]:
    symbols = symbols_of(n_classes, names)
    if not symbols:
        return (), ()
    tracks = []
    for each in items:
        if each.scores_MK.shape[1] == 1:
            cut = 0.5 if thresholds is None else thresholds[0]
            yes_M = each.scores_MK[:, 0] > cut if thresholds is None else each.scores_MK[:, 0] >= cut
            true_M, told_M = each.targets_MK[:, 0].astype(int), yes_M.astype(int)
        else:
            true_M, told_M = each.targets_MK.argmax(axis=1), each.scores_MK.argmax(axis=1)
        texts = ["".join(symbols[number] for number in found.tolist()) for found in (true_M, told_M)]
        row = _row(None, each.place_M, *texts)
        tracks.append(Track(item=each.item, n_letters=len(each.place_M), rows=(row,)))
    called = [names[at] if at < len(names) else f"class {at}" for at in range(n_classes)]
    return tuple(zip(symbols, called, strict=True)), tuple(tracks)


def _levels(values_M: NDArray[np.float64], ends: tuple[float, float], levels: str) -> str:
    """A character a value, by its place between the ends; those beyond are at the ends."""
    span = ends[1] - ends[0] or 1.0
    known_M = ~np.isnan(values_M)
    share_M = np.clip(np.where(known_M, (values_M - ends[0]) / span, 0.0), 0, 1)
    place_M = np.minimum((share_M * len(levels)).astype(int), len(levels) - 1)
    return "".join(
        levels[place] if is_known else NOWHERE
        for place, is_known in zip(place_M.tolist(), known_M.tolist(), strict=True)
    )


def _row(name: str | None, place_M: NDArray[np.int64], truth: str, predicted: str) -> TrackRow:
    """Put characters to their places; `NOWHERE` between them."""
    length = min(int(place_M[-1]) + 1, MOST_LETTERS)
    lines = [[NOWHERE] * length, [NOWHERE] * length]
    for place, true, told in zip(place_M.tolist(), truth, predicted, strict=True):
        if place < length:
            lines[0][place] = true
            lines[1][place] = told if true != NOWHERE else NOWHERE
    return TrackRow(name=name, truth="".join(lines[0]), predicted="".join(lines[1]))
