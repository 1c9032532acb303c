"""2bit genomes at random places, as UCSC keeps them (genome.ucsc.edu/FAQ/FAQformat.html#format7).

Four letters a byte, runs of N and of lower case beside them. Version 1 has offsets of 64 bits. A reader of
its own, as the format is four arrays and the known packages are a C extension (py2bit, against which the
tests hold it) and one without upkeep (twobitreader).
"""

import bisect
import struct
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqbench.datasets.importing.inputs import check_file
from seqbench.datasets.importing.record import shorten
from seqbench.errors import DataError

_MAGIC: Final = 0x1A412743
_LETTERS: Final = np.array([["TCAG"[byte >> shift & 3] for shift in (6, 4, 2, 0)] for byte in range(256)])
_MAX_SEQUENCES: Final = 1 << 24
"""More are no genome but a damaged count."""


class TwoBitChromosome(NamedTuple):
    """One record: its runs, and where its letters lie."""

    length: int
    n_runs: NDArray[np.int64]
    """(R, 2) start and end of runs of N, ascending."""
    lower_runs: NDArray[np.int64]
    """(R, 2) of lower case."""
    offset: int
    """Byte of the first four letters."""


def is_twobit(path: Path) -> bool:
    """Whether a file's first bytes are those of 2bit, in either byte order.

    Raises:
        DataError: It can't be read.
    """
    check_file(path)
    try:
        with path.open("rb") as file:
            start = file.read(4)
    except OSError as error:
        raise DataError(f"{path}: can't be read: {error.strerror}") from error
    return start in (struct.pack("<I", _MAGIC), struct.pack(">I", _MAGIC))


class TwoBit:
    """An open 2bit file."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        """Read the index and every record's runs.

        Raises:
            DataError: The file ends early, or is damaged.
        """
        self._path, self._file = path, file
        self._order = "<" if file.read(4) == struct.pack("<I", _MAGIC) else ">"
        self._size = check_file(path)
        version, count, _ = self._numbers(3)
        if version > 1 or not 0 < count <= _MAX_SEQUENCES:
            raise DataError(
                f"{path}: a 2bit file of version {version} with {count:,} sequences (0 or 1, and one or more)"
            )
        places = {}
        for _ in range(count):
            name = self._bytes(self._bytes(1)[0]).decode("latin-1")
            if name in places:
                raise DataError(f"{path}: names {shorten(name)} a second time")
            places[name] = struct.unpack(
                f"{self._order}{'Q' if version else 'I'}", self._bytes(8 if version else 4)
            )[0]
        self.index = {name: self._record(place) for name, place in places.items()}

    def fetch(self, name: str, start: int, end: int) -> str:
        """Letters from `start`, counted from 0, to `end`, exclusive, both inside the chromosome.

        Raises:
            DataError: The file can't be read, or ends early.
        """
        entry = self.index[name]
        first, last = start // 4, (end + 3) // 4
        self._seek(entry.offset + first)
        packed = np.frombuffer(self._bytes(last - first), dtype=np.uint8)
        letters = _LETTERS[packed].reshape(-1)[start - 4 * first : end - 4 * first].copy()
        for run_start, run_end in _overlapping(entry.n_runs, start, end):
            letters[run_start:run_end] = "N"
        for run_start, run_end in _overlapping(entry.lower_runs, start, end):
            letters[run_start:run_end] = np.char.lower(letters[run_start:run_end])
        return "".join(letters.tolist())

    def _record(self, place: int) -> TwoBitChromosome:
        self._seek(place)
        (length,) = self._numbers(1)
        n_runs, lower_runs = self._runs(length), self._runs(length)
        self._numbers(1)
        offset = self._file.tell()
        if offset + (length + 3) // 4 > self._size:
            raise DataError(f"{self._path}: ends early (copy or download it again)")
        return TwoBitChromosome(length, n_runs, lower_runs, offset)

    def _runs(self, length: int) -> NDArray[np.int64]:
        (count,) = self._numbers(1)
        if count > length:
            raise DataError(
                f"{self._path}: is damaged: {count:,} runs in {length:,} letters (download it again)"
            )
        starts, sizes = (
            np.frombuffer(self._bytes(4 * count), dtype=f"{self._order}u4").astype(np.int64) for _ in range(2)
        )
        return np.stack([starts, starts + sizes], axis=1)

    def _numbers(self, count: int) -> tuple[int, ...]:
        return struct.unpack(f"{self._order}{count}I", self._bytes(4 * count))

    def _seek(self, place: int) -> None:
        self._file.seek(min(place, self._size))

    def _bytes(self, count: int) -> bytes:
        try:
            raw = self._file.read(count) if count <= self._size else b""
        except OSError as error:
            raise DataError(f"{self._path}: can't be read: {error.strerror}") from error
        if len(raw) != count:
            raise DataError(f"{self._path}: ends early (copy or download it again)")
        return raw


def _overlapping(runs: NDArray[np.int64], start: int, end: int) -> list[tuple[int, int]]:
    """The runs that touch a stretch, counted from its start and cut to it."""
    at = max(bisect.bisect_right(runs[:, 0], start) - 1, 0)
    stop = bisect.bisect_left(runs[:, 0], end)
    return [(max(int(a) - start, 0), min(int(b), end) - start) for a, b in runs[at:stop] if b > start]
