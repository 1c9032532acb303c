"""GenBank flat files as a source: features with their qualifiers, cut from the record's own sequence.

A reader of its own for what is needed of the format (insdc.org/submitting-standards/feature-table): location
and qualifiers of features, and ORIGIN. Biopython reads all of it; the tests hold this one against it.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Final

from seqbench.core.alphabets import reverse_complement
from seqbench.datasets.importing.faidx import IndexedChromosome
from seqbench.datasets.importing.files import SplitPath, label_of_name
from seqbench.datasets.importing.inputs import Inputs, check_file
from seqbench.datasets.importing.kinds import check_kind
from seqbench.datasets.importing.record import ItemSource, LabelShape, Place, Record, Region, Skip, shorten
from seqbench.errors import DataError

_QUALIFIER: Final = re.compile(r"/([^=\s]+)(?:=(.*))?")
_SPAN: Final = re.compile(r"[<>]?([0-9]{1,12})(?:\.\.[<>]?([0-9]{1,12}))?")
_MAX_DEPTH: Final = 16
"""Of brackets in a location; real ones have three."""
_NAMES: Final = ("locus_tag", "protein_id", "gene")
"""Qualifiers that name a feature, the first that it has."""

Span = tuple[int, int, str]
"""Start from 0, end exclusive, and strand."""


@dataclass(slots=True)
class GenBankFeature:
    """One entry of a feature table."""

    kind: str
    location: str
    place: Place
    qualifiers: dict[str, str] = field(default_factory=dict)
    """The first of each name."""


@dataclass(slots=True)
class GenBankRecord:
    """One record."""

    name: str = ""
    """VERSION, such as NC_000913.3, else LOCUS."""
    features: list[GenBankFeature] = field(default_factory=list)
    sequence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GenBankSource(ItemSource):
    """GenBank files."""

    files: Sequence[SplitPath]
    features: tuple[str, ...]
    """Kinds of features that become items, such as CDS."""
    label_qualifier: str | None = None
    """None: the feature's kind is the class where there are several, else the file's name."""
    stranded: bool = True
    kind: str = "genbank"
    shape: LabelShape = "one"

    @property
    def label_from(self) -> str:
        """The qualifier, for messages."""
        if self.label_qualifier is not None:
            return f"qualifier /{self.label_qualifier}"
        return "the feature's kind" if len(self.features) > 1 else "the file's name"

    def size(self) -> int:
        """Bytes of all files."""
        return sum(check_file(each.path) for each in self.files)

    def settings(self) -> dict[str, object]:
        """Which features are taken, and how labels are found."""
        return {
            "features": list(self.features),
            "label_from": self.label_from,
            "strand": "use" if self.stranded else "ignore",
        }

    def read(self, inputs: Inputs) -> Iterator[Record | Skip]:
        """Yield an item a feature.

        Raises:
            DataError: A file is no GenBank, a record has no sequence, or a location can't be read.
        """
        for file in self.files:
            check_kind(file.path, "GenBank")
            for record in read_genbank(file.path, inputs):
                for feature in record.features:
                    if feature.kind in self.features:
                        yield self._item(file, record, feature)

    def _item(self, file: SplitPath, record: GenBankRecord, feature: GenBankFeature) -> Record | Skip:
        if ":" in feature.location:
            return Skip(feature.place, "a part lies in another record")
        spans = spans_of(feature.location, feature.place)
        if max(end for _, end, _ in spans) > len(record.sequence):
            what = (
                f"has {len(record.sequence):,} letters" if record.sequence else "holds no sequence (ORIGIN)"
            )
            raise DataError(
                f"{feature.place}: {feature.kind} {shorten(feature.location)}, but the record {what}"
            )
        strands = {strand for _, _, strand in spans}
        if not self.stranded:
            spans = [(start, end, "+") for start, end, _ in (reversed(spans) if strands == {"-"} else spans)]
        parts = [(record.sequence[start:end], strand) for start, end, strand in spans]
        sequence = "".join(reverse_complement(text) if strand == "-" else text for text, strand in parts)
        label: str | None = label_of_name(file.path) if len(self.features) == 1 else feature.kind
        if self.label_qualifier is not None:
            label = feature.qualifiers.get(self.label_qualifier)
        name = next((feature.qualifiers[key] for key in _NAMES if key in feature.qualifiers), None)
        region = Region(
            record.name,
            min(start for start, _, _ in spans),
            max(end for _, end, _ in spans),
            "-" if self.stranded and strands == {"-"} else "+",
        )
        return Record(feature.place, (sequence,), label, name, file.split, region)


def spans_of(location: str, place: Place) -> list[Span]:
    """The parts of a location in the order in which they are joined, each on its strand.

    `join` and `order` are read alike, `<` and `>` are left out, `complement(join(a,b))` is b, then a.

    Raises:
        DataError: It can't be read; `5^6`, a place between letters, has none.
    """
    nested = location.count("(") and max(accumulate((c == "(") - (c == ")") for c in location)) > _MAX_DEPTH
    for name in () if nested else ("complement", "join", "order"):
        if location.startswith(f"{name}(") and location.endswith(")"):
            inner = location[len(name) + 1 : -1]
            spans = [span for part in _parts(inner) for span in spans_of(part, place)]
            if name != "complement":
                return spans
            return [(start, end, "+" if strand == "-" else "-") for start, end, strand in reversed(spans)]
    match = _SPAN.fullmatch(location)
    if match is None or not 0 < int(match[1]) <= int(match[2] or match[1]):
        raise DataError(f"{place}: location {shorten(location)} can't be read as places with letters")
    return [(int(match[1]) - 1, int(match[2] or match[1]), "+")]


def _parts(text: str) -> list[str]:
    """What commas outside brackets separate."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    return parts


