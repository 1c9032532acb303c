"""Corpora and test splits as what the audit's search runs over.

Shape letters: N documents or items, S sequences an item.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from seqbench.audit.searched import SequenceSplit
from seqbench.core.alphabets import Alphabet
from seqbench.core.types import SplitName
from seqbench.corpora.corpus import BLOCK, Corpus
from seqbench.datasets.dataset import Dataset


class CorpusView:
    """The documents of a corpus that are not empty, as items of one sequence."""

    def __init__(self, corpus: Corpus) -> None:
        """Note which these are, and their lengths: 16 bytes a document."""
        self.corpus = corpus
        rows, lengths = [], []
        for start in range(0, len(corpus), BLOCK):
            n_bytes = corpus.index.records(start, start + BLOCK)["n_bytes"]
            present = np.flatnonzero(n_bytes)
            rows.append(start + present)
            lengths.append(n_bytes[present])
        self.rows: NDArray[np.int64] = np.concatenate(rows)
        self.lengths: NDArray[np.int64] = np.concatenate(lengths)[:, None]
        """(N, 1) bytes, which of ASCII are letters."""

    def __len__(self) -> int:
        return len(self.rows)

    def sequences(self, start: int, stop: int) -> list[tuple[str, ...]]:
        """Texts of items `start` to `stop` (exclusive)."""
        first, last = int(self.rows[start]), int(self.rows[stop - 1]) + 1
        index = self.corpus.index
        records = index.records(first, last)
        return [
            (index.read(record, 0, int(record["n_bytes"])).decode(),)
            for record in records
            if record["n_bytes"]
        ]


class TestSequences:
    """The sequences of the test splits of several data sets, one after the other, each an item."""

    __test__ = False  # pytest takes classes of such names for tests

    def __init__(self, datasets: Sequence[Dataset]) -> None:
        self._tests = [dataset.splits["test"] for dataset in datasets]
        self._n_seqs = [dataset.n_seqs for dataset in datasets]
        sizes = [len(test) * n_seqs for test, n_seqs in zip(self._tests, self._n_seqs, strict=True)]
        self.starts = [0, *accumulate(sizes)]
        """Position of each data set's first sequence, and the number of all."""

    def __len__(self) -> int:
        return self.starts[-1]

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """(N, 1) letters."""
        return np.concatenate([test.lengths.ravel() for test in self._tests])[:, None]

    def sequences(self, start: int, stop: int) -> list[tuple[str, ...]]:
        """Sequences `start` to `stop` (exclusive)."""
        found: list[tuple[str, ...]] = []
        for first, test, n_seqs in zip(self.starts, self._tests, self._n_seqs, strict=False):
            begin, end = max(start - first, 0), min(stop - first, len(test) * n_seqs)
            if begin < end:
                items = test.sequences(begin // n_seqs, -(-end // n_seqs))
                flat = [(sequence,) for item in items for sequence in item]
                skipped = begin % n_seqs
                found += flat[skipped : skipped + end - begin]
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched:
    """What is searched together; see `seqbench.audit.searched.SequenceSet`."""

    splits: Mapping[SplitName, SequenceSplit]
    alphabet: Alphabet
    n_seqs: int = 1
