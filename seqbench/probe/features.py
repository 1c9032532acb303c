"""From the store to what a head is trained on: layers read once, sequences combined, parts cut.

Shape letters: L layers, N items, S sequences of an item, H hidden width, D features of an item.
"""

from collections.abc import Mapping, Sequence
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from seqbench.core.combining import combined, n_vectors
from seqbench.core.types import SplitName, Task
from seqbench.errors import ProbeError
from seqbench.probe.heads.base import HeadData, Problem
from seqbench.probe.items import Part
from seqbench.probe.letter_vectors import LetterVectors, letter_vectors
from seqbench.probe.trainings import Training
from seqbench.store import Embeddings

_Cut = tuple[tuple[SplitName, bytes], tuple[int, ...]]
"""Names some of the items at some of the layers."""


def problem_of(entry: Embeddings) -> Problem:
    """What is to be predicted.

    Raises:
        ProbeError: Train holds one class only, so there is nothing to learn.
    """
    if entry.facts.task is not Task.CLASSIFICATION:
        return Problem(task=entry.facts.task, n_outputs=entry.facts.n_targets)
    if len(entry.facts.classes) < 2:
        raise ProbeError(
            f"{entry.name}: train holds only class {entry.facts.classes[0]}, nothing to tell apart"
        )
    return Problem(task=Task.CLASSIFICATION, n_outputs=len(entry.facts.classes))


def check_combine(entry: Embeddings, combine: str) -> None:
    """Refuse what the sequences of an item can't be combined by.

    Raises:
        ProbeError: `symmetric`, of more than two.
    """
    if combine == "symmetric" and entry.facts.n_seqs > 2:
        raise ProbeError(
            f"{entry.name}: probe.combine symmetric is of two sequences, items have {entry.facts.n_seqs} "
            "(choose concat, mean or ref_delta)"
        )


class FeatureSizes:
    """Bytes that features and predictions of a data set take, before any are read."""

    def __init__(self, entry: Embeddings, combine: str, n_outputs: int) -> None:
        width = entry.facts.hidden * n_vectors(combine, entry.facts.n_seqs)
        self._item_bytes = 4 * width
        self._prediction_bytes = 4 * n_outputs
        letters = letter_vectors(entry)
        self._stored = {
            split: entry.facts.splits[split].n_items if letters is None else len(letters[split])
            for split in entry.splits
        }

    @property
    def layer(self) -> int:
        """One layer of all splits, as read."""
        return self._item_bytes * sum(self._stored.values())

    @property
    def reading(self) -> int:
        """What is held beside them while a layer is read."""
        return self._item_bytes * max(self._stored.values())

    def beside(self) -> "Beside":
        """Nothing, to be added to."""
        return Beside(self._item_bytes, self._prediction_bytes, self._stored)


class Beside:
    """Bytes, for each layer, of what some trainings at once take beside the layer: copies and predictions."""

    def __init__(self, item_bytes: int, prediction_bytes: int, stored: Mapping[SplitName, int]) -> None:
        self._item_bytes = item_bytes
        self._prediction_bytes = prediction_bytes
        self._stored = stored
        self._copied: set[tuple[SplitName, bytes]] = set()
        self.bytes = 0

    def more(self, training: Training) -> int:
        """What one more training adds; parts of the same items are copied once."""
        parts = {part.cut: len(part) for part in self._cut_from(training) if part.cut not in self._copied}
        predicted = sum(len(part) for part in training.scored.values())
        return self._item_bytes * sum(parts.values()) + self._prediction_bytes * predicted

    def add(self, training: Training) -> None:
        """Count one more training."""
        self.bytes += self.more(training)
        self._copied |= {part.cut for part in self._cut_from(training)}

    def _cut_from(self, training: Training) -> list[Part]:
        """Its parts that are not all of a stored split, and so copies."""
        parts = (training.train, *training.scored.values())
        return [part for part in parts if len(part) < self._stored[part.source]]


class Features:
    """The features of some layers, read from the store once; parts are cut from them."""

    def __init__(self, entry: Embeddings, layers: Sequence[int], combine: str) -> None:
        self.layers = tuple(layers)
        check_combine(entry, combine)
        self._whole = {split: _read(entry, layers, split, combine) for split in entry.splits}
        self._cuts: WeakValueDictionary[_Cut, NDArray[np.float32]] = WeakValueDictionary()

    def data(self, layers: Sequence[int], part: Part) -> HeadData:
        """Features and targets of a part at some of the layers; parts of the same items share them."""
        whole_LNH = self._whole[part.source]
        if len(part) == whole_LNH.shape[1]:
            return HeadData(features_LNH=whole_LNH[self._places(layers)], targets=part.targets)
        key = (part.cut, tuple(layers))
        features_LNH = self._cuts.get(key)
        if features_LNH is None:
            features_LNH = np.take(whole_LNH[self._places(layers)], part.rows_N, axis=1)
            self._cuts[key] = features_LNH
        return HeadData(features_LNH=features_LNH, targets=part.targets)

    def _places(self, layers: Sequence[int]) -> slice | list[int]:
        """Where layers are; neighbours as a slice, which copies nothing."""
        places = [self.layers.index(layer) for layer in layers]
        if places == list(range(places[0], places[0] + len(places))):
            return slice(places[0], places[0] + len(places))
        return places


def _read(entry: Embeddings, layers: Sequence[int], split: SplitName, combine: str) -> NDArray[np.float32]:
    """(L, N, D): an item's sequences combined; of labels of letters a row a letter."""
    letters = letter_vectors(entry)
    if letters is not None:
        return _read_letters(letters[split], layers, entry.facts.hidden)
    n_items, n_seqs, hidden = entry.facts.splits[split].n_items, entry.facts.n_seqs, entry.facts.hidden
    width = hidden * n_vectors(combine, n_seqs)
    features_LND = np.empty((len(layers), n_items, width), dtype=np.float32)
    for place, layer in enumerate(layers):
        rows_NSH = entry.load(layer, split)
        if combine == "mean":
            np.mean(rows_NSH, axis=1, out=features_LND[place])
        else:
            features_LND[place] = combined(rows_NSH, combine)
    return features_LND


def _read_letters(letters: LetterVectors, layers: Sequence[int], hidden: int) -> NDArray[np.float32]:
    features_LMH = np.empty((len(layers), len(letters), hidden), dtype=np.float32)
    for place, layer in enumerate(layers):
        features_LMH[place] = letters.read(layer)
    return features_LMH
