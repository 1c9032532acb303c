"""BED intervals with a genome as a source: windows, flanks, strands, and the edges of chromosomes."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, NamedTuple

from seqbench.core.alphabets import reverse_complement
from seqbench.datasets.importing.files import SplitPath, label_of_name
from seqbench.datasets.importing.genome import MAX_FETCH, Genome, open_genome
from seqbench.datasets.importing.inputs import Inputs, check_file
from seqbench.datasets.importing.record import LabelShape, Place, Record, Region, Skip, Source, shorten
from seqbench.errors import DataError

OutOfRange = Literal["error", "skip", "pad"]

_NUMBER: Final = re.compile(r"[0-9]{1,18}")


class Interval(NamedTuple):
    """One line: from 0, the end exclusive."""

    chrom: str
    start: int
    end: int
    strand: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowRule:
    """What of an interval's surroundings becomes the sequence."""

    window: int | None = None
    """Letters around the interval's middle; None: the interval itself."""
    flanks: int = 0
    """Letters added on both sides of the interval."""
    stranded: bool = True
    """Whether an interval of the minus strand becomes its reverse complement."""
    out_of_range: OutOfRange = "error"
    """For what lies over the end of a chromosome; `pad` writes N."""

    def __post_init__(self) -> None:
        if (
            self.window is not None and not 0 < self.window <= MAX_FETCH
        ) or not 0 <= self.flanks <= MAX_FETCH:
            raise DataError("--window must be 1 or more letters and --flanks 0 or more, at most 256 million")
        if self.window is not None and self.flanks:
            raise DataError("--window and --flanks exclude each other: give one")

    def bounds(self, interval: Interval) -> tuple[int, int]:
        """The stretch to fetch; of a window, `window // 2` letters lie left of `(start + end) // 2`."""
        if self.window is None:
            return interval.start - self.flanks, interval.end + self.flanks
        start = (interval.start + interval.end) // 2 - self.window // 2
        return start, start + self.window

    def settings(self) -> dict[str, object]:
        """For the manifest."""
        return {
            "window": self.window,
            "flanks": self.flanks,
            "strand": "use" if self.stranded else "ignore",
            "out_of_range": self.out_of_range,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class BedSource(Source):
    """BED files with one genome."""

    files: Sequence[SplitPath]
    genome: Path
    rule: WindowRule = field(default_factory=WindowRule)
    label_column: int | None = None
    """From 1; None: the file's name is the class."""
    kind: str = "bed"
    shape: LabelShape = "one"

    @property
    def label_from(self) -> str:
        """The column, for messages."""
        return "the file's name" if self.label_column is None else f"--label-column {self.label_column}"

    def size(self) -> int:
        """Bytes of all files."""
        return sum(map(check_file, [self.genome, *(each.path for each in self.files)]))

    def settings(self) -> dict[str, object]:
        """How windows and labels are found."""
        return {"label_from": self.label_from, **self.rule.settings()}

    def read(self, inputs: Inputs) -> Iterator[Record | Skip]:
        """Yield an item an interval.

        Raises:
            DataError: A line is no BED, its chromosome is not in the genome, or it lies out of range.
        """
        if self.label_column is not None and self.label_column < 4:
            raise DataError(
                "--label-column must be 4 or more: the first three columns of BED are the interval"
            )
        with open_genome(self.genome, inputs) as genome:
            for file in self.files:
                for place, fields in _lines(file.path, inputs):
                    interval = _interval(fields, place)
                    label: str | None = label_of_name(file.path)
                    name = fields[3] if len(fields) > 3 else None
                    if self.label_column is not None:
                        at = self.label_column - 1
                        label = fields[at].strip() if at < len(fields) else None
                        name = None if at == 3 else name
                    found = cut(genome, interval, self.rule, place)
                    if isinstance(found, Skip):
                        yield found
                    else:
                        sequence, region = found
                        yield Record(place, (sequence,), label, name, file.split, region)


def cut(genome: Genome, interval: Interval, rule: WindowRule, place: Place) -> tuple[str, Region] | Skip:
    """The sequence of an interval's window, and where it lies.

    Raises:
        DataError: The chromosome is not in the genome, or the window lies out of range and may not.
    """
    name = genome.name_of(interval.chrom, place)
    start, end = rule.bounds(interval)
    length = genome.length(name)
    if end - start > MAX_FETCH:
        raise DataError(f"{place}: the window is longer than 256 Mbp")
    if start < 0 or end > length:
        if rule.out_of_range == "skip":
            return Skip(place, "out of range")
        if rule.out_of_range == "error":
            raise DataError(
                f"{place}: {interval.chrom}:{start:,}-{end:,} lies over the end of a chromosome of "
                f"{length:,} letters (--out-of-range skip or pad)"
            )
    sequence = padded(genome, name, start, end)
    if rule.stranded and interval.strand == "-":
        sequence = reverse_complement(sequence)
    strand = interval.strand if rule.stranded else "+"
    return sequence, Region(interval.chrom, start, end, strand)


def padded(genome: Genome, name: str, start: int, end: int) -> str:
    """Letters of a chromosome, with N where it has none."""
    length, width = genome.length(name), end - start
    left = min(max(-start, 0), width)
    right = min(max(end - length, 0), width - left)
    return "N" * left + genome.fetch(name, max(start, 0), end) + "N" * right


def _lines(path: Path, inputs: Inputs) -> Iterator[tuple[Place, list[str]]]:
    for number, text in inputs.lines(path):
        if not text.strip() or text.startswith(("#", "track", "browser")):
            continue
        yield Place(path, number), text.split("\t") if "\t" in text else text.split()


def _interval(fields: list[str], place: Place) -> Interval:
    if len(fields) < 3:
        raise DataError(f"{place}: has {len(fields)} columns; BED has chromosome, start and end at least")
    strand = fields[5].strip() if len(fields) > 5 else "."
    if strand not in ("+", "-", "."):
        raise DataError(f"{place}: strand {shorten(strand)} (column 6) is none of + - .")
    return interval_of(fields[0].strip(), fields[1], fields[2], strand, place)


def interval_of(chrom: str, start: str, end: str, strand: str, place: Place) -> Interval:
    """Check an interval that was read as text.

    Raises:
        DataError: Start and end are no whole numbers, or the end is not behind the start.
    """
    start, end = start.strip(), end.strip()
    for what, text in (("start", start), ("end", end)):
        if not _NUMBER.fullmatch(text):
            raise DataError(f"{place}: {what} {shorten(text)} is no whole number from 0")
    if int(start) >= int(end):
        raise DataError(
            f"{place}: the interval {start}-{end} is empty (BED counts from 0, the end is exclusive)"
        )
    return Interval(chrom, int(start), int(end), "-" if strand == "-" else "+")
