"""How many tokens each sequence has, and which letters they stand for: settled before any are computed.

Tokens of all sequences stand in a row in the store, so where a block begins is known only when all sequences
before it are tokenised. That takes a pass of the tokenizer alone over the split.

Shape letters: Q sequences of a split, T tokens of one.
"""

import os
from collections.abc import Iterator, Sequence
from io import FileIO

import numpy as np
from numpy.typing import NDArray

from seqbench.core.alphabets import reverse_complement
from seqbench.core.types import Strands
from seqbench.datasets.dataset import Dataset, Split
from seqbench.errors import DataError, ModelError
from seqbench.extract.gather import stretches
from seqbench.extract.room import check_room
from seqbench.extract.spool import read_all, scratch_file, write_all
from seqbench.models.base import OverlongSequenceError, TokenEmbedder
from seqbench.models.spans import by_letter
from seqbench.store import TokenEmbeddings

READ_TOKENS = 1 << 20
"""Spans that are read back from the scratch file at a time."""


def settle_lengths(
    embedder: TokenEmbedder,
    dataset: Dataset,
    entry: TokenEmbeddings,
    layers: Sequence[int],
    strands: Strands,
) -> None:
    """Record the numbers of tokens of every split that has none recorded.

    Args:
        embedder: The loaded model.
        dataset: The opened data set.
        entry: Where its tokens go.
        layers: Of which.
        strands: What is made of both strands.

    Raises:
        DataError: A sequence is over the limit, which is to be an error; names the line.
        ModelError: The tokenizer does not tell which letters its tokens stand for, or cuts the reverse
            complement otherwise, so that its tokens can't be held against those of the sequence.
        StoreError: The disk can't hold the tokens, or the store can't be written.
    """
    for name, split in dataset.splits.items():
        if not entry.has_offsets(name):
            with scratch_file(entry.scratch_folder) as scratch:
                counted = _Counted(embedder, split, dataset.n_seqs, strands, scratch)
                n_bytes = (
                    int(counted.lengths_Q.sum()) * entry.facts.hidden * np.dtype(entry.facts.dtype).itemsize
                )
                check_room(entry.scratch_folder, n_bytes * len(layers), f"{entry.name}/{name}")
                spans = counted.spans() if counted.has_spans else None
                entry.put_lengths(name, counted.lengths_Q, spans)


class _Counted:
    """The tokens of a split, counted."""

    def __init__(
        self, embedder: TokenEmbedder, split: Split, n_seqs: int, strands: Strands, scratch: FileIO
    ) -> None:
        self.lengths_Q: NDArray[np.int64] = np.zeros(len(split) * n_seqs, dtype=np.int64)
        self._embedder, self._split, self._strands, self._file = embedder, split, strands, scratch
        self._first_kept: int | None = None
        """The first sequence whose spans lie in the scratch file; of those before, tokens are letters."""
        filled = 0
        for start, stop in stretches(split, 0, len(split)):
            texts = [text for item in split.sequences(start, stop) for text in item]
            spans = self._spans_of(texts, start, n_seqs)
            self.lengths_Q[filled : filled + len(spans)] = [len(each) for each in spans]
            self._keep(spans, filled)
            filled += len(spans)

    @property
    def has_spans(self) -> bool:
        """Whether any token stands for other than the one letter at its place."""
        return self._first_kept is not None

    def spans(self) -> Iterator[NDArray[np.int32]]:
        """The letters of all tokens in order, in parts."""
        for length in self.lengths_Q[: self._first_kept].tolist():
            yield by_letter(length)
        end = os.fstat(self._file.fileno()).st_size
        for place in range(0, end, 8 * READ_TOKENS):
            part = np.empty((min(READ_TOKENS, (end - place) // 8), 2), dtype=np.int32)
            read_all(self._file.fileno(), part, place)
            yield part

    def _spans_of(self, texts: list[str], start: int, n_seqs: int) -> list[NDArray[np.int32]]:
        try:
            spans = self._embedder.spans(texts)
            if self._strands != "none":
                turned = self._embedder.spans([reverse_complement(text) for text in texts])
        except OverlongSequenceError as error:
            raise DataError(
                f"{self._place(start + error.index // n_seqs)}: {error.tokens} tokens are over the limit of "
                f"{error.limit} (set extract.overlong to window or truncate)"
            ) from error
        for at, (text, own) in enumerate(zip(texts, spans, strict=True)) if self._strands != "none" else ():
            if not np.array_equal(own, len(text) - turned[at][::-1, ::-1]):
                raise ModelError(
                    f"{self._place(start + at // n_seqs)}: the tokens of the reverse complement stand for "
                    "other letters than those of the sequence, so they can't be joined (leave out "
                    "extract.tokens or extract.reverse_complement for this model)"
                )
        return spans

    def _place(self, item: int) -> str:
        return f"{self._split.index.path}:{self._split.line(item)}"

    def _keep(self, spans: list[NDArray[np.int32]], first: int) -> None:
        """Keep spans from the first sequence on whose tokens are not letters."""
        for at, own in enumerate(spans):
            if self._first_kept is None:
                if np.array_equal(own, by_letter(len(own))):
                    continue
                self._first_kept = first + at
            write_all(self._file.fileno(), own, os.fstat(self._file.fileno()).st_size)
