"""Writing a finished block: windows joined, strands joined, repeats put in place, layer by layer.

Shape letters: N items of a block, S sequences of an item, U distinct sequences that were computed, H width.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqbench.core.types import Pooling, SplitName, Strands
from seqbench.errors import ModelError
from seqbench.extract.gather import SHARED, Gathered
from seqbench.extract.repeats import RowPlace
from seqbench.extract.spool import Spool
from seqbench.extract.strands import join_strands
from seqbench.extract.token_blocks import token_layers
from seqbench.extract.token_spool import TokenSpool
from seqbench.models.joining import Joint
from seqbench.store import Embeddings, ItemFacts, LayerRows, TokenEmbeddings


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """An entry of the store that is to be filled."""

    entry: Embeddings
    pooling: Pooling
    layers: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenTarget:
    """The entry of single tokens that is to be filled beside them."""

    entry: TokenEmbeddings
    layers: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """What became of a block."""

    tokens: int
    """Tokens that went through the model."""
    truncated: int
    """Sequences of which a part was left out."""
    skipped: tuple[str, ...]
    """Sequences that were left out: file, line and why."""


def write(
    gathered: Gathered,
    spool: Spool,
    targets: Sequence[Target],
    *,
    split: SplitName,
    layers: Sequence[int],
    poolings: Sequence[Pooling],
    strands: Strands,
    coverage_U: NDArray[np.float32],
    left_out: Mapping[int, str],
    tokens: TokenTarget | None = None,
    token_spool: TokenSpool | None = None,
) -> Finished:
    """Write a block to every target.

    Args:
        gathered: Which sequences share rows, and which are copied.
        spool: The pooled windows of the computed ones.
        targets: Where to; `layers` of each are those that it lacks.
        split: Of the data set.
        layers: The layers in the spool, in its order.
        poolings: The poolings in the spool, in its order.
        strands: What is made of both strands.
        coverage_U: Share of each computed sequence that the model saw.
        left_out: Computed sequences that did not fit in memory or have no token, and why: their rows are NaN.
        tokens: Where single tokens go; None where they are not kept.
        token_spool: Theirs.

    Raises:
        ModelError: The model gave NaN or infinity for a sequence.
    """
    block = _Block(gathered, spool, strands, coverage_U, left_out)
    for target in targets:
        if target.layers:
            rows = block.layers(target, split, layers, poolings.index(target.pooling))
            target.entry.write_block(split, gathered.block, rows, block.items(target.entry))
    if tokens is not None and token_spool is not None and tokens.layers:
        written = token_layers(gathered, token_spool, tokens.entry, split, strands, left_out)
        tokens.entry.write_tokens(split, gathered.block, written, block.items(tokens.entry))
    return Finished(
        tokens=int(block.joint.tokens_N.sum()),
        truncated=int(
            ((coverage_U < 1) & ~block.is_left_out_U)[gathered.source_NS[gathered.source_NS >= 0]].sum()
        ),
        skipped=tuple(f"{gathered.line(number)}: {why}" for number, why in left_out.items()),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Copies:
    """Rows of a block that are copied from one split of the store, as indices of (item, sequence)."""

    split: SplitName
    items: NDArray[np.int64]
    """Items to read, ascending, each once."""
    source: tuple[NDArray[np.int64], NDArray[np.int64]]
    """For each copy its place among what was read."""
    to: tuple[NDArray[np.int64], NDArray[np.int64]]
    """For each copy its place in the block."""

    @classmethod
    def by_split(cls, copies: Sequence[tuple[int, int, RowPlace]]) -> "list[_Copies]":
        """Sort what `Gathered` found by the split it comes from."""
        found = []
        for split in dict.fromkeys(place.split for _, _, place in copies):
            numbers = np.asarray(
                [(number, seq, at.item, at.seq) for number, seq, at in copies if at.split == split],
                dtype=np.int64,
            )
            items, at = np.unique(numbers[:, 2], return_inverse=True)
            source, to = (at, numbers[:, 3]), (numbers[:, 0], numbers[:, 1])
            found.append(cls(split=split, items=items, source=source, to=to))
        return found


class _Block:
    """A computed block on its way into the store."""

    def __init__(
        self,
        gathered: Gathered,
        spool: Spool,
        strands: Strands,
        coverage_U: NDArray[np.float32],
        left_out: Collection[int],
    ) -> None:
        self._gathered = gathered
        self._copies = _Copies.by_split(gathered.copies)
        self._spool = spool
        self._strands = strands
        self._n_strands = 1 if strands == "none" else 2
        self._coverage_U = coverage_U
        self.joint: Joint = spool.joint(len(coverage_U) * self._n_strands)
        self.is_left_out_U = np.zeros(len(coverage_U), dtype=np.bool_)
        self.is_left_out_U[list(left_out)] = True

    def layers(
        self, target: Target, split: SplitName, layers: Sequence[int], pooling_at: int
    ) -> Iterator[LayerRows]:
        """One layer after the other, so that memory does not grow with their number."""
        for layer in target.layers:
            rows_UH = self._spool.layer(self.joint, target.pooling, pooling_at, layers.index(layer))
            cosine = float("nan")
            if self._strands != "none":
                rows_UH, cosine = join_strands(rows_UH[::2], rows_UH[1::2], self._strands)
            if rows_UH.shape[1] == 0:  # nothing of the block was computed
                rows_UH = np.full((len(rows_UH), target.entry.facts.hidden), np.nan, dtype=np.float32)
            self._check_finite(rows_UH, layer)
            rows_UH[self.is_left_out_U] = np.nan
            yield LayerRows(layer=layer, rows_NSH=self._place(rows_UH, target, layer), strand_cosine=cosine)

    def items(self, entry: Embeddings) -> ItemFacts:
        """What happened to the items."""
        source_NS = self._gathered.source_NS
        per_sequence = (-1, self._n_strands)
        tokens_U = self.joint.tokens_N.reshape(per_sequence).sum(axis=1)
        windows_U = self.joint.windows_N.reshape(per_sequence).sum(axis=1)
        for column in (tokens_U, windows_U):
            column[self.is_left_out_U] = 0
        coverage_U = np.where(self.is_left_out_U, np.float32(0), self._coverage_U)
        facts = ItemFacts(
            tokens_NS=_spread(tokens_U, source_NS),
            windows_NS=_spread(windows_U.astype(np.int32), source_NS),
            coverage_NS=_spread(coverage_U, source_NS),
            hash_N=self._gathered.hash_N,
        )
        for copies in self._copies:
            known = entry.items(copies.split, copies.items)
            facts.tokens_NS[copies.to] = known.tokens_NS[copies.source]
            facts.windows_NS[copies.to] = known.windows_NS[copies.source]
            facts.coverage_NS[copies.to] = known.coverage_NS[copies.source]
        return facts

    def _place(self, rows_UH: NDArray[np.float32], target: Target, layer: int) -> NDArray[np.float32]:
        rows_NSH = _spread(rows_UH, self._gathered.source_NS, width=target.entry.facts.hidden)
        for copies in self._copies:
            rows_NSH[copies.to] = target.entry.read_rows(copies.split, layer, copies.items)[copies.source]
        return rows_NSH

    def _check_finite(self, rows_UH: NDArray[np.float32], layer: int) -> None:
        broken = np.flatnonzero(~np.isfinite(rows_UH).all(axis=1) & ~self.is_left_out_U)
        if len(broken):
            raise ModelError(
                f"{self._gathered.line(int(broken[0]))}: layer {layer} of {len(broken)} sequences holds NaN "
                "or infinity (set the model's dtype to float32 or bfloat16)"
            )


def _spread(values_U: NDArray, source_NS: NDArray[np.int64], width: int | None = None) -> NDArray:  # type: ignore[type-arg]
    """Give each sequence the value of its distinct one; zeros where it is copied from elsewhere."""
    shape = source_NS.shape if width is None else (*source_NS.shape, width)
    if len(values_U) == source_NS.size and (source_NS.ravel() == np.arange(source_NS.size)).all():
        return values_U.reshape(shape)  # nothing repeats: no copy
    spread = np.zeros(shape, dtype=values_U.dtype)
    own = source_NS != SHARED
    if own.any():
        spread[own] = values_U[source_NS[own]]
    return spread
