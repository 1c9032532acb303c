"""The tokens of a finished block in the order of its items: strands joined, repeats put in place.

Shape letters: N items of a block, S sequences of an item, T tokens of a sequence, H width.
"""

from collections.abc import Collection, Iterator
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqbench.core.types import SplitName, Strands
from seqbench.errors import ModelError
from seqbench.extract.gather import SHARED, Gathered
from seqbench.extract.strands import join_strands
from seqbench.extract.token_spool import TokenSpool
from seqbench.store import LayerTokens, Ragged, TokenEmbeddings

COPIES_KEPT = 16
"""Items read back from the store that are kept: of a reference that its variants repeat, the same one."""


def token_layers(
    gathered: Gathered,
    spool: TokenSpool,
    entry: TokenEmbeddings,
    split: SplitName,
    strands: Strands,
    left_out: Collection[int],
) -> Iterator[LayerTokens]:
    """One layer after the other; of each, the sequences as they are read.

    Args:
        gathered: Which sequences share rows, and which are copied.
        spool: The tokens of the computed ones.
        entry: Where copies come from, and all go.
        split: Of the data set.
        strands: What is made of both strands. Tokens of the reverse complement are turned round: the last one
            stands for the letters of the first.
        left_out: Computed sequences that have no vectors: theirs are NaN.

    Raises:
        ModelError: The model gave NaN or infinity for a token.
    """
    n_strands = 1 if strands == "none" else 2
    broken = sorted({owner // n_strands for owner in spool.broken} - set(left_out))
    if broken:
        raise ModelError(
            f"{gathered.line(broken[0])}: tokens of {len(broken)} sequences hold NaN or infinity in layers "
            f"{spool.layers} (set the model's dtype to float32 or bfloat16)"
        )
    for at, layer in enumerate(spool.layers):
        tokens = _Layer(gathered, spool, entry, split, strands, left_out, at)
        yield LayerTokens(
            layer=layer,
            parts=tokens.parts(),
            strand_cosine=lambda tokens=tokens: tokens.cosine,  # type: ignore[misc]
            rounding=spool.rounding[at],
        )


class _Layer:
    """One layer of a block."""

    def __init__(
        self,
        gathered: Gathered,
        spool: TokenSpool,
        entry: TokenEmbeddings,
        split: SplitName,
        strands: Strands,
        left_out: Collection[int],
        layer_at: int,
    ) -> None:
        self._gathered, self._spool, self._entry = gathered, spool, entry
        self._split, self._strands, self._left_out, self._at = split, strands, left_out, layer_at
        self._copied = lru_cache(COPIES_KEPT)(self._read)
        self._cosines: list[tuple[float, int]] = []

    @property
    def cosine(self) -> float:
        """Mean over tokens of the cosine between strands; NaN where there was nothing to compare."""
        known = [(cosine, count) for cosine, count in self._cosines if np.isfinite(cosine)]
        total = sum(count for _, count in known)
        return sum(cosine * count for cosine, count in known) / total if total else float("nan")

    def parts(self) -> Iterator[NDArray[Any]]:
        """The sequences of the block's items."""
        n_items, n_seqs = self._gathered.source_NS.shape
        first = self._gathered.block.start * n_seqs
        offsets_Q = self._entry.offsets(self._split)[first : first + n_items * n_seqs + 1]
        copies = {(number, seq): place for number, seq, place in self._gathered.copies}
        for at, (length, source) in enumerate(
            zip(np.diff(offsets_Q).tolist(), self._gathered.source_NS.ravel().tolist(), strict=True)
        ):
            if source == SHARED:
                place = copies[divmod(at, n_seqs)]
                found = self._copied(place.split, place.item).sequence(place.seq)
            elif source in self._left_out:
                found = np.full((length, self._entry.facts.hidden), np.nan, dtype=np.float32)
            else:
                found = self._sequence(source)
            if len(found) != length:
                raise RuntimeError(f"{len(found)} tokens were computed of a sequence of {length}")
            yield found

    def _sequence(self, source: int) -> NDArray[Any]:
        if self._strands == "none":
            return self._spool.sequence(source, self._at)
        forward_TH, reverse_TH = (self._spool.sequence(2 * source + strand, self._at) for strand in (0, 1))
        joined_TH, cosine = join_strands(forward_TH, reverse_TH[::-1], self._strands)
        self._cosines.append((cosine, len(joined_TH)))
        return joined_TH

    def _read(self, split: SplitName, item: int) -> Ragged:
        array = self._entry.tokens_array(self._spool.layers[self._at], split)
        return array.read(np.asarray([item]), as_stored=True)
