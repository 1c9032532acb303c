"""Embeddings that are there already: a NumPy, PyTorch or Parquet file, or a split in a store, in pieces.

Shape letters: N items, S sequences of an item, H hidden width.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from seqbench.core.types import SPLITS, SplitName
from seqbench.errors import DataError, ProbeError, quoted, said
from seqbench.models.tensor_files import as_array, load_tensors
from seqbench.probe.saved_head import Origin
from seqbench.store import TOKENS, Embeddings, TokenArray, TokenEmbeddings, open_store
from seqbench.store.exchange.npy import load_npy
from seqbench.store.readers import need

FILES = (".npy", ".pt", ".parquet")

_IN_STORE = re.compile(
    rf"(?P<store>.+?)/(?P<model>[^/]+)/(?P<dataset>[^/]+?)(/(?P<layer>\d+))?/(?P<split>{'|'.join(SPLITS)})/*"
)


class PredictionRows(Protocol):
    """Rows that are read when they are sliced."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, H) or (N, S, H)."""

    def __getitem__(self, rows: slice, /) -> NDArray[np.float32]:
        """Some rows."""


def is_stored(text: str) -> bool:
    """Whether an input is written as a split in a store."""
    return _IN_STORE.fullmatch(text) is not None


def open_stored(text: str, origin: Origin) -> PredictionRows:
    """Embeddings of the head's layer in a store, `STORE/model/dataset/split` (or with the layer in between).

    Raises:
        ProbeError: They were made from other weights or with other settings, or are of another layer.
        StoreError: There is no such store or split, or blocks are missing.
    """
    entry, split = _entry(text, origin, of_tokens=False)
    return entry.array(origin.layer, split)


def open_stored_tokens(text: str, origin: Origin) -> tuple[TokenEmbeddings, TokenArray, SplitName]:
    """The tokens of the head's layer in a store, written as for `open_stored`, and what holds them.

    Raises:
        ProbeError: As of `open_stored`.
        StoreError: There is no such store or split, or blocks are missing.
    """
    entry, split = _entry(text, origin, of_tokens=True)
    if not isinstance(entry, TokenEmbeddings):
        raise ProbeError(f"{text}: holds one vector a sequence, the head reads tokens (extract.tokens)")
    return entry, entry.tokens(origin.layer, split), split


def _entry(text: str, origin: Origin, *, of_tokens: bool) -> tuple[Embeddings, SplitName]:
    """What a text names, checked against what the head was trained on."""
    parts = _IN_STORE.fullmatch(text)
    if parts is None:
        raise ProbeError(f"{text}: is no split in a store (STORE/model/dataset/test)")
    model = parts["model"].removesuffix(TOKENS) + (TOKENS if of_tokens else "")
    entry = open_store(parts["store"])[f"{model}/{parts['dataset']}"]
    if parts["layer"] is not None and int(parts["layer"]) != origin.layer:
        raise ProbeError(f"{text}: is layer {parts['layer']}, the head was trained on layer {origin.layer}")
    if entry.model.fingerprint != origin.model.fingerprint:
        raise ProbeError(
            f"{text}: was made by a model of fingerprint {entry.model.fingerprint[:12]}, the head was "
            f"trained on {origin.model.fingerprint[:12]} ({origin.model.name})"
        )
    own = ("seq_keys", "label_key")  # of the data set's file, which may be another
    for key in sorted((entry.facts.settings.keys() | origin.embedding.keys()) - set(own)):
        now, then = entry.facts.settings.get(key), origin.embedding.get(key)
        if now != then:
            raise ProbeError(
                f"{text}: was computed with {key}={quoted(now)}, the head was trained with "
                f"{key}={quoted(then)}"
            )
    return entry, parts["split"]  # type: ignore[return-value]


def open_file(path: Path) -> PredictionRows:
    """Embeddings in a file, (N, H) or (N, S, H); nothing but numbers is read from it.

    Raises:
        DataError: There is no such file, or it holds no such array.
    """
    if not path.is_file():
        raise DataError(f"{path}: there is no such file")
    found = {".npy": _read_npy, ".pt": _read_pt, ".parquet": _read_parquet}[path.suffix](path)
    if len(found.shape) not in (2, 3) or found.dtype.kind != "f" or 0 in found.shape:
        raise DataError(
            f"{path}: holds {found.dtype} {found.shape}; wanted are floats, (n, hidden) or (n, seqs, hidden)"
        )
    return found


def pieces(
    rows: PredictionRows, origin: Origin, where: str, piece_rows: int
) -> Iterator[NDArray[np.float32]]:
    """The rows in order, (N, S, H) or already combined (N, 1, width), so many at a time.

    Raises:
        ProbeError: They are not as wide as what the head was trained on.
    """
    n_items, *width = rows.shape
    fits = width in ([origin.n_seqs, origin.hidden], [origin.width])
    if not fits:
        wanted = f"(n, {origin.n_seqs}, {origin.hidden})" if origin.n_seqs > 1 else f"(n, {origin.hidden})"
        raise ProbeError(f"{where}: holds embeddings {rows.shape}, the head was trained on {wanted}")
    for start in range(0, n_items, piece_rows):
        piece = np.asarray(rows[start : start + piece_rows], dtype=np.float32)
        yield piece if piece.ndim == 3 else piece[:, None]


def _read_npy(path: Path) -> NDArray[Any]:
    return load_npy(path)


def _read_pt(path: Path) -> NDArray[Any]:
    found = load_tensors(path)
    found = found.get("embeddings") if isinstance(found, dict) else found
    if found is None:
        raise DataError(f"{path}: should hold a tensor, or {{'embeddings': tensor}}")
    return as_array(found, path, "embeddings")


def _read_parquet(path: Path) -> NDArray[Any]:
    need("export", "pyarrow")
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        names = [name for name in pq.read_schema(path).names if re.fullmatch(r"embedding(_\d+)?", name)]
        names.sort(key=lambda name: int(name.partition("_")[2] or 0))
        table = pq.read_table(path, columns=names)
        columns = [np.stack(table[name].to_numpy()).astype(np.float32) for name in names]
    except (pa.ArrowException, OSError, ValueError, TypeError, KeyError) as error:
        raise DataError(f"{path}: can't be read as Parquet: {said(error)}") from error
    if not columns:
        raise DataError(f"{path}: has no column `embedding` (or `embedding_1`, `embedding_2`, …)")
    return np.stack(columns, axis=1)
