"""FASTA as a source: records of many lines, labels from headers, file names or a table."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from seqbench.core.types import SplitName
from seqbench.datasets.importing.files import SplitPath, label_of_name
from seqbench.datasets.importing.headers import HeaderLabel, header_pairs
from seqbench.datasets.importing.inputs import MAX_LINE_BYTES, Inputs, check_file
from seqbench.datasets.importing.kinds import check_kind
from seqbench.datasets.importing.record import (
    ItemSource,
    LabelShape,
    Place,
    RawLabel,
    Record,
    Region,
    Skip,
    shorten,
)
from seqbench.datasets.importing.splits import split_named
from seqbench.datasets.importing.table import read_labels
from seqbench.errors import DataError

REGION: Final = re.compile(r"(?:.*::)?([^\s:]+):([0-9]{1,12})-([0-9]{1,12})(?:\(([+.-])\))?$")
"""The header that `bedtools getfasta` and `samtools faidx` write, such as chr1:100-200(+)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FastaSource(ItemSource):
    """FASTA files; exactly one of the ways to a label is set."""

    files: Sequence[SplitPath]
    from_header: HeaderLabel | None = None
    table: Path | None = None
    """Its first column, or `id`, is the id in the header; the second, or `label`, the label."""
    split_key: str | None = None
    """Headers say the split as `key=value`."""
    label_from: str = "the file's name"
    """How labels are found, for messages and the manifest."""
    kind: str = "fasta"
    shape: LabelShape = "one"

    def size(self) -> int:
        """Bytes of all files."""
        paths = [each.path for each in self.files] + ([self.table] if self.table else [])
        return sum(map(check_file, paths))

    def settings(self) -> dict[str, object]:
        """How labels and splits are found."""
        return {"label_from": self.label_from, "split_key": self.split_key}

    def read(self, inputs: Inputs) -> Iterator[Record | Skip]:
        """Yield the records of all files.

        Raises:
            DataError: A file is no FASTA, or a header has no label where one was said to be.
        """
        known = None if self.table is None else read_labels(self.table, inputs)
        for file in self.files:
            check_kind(file.path, "FASTA")
            for place, header, sequence in read_fasta(file.path, inputs):
                words = header.split(None, 1)
                name = words[0] if words else ""
                yield Record(
                    place=place,
                    sequences=(sequence,),
                    label=self._label(file, header, name, known),
                    id=name or None,
                    split=self.split_of(file, place, header),
                    region=region_of(name, len(sequence)),
                )

    def _label(
        self, file: SplitPath, header: str, name: str, known: Mapping[str, str] | None
    ) -> RawLabel | None:
        if self.from_header is not None:
            return self.from_header(header)
        if known is None:
            return label_of_name(file.path)
        return known.get(name)

    def split_of(self, file: SplitPath, place: Place, header: str) -> SplitName | None:
        """The split of a record: its file's, or what its header says.

        Raises:
            DataError: The header was said to say it, and does not.
        """
        if self.split_key is None:
            return file.split
        pairs = header_pairs(header)
        if (found := pairs.get(self.split_key)) is None:
            raise DataError(f"{place}: the header has no {self.split_key}=…: {shorten(header)}")
        validation = next((pairs[key] for key in pairs if key.upper() == "VALIDATION"), "")
        return split_named(found, place, validation)


def read_fasta(path: Path, inputs: Inputs) -> Iterator[tuple[Place, str, str]]:
    """Yield the place, header and sequence of each record; white space within sequences is dropped.

    Raises:
        DataError: The file does not start with a header, holds no record, or a record is over 256 Mbp.
    """
    place: Place | None = None
    header, parts, letters = "", list[str](), 0
    for number, text in inputs.lines(path):
        if text.startswith(">"):
            if place is not None:
                yield place, header, "".join(parts)
            place, header, parts, letters = Place(path, number), text[1:].strip(), [], 0
            continue
        line = "".join(text.split())
        if place is None and line and not line.startswith(";"):
            raise DataError(f"{path}:{number}: no FASTA file: it does not start with a line of `>`")
        letters += len(line)
        if letters > MAX_LINE_BYTES:
            raise DataError(f"{place}: the record is longer than 256 Mbp (cut it into windows)")
        parts.append(line)
    if place is None:
        raise DataError(f"{path}: holds no FASTA record")
    yield place, header, "".join(parts)


def region_of(name: str, length: int) -> Region | None:
    """The region that a name says, if the sequence is as long: from 0 as bedtools, or from 1 as samtools."""
    if (match := REGION.match(name)) is None:
        return None
    chrom, start, end, strand = match[1], int(match[2]), int(match[3]), match[4] or "+"
    if end - start == length:
        return Region(chrom, start, end, strand)
    if end - start + 1 == length and start > 0:
        return Region(chrom, start - 1, end, strand)
    return None
