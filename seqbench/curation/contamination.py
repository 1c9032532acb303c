"""Which items of test splits a corpus holds: a model that is trained on it has seen them.

Shape letters: N sequences of test splits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from seqbench.audit.identical import fingerprint, partners
from seqbench.audit.near import default_k, sign_items
from seqbench.audit.nearest import nearest_in_train
from seqbench.audit.stretches import DEFAULT_WIDTH, OfLetters, Stretches, letters_to_read, shared_stretches
from seqbench.audit.verify import need_rapidfuzz
from seqbench.core.alphabets import Alphabet
from seqbench.core.progress import Advance, Reporter
from seqbench.core.types import Severity
from seqbench.curation.views import CorpusView, Searched, TestSequences
from seqbench.curation.word_stretches import OfWords
from seqbench.datasets.dataset import Dataset

HALF: Final = 0.5
"""Of a sequence's stretches: where the corpus holds as many, it holds the sequence, or most of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contamination:
    """What a corpus holds of one data set's test split; an item counts once, under the first that applies."""

    dataset: str
    n_items: int
    copies: int
    """Items with a sequence that is a whole document, on either strand."""
    near: int
    """Items with a sequence that is near-duplicate to a whole document."""
    contained: int
    """Items with a sequence of which documents hold at least half of all stretches."""
    shared: float
    """Mean share of the items' stretches that stand in the corpus, whatever is counted above."""
    example: str | None
    """Line of the test split of the first item that counts."""

    @property
    def severity(self) -> Severity:
        """Red where any item counts: its score can come from memory."""
        return "red" if self.copies or self.near or self.contained else "green"


def stretches_for(alphabet: Alphabet) -> Stretches:
    """30 nucleotides, 12 residues, 13 words."""
    return OfWords() if alphabet == "text" else OfLetters(width=DEFAULT_WIDTH[alphabet], alphabet=alphabet)


def contamination(
    view: CorpusView, datasets: Sequence[Dataset], near: float, reporter: Reporter
) -> list[Contamination]:
    """Look for the test items of data sets in a corpus, by the audit's search.

    Args:
        view: The corpus.
        datasets: Of the corpus's alphabet.
        near: Least identity of a near-duplicate; 1 looks for copies and stretches alone.
        reporter: Shows a bar, in letters.

    Raises:
        DataError: A file was changed, or rapidfuzz is not installed and near-duplicates are asked for.
    """
    if not datasets:
        return []
    if near < 1:
        need_rapidfuzz()
    tests = TestSequences(datasets)
    searched = Searched(splits={"train": view, "test": tests}, alphabet=view.corpus.alphabet)
    letters = int(view.lengths.sum()) + int(tests.lengths.sum())
    total = letters * (1 + (near < 1)) + letters_to_read(searched)
    with reporter.task(f"look for test items in {view.corpus.name}", total, "letters") as advance:
        kind_N = _kinds(searched, near, advance)
        share_N = shared_stretches(searched, stretches_for(searched.alphabet), advance)["test"].share_N
    kind_N[(kind_N == 0) & (share_N >= HALF)] = _CONTAINED
    return [
        _of_dataset(
            dataset,
            kind_N[start:stop].reshape(-1, dataset.n_seqs),
            share_N[start:stop].reshape(-1, dataset.n_seqs),
        )
        for dataset, start, stop in zip(datasets, tests.starts[:-1], tests.starts[1:], strict=True)
    ]


_CONTAINED, _NEAR, _COPY = 1, 2, 3
"""Kinds of what is found, the surest highest."""


def _kinds(searched: Searched, near: float, advance: Advance) -> NDArray[np.int8]:
    """Of each test sequence whether a document is its copy or near-duplicate."""
    prints = fingerprint(searched, advance)
    either = {name: each.either_N for name, each in prints.items()}
    kind_N = np.where(partners(either["test"], either["train"]) >= 0, _COPY, 0).astype(np.int8)
    if near >= 1:
        return kind_N
    signed = sign_items(searched, either, default_k(searched), advance)
    try:
        pairs = nearest_in_train(searched, signed, signed.split_N == 0, near, seed=0)
    finally:
        signed.close()
    if len(pairs.one_C):
        found = either["test"][signed.row_N[pairs.one_C]]
        kind_N[(kind_N == 0) & np.isin(either["test"], found)] = _NEAR
    return kind_N


def _of_dataset(dataset: Dataset, kind_NS: NDArray[np.int8], share_NS: NDArray[np.float64]) -> Contamination:
    kind_N = kind_NS.max(axis=1)
    counted = np.flatnonzero(kind_N)
    test = dataset.splits["test"]
    return Contamination(
        dataset=dataset.spec.name,
        n_items=len(kind_N),
        copies=int((kind_N == _COPY).sum()),
        near=int((kind_N == _NEAR).sum()),
        contained=int((kind_N == _CONTAINED).sum()),
        shared=float(share_NS.max(axis=1).mean()),
        example=f"{test.index.path}:{test.line(int(counted[0]))}" if len(counted) else None,
    )
