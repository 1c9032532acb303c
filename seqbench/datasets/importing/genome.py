"""A genome's FASTA at random places, by an index made in the pass that hashes it.

The index is that of `samtools faidx` (name, length, offset, letters and bytes a line), kept in memory. It is
made anew each time: a `.fai` beside a genome that was changed since gives wrong sequences without a word. A
compressed genome, by gzip or bgzip, is unpacked into the import's scratch folder.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from seqbench.datasets.importing.inputs import MAX_LINE_BYTES, Inputs, is_gzip
from seqbench.datasets.importing.record import shorten
from seqbench.datasets.importing.splits import plain_chromosome, unprefixed
from seqbench.errors import DataError

LISTED: Final = 8
"""How many chromosomes a fault lists."""

MAX_FETCH: Final = MAX_LINE_BYTES

HG19_M: Final = 16_571
"""Letters of chrM in UCSC's hg19 (NC_001807), which is not the MT of others (NC_012920)."""


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
    aliases: dict[str, str] = field(default_factory=dict)
    """Other names that were asked for, and what they were taken for."""

    def name_of(self, chrom: str, place: object) -> str:
        """The genome's own name of a chromosome, which may differ by `chr`, M for MT, or a version (`.2`).

        Raises:
            DataError: The genome has none of that name; says what it has.
        """
        if chrom in self._chromosomes:
            return chrom
        if chrom not in self.aliases:
            self.aliases[chrom] = self._alias(chrom, place)
        return self.aliases[chrom]

    def _alias(self, chrom: str, place: object) -> str:
        if (found := self._alike.get(unprefixed(chrom), self._alike.get(plain_chromosome(chrom)))) is None:
            names = list(self._chromosomes)
            more = f", … {len(names):,} in all" * (len(names) > LISTED)
            shown = ", ".join(map(shorten, names[:LISTED])) + more
            raise DataError(f"{place}: chromosome {shorten(chrom)} is not in {self.path}, which has {shown}")
        if unprefixed(chrom) == "MT" and unprefixed(found) == "M" and self.length(found) == HG19_M:
            raise DataError(
                f"{place}: MT is not this genome's {found}, which has the {HG19_M:,} letters of UCSC's hg19 "
                "and not the 16,569 of MT (take a genome that has MT, or leave these lines out)"
            )
        return found

    def agree(self, chrom: str, length: int, place: object) -> None:
        """Hold the length that a file says of a chromosome against the genome's.

        Raises:
            DataError: They differ, so it is another chromosome, or another assembly.
        """
        name = chrom if chrom in self._chromosomes else self._alike.get(plain_chromosome(chrom), "")
        if name and self.length(name) != length:
            raise DataError(
                f"{place}: {shorten(chrom)} has {length:,} letters here, and {shorten(name)} in {self.path} "
                f"has {self.length(name):,} (is it the right assembly?)"
            )

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
            genome = Genome(path, file, chromosomes, _alike(chromosomes))
            yield genome
            _tell_aliases(genome, inputs)
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


def _alike(chromosomes: Iterable[str]) -> dict[str, str]:
    """Other names under which each chromosome is found, as long as they mean no other.

    A name without `chr` goes before one in which M stands for MT, so that of chrM and chrMT each has its own.
    """
    found: dict[str, str] = {}
    for shorter in (unprefixed, plain_chromosome):
        named: dict[str, set[str]] = {}
        for name in chromosomes:
            unversioned = name.rpartition(".")[0] if name.rpartition(".")[2].isdigit() else name
            for other in (shorter(name), shorter(unversioned)):
                named.setdefault(other, set()).add(name)
        found = {other: names.pop() for other, names in named.items() if len(names) == 1} | found
    return found


def _tell_aliases(genome: Genome, inputs: Inputs) -> None:
    used = [f"{given} is {name}" for given, name in genome.aliases.items()]
    if used:
        more = ", …" if len(used) > LISTED else ""
        shown = f"{', '.join(used[:LISTED])}{more}"
        inputs.note(f"{len(used):,} chromosome names differ from those in {genome.path}: {shown}")
