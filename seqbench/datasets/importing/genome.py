"""A genome at random places: chromosomes by the names that others give them, and their letters.

It is FASTA, plain, gzip or bgzip, 2bit, or GenBank. What is packed or is GenBank is unpacked into the
import's scratch folder.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from seqbench.datasets.importing.faidx import FastaLetters, index_fasta
from seqbench.datasets.importing.genbank import write_fasta
from seqbench.datasets.importing.inputs import MAX_LINE_BYTES, Inputs, is_gzip
from seqbench.datasets.importing.kinds import check_kind, kind_of
from seqbench.datasets.importing.record import shorten
from seqbench.datasets.importing.splits import plain_chromosome, unprefixed
from seqbench.datasets.importing.twobit import TwoBit, is_twobit
from seqbench.errors import DataError

LISTED: Final = 8
"""How many chromosomes a fault lists."""

MAX_FETCH: Final = MAX_LINE_BYTES

HG19_M: Final = 16_571
"""Letters of chrM in UCSC's hg19 (NC_001807), which is not the MT of others (NC_012920)."""


@dataclass(frozen=True, slots=True)
class Genome:
    """A file of chromosomes that is open."""

    path: Path
    """As the user gave it, for messages."""
    _fetch: Callable[[str, int, int], str]
    """Letters of a chromosome between two places inside it."""
    _chromosomes: Mapping[str, int]
    """Letters of each."""
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
        return self._chromosomes[name]

    def fetch(self, name: str, start: int, end: int) -> str:
        """Letters from `start`, counted from 0, to `end`, exclusive, as they are written.

        Raises:
            DataError: The file can't be read, or was changed.
        """
        end = min(end, self._chromosomes[name])
        return "" if start >= end else self._fetch(name, start, end)


@contextmanager
def open_genome(path: Path, inputs: Inputs) -> Iterator[Genome]:
    """Open a genome in FASTA, 2bit or GenBank, whatever it is called; FASTA is indexed, unpacked if need be.

    Raises:
        DataError: It can't be read, is none of these, names a chromosome twice, or its lines differ.
    """
    if is_twobit(path):
        inputs.hash_only(path)
        with path.open("rb") as file:
            yield from _opened(path, TwoBit(path, file), inputs)
        return
    plain, copied = path, inputs.scratch / f"genome-{len(inputs.files)}.fa"
    check_kind(path, "FASTA", "2bit", "GenBank")
    if kind_of(path) == "GenBank":
        plain = copied
        index = write_fasta(path, inputs, plain)
    elif is_gzip(path):
        plain = copied
        with plain.open("wb") as copy:
            index = index_fasta(path, inputs, copy)
    else:
        index = index_fasta(path, inputs, None)
    try:
        with plain.open("rb", buffering=1 << 16) as file:
            yield from _opened(path, FastaLetters(path, file, index), inputs)
    finally:
        if plain != path:
            plain.unlink(missing_ok=True)


def _opened(path: Path, letters: FastaLetters | TwoBit, inputs: Inputs) -> Iterator[Genome]:
    lengths = {name: each.length for name, each in letters.index.items()}
    genome = Genome(path, letters.fetch, lengths, _alike(lengths))
    yield genome
    _tell_aliases(genome, inputs)


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
