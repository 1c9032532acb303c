"""What a file format offers, and what is handed to it: one model on one data set, layer by layer.

Shape letters: N items, S sequences of an item, H hidden width.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from seqbench.core.identity import ModelIdentity
from seqbench.core.progress import Advance
from seqbench.core.types import SplitName
from seqbench.store.exchange.columns import ExportRows
from seqbench.store.exchange.provenance import Provenance
from seqbench.store.readers import LayerArray
from seqbench.store.records import EmbeddingFacts

PIECE_BYTES = 16 * 1024**2
"""Bytes that are in memory at once: a row group of Parquet, a write of the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportJob:
    """One model on one data set that goes into files of a folder."""

    model: ModelIdentity
    dataset: str
    facts: EmbeddingFacts
    layers: dict[SplitName, dict[int, LayerArray]]
    rows: dict[SplitName, ExportRows]
    rounding_error: dict[str, float]
    folder: Path
    advance: Advance
    """Told bytes."""
    sha256: dict[str, str] = field(default_factory=dict)
    """Filled as layers are read."""

    def pieces(self, split: SplitName, layer: int) -> Iterator[NDArray[np.float32]]:
        """All rows of a layer in order, whole stored chunks at a time, each (rows, S, H); hashes them."""
        array = self.layers[split][layer]
        digest = hashlib.sha256()
        for start, stop in pieces(array):
            rows_NSH = np.ascontiguousarray(array[start:stop])
            digest.update(rows_NSH.astype("<f4", copy=False).data)
            yield rows_NSH
            self.advance(rows_NSH.nbytes)
        self.sha256[f"{layer}/{split}"] = digest.hexdigest()

    def provenance(self) -> Provenance:
        """What is recorded of the layers that have been read so far."""
        hashes = {f"rows/{split}": rows.sha256() for split, rows in self.rows.items()} | self.sha256
        errors = {key: error for key, error in self.rounding_error.items() if key in self.sha256}
        return Provenance(
            model=self.model, dataset=self.dataset, facts=self.facts, sha256=hashes, rounding_error=errors
        )


def pieces(array: LayerArray) -> Iterator[tuple[int, int]]:
    """Starts and stops of runs of whole chunks of about `PIECE_BYTES`."""
    chunk_rows = array.chunks[0]
    row_bytes = max(1, array.nbytes // max(1, len(array)))
    step = chunk_rows * max(1, PIECE_BYTES // (chunk_rows * row_bytes))
    for start in range(0, len(array), step):
        yield start, min(start + step, len(array))


class LayerFile(Protocol):
    """One layer of one split in a file."""

    path: Path

    @property
    def shape(self) -> tuple[int, int, int]:
        """(N, S, H)."""

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        """Rows `start` to `stop`, (rows, S, H).

        Raises:
            StoreError: They can't be read; names the file.
        """


class Found(Protocol):
    """One data set in a folder of files."""

    provenance: Provenance | None
    """None where the files come from elsewhere."""
    layers: dict[SplitName, dict[int, LayerFile]]

    def rows(self, split: SplitName) -> ExportRows:
        """Labels and item facts of a split.

        Raises:
            StoreError: They can't be read or do not fit; names the file.
        """


class WritableFormat(Protocol):
    """A module that writes a file format."""

    def files(self, job: ExportJob) -> list[Path]:
        """Every file that `write` makes."""

    def write(self, job: ExportJob) -> None:
        """Write the files of a job, each whole or not at all.

        Raises:
            StoreError: A file can't be written, or a chunk of the store is damaged.
        """


class ReadableFormat(Protocol):
    """A module that reads a file format."""

    def find(self, folder: Path) -> dict[str, Found]:
        """The data sets of a folder.

        Raises:
            StoreError: It holds no such files, or one can't be read.
        """
