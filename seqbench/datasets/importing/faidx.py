"""FASTA at random places, by an index made in the pass that hashes it.

The index is that of `samtools faidx` (name, length, offset, letters and bytes a line), kept in memory. It is
made anew each time: a `.fai` beside a genome that was changed since gives wrong sequences without a word.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from seqbench.datasets.importing.inputs import MAX_LINE_BYTES, Inputs
from seqbench.datasets.importing.record import shorten
from seqbench.errors import DataError


class IndexedChromosome(NamedTuple):
    """One line of the index."""

    length: int
    offset: int
    """Byte of the first letter."""
    letters: int
    """Of a line; all lines but the last have as many."""
    width: int
    """Bytes of a line with its end."""


@dataclass(frozen=True, slots=True)
class FastaLetters:
    """The letters of an indexed FASTA file that is open."""

    path: Path
    """As the user gave it, for messages."""
    file: BinaryIO
    index: Mapping[str, IndexedChromosome]

    def fetch(self, name: str, start: int, end: int) -> str:
        """Letters from `start`, counted from 0, to `end`, exclusive, both inside the chromosome.

        Raises:
            DataError: The file can't be read, or was changed.
        """
        entry = self.index[name]
        first = entry.offset + start // entry.letters * entry.width + start % entry.letters
        last = entry.offset + (end - 1) // entry.letters * entry.width + (end - 1) % entry.letters
        try:
            self.file.seek(first)
            raw = self.file.read(last + 1 - first)
        except OSError as error:
            raise DataError(f"{self.path}: can't be read: {error.strerror}") from error
        letters = raw.replace(b"\n", b"").replace(b"\r", b"")
        if len(letters) != end - start:
            raise DataError(f"{self.path}: was changed while in use (start the command again)")
        return letters.decode("latin-1")


class _Indexer:
    """Takes in the lines of a FASTA file."""

    def __init__(self, path: Path) -> None:
        self.found: dict[str, IndexedChromosome] = {}
        self._path = path
        self._name: str | None = None
        self._length = self._first = self._letters = self._width = 0
        self._short: int | None = None
        """The line that is shorter than the others, after which the chromosome must end."""

    def header(self, number: int, raw: bytes, end: int) -> None:
        """Begin a chromosome whose letters start at byte `end`."""
        self.finish()
        words = raw[1:].split()
        name = words[0].decode("utf-8", "replace") if words else ""
        if not name or name in self.found:
            what = f"names {shorten(name)} a second time" if name else "has no name"
            raise DataError(f"{self._path}:{number}: the header {what} (chromosomes need names of their own)")
        self._name, self._length, self._first = name, 0, end
        self._letters = self._width = 0
        self._short = None

    def line(self, number: int, raw: bytes) -> None:
        """Take in a line of letters."""
        letters = len(raw.rstrip(b"\r\n"))
        if self._name is None and letters:
            raise DataError(f"{self._path}:{number}: no FASTA file: it does not start with a line of `>`")
        if self._short is not None and letters:
            raise DataError(
                f"{self._path}:{self._short}: the line is shorter than those before it, and chromosome "
                f"{shorten(str(self._name))} goes on (write it with lines of one length)"
            )
        if not self._letters:
            self._letters, self._width = letters, len(raw)
            if not letters:
                self._short = number
        elif len(raw) != self._width:
            if letters > self._letters:
                raise DataError(
                    f"{self._path}:{number}: the line is longer than the first of chromosome "
                    f"{shorten(str(self._name))} (write it with lines of one length)"
                )
            self._short = number
        self._length += letters

    def finish(self) -> None:
        """End the chromosome."""
        if self._name is not None:
            self.found[self._name] = IndexedChromosome(
                self._length, self._first, max(self._letters, 1), max(self._width, 1)
            )


def index_fasta(path: Path, inputs: Inputs, copy: BinaryIO | None) -> dict[str, IndexedChromosome]:
    """Index a FASTA file, and write it to `copy`, unpacked.

    Raises:
        DataError: It is no FASTA, names a chromosome twice, or its lines differ in length.
    """
    indexer, number, offset = _Indexer(path), 0, 0
    with inputs.open(path) as file:
        while raw := file.readline(MAX_LINE_BYTES):
            number += 1
            offset += len(raw)
            if len(raw) == MAX_LINE_BYTES:
                raise DataError(f"{path}:{number}: the line is longer than 256 MB (is this a FASTA file?)")
            if raw.startswith(b">"):
                indexer.header(number, raw, offset)
            else:
                indexer.line(number, raw)
            if copy is not None:
                copy.write(raw)
    indexer.finish()
    if not indexer.found:
        raise DataError(f"{path}: holds no FASTA record")
    return indexer.found
