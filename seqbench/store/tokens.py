"""Ragged arrays: a vector a token of one layer of one split, read for the items that are asked for.

    layer = open_store("embeddings.zarr")["esm/enzymes"].tokens(-1, "train")
    layer[5]                 # (T, H) of one sequence; a list of them where items have several
    layer[100:164].padded()  # (B, T, H) and the mask of what is real

Shape letters: N items, S sequences of an item, Q = N·S sequences in the order of the items, R tokens of them,
T tokens of one sequence, H hidden width.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, SupportsIndex

import numpy as np
from numpy.typing import NDArray

from seqbench.errors import StoreError
from seqbench.store import arrays
from seqbench.store.layout import TOKEN_CHUNK_BYTES
from seqbench.store.readers import need, row_numbers

if TYPE_CHECKING:
    import dask.array
    import xarray
    import zarr

Items = slice | list[int] | NDArray[Any]
"""What selects several items."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ragged:
    """Vectors of the tokens of some items, in memory."""

    values_RH: NDArray[np.floating]
    """Sequence by sequence."""
    offsets_Q: NDArray[np.int64]
    """Where each sequence begins in it, and where the last one ends; one more than there are sequences."""
    n_seqs: int
    """Sequences of an item."""

    def __len__(self) -> int:
        return (len(self.offsets_Q) - 1) // self.n_seqs

    def __getitem__(self, item: SupportsIndex) -> "NDArray[np.floating] | list[NDArray[np.floating]]":
        """One item, (T, H); a list of its sequences where items have several."""
        number = range(len(self))[item]
        found = [self.sequence(number * self.n_seqs + seq) for seq in range(self.n_seqs)]
        return found[0] if self.n_seqs == 1 else found

    def __iter__(self) -> "Iterator[NDArray[np.floating] | list[NDArray[np.floating]]]":
        return (self[item] for item in range(len(self)))

    def sequence(self, number: int) -> NDArray[np.floating]:
        """One sequence, (T, H), by its number among all."""
        return self.values_RH[self.offsets_Q[number] : self.offsets_Q[number + 1]]

    @property
    def lengths_Q(self) -> NDArray[np.int64]:
        """Tokens of each sequence."""
        return np.diff(self.offsets_Q)

    def take(self, items_B: NDArray[np.int64]) -> "Ragged":
        """Some of the items, in the order that is asked for."""
        numbers_Q = (items_B[:, None] * self.n_seqs + np.arange(self.n_seqs)).ravel()
        lengths_Q = self.lengths_Q[numbers_Q]
        offsets_Q = offsets_of(lengths_Q)
        rows_R = np.repeat(self.offsets_Q[numbers_Q] - offsets_Q[:-1], lengths_Q) + np.arange(offsets_Q[-1])
        return Ragged(values_RH=self.values_RH[rows_R], offsets_Q=offsets_Q, n_seqs=self.n_seqs)

    def padded(self) -> tuple[NDArray[np.floating], NDArray[np.bool_]]:
        """All sequences as long as the longest.

        Returns:
            Vectors (Q, T, H), zeros where there is no token, and the mask (Q, T), True where there is one.
        """
        lengths_Q = self.lengths_Q
        mask_QT = np.arange(max(1, int(lengths_Q.max(initial=0)))) < lengths_Q[:, None]
        padded_QTH = np.zeros((*mask_QT.shape, self.values_RH.shape[1]), dtype=self.values_RH.dtype)
        padded_QTH[mask_QT] = self.values_RH
        return padded_QTH, mask_QT


def offsets_of(lengths_Q: NDArray[np.integer]) -> NDArray[np.int64]:
    """Where sequences of such lengths begin that stand one after another, and where the last one ends."""
    return np.concatenate([[0], np.cumsum(lengths_Q, dtype=np.int64)]).astype(np.int64)


GAP_BYTES = TOKEN_CHUNK_BYTES
"""Of items that are wanted, what lies between two is read with them up to so many bytes: it is in the same
chunk, or the next."""


