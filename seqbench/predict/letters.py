"""The weight that a head gave to each letter, written as a table.

Shape letters: T tokens of a sequence, P its letters.
"""

import csv
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from seqbench.core.atomic import atomic_write
from seqbench.core.spreadsheet import escape_formula
from seqbench.errors import ProbeError

COLUMNS = ("item", "id", "sequence", "position", "letter", "weight")


def letter_weights(
    weights_T: NDArray[np.floating], spans_T2: NDArray[np.int32], n_letters: int
) -> NDArray[np.float64]:
    """Give each letter its part of the tokens that it is in.

        weights [0.5, 0.5], spans [[0, 2], [1, 3]]  →  [0.25, 0.5, 0.25]

    Args:
        weights_T: Of the tokens.
        spans_T2: First letter of each token, and the one behind its last.
        n_letters: P.

    Returns:
        Shape (P,), with the tokens' sum; 0 where no token stands for a letter.
    """
    found_P = np.zeros(n_letters)
    lengths_T = spans_T2[:, 1] - spans_T2[:, 0]
    places = np.repeat(spans_T2[:, 0] - np.cumsum(lengths_T) + lengths_T, lengths_T)
    places = places + np.arange(len(places))
    np.add.at(found_P, places, np.repeat(weights_T / np.maximum(lengths_T, 1), lengths_T))
    return found_P


class LetterTable:
    """A file of a row a letter that gets its name when it is whole."""

    def __init__(self, path: Path) -> None:
        """Open it.

        Raises:
            ProbeError: Its name does not end in .tsv, or its folder can't be written.
        """
        if path.suffix != ".tsv":
            raise ProbeError(f"{path}: the weights of letters are written as .tsv")
        self._path, self._whole = path, ExitStack()
        try:
            partial = self._whole.enter_context(atomic_write(path))
            self._file = self._whole.enter_context(partial.open("w", encoding="utf-8", newline=""))
            self._table = csv.writer(self._file, delimiter="\t", lineterminator="\n")
            self._table.writerow(COLUMNS)
        except OSError as error:
            raise ProbeError(f"{path}: can't be written: {error.strerror}") from error

    def __enter__(self) -> "LetterTable":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._whole.__exit__(kind, error, trace)
        except OSError as fault:
            raise ProbeError(f"{self._path}: can't be written: {fault.strerror}") from fault

    def write(
        self,
        item: int,
        name: str | None,
        sequence: int,
        text: str | None,
        weights_T: NDArray[np.floating],
        spans_T2: NDArray[np.int32],
    ) -> None:
        """Append the letters of one sequence.

        Args:
            item: Number of its item, from 0.
            name: The item's id, if it has one.
            sequence: Number of the sequence within the item, from 0.
            text: Its letters; None where only tokens are known.
            weights_T: Of its tokens.
            spans_T2: Their letters.
        """
        n_letters = len(text) if text is not None else int(spans_T2[:, 1].max(initial=0))
        letters: Sequence[str] = text if text is not None else [""] * n_letters
        weights_P = letter_weights(weights_T, spans_T2, n_letters)
        self._table.writerows(
            (item, escape_formula(name or ""), sequence, position, escape_formula(letter), f"{weight:.9g}")
            for position, (letter, weight) in enumerate(zip(letters, weights_P.tolist(), strict=True))
        )
