"""Embeddings that lie in a file by id, joined to a data set's items and stored like any that were computed.

Shape letters: N items, S sequences of an item, H hidden width.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from seqbench.core.identity import ModelIdentity
from seqbench.core.progress import Advance
from seqbench.core.types import SplitName
from seqbench.datasets.dataset import Dataset, Split
from seqbench.errors import DataError, ModelNotFoundError
from seqbench.extract.gather import item_hash
from seqbench.extract.work import Work
from seqbench.models.fingerprint import hash_files
from seqbench.store import Block, Embeddings, ItemFacts, LayerRows
from seqbench.store.exchange.by_id import ById

NAMED = 5
"""Missing ids that an error names."""
_ITEMS = 4096
"""Lines whose ids are read at a time."""


@dataclass(frozen=True, kw_only=True)
class IdFile:
    """A file of vectors by id as the config describes it; `slots` would forbid what is kept of it."""

    name: str
    path: Path
    id_column: str | None

    @cached_property
    def identity(self) -> ModelIdentity:
        """The file's content is what made the embeddings.

        Raises:
            ModelNotFoundError: There is no such file.
        """
        if not self.path.is_file():
            raise ModelNotFoundError(f"model {self.name!r}: there is no file {self.path}")
        return ModelIdentity(
            name=self.name,
            kind="by-id",
            path=str(self.path),
            revision=None,
            fingerprint=hash_files([self.path], {"kind": "by-id", "id_column": self.id_column}),
            n_layers=1,
            hidden=None,
        )


class Joined:
    """The vectors of a data set's items."""

    def __init__(self, file: IdFile, dataset: Dataset) -> None:
        """Find them.

        Args:
            file: Where they are.
            dataset: The opened data set; its items have ids.

        Raises:
            DataError: Items have no ids, or the file lacks some; names ids, files and lines.
            StoreError: The file can't be read.
        """
        self._dataset = dataset
        self._ids = {name: list(ids_of(split, dataset.n_seqs)) for name, split in dataset.splits.items()}
        wanted = (each for items in self._ids.values() for item in items for each in item)
        self._vectors = ById(file.path, file.id_column, wanted)
        if missing := [place for name in self._ids for place in self._missing(name)]:
            n_items = sum(map(len, self._ids.values()))
            raise DataError(
                f"{file.path}: lacks the ids of {len(missing):,} of {dataset.spec.name}'s {n_items:,} items: "
                f"{', '.join(missing[:NAMED])}{', …' if len(missing) > NAMED else ''} "
                "(add their vectors, or take the items out of the data set)"
            )

    @property
    def hidden(self) -> int:
        """Width of a vector."""
        return self._vectors.hidden

    def _missing(self, split: SplitName) -> list[str]:
        """The items of a split that the file lacks, each as id, file and line."""
        index = self._dataset.splits[split].index
        return [
            f"{' or '.join(each for each in item if each not in self._vectors)} ({index.path.name}:{line})"
            for item, line in zip(self._ids[split], index.lines.tolist(), strict=True)
            if not all(each in self._vectors for each in item)
        ]

    def store(self, entry: Embeddings, split: SplitName, advance: Advance) -> Work:
        """Copy the blocks of a split that are missing."""
        content = self._dataset.splits[split]
        entry.prepare(split, content.labels, [0])
        for block in entry.missing_blocks(split, [0]):
            rows_NH = self._vectors.read([name for item in self._items(split, block) for name in item])
            rows_NSH = rows_NH.reshape(block.stop - block.start, self._dataset.n_seqs, self.hidden)
            entry.write_block(
                split, block, [LayerRows(layer=0, rows_NSH=rows_NSH)], imported_facts(content, block)
            )
            advance(block.stop - block.start)
        return Work(items=len(content))

    def _items(self, split: SplitName, block: Block) -> Sequence[tuple[str, ...]]:
        return self._ids[split][block.start : block.stop]


def ids_of(split: Split, n_seqs: int) -> Iterator[tuple[str, ...]]:
    """The ids of each item: its own, or of items of several sequences `id1` to `idN`.

    Raises:
        DataError: An item has none; names file and line.
    """
    if n_seqs > 1:
        yield from _numbered_ids(split, n_seqs)
        return
    if split.index.ids is None:
        raise DataError(
            f"{split.index.path}:{split.line(0)}: items have no id to look embeddings up by "
            "(give each an `id`, or name the key of theirs: id_key in datasets_info.yaml)"
        )
    for item, name in enumerate(split.index.ids):
        if not name:
            raise DataError(f"{split.index.path}:{split.line(item)}: has no id to look its embedding up by")
        yield (name,)


def _numbered_ids(split: Split, n_seqs: int) -> Iterator[tuple[str, ...]]:
    keys = [f"id{number}" for number in range(1, n_seqs + 1)]
    for start in range(0, len(split), _ITEMS):
        for at, item in enumerate(split.objects(start, min(start + _ITEMS, len(split))), start=start):
            if not all(isinstance(item.get(key), str | int) for key in keys):
                raise DataError(
                    f"{split.index.path}:{split.line(at)}: items of {n_seqs} sequences need an id of each to "
                    f"look embeddings up by: {', '.join(keys)}"
                )
            yield tuple(str(item[key]) for key in keys)


def imported_facts(split: Split, block: Block) -> ItemFacts:
    """Of a block: nothing is known of tokens, and sequences tell which items are equal."""
    items = split.sequences(block.start, block.stop)
    shape_NS = (len(items), len(items[0]))
    return ItemFacts(
        tokens_NS=np.zeros(shape_NS, dtype=np.int64),
        windows_NS=np.zeros(shape_NS, dtype=np.int32),
        coverage_NS=np.full(shape_NS, np.nan, dtype=np.float32),
        hash_N=np.array([item_hash(item) for item in items], dtype=np.uint64),
    )
