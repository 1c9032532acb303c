"""What copies and near-duplicates are looked for in: sequences in splits, with or without labels."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from numpy.typing import NDArray

from seqbench.core.alphabets import Alphabet
from seqbench.core.types import SplitName


class SequenceSplit(Protocol):
    """Items of one or more sequences, read in runs."""

    def __len__(self) -> int:
        """N, how many items there are."""

    @property
    def lengths(self) -> NDArray[Any]:
        """(N, S) letters of each sequence."""

    def sequences(self, start: int, stop: int) -> Sequence[tuple[str, ...]]:
        """The sequences of items `start` to `stop` (exclusive)."""


class SequenceSet(Protocol):
    """Splits whose items have S sequences each; a `Dataset` is one."""

    @property
    def splits(self) -> Mapping[SplitName, SequenceSplit]:
        """With train, which the others are compared with."""

    @property
    def alphabet(self) -> Alphabet:
        """Of all sequences."""

    @property
    def n_seqs(self) -> int:
        """S, sequences an item."""
