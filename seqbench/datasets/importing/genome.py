"""A genome's FASTA at random places, by an index made in the pass that hashes it.

The index is that of `samtools faidx` (name, length, offset, letters and bytes a line), kept in memory. It is
made anew each time: a `.fai` beside a genome that was changed since gives wrong sequences without a word. A
compressed genome, by gzip or bgzip, is unpacked into the import's scratch folder.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from seqbench.datasets.importing.inputs import MAX_LINE_BYTES, Inputs, is_gzip
from seqbench.datasets.importing.record import shorten
from seqbench.datasets.importing.splits import plain_chromosome
from seqbench.errors import DataError

LISTED: Final = 8
"""How many chromosomes a fault lists."""

MAX_FETCH: Final = MAX_LINE_BYTES


class _Chromosome(NamedTuple):
    """One line of the index."""

    length: int
    offset: int
    """Byte of the first letter."""
    letters: int
    """Of a line; all lines but the last have as many."""
    width: int
    """Bytes of a line with its end."""


@dataclass(frozen=True, slots=True)
class Genome:
    """An indexed FASTA file that is open."""

    path: Path
    """As the user gave it, for messages."""
    _file: BinaryIO
    _chromosomes: Mapping[str, _Chromosome]
    _alike: Mapping[str, str]
    """Names of chromosomes by their plain names, where one has it alone."""

    def name_of(self, chrom: str, place: object) -> str:
        """The genome's own name of a chromosome, which may differ by `chr`, M for MT, or a version (`.2`).

        Raises:
            DataError: The genome has none of that name; says what it has.
        """
        if chrom in self._chromosomes:
            return chrom
        if (found := self._alike.get(plain_chromosome(chrom))) is not None:
            return found
        names = list(self._chromosomes)
        shown = ", ".join(map(shorten, names[:LISTED])) + (
            f", … {len(names):,} in all" * (len(names) > LISTED)
        )
        raise DataError(f"{place}: chromosome {shorten(chrom)} is not in {self.path}, which has {shown}")

    def length(self, name: str) -> int:
        """Letters of a chromosome, by the genome's own name."""
        return self._chromosomes[name].length

    def fetch(self, name: str, start: int, end: int) -> str:
        """Letters from `start`, counted from 0, to `end`, exclusive, as they are written.

        Raises:
            DataError: The file can't be read, or was changed.
        """
        entry = self._chromosomes[name]
        end = min(end, entry.length)
        if start >= end:
            return ""
        first = entry.offset + start // entry.letters * entry.width + start % entry.letters
        last = entry.offset + (end - 1) // entry.letters * entry.width + (end - 1) % entry.letters
        try:
            self._file.seek(first)
            raw = self._file.read(last + 1 - first)
        except OSError as error:
            raise DataError(f"{self.path}: can't be read: {error.strerror}") from error
        letters = raw.replace(b"\n", b"").replace(b"\r", b"")
        if len(letters) != end - start:
            raise DataError(f"{self.path}: was changed while in use (start the command again)")
        return letters.decode("latin-1")


@contextmanager
def open_genome(path: Path, inputs: Inputs) -> Iterator[Genome]:
    """Index a FASTA file, unpacking it if need be, and open it.

    Raises:
        DataError: It can't be read, is no FASTA, names a chromosome twice, or its lines differ in length.
    """
    plain = path
    if is_gzip(path):
        plain = inputs.scratch / f"genome-{len(inputs.files)}.fa"
        with plain.open("wb") as copy:
            chromosomes = _index(path, inputs, copy)
    else:
        chromosomes = _index(path, inputs, None)
    try:
        with plain.open("rb", buffering=1 << 16) as file:
            yield Genome(path, file, chromosomes, _alike(chromosomes))
    finally:
        if plain != path:
            plain.unlink(missing_ok=True)


class _Indexer:
    """Takes in the lines of a FASTA file."""

    def __init__(self, path: Path) -> None:
        self.found: dict[str, _Chromosome] = {}
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
            self.found[self._name] = _Chromosome(
                self._length, self._first, max(self._letters, 1), max(self._width, 1)
            )


def _index(path: Path, inputs: Inputs, copy: BinaryIO | None) -> dict[str, _Chromosome]:
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


def _alike(chromosomes: Mapping[str, _Chromosome]) -> dict[str, str]:
    """Other names under which each chromosome is found, as long as they mean no other."""
    named: dict[str, set[str]] = {}
    for name in chromosomes:
        unversioned = name.rpartition(".")[0] if name.rpartition(".")[2].isdigit() else name
        for other in (plain_chromosome(name), plain_chromosome(unversioned)):
            named.setdefault(other, set()).add(name)
    return {other: names.pop() for other, names in named.items() if len(names) == 1}
