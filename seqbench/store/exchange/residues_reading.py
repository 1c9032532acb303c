"""The vectors of residues of some ids, collected from an HDF5 file into a scratch file by a child process.

Shape letters: T residues of a sequence, H width.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqbench.errors import StoreError
from seqbench.store.exchange.trial import SECONDS, SECONDS_PER_BYTE
from seqbench.store.exchange.vectors import readable, spellings, vectors


@dataclass(frozen=True, slots=True, kw_only=True)
class Residues:
    """Where the vectors of each id stand in a scratch file, float32, one residue after another."""

    scratch: Path
    hidden: int
    places: Mapping[str, tuple[int, int]]
    """By id the number of its first residue, and how many it has."""

    def read(self, name: str) -> NDArray[np.float32]:
        """The residues of an id, (T, H)."""
        first, count = self.places[name]
        found = np.fromfile(
            self.scratch, dtype=np.float32, count=count * self.hidden, offset=4 * first * self.hidden
        )
        return found.reshape(count, self.hidden)


def collect(path: Path, wanted: Sequence[str], scratch: Path) -> Residues:
    """Write the residues of the wanted ids into a file.

    Raises:
        StoreError: The file can't be read, has an id twice, or what an id has is no (T, H) of finite numbers
            as wide as the ones before.
    """
    lookup = {spelt: name for name in reversed(wanted) for spelt in spellings(name)}
    lookup |= {name: name for name in wanted}
    places: dict[str, tuple[int, int]] = {}
    hidden = filled = 0
    with readable(path), scratch.open("wb") as file:
        for ids, vector_at in vectors(path, None):
            for at, given in enumerate(ids):
                name = next((lookup[spelt] for spelt in spellings(given) if spelt in lookup), None)
                if name is None:
                    continue
                if name in places:
                    raise StoreError(f"{path}: has the id {given!r} twice, or spelt in two ways")
                rows_TH = _checked(path, given, vector_at(at), hidden)
                hidden = rows_TH.shape[1]
                file.write(rows_TH.tobytes())
                places[name] = (filled, len(rows_TH))
                filled += len(rows_TH)
    return Residues(scratch=scratch, hidden=hidden, places=places)


def _checked(path: Path, name: str, rows: NDArray[np.generic], hidden: int) -> NDArray[np.float32]:
    if rows.ndim == 3 and len(rows) == 1:
        rows = rows[0]
    if rows.ndim != 2 or rows.dtype.kind not in "fiu" or not rows.shape[1]:
        raise StoreError(
            f"{path}: {name} is {rows.dtype} of shape {rows.shape}, and should have a row a residue"
        )
    if hidden and rows.shape[1] != hidden:
        raise StoreError(f"{path}: {name} is {rows.shape[1]} wide, the ones before it {hidden}")
    found: NDArray[np.float32] = rows.astype(np.float32)
    if not np.isfinite(found).all():
        raise StoreError(f"{path}: {name} holds NaN or infinity")
    return found


def collect_apart(path: Path, wanted: Sequence[str], scratch: Path) -> Residues:
    """What `collect` gives, of a process that may crash; see `by_id`.

    Raises:
        StoreError: As `collect`, or the library crashes or does not come to an end.
    """
    if path.suffix not in (".h5", ".hdf5"):
        raise StoreError(f"{path}: must end in .h5 or .hdf5")
    if not path.is_file():
        raise StoreError(f"{path}: there is no such file")
    command = [sys.executable, "-m", "seqbench.store.exchange.residues_child", str(path), str(scratch)]
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
    told: dict[str, Any] = json.loads(done.stdout)
    places = {name: (int(first), int(count)) for name, (first, count) in told["places"].items()}
    return Residues(scratch=scratch, hidden=told["hidden"], places=places)
