"""One model on one data set, a vector a token: reading and writing.

Shape letters: N items, S sequences of an item, Q = N·S sequences, R tokens of a split, H hidden width.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from seqbench.core.identity import ModelIdentity
from seqbench.core.types import SplitName
from seqbench.errors import StoreError
from seqbench.store import arrays
from seqbench.store.embeddings import as_stored
from seqbench.store.entry import StoredEmbeddings
from seqbench.store.groups import StoreGroup
from seqbench.store.layout import Block, blocks
from seqbench.store.letter_labelled import LetterLabelled
from seqbench.store.location import Location, exclusive
from seqbench.store.records import ItemFacts, LayerRows, LayerTokens
from seqbench.store.tokens import TokenArray

if TYPE_CHECKING:
    import xarray
    import zarr

    from seqbench.store.token_data import TokenDataset


class TokenEmbeddings(LetterLabelled):
    """The vectors of single tokens of one model on one data set; see `seqbench.store.layout` for the arrays.

    Blocks, marks, labels and items' facts are those of `Embeddings`. Where two blocks meet within a file each
    writes its part of it, one process at a time. On an object store, which has no lock, tokens of a block may
    be lost where another process writes its neighbour at once: reading and `verify` then tell.
    """

    def __init__(
        self,
        group: StoreGroup,
        model: ModelIdentity,
        store: Location,
        other: Callable[[str], StoredEmbeddings],
    ) -> None:
        """See `StoredEmbeddings`."""
        super().__init__(group, model, store, other)
        self._offsets: dict[SplitName, NDArray[np.int64]] = {}

    def offsets(self, split: SplitName) -> NDArray[np.int64]:
        """Where the tokens of each sequence begin, and where the last one's end; (Q + 1,).

        Raises:
            StoreNotFoundError: There is no such split.
            StoreError: Nothing of it was written yet, or the array is damaged.
        """
        self._split(split)
        path = f"offsets/{split}"
        if split not in self._offsets:
            if not self._has(path):
                raise StoreError(
                    f"{self._store}: {self.name}/{path} is missing (run `seqbench extract` again)"
                )
            found = self._whole(path)
            if found[0] != 0 or (np.diff(found) < 0).any():
                raise self._lost(path)
            self._offsets[split] = found
        return self._offsets[split]

    def has_offsets(self, split: SplitName) -> bool:
        """Whether it is known how many tokens each sequence has."""
        return split in self.splits and self._has(f"offsets/{split}")

    def has_spans(self, split: SplitName) -> bool:
        """Whether tokens stand for other than one letter each."""
        return self._has(f"spans/{split}")

    def spans(self, split: SplitName, first: int = 0, last: int | None = None) -> NDArray[np.int32]:
        """The letters that each token of some items in a row stands for.

        Args:
            split: train, eval or test.
            first: Number of the first item.
            last: Number behind that of the last one; None for all.

        Returns:
            Shape (R, 2), sequence by sequence: first letter in the sequence, and the one behind the last.

        Raises:
            StoreNotFoundError: There is no such split.
            StoreError: The array is damaged.
        """
        n_seqs, offsets_Q = self.facts.n_seqs, self.offsets(split)
        stop = self.facts.splits[split].n_items if last is None else last
        own_Q = offsets_Q[first * n_seqs : stop * n_seqs + 1]
        if self.has_spans(split):
            return arrays.read(self._array(f"spans/{split}"), slice(int(own_Q[0]), int(own_Q[-1])))
        place_R = np.arange(own_Q[0], own_Q[-1]) - np.repeat(own_Q[:-1], np.diff(own_Q))
        return np.stack([place_R, place_R + 1], axis=1).astype(np.int32)

    def tokens(self, layer: int, split: SplitName) -> TokenArray:
        """See `StoredEmbeddings.tokens`."""
        layer = self._layer(layer, split)
        self._need(layer, split)
        if not arrays.is_whole(self._array(f"{layer}/{split}")):
            raise self._lost(f"{layer}/{split}")
        return self.tokens_array(layer, split)

    def tokens_array(self, layer: int, split: SplitName) -> TokenArray:
        """The same of a layer from 0 that may be incomplete, for who knows which items are there."""
        path = f"{layer}/{split}"

        def left_out(items_B: NDArray[np.int64]) -> NDArray[np.bool_]:
            return np.asarray(self.items(split, items_B).coverage_NS == 0)

        where = f"{self.location}/{path}"
        array = self._array(path)
        return TokenArray(array, self.offsets(split), self.facts.n_seqs, where, left_out)

    def token_dataset(self, layer: int, split: SplitName) -> "TokenDataset":
        """Items and labels of a layer for a PyTorch DataLoader; see `TokenDataset`.

        Raises:
            StoreNotFoundError: There is no such layer or split.
            StoreError: Blocks are missing.
        """
        from seqbench.store.token_data import TokenDataset

        return TokenDataset(self.tokens(layer, split), self.labels(split))

    def xarray(self, split: SplitName, layers: Sequence[int] | None = None) -> "xarray.DataArray":
        """One layer of a split as a labelled array, a row a token; see `TokenArray.xarray`.

        Raises:
            StoreNotFoundError: There is no such layer or split.
            StoreError: Several layers are asked for, blocks are missing, or xarray is not installed.
        """
        wanted = self.split_layers(split) if layers is None else tuple(layers)
        if len(wanted) != 1:
            raise StoreError(f"{self.name} has layers {wanted}: ask for one (layers=[…])")
        attrs = {"model": self.model.name, "dataset": self.dataset, "split": split, **self.facts.settings}
        return self.tokens(wanted[0], split).xarray(attrs, self.labels(split))

    def put_lengths(
        self, split: SplitName, lengths_Q: NDArray[np.integer], spans: Iterable[NDArray[np.int32]] | None
    ) -> None:
        """Record how many tokens each sequence has, before any are written; what is there stays.

        Args:
            split: train, eval or test.
            lengths_Q: Of all sequences in the order of the items.
            spans: The letters of all tokens, (R, 2) in parts of any size; None where tokens are letters.

        Raises:
            StoreError: The store can't be written, or another number of tokens was recorded.
        """
        offsets_Q = np.concatenate([[0], np.cumsum(lengths_Q, dtype=np.int64)]).astype(np.int64)
        facts, n_tokens = self._split(split), int(offsets_Q[-1])
        with exclusive(self._store):
            if self._has(f"offsets/{split}"):
                if not np.array_equal(self.offsets(split), offsets_Q):
                    raise StoreError(
                        f"{self._store}: {self.name} {split} was stored with other numbers of tokens than "
                        f"the tokenizer makes now (delete {self.location})"
                    )
                return
            if spans is not None:
                file = (facts.token_file, 2) if facts.token_file > facts.token_chunk else None
                dimensions = (f"token_{split}", "end")
                # Offsets come last: what is begun and has none counts for nothing.
                array = arrays.create(
                    self._group,
                    f"spans/{split}",
                    shape=(n_tokens, 2),
                    chunks=(facts.token_chunk, 2),
                    dtype="int32",
                    dimensions=dimensions,
                    shards=file,
                )
                for start, part in in_files(spans, 0, facts.token_file):
                    arrays.write(array, slice(start, start + len(part)), part)
            path = f"offsets/{split}"
            self._create(path, offsets_Q.shape, offsets_Q.shape, "int64", (f"sequence_{split}",))
            arrays.write(self._array(path), slice(0, len(offsets_Q)), offsets_Q)

    def write_tokens(
        self, split: SplitName, block: Block, layers: Iterable[LayerTokens], items: ItemFacts
    ) -> None:
        """Write some layers of a block, and mark them complete when all are on disk.

        Args:
            split: train, eval or test.
            block: Which items.
            layers: Taken one by one as they are written.
            items: What happened to the block's items.

        Raises:
            StoreError: The disk is full, the store can't be written, or a value is beyond the range of
                float16.
        """
        rows = self._token_rows(split, block)
        figures: dict[int, tuple[float, float]] = {}
        for each in layers:
            worst, end = [each.rounding], rows.start
            stored = self._as_stored(each, split, block, worst)
            for start, part in in_files(stored, rows.start, self._split(split).token_file):
                self._write_part(split, each.layer, block, start, part)
                end = start + len(part)
            if end != rows.stop:
                raise ValueError(
                    f"layer {each.layer}: {end - rows.start} tokens, not {rows.stop - rows.start}"
                )
            figures[each.layer] = (max(worst), each.strand_cosine())
        self._finish_block(split, block, figures, items)

    def _as_stored(
        self, tokens: LayerTokens, split: SplitName, block: Block, worst: list[float]
    ) -> Iterator[NDArray[Any]]:
        """Parts in the type of the store; how much each lost by that is added to `worst`."""
        for part in tokens.parts:
            stored, error = part, 0.0
            if part.dtype != np.dtype(self.facts.dtype):
                stored, error = as_stored(np.asarray(part, dtype=np.float32), self.facts.dtype)
            worst.append(error)
            if np.isinf(max(worst)):
                raise StoreError(
                    f"{self._store}: {self.name} layer {tokens.layer} {split} items {block.start}+ hold "
                    "values beyond 65504, the range of float16 (set extract.tokens.dtype: float32 and "
                    "another store.path)"
                )
            yield stored

    def _write_part(self, split: SplitName, layer: int, block: Block, start: int, part: NDArray[Any]) -> None:
        """Write tokens that lie in one file; of one that other blocks have a part of, theirs stays."""
        array, file = self._array(f"{layer}/{split}"), self._split(split).token_file
        rows = slice(start, start + len(part))
        if start % file == 0 and (len(part) == file or rows.stop == array.shape[0]):
            arrays.write(array, rows, part)
            return
        with exclusive(self._store):
            if arrays.write_part(array, rows, part):
                return
            place = start - start % file
            for other in self._blocks(split):
                theirs = self._token_rows(split, other)
                if other != block and theirs.start < place + file and theirs.stop > place:
                    self._mark(split, other, [layer], 0)

    def _create_layer(self, split: SplitName, layer: int) -> None:
        facts, hidden = self._split(split), self.facts.hidden
        shards = None if facts.token_file == facts.token_chunk else (facts.token_file, hidden)
        shape, chunks = (int(self.offsets(split)[-1]), hidden), (facts.token_chunk, hidden)
        dimensions = (f"token_{split}", "hidden")
        self._create(f"{layer}/{split}", shape, chunks, self.facts.dtype, dimensions, shards)

    def _blocks(self, split: SplitName) -> Iterator[Block]:
        facts = self._split(split)
        return blocks(facts.n_items, facts.block_rows)

    def _token_rows(self, split: SplitName, block: Block) -> slice:
        offsets_Q, n_seqs = self.offsets(split), self.facts.n_seqs
        return slice(int(offsets_Q[block.start * n_seqs]), int(offsets_Q[block.stop * n_seqs]))

    def rows_of(self, path: str, block: Block) -> slice:
        """See `StoredEmbeddings.rows_of`."""
        kind, _, split = path.partition("/")
        if kind.isdigit():
            return self._token_rows(split, block)  # type: ignore[arg-type]
        return super().rows_of(path, block)

    def read_block(self, path: str, array: "zarr.Array[Any]", block: Block) -> None:
        """See `StoredEmbeddings.read_block`; a file at a time, as blocks of tokens are large."""
        kind, _, split = path.partition("/")
        rows = self.rows_of(path, block)
        for start in range(rows.start, rows.stop, arrays.file_rows(array)):
            found = arrays.read(array, slice(start, min(start + arrays.file_rows(array), rows.stop)))
            if kind.isdigit() and np.isnan(found[:, 0]).any():
                self.tokens_array(int(kind), split).read(np.arange(block.start, block.stop))  # type: ignore[arg-type]

    def check_array(self, path: str, array: "zarr.Array[Any]") -> None:
        """See `StoredEmbeddings.check_array`."""
        kind, _, split = path.partition("/")
        if kind == "offsets":
            n_sequences = self.facts.splits[split].n_items * self.facts.n_seqs  # type: ignore[index]
            self._see(array.shape == (n_sequences + 1,) and array.dtype == np.int64, path)
        elif kind == "spans" or kind.isdigit():
            facts, n_tokens = self.facts.splits[split], int(self.offsets(split)[-1])  # type: ignore[arg-type, index]
            width, dtype = (2, "int32") if kind == "spans" else (self.facts.hidden, self.facts.dtype)
            sound = array.shape == (n_tokens, width) and array.dtype == np.dtype(dtype)
            files = (arrays.file_rows(array), array.chunks[0])
            self._see(sound and files == (facts.token_file, facts.token_chunk), path)
        else:
            super().check_array(path, array)

    def renamed(self, model: str) -> "TokenEmbeddings":
        """The same under another name of the model, to read."""
        view = copy(self)
        view.model = replace(self.model, name=model)
        return view

    def load(self, layer: int, split: SplitName) -> NoReturn:
        """Not of tokens: rows have no fixed number."""
        raise self._ragged()

    def array(self, layer: int, split: SplitName) -> NoReturn:
        """Not of tokens: rows have no fixed number."""
        raise self._ragged()

    def read_rows(self, split: SplitName, layer: int, rows: NDArray[np.int64]) -> NoReturn:
        """Not of tokens: rows have no fixed number."""
        raise self._ragged()

    def write_block(
        self, split: SplitName, block: Block, layers: Iterable[LayerRows], items: ItemFacts
    ) -> NoReturn:
        """Not of tokens: see `write_tokens`."""
        raise self._ragged()

    def _ragged(self) -> StoreError:
        return StoreError(f"{self._store}: {self.name} holds a vector a token (read them by `tokens`)")


def in_files(parts: Iterable[NDArray[Any]], start: int, file: int) -> Iterator[tuple[int, NDArray[Any]]]:
    """Cut rows that come in parts where files end.

    Args:
        parts: Rows in order, in parts of any size.
        start: Number of the first.
        file: Rows of a file; files begin at its multiples.

    Yields:
        The number of the first row, and rows that lie in one file: whole files but for the first and last.
    """
    waiting: list[NDArray[Any]] = []
    held = 0
    for part in parts:
        while len(part):
            taken = part[: file - (start + held) % file]
            part = part[len(taken) :]
            waiting.append(taken)
            held += len(taken)
            if (start + held) % file == 0:
                yield start, np.concatenate(waiting)
                start, held, waiting = start + held, 0, []
    if held:
        yield start, np.concatenate(waiting)
