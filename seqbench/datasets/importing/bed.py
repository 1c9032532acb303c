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
from seqbench.datasets.importing.kinds import check_kind
from seqbench.datasets.importing.record import ItemSource, LabelShape, Place, Record, Region, Skip, shorten
from seqbench.errors import DataError

OutOfRange = Literal["error", "skip", "pad"]
Blocks = Literal["join", "whole"]

_NUMBER: Final = re.compile(r"[0-9]{1,18}")


class BedInterval(NamedTuple):
    """One line: from 0, the end exclusive."""

    chrom: str
    start: int
    end: int
    strand: str
    parts: tuple[tuple[int, int], ...] = ()
    """Start and end of the parts that are joined, ascending; empty: all of it."""


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
    joins: bool = False
    """Whether parts are joined, which leaves no place for windows and flanks."""

    def __post_init__(self) -> None:
        if (
            self.window is not None and not 0 < self.window <= MAX_FETCH
        ) or not 0 <= self.flanks <= MAX_FETCH:
            raise DataError("--window must be 1 or more letters and --flanks 0 or more, at most 256 million")
        if self.window is not None and self.flanks:
            raise DataError("--window and --flanks exclude each other: give one")
        if self.joins and (self.window or self.flanks):
            raise DataError("joined parts have no --window or --flanks: leave them out")

    @property
    def widens(self) -> bool:
        """Whether a place between two letters, such as an insertion site, becomes a sequence."""
        return self.window is not None or self.flanks > 0

    def bounds(self, interval: BedInterval) -> tuple[int, int]:
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
class BedSource(ItemSource):
    """BED files with one genome."""

    files: Sequence[SplitPath]
    genome: Path
    rule: WindowRule = field(default_factory=WindowRule)
    label_column: int | None = None
    """From 1; None: the file's name is the class."""
    blocks: Blocks | None = None
    """Whether the blocks of BED12 are joined; None: they are not, and that is told."""
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
        return {"label_from": self.label_from, "blocks": self.blocks, **self.rule.settings()}

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
                check_kind(file.path, "BED")
                n_split = 0
                for place, fields in _lines(file.path, inputs):
                    interval = _interval(fields, place, self.rule)
                    if self.blocks is None and len(fields) > 9:
                        n_split += fields[9].strip() not in ("0", "1", "")
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
                if n_split:
                    inputs.note(
                        f"{file.path}: {n_split:,} intervals have several blocks (exons), taken "
                        "with what lies between (--blocks join leaves it out, --blocks whole says that it is "
                        "meant)"
                    )


def cut(genome: Genome, interval: BedInterval, rule: WindowRule, place: Place) -> tuple[str, Region] | Skip:
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
    parts = interval.parts or ((start, end),)
    sequence = "".join(padded(genome, name, *part) for part in parts)
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


def _interval(fields: list[str], place: Place, rule: WindowRule) -> BedInterval:
    if len(fields) < 3:
        raise DataError(f"{place}: has {len(fields)} columns; BED has chromosome, start and end at least")
    strand = fields[5].strip() if len(fields) > 5 else "."
    if strand not in ("+", "-", "."):
        raise DataError(f"{place}: strand {shorten(strand)} (column 6) is none of + - .")
    interval = interval_of(fields[0].strip(), fields[1], fields[2], strand, place, rule)
    return _with_blocks(interval, fields, place) if rule.joins else interval


def _with_blocks(interval: BedInterval, fields: list[str], place: Place) -> BedInterval:
    """The interval with its blocks, columns 10 to 12; an interval without them is one, as bedtools has it."""
    if len(fields) < 12:
        return interval
    count, sizes, starts = fields[9].strip(), fields[10].strip(), fields[11].strip()
    lists = [text.removesuffix(",").split(",") for text in (sizes, starts)]
    if not all(_NUMBER.fullmatch(text.strip()) for text in (count, *lists[0], *lists[1])) or not (
        int(count) == len(lists[0]) == len(lists[1])
    ):
        raise DataError(
            f"{place}: blocks (columns 10 to 12) {shorten(f'{count} {sizes} {starts}')} are no count "
            "with as many sizes and starts"
        )
    parts = tuple(
        (interval.start + int(s), interval.start + int(s) + int(n)) for n, s in zip(*lists, strict=True)
    )
    ends = [interval.start, *(end for _, end in parts), interval.end]
    if any(part[0] < end for part, end in zip(parts, ends, strict=False)) or ends[-2] > interval.end:
        raise DataError(
            f"{place}: blocks overlap, are not in order, or leave the interval (columns 10 to 12)"
        )
    return interval._replace(parts=parts)


def interval_of(chrom: str, start: str, end: str, strand: str, place: Place, rule: WindowRule) -> BedInterval:
    """Check an interval that was read as text.

    Raises:
        DataError: Start and end are no whole numbers, or the end is not behind the start. Both may be the
            same, an insertion site, where a window or flanks make a sequence of it.
    """
    start, end = start.strip(), end.strip()
    for what, text in (("start", start), ("end", end)):
        if not _NUMBER.fullmatch(text):
            raise DataError(f"{place}: {what} {shorten(text)} is no whole number from 0")
    if int(start) > int(end) or (int(start) == int(end) and not rule.widens):
        way = "; an insertion site needs --window or --flanks" if int(start) == int(end) else ""
        raise DataError(
            f"{place}: the interval {start}-{end} is empty (BED counts from 0, the end is exclusive){way}"
        )
    return BedInterval(chrom, int(start), int(end), "-" if strand == "-" else "+")