def read_genbank(path: Path, inputs: Inputs) -> Iterator[GenBankRecord]:
    """Yield the records of a file, each with its sequence.

    Raises:
        DataError: It is no GenBank, or ends inside a record.
    """
    record: GenBankRecord | None = None
    section, open_key = "", ""
    pieces: list[str] = []
    for number, text in inputs.lines(path):
        if text.startswith("LOCUS"):
            record, pieces = GenBankRecord(name=[*text.split(), ""][1]), []
        if record is None:
            if text.strip():
                raise DataError(f"{path}:{number}: no GenBank file: it does not start with LOCUS")
            continue
        if text.startswith("//"):
            record.sequence = "".join(pieces).upper()
            yield record
            record = None
        elif text[:1].strip():
            section = text.split()[0]
            if section == "VERSION" and len(text.split()) > 1:
                record.name = text.split()[1]
        elif section == "ORIGIN":
            pieces.append("".join(text.split()[1:]))
        elif section == "FEATURES":
            open_key = _feature_line(record, text, open_key, Place(path, number))
    if record is not None:
        raise DataError(f"{path}: ends inside a record, without // (copy or download it again)")


def _feature_line(record: GenBankRecord, text: str, open_key: str, place: Place) -> str:
    """Take in a line of a feature table; returns the qualifier that may go on, or `location`."""
    if text[5:6].strip() and not text[:5].strip():
        kind, _, location = text.strip().partition(" ")
        record.features.append(GenBankFeature(kind, location.replace(" ", ""), place))
        return ""
    if not record.features:
        return ""
    feature, content = record.features[-1], text.strip()
    closed = not open_key or not _is_open(feature.qualifiers.get(open_key, ""))
    if closed and (match := _QUALIFIER.fullmatch(content)) is not None:
        if match[1] in feature.qualifiers:
            # Further ones of a name are kept apart until they end.
            feature.qualifiers[f"{match[1]}\0"] = match[2] or ""
            return f"{match[1]}\0"
        feature.qualifiers[match[1]] = _unquoted(match[2] or "")
        return match[1]
    if not open_key:
        feature.location += content.replace(" ", "")
        return ""
    joint = "" if open_key in ("translation", "translation\0") else " "
    feature.qualifiers[open_key] = _unquoted(f"{feature.qualifiers[open_key]}{joint}{content}")
    return open_key


def _is_open(value: str) -> bool:
    """Whether a quoted value goes on in the next line."""
    return value.startswith('"') and (value.count('"') % 2 == 1)


def _unquoted(value: str) -> str:
    """A value without its quotes, once they are closed."""
    if len(value) > 1 and value.startswith('"') and value.endswith('"') and not _is_open(value):
        return value[1:-1].replace('""', '"')
    return value


def write_fasta(path: Path, inputs: Inputs, out: Path) -> dict[str, IndexedChromosome]:
    """Write the sequences of a GenBank file as FASTA of one line each; returns their index.

    Raises:
        DataError: As `read_genbank`; or a record has no sequence, or a name stands there twice.
    """
    index: dict[str, IndexedChromosome] = {}
    with out.open("wb") as file:
        for record in read_genbank(path, inputs):
            length = len(record.sequence)
            if not length or record.name in index:
                what = "is there a second time" if length else "holds no sequence (ORIGIN)"
                raise DataError(f"{path}: record {shorten(record.name)} {what}")
            file.write(f">{record.name}\n".encode())
            index[record.name] = IndexedChromosome(length, file.tell(), length, length + 1)
            file.write(f"{record.sequence}\n".encode())
    if not index:
        raise DataError(f"{path}: holds no GenBank record")
    return index