class TokenArray:
    """One layer of one split, a vector a token, on disk until items are asked for.

    Args:
        array: The stored layer, (R, H), float32 or float16.
        offsets_Q: Of all its sequences.
        n_seqs: Sequences of an item.
        where: What it is called in errors and by dask.
        left_out: Tells of items which of their sequences have no vectors, (B, S): theirs are NaN, all others
            are numbers.
    """

    def __init__(
        self,
        array: "zarr.Array[Any]",
        offsets_Q: NDArray[np.int64],
        n_seqs: int,
        where: str,
        left_out: Callable[[NDArray[np.int64]], NDArray[np.bool_]],
    ) -> None:
        self._array, self.offsets_Q, self.n_seqs, self.where = array, offsets_Q, n_seqs, where
        self._left_out = left_out
        self.hidden = int(array.shape[1])
        self.stored = array.dtype
        """float32 or float16."""

    def __len__(self) -> int:
        return (len(self.offsets_Q) - 1) // self.n_seqs

    def __repr__(self) -> str:
        return f"<TokenArray {self.where} {len(self)} items, {self.n_tokens} tokens of {self.hidden}>"

    @property
    def n_tokens(self) -> int:
        """Tokens of all sequences, R."""
        return int(self.offsets_Q[-1])

    @property
    def lengths_NS(self) -> NDArray[np.int64]:
        """Tokens of each sequence, (N, S)."""
        return np.diff(self.offsets_Q).reshape(-1, self.n_seqs)

    def __getitem__(self, items: SupportsIndex | Items) -> Any:
        """One item, as `Ragged` gives it, or several as a `Ragged`; float32.

        Raises:
            IndexError: There is no such item.
            StoreError: A chunk is damaged.
        """
        if isinstance(items, slice):
            return self.read(np.arange(len(self))[items])
        if isinstance(items, list | np.ndarray):
            return self.read(row_numbers(items, len(self)))
        return self.read(np.asarray([row_numbers(np.asarray(items), len(self))]))[0]

    def read(self, items_B: NDArray[np.int64], *, as_stored: bool = False) -> Ragged:
        """Read some items, each chunk that holds them once.

        Args:
            items_B: Numbers of items, 0 to N-1, in any order, repeats allowed.
            as_stored: Leave them as the store keeps them, such as float16.

        Raises:
            StoreError: A chunk is damaged, or files are lost.
        """
        wanted, inverse = np.unique(np.asarray(items_B, dtype=np.int64), return_inverse=True)
        parts = [self._run(items) for items in self._runs(wanted)]
        dtype = self.stored if as_stored else np.dtype(np.float32)
        values_RH = np.concatenate([np.empty((0, self.hidden), dtype=self.stored), *parts])
        values_RH = values_RH.astype(dtype, copy=False)
        firsts, lasts = wanted * self.n_seqs, (wanted + 1) * self.n_seqs
        own = [self.offsets_Q[first : last + 1] for first, last in zip(firsts, lasts, strict=True)]
        lengths = [np.zeros(0, dtype=np.int64), *(np.diff(each) for each in own)]
        found = Ragged(values_RH=values_RH, offsets_Q=offsets_of(np.concatenate(lengths)), n_seqs=self.n_seqs)
        if len(items_B) == len(wanted) and (inverse == np.arange(len(wanted))).all():
            return found
        return found.take(inverse)

    def _runs(self, wanted: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        """Items that are read in one go: neighbours, and those with little between them."""
        if not len(wanted):
            return []
        between = self.offsets_Q[wanted[1:] * self.n_seqs] - self.offsets_Q[(wanted[:-1] + 1) * self.n_seqs]
        too_much = between * self.hidden * self.stored.itemsize > GAP_BYTES
        return np.split(wanted, np.flatnonzero(too_much) + 1)

    def _run(self, items: NDArray[np.int64]) -> NDArray[Any]:
        """The tokens of some items, ascending, read with what lies between them."""
        first, last = int(items[0]), int(items[-1])
        values_RH = self._stretch(first, last)
        if last - first + 1 == len(items):
            return values_RH
        offsets_Q = self.offsets_Q[first * self.n_seqs : (last + 1) * self.n_seqs + 1]
        whole = Ragged(values_RH=values_RH, offsets_Q=offsets_Q - offsets_Q[0], n_seqs=self.n_seqs)
        return whole.take(items - first).values_RH

    def _stretch(self, first: int, last: int) -> NDArray[Any]:
        """The tokens of items in a row."""
        begin, end = self.offsets_Q[first * self.n_seqs], self.offsets_Q[(last + 1) * self.n_seqs]
        found = arrays.read(self._array, slice(int(begin), int(end)))
        missing_R = np.isnan(found[:, 0]) if self.hidden else np.zeros(0, dtype=np.bool_)
        if missing_R.any():
            lengths = np.diff(self.offsets_Q[first * self.n_seqs : (last + 1) * self.n_seqs + 1])
            left_out_Q = self._left_out(np.arange(first, last + 1)).ravel()
            if (missing_R & ~np.repeat(left_out_Q, lengths)).any():
                raise StoreError(
                    f"{self.where} lacks tokens that were written once (`seqbench store verify --repair` "
                    "marks them missing; `seqbench extract` makes them again)"
                )
        return found

    def numpy(self) -> Ragged:
        """All items in memory, float32."""
        return self.read(np.arange(len(self)))

    def dask(self) -> "dask.array.Array":
        """All tokens in a row, (R, H), as a dask array whose chunks are the stored ones; nothing is read yet.

        Raises:
            StoreError: dask is not installed.
        """
        need("readers", "dask")
        import dask.array

        name = f"tokens-{self.where}"
        return dask.array.from_array(
            self._array, chunks=self._array.chunks, name=name, lock=False, inline_array=False
        )

    def xarray(self, attrs: Mapping[str, Any], labels: NDArray[Any]) -> "xarray.DataArray":
        """All tokens as a labelled array on dask.

        Returns:
            Dimensions token and hidden, with coordinates `item`, `seq`, `place` (of a token in its sequence)
            and `label` (of its item) along the tokens.

        Raises:
            StoreError: xarray or dask is not installed.
        """
        need("readers", "xarray", "dask")
        import xarray

        lengths_Q = np.diff(self.offsets_Q)
        number_R = np.repeat(np.arange(len(lengths_Q)), lengths_Q)
        item_R = number_R // self.n_seqs
        coords: dict[str, Any] = {
            "item": ("token", item_R),
            "seq": ("token", number_R % self.n_seqs),
            "place": ("token", np.arange(self.n_tokens) - self.offsets_Q[number_R]),
            "label": (("token", "target")[: labels.ndim], labels[item_R]),
        }
        return xarray.DataArray(
            self.dask(), dims=("token", "hidden"), coords=coords, name="embedding", attrs=dict(attrs)
        )
