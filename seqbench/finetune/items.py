"""Tokenised items: each sequence in one window or more, as extraction cuts it.

Memory: 4 bytes a token of the data set, and some hundred bytes an item.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from seqbench.datasets.dataset import Split
from seqbench.errors import DataError
from seqbench.finetune.letters import Letters, letters_of, offsets_of
from seqbench.models.base import OverlongSequenceError
from seqbench.models.tokens import Tokens

Ids = NDArray[np.int32]
ITEMS_AT_ONCE = 4096
"""Items that are read and tokenised together."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sequences:
    """The windows of one sequence, in order."""

    windows: tuple[Ids, ...]
    """Token ids, special tokens included."""
    overlaps: tuple[int, ...]
    """Own tokens at the start of each that the window before holds as well."""
    kept: tuple[tuple[int, int], ...]
    """Where in each window's own tokens those begin and end that have most context there."""
    letters: Letters | None = None
    """Where labels are of letters: those that have a token."""

    @property
    def n_own(self) -> int:
        """Own tokens, each once."""
        return sum(last - first for first, last in self.kept)


Item = tuple[Sequences, ...]
"""The sequences of an item; none where one of them has no token."""


def n_rows(item: Item) -> int:
    """Rows of outputs: one, or where labels are of letters as many as have a token."""
    return sum(1 if each.letters is None else len(each.letters) for each in item[:1])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TokenisedItems:
    """Items of a split in their order."""

    items: list[Item]
    n_cut: int = 0
    """Sequences of which only the first window is there."""
    n_in_windows: int = 0
    """Sequences of several windows."""
    n_bare: int = 0
    """Where labels are of letters: those that have no token."""

    @property
    def offsets_N1(self) -> NDArray[np.int64]:
        """Where the rows of outputs of each item begin, and where those of the last end."""
        return offsets_of([n_rows(item) for item in self.items])

    @property
    def lengths_N(self) -> NDArray[np.int64]:
        """Tokens of all windows of each item."""
        return np.array(
            [sum(len(ids) for each in item for ids in each.windows) for item in self.items], dtype=np.int64
        )

    @property
    def readable_N(self) -> NDArray[np.bool_]:
        """Which items have a token in every sequence."""
        return np.array([bool(item) for item in self.items], dtype=np.bool_)


def tokenise_split(
    split: Split, tokens: Tokens, *, skip_unreadable: bool, by_letter: bool = False
) -> TokenisedItems:
    """Tokenise all items of a split; see `tokenise`.

    Raises:
        DataError: A sequence is too long and `overlong` is error, or has no token and is not to be skipped;
            names file and line.
        ModelError: The tokenizer does not tell which letters its tokens stand for.
    """
    parts = []
    for start in range(0, len(split), ITEMS_AT_ONCE):
        sequences = split.sequences(start, min(start + ITEMS_AT_ONCE, len(split)))
        try:
            part, unreadable = tokenise(sequences, tokens, by_letter=by_letter)
        except OverlongSequenceError as error:
            line = split.line(start + error.index // len(sequences[0]))
            raise DataError(
                f"{split.index.path}:{line}: {error.tokens} tokens, the model takes {error.limit} (set "
                "extract.overlong to window or truncate)"
            ) from error
        if unreadable and not skip_unreadable:
            number, why = next(iter(unreadable.items()))
            raise DataError(
                f"{split.index.path}:{split.line(start + number)}: {why} (set extract.unreadable: skip)"
            )
        parts.append(part)
    return TokenisedItems(
        items=[item for part in parts for item in part.items],
        n_cut=sum(part.n_cut for part in parts),
        n_in_windows=sum(part.n_in_windows for part in parts),
        n_bare=sum(part.n_bare for part in parts),
    )


def tokenise(
    sequences: Sequence[tuple[str, ...]], tokens: Tokens, *, by_letter: bool = False
) -> tuple[TokenisedItems, dict[int, str]]:
    """Tokenise items of as many sequences each.

    Args:
        sequences: Of each item.
        tokens: The tokenizer.
        by_letter: Whether labels are of letters, so that it is told which of these each token stands for.

    Returns:
        The items, and why of those that have a sequence without a token, by their number.

    Raises:
        OverlongSequenceError: A sequence is too long and `overlong` is error; its index counts sequences.
        ModelError: The tokenizer does not tell which letters its tokens stand for.
    """
    flat = [sequence for item in sequences for sequence in item]
    found = tokens.windows(flat)
    bounds = np.searchsorted(found.owner_W, np.arange(len(flat) + 1))
    letters = _letters(flat, tokens) if by_letter else [None] * len(flat)
    kept = [(first, last) for first, last in found.kept_W2.tolist()]
    made = [
        Sequences(
            windows=tuple(found.ids[first:last]),
            overlaps=tuple(found.overlap_W[first:last].tolist()),
            kept=tuple(kept[first:last]),
            letters=own,
        )
        for (first, last), own in zip(pairwise(bounds.tolist()), letters, strict=True)
    ]
    n_seqs = len(sequences[0]) if sequences else 1
    items: list[Item] = []
    for start in range(0, len(made), n_seqs):
        item = tuple(made[start : start + n_seqs])
        items.append(item if all(each.windows for each in item) else ())
    unreadable = {number // n_seqs: why for number, why in sorted(found.unreadable.items(), reverse=True)}
    return (
        TokenisedItems(
            items=items,
            n_cut=int((found.coverage < 1).sum()) - len(found.unreadable),
            n_in_windows=sum(len(each.windows) > 1 for each in made),
            n_bare=sum(each.n_letters - len(each) for each in letters if each is not None),
        ),
        unreadable,
    )


def _letters(sequences: Sequence[str], tokens: Tokens) -> list[Letters | None]:
    spans = tokens.spans(sequences)
    return [letters_of(own, len(sequence)) for own, sequence in zip(spans, sequences, strict=True)]
