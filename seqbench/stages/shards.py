"""Which blocks an extraction task embeds: pure functions of what is wanted and what is there, without I/O.

The same tasks run in this process or on a scheduler: each can be sent, and says what it costs.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from seqbench.core.types import SplitName
from seqbench.store import Block

SHARD_ITEMS = 50_000
"""Items of one extraction task at most, whole blocks; the reference splits its extractions at as many."""

SHARD_LETTERS = 16 * 1024**2
"""Letters of one at most, or a block: 50,000 items of a million letters would keep one GPU for days while
others have nothing left to do. In a simulation of the 23 data sets of the reference on 64 GPUs, with assumed
costs, it leaves 1 % of the time unused until the last shard, four times as many 6 %."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitState:
    """A split of a data set for one model: how much there is, and which blocks are missing."""

    name: SplitName
    n_items: int
    letters: int
    """Of all its sequences."""
    missing: tuple[Block, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One model on one data set, as found before anything runs."""

    model: str
    dataset: str
    layers: tuple[int, ...]
    """Wanted layers."""
    row_bytes: int
    """Bytes of one item in one layer before compression: sequences x width x 4."""
    splits: tuple[SplitState, ...]
    token_bytes: int = 0
    """Bytes of one token in one layer before compression; 0 where tokens are not kept."""
    tokens_per_letter: float = 1.0
    """As far as it is known before all is tokenised."""
    is_import: bool = False
    """Whether files are copied instead of computed: they are read whole, so no split is divided."""
    labels: str = ""
    """What is predicted and how it is ranked, in a few words."""
    source: str | None = None
    """The model whose forward pass makes it; None for its own. Several poolings share one pass."""

    @property
    def layer_bytes(self) -> int:
        """Bytes of all items in one layer before compression; of tokens an estimate."""
        if self.token_bytes:
            letters = sum(split.letters for split in self.splits)
            return round(letters * self.tokens_per_letter) * self.token_bytes
        return self.row_bytes * sum(split.n_items for split in self.splits)

    @property
    def missing_share(self) -> float:
        """Which part of the items is missing."""
        missing = sum(block.stop - block.start for split in self.splits for block in split.missing)
        return missing / max(1, sum(split.n_items for split in self.splits))

    @property
    def computed_by(self) -> str:
        """The model that is loaded for it."""
        return self.source or self.model


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractTask:
    """Embed some blocks of one split with one model."""

    model: str
    """The model that is loaded."""
    entries: tuple[str, ...]
    """Names in the store that are filled: the model's, and one for each further pooling."""
    dataset: str
    split: SplitName
    layers: tuple[int, ...]
    blocks: tuple[Block, ...]
    letters: int
    """Estimate of the cost: letters of the blocks."""

    @property
    def items(self) -> int:
        """Items of its blocks."""
        return sum(block.stop - block.start for block in self.blocks)


def make_shards(pairs: Sequence[Pair], shard_items: int = SHARD_ITEMS) -> Iterator[ExtractTask]:
    """Turn what is missing into tasks: models in the order of the pairs, the largest data set of each first.

    Args:
        pairs: What is wanted and what is there, models in the config's order.
        shard_items: Items of one task at most, though never less than a block.
    """
    for model in dict.fromkeys(pair.computed_by for pair in pairs):
        mine = [pair for pair in pairs if pair.computed_by == model]
        for dataset in _largest_first(mine):
            yield from _shards([pair for pair in mine if pair.dataset == dataset], shard_items)


def _largest_first(pairs: Sequence[Pair]) -> list[str]:
    letters: dict[str, int] = {}
    for pair in pairs:
        letters.setdefault(pair.dataset, sum(split.letters for split in pair.splits))
    return sorted(letters, key=lambda dataset: -letters[dataset])


def _shards(together: Sequence[Pair], shard_items: int) -> Iterator[ExtractTask]:
    """The missing blocks of pairs that one forward pass fills."""
    pair = together[0]
    for number, split in enumerate(pair.splits):
        missing = sorted({block for each in together for block in each.splits[number].missing})
        by_letters = SHARD_LETTERS * split.n_items // max(split.letters, 1)
        at_most = split.n_items if pair.is_import else min(shard_items, by_letters)
        for blocks in _groups(missing, at_most):
            share = sum(block.stop - block.start for block in blocks) / max(split.n_items, 1)
            yield ExtractTask(
                model=pair.computed_by,
                entries=tuple(each.model for each in together),
                dataset=pair.dataset,
                split=split.name,
                layers=pair.layers,
                blocks=blocks,
                letters=round(split.letters * share),
            )


def _groups(blocks: Iterable[Block], shard_items: int) -> Iterator[tuple[Block, ...]]:
    group: list[Block] = []
    items = 0
    for block in blocks:
        size = block.stop - block.start
        if group and items + size > shard_items:
            yield tuple(group)
            group, items = [], 0
        group.append(block)
        items += size
    if group:
        yield tuple(group)


def resolve_layers(wanted: Sequence[int] | None, n_layers: int) -> tuple[int, ...]:
    """The wanted layers of a model as ascending numbers from 0.

    Args:
        wanted: Layer numbers, negative ones counted from the last; None for all.
        n_layers: Layers of the model, layer 0 included.

    Returns:
        Those that the model has. A list made for a deep model leaves a shallow one the layers it has.
    """
    if wanted is None:
        return tuple(range(n_layers))
    found = {layer + n_layers if layer < 0 else layer for layer in wanted}
    return tuple(sorted(layer for layer in found if 0 <= layer < n_layers))
