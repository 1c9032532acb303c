"""Vectors of a file put in the order of a data set's ids, in a scratch file that is read as it is needed.

HDF5 files are read by a process of their own, with a limit: the library checks little, and a flipped byte
can make it crash, run for ever, or ask for gigabytes.

Shape letters: N wanted ids, H width.
"""

import json
import subprocess
import sys
import weakref
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seqbench.core.atomic import new_scratch, remove_all
from seqbench.errors import StoreError
from seqbench.store.exchange.trial import SECONDS, SECONDS_PER_BYTE
from seqbench.store.exchange.vectors import readable, spellings, vectors

HDF5 = (".h5", ".hdf5")


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """The vectors of those wanted ids that a file has."""

    rows: Mapping[str, int]
    """Row of each id; those that the file lacks are not in it."""
    hidden: int
    """Width of a vector; 0 where none was found."""


class ById:
    """The vectors of a file by id, collected once for some ids, then read at random."""

    def __init__(self, path: Path, id_column: str | None, wanted: Iterable[str]) -> None:
        """Collect.

        Args:
            path: See `vectors`.
            id_column: Of a table.
            wanted: The ids, in any of their `spellings`.

        Raises:
            StoreError: The file can't be read, or a wanted vector is none.
        """
        folder = new_scratch("seqbench-vectors")
        weakref.finalize(self, remove_all, folder)
        scratch = folder / "rows"
        names = list(dict.fromkeys(wanted))
        collected = (_in_child if path.suffix in HDF5 else collect)(path, id_column, names, scratch)
        self.hidden = collected.hidden
        self._rows = collected.rows
        shape = (max(collected.rows.values(), default=-1) + 1, max(1, collected.hidden))
        self._vectors_NH = (
            np.memmap(scratch, dtype=np.float32, mode="r", shape=shape) if collected.rows else np.empty(shape)
        )

    def __contains__(self, name: str) -> bool:
        return name in self._rows

    def read(self, names: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of ids, (N, H) float32; NaN for one that the file lacks."""
        found_NH = np.full((len(names), self.hidden), np.nan, dtype=np.float32)
        for place, name in enumerate(names):
            if name in self._rows:
                found_NH[place] = self._vectors_NH[self._rows[name]]
        return found_NH


def collect(path: Path, id_column: str | None, wanted: Sequence[str], scratch: Path) -> Collected:
    """Write the vectors of the wanted ids, float32, one after the other, into a file.

    An id that is written as it is wanted goes before one that is spelt otherwise.

    Raises:
        StoreError: The file can't be read, has an id twice, or a vector is of another width than the first,
        of
            two dimensions, no number or not finite.
    """
    exact = set(wanted)
    lookup: dict[str, list[str]] = {}
    for name in wanted:
        for spelt in spellings(name):
            lookup.setdefault(spelt, []).append(name)
    rows: dict[str, int] = {}
    found_exactly: set[str] = set()
    hidden = count = 0
    with readable(path), scratch.open("wb") as file:
        for ids, vector_at in vectors(path, id_column):
            for at, given in enumerate(ids):
                names = {name for spelt in spellings(given) for name in lookup.get(spelt, ())} - found_exactly
                if given in found_exactly or (given not in exact and names & rows.keys()):
                    raise StoreError(f"{path}: has the id {given!r} twice, or spelt in two ways")
                if not names:
                    continue
                vector_H = _checked(path, given, vector_at(at), hidden)
                hidden = len(vector_H)
                file.write(vector_H.tobytes())
                rows |= {name: count for name in names if name == given or name not in rows}
                found_exactly |= {given} & exact
                count += 1
    return Collected(rows=rows, hidden=hidden)


def _checked(path: Path, name: str, vector: NDArray[np.generic], hidden: int) -> NDArray[np.float32]:
    if vector.ndim == 2 and len(vector) == 1:
        vector = vector[0]
    if vector.ndim != 1 or vector.dtype.kind not in "fiu" or not len(vector):
        raise StoreError(
            f"{path}: {name} is {vector.dtype} of shape {vector.shape}, and should be one vector "
            "(a row for each residue must be averaged first, over axis 0)"
        )
    if hidden and len(vector) != hidden:
        raise StoreError(f"{path}: {name} has {len(vector)} numbers, the ones before it {hidden}")
    found: NDArray[np.float32] = vector.astype(np.float32)
    if not np.isfinite(found).all():
        raise StoreError(f"{path}: {name} holds NaN or infinity")
    return found


def _in_child(path: Path, id_column: str | None, wanted: Sequence[str], scratch: Path) -> Collected:
    """What `collect` gives, of a process that may crash."""
    if not path.is_file():
        raise StoreError(f"{path}: there is no such file")
    command = [sys.executable, "-m", "seqbench.store.exchange.by_id_child", str(path), str(scratch)]
    seconds = SECONDS + 10 * SECONDS_PER_BYTE * path.stat().st_size
    try:
        done = subprocess.run(
            command, input=json.dumps(wanted), capture_output=True, text=True, timeout=seconds
        )
    except subprocess.TimeoutExpired as error:
        raise StoreError(
            f"{path}: can't be read: HDF5 does not come to an end (damaged? copy it again)"
        ) from error
    if done.returncode == 2:
        raise StoreError(done.stdout.strip())
    if done.returncode != 0:
        raise StoreError(f"{path}: can't be read: it brings HDF5 down (damaged? copy it again)")
    told = json.loads(done.stdout)
    return Collected(rows=told["rows"], hidden=told["hidden"])
