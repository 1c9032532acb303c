"""Reading all that should be in the store, which checks its checksums; marking what must be made again."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from seqbench.core.types import SplitName
from seqbench.errors import StoreError, said
from seqbench.store import arrays
from seqbench.store.embeddings import Embeddings
from seqbench.store.groups import StoreGroup
from seqbench.store.layout import Block, blocks
from seqbench.store.records import ITEM_FIELDS, Fault
from seqbench.store.token_entry import TokenEmbeddings

if TYPE_CHECKING:
    import zarr

_LOST = "chunks that were written once are missing"


def verify_entry(group: StoreGroup, entry: Embeddings, *, repair: bool) -> Iterator[Fault]:
    """Check every complete block of every split, its items' facts, the labels, those of targets, and groups.

    Args:
        group: The entry's group.
        entry: One model on one data set.
        repair: Mark missing what is damaged. Layers are marked block by block. Labels and items' facts are
            written again with a block, so for them the shallowest layer of a block is marked, which costs
            least to compute.
    """
    for split in entry.splits:
        yield from _Split(group, entry, split, repair=repair).check()


class _Split:
    """The check of one split."""

    def __init__(self, group: StoreGroup, entry: Embeddings, split: SplitName, *, repair: bool) -> None:
        facts = entry.facts.splits[split]
        self._group, self._entry, self._split, self._repair = group, entry, split, repair
        self._blocks = list(blocks(facts.n_items, facts.block_rows))
        self._complete: dict[int, tuple[int, ...]] = {}

    def check(self) -> Iterator[Fault]:
        marks, faults = self._open(f"blocks/{self._split}")
        yield from faults
        if marks is None:
            return
        yield from self._marks(marks)
        if not any(self._complete.values()):
            return
        if isinstance(self._entry, TokenEmbeddings):
            broken = list(self._whole([f"offsets/{self._split}", *self._spans(self._entry)]))
            yield from broken
            if broken:  # which tokens are whose is not known then
                return
        for layer in sorted({layer for layers in self._complete.values() for layer in layers}):
            yield from self._layer(layer)
        for key in ITEM_FIELDS:
            yield from self._items(f"items/{self._split}/{key}")
        yield from self._labels()
        groups = ["groups"] if arrays.get_group(self._group, "groups") is not None else []
        for place in [*(f"targets/{name}" for name in self._entry.targets), *groups]:
            yield from self._beside(f"{place}/{self._split}")

    def _beside(self, path: str) -> Iterator[Fault]:
        """What is kept beside the labels; repair takes it away, and `extract` writes it from the files."""
        array, faults = self._open(path)
        yield from faults
        if array is None:
            return
        fault = None if arrays.is_whole(array) else self._fault(path, _LOST)
        if fault is None:
            try:
                arrays.read(array)
            except StoreError as error:
                fault = self._fault(path, error)
        if fault is not None:
            if self._repair:
                (self._entry.location / path).remove()
            yield fault

    def _marks(self, marks: "zarr.Array[Any]") -> Iterator[Fault]:
        """Find which layers each block has; a block whose marks are damaged counts as missing."""
        for block in self._blocks:
            try:
                row = arrays.read(marks, slice(block.index, block.index + 1))[0]
            except StoreError as error:
                if self._repair:
                    arrays.drop_file(marks, block.index)
                yield self._fault(f"blocks/{self._split} block {block.index}", error)
                row = ()
            self._complete[block.index] = tuple(layer for layer, done in enumerate(row) if done)

    def _layer(self, layer: int) -> Iterator[Fault]:
        path = f"{layer}/{self._split}"
        wanted = [block for block in self._blocks if layer in self._complete[block.index]]
        array, faults = self._open(path)
        if array is None:
            self._clear(wanted, layer)
        yield from faults
        if array is not None:
            for block, fault in self._damaged(path, array, wanted):
                self._clear([block], layer)
                yield fault

    def _items(self, path: str) -> Iterator[Fault]:
        wanted = [block for block in self._blocks if self._complete[block.index]]
        array, faults = self._open(path)
        if array is None:
            self._clear(wanted)
        yield from faults
        if array is not None:
            for block, fault in self._damaged(path, array, wanted):
                self._clear([block])
                yield fault

    def _labels(self) -> Iterator[Fault]:
        yield from self._whole([f"labels/{self._split}"])
        if isinstance(self._entry, TokenEmbeddings) and self._entry.facts.level == "token":
            yield from self._whole([f"letter_offsets/{self._split}", f"letters/{self._split}"])

    def _spans(self, entry: TokenEmbeddings) -> list[str]:
        """The array of letters, where the entry has one."""
        path = f"spans/{self._split}"
        return [path] if (entry.location / path / "zarr.json").is_file() else []

    def _whole(self, paths: Sequence[str]) -> Iterator[Fault]:
        """Check arrays that are written once for all blocks; where one is damaged, all are made again."""
        is_sound = True
        for path in paths:
            array, faults = self._open(path)
            if array is not None:
                if not arrays.is_whole(array):
                    faults = [self._fault(path, _LOST)]
                else:
                    try:
                        arrays.read(array)
                    except StoreError as error:
                        faults = [self._fault(path, error)]
            yield from faults
            is_sound &= not faults
        if not is_sound:
            self._clear([block for block in self._blocks if self._complete[block.index]][-1:])
            for path in paths if self._repair and len(paths) and paths[0].startswith("offsets") else ():
                (self._entry.location / path).remove()

    def _open(self, path: str) -> "tuple[zarr.Array[Any] | None, list[Fault]]":
        """An array; or where none can be read what is wrong, and with repair the way is cleared."""
        what: StoreError | str = "missing"
        try:
            found = arrays.get_array(self._group, path)
            if found is not None:
                self._entry.check_array(path, found)
        except StoreError as error:
            found, what = None, error
        if found is not None:
            return found, []
        if self._repair:
            (self._entry.location / path).remove()
        return None, [self._fault(path, what)]

    def _damaged(
        self, path: str, array: "zarr.Array[Any]", wanted: list[Block]
    ) -> Iterator[tuple[Block, Fault]]:
        lost, file = set(arrays.lost_files(array)), arrays.file_rows(array)
        for block in wanted:
            where = f"{path} rows {block.start}+"
            rows = self._entry.rows_of(path, block)
            if lost.intersection(range(rows.start // file, -(-rows.stop // file))):
                yield block, self._fault(where, _LOST)
                continue
            try:
                self._entry.read_block(path, array, block)
            except StoreError as error:
                yield block, self._fault(where, error)

    def _clear(self, wanted: list[Block], layer: int | None = None) -> None:
        """Mark blocks missing: in one layer, or in the shallowest that each has."""
        for block in wanted if self._repair else ():
            self._entry.clear_block(
                self._split, block, [min(self._complete[block.index]) if layer is None else layer]
            )

    def _fault(self, where: str, what: StoreError | str) -> Fault:
        told = what if isinstance(what, str) else said(what.__cause__ or what)
        return Fault(where=f"{self._entry.name}/{where}", what=told, repaired=self._repair)
