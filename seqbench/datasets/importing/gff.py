"""GFF3 and GTF with a genome as a source: features by their kind, labels from attributes, parts joined.

GFF3 as the Sequence Ontology specifies it (version 1.26), GTF as Ensembl writes it (gtf2.2). Both count from
1, the end inclusive.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, NamedTuple
from urllib.parse import unquote

from seqbench.datasets.importing.bed import BedInterval, WindowRule, cut
from seqbench.datasets.importing.files import SplitPath, label_of_name
from seqbench.datasets.importing.genome import Genome, open_genome
from seqbench.datasets.importing.inputs import Inputs, check_file
from seqbench.datasets.importing.kinds import check_kind
from seqbench.datasets.importing.record import ItemSource, LabelShape, Place, Record, Skip, shorten
from seqbench.errors import DataError

Parts = Literal["join", "each"]

_GTF: Final = re.compile(r'\s*([^\s"]+)\s+(?:"([^"]*)"|([^\s;]+))\s*(?:;|$)')
_PLACE: Final = re.compile(r"[0-9]{1,12}")
_REGION: Final = re.compile(r"##sequence-region\s+(\S+)\s+1\s+([0-9]{1,12})\s*$")


class _Line(NamedTuple):
    """One feature."""

    place: Place
    seqid: str
    kind: str
    start: int
    end: int
    strand: str
    phase: str
    own: str
    """Its ID, or gene_id."""
    parents: tuple[str, ...]
    """IDs in Parent, or transcript_id."""
    label: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GffSource(ItemSource):
    """GFF3 or GTF files with one genome."""

    files: Sequence[SplitPath]
    genome: Path
    features: tuple[str, ...]
    """Kinds of features (column 3) that become items, such as CDS."""
    label_attribute: str | None = None
    """Of the feature or of its parents; None: its kind where there are several, else the file's name."""
    parts: Parts = "each"
    """Whether features of one parent, such as exons of a transcript, are joined."""
    rule: WindowRule = field(default_factory=WindowRule)
    kind: str = "gff"
    shape: LabelShape = "one"

    @property
    def label_from(self) -> str:
        """The attribute, for messages."""
        if self.label_attribute is not None:
            return f"attribute {self.label_attribute}"
        return "the feature's kind" if len(self.features) > 1 else "the file's name"

    def size(self) -> int:
        """Bytes of all files."""
        return sum(map(check_file, [self.genome, *(each.path for each in self.files)]))

    def settings(self) -> dict[str, object]:
        """Which features are taken, and how windows and labels are found."""
        return {
            "features": list(self.features),
            "label_from": self.label_from,
            "parts": self.parts,
            **self.rule.settings(),
        }

    def read(self, inputs: Inputs) -> Iterator[Record | Skip]:
        """Yield an item a feature, or a parent of features.

        Raises:
            DataError: A line is no GFF3 or GTF, its chromosome is not in the genome, or it lies out of range.
        """
        with open_genome(self.genome, inputs) as genome:
            for file in self.files:
                check_kind(file.path, "GFF3", "GTF")
                yield from self._items(file, _Features(self, file.path, inputs, genome), genome, inputs)

    def _items(
        self, file: SplitPath, found: "_Features", genome: Genome, inputs: Inputs
    ) -> Iterator[Record | Skip]:
        out_of_phase = 0
        for key, lines in found.groups.items():
            first = lines[-1] if lines[0].strand == "-" else lines[0]
            out_of_phase += first.kind == "CDS" and first.phase in ("1", "2")
            label: str | None = label_of_name(file.path) if len(self.features) == 1 else first.kind
            if self.label_attribute is not None:
                label = found.label_of(first)
            made = cut(genome, found.interval(lines), self.rule, lines[0].place)
            if isinstance(made, Skip):
                yield made
            else:
                yield Record(
                    lines[0].place, (made[0],), label, key.partition("\0")[0] or None, file.split, made[1]
                )
        if out_of_phase:
            inputs.note(
                f"{file.path}: {out_of_phase:,} items begin inside a codon (their first CDS has phase 1 or "
                "2); so many letters stand before their first whole codon, and are kept"
            )


class _Features:
    """The features of one file, as the items that they make, in the order of their first lines."""

    def __init__(self, source: GffSource, path: Path, inputs: Inputs, genome: Genome) -> None:
        self.groups: dict[str, list[_Line]] = {}
        self._labels: dict[str, tuple[str | None, tuple[str, ...]]] = {}
        """Label and parents of what has an ID."""
        self._circular: set[str] = set()
        self._genome = genome
        joins = source.parts == "join"
        for line in self._lines(path, inputs, source.label_attribute):
            if line.own and (line.own not in self._labels or line.label is not None):
                self._labels[line.own] = (line.label, line.parents)
            if line.kind not in source.features:
                continue
            for name in (line.parents or (line.own,)) if joins else (line.own,):
                # A kind has parts of its own: exons and CDS of a transcript are two items.
                key = f"{name}\0{line.kind}" if joins and name else f"{name}\0{line.place.number}"
                self.groups.setdefault(key, []).append(line)
        for lines in self.groups.values():
            lines.sort(key=lambda line: line.start)
            for line in lines[1:]:
                if (line.seqid, line.strand) != (lines[0].seqid, lines[0].strand):
                    raise DataError(
                        f"{line.place}: is on another chromosome or strand than {lines[0].place}, to which "
                        "it would be joined (--parts each, or leave it out)"
                    )

    def label_of(self, line: _Line) -> str | None:
        """The label of a feature, or of the nearest of its parents that has one."""
        if line.label is not None:
            return line.label
        waiting, seen = list(line.parents), {line.own}
        while waiting:
            name = waiting.pop(0)
            label, parents = self._labels.get(name, (None, ()))
            if label is not None:
                return label
            waiting += [each for each in parents if each not in seen]
            seen.update(parents)
        return None

    def interval(self, lines: list[_Line]) -> BedInterval:
        """Where an item lies; a feature across the origin of a circular chromosome goes on at its start."""
        parts = []
        for line in lines:
            length = self._genome.length(self._genome.name_of(line.seqid, line.place))
            if line.seqid in self._circular and line.start <= length < line.end <= 2 * length:
                parts += [(line.start - 1, length), (0, line.end - length)]
            else:
                parts.append((line.start - 1, line.end))
        first, last = min(start for start, _ in parts), max(end for _, end in parts)
        joined = tuple(parts) if len(parts) > 1 else ()
        return BedInterval(lines[0].seqid, first, last, "-" if lines[0].strand == "-" else "+", joined)

    def _lines(self, path: Path, inputs: Inputs, label: str | None) -> Iterator[_Line]:
        gtf: bool | None = None
        sequences = False
        for number, text in inputs.lines(path):
            # Sequences may follow, which the genome has.
            sequences = sequences or text.startswith(("##FASTA", ">"))
            place = Place(path, number)
            if match := _REGION.match(text):
                self._genome.agree(match[1], int(match[2]), place)
            if sequences or not text.strip() or text.startswith("#"):
                continue
            fields = text.split("\t")
            if len(fields) != 9:
                raise DataError(
                    f"{place}: has {len(fields)} columns, GFF3 and GTF have 9, with tabs between them"
                )
            if gtf is None:
                gtf = "=" not in fields[8].partition('"')[0]
            line, attributes = _parsed(fields, place, gtf, label)
            if attributes.get("Is_circular") == "true":
                self._circular.add(line.seqid)
            yield line


def _parsed(fields: list[str], place: Place, gtf: bool, label: str | None) -> tuple[_Line, dict[str, str]]:
    seqid, _, kind, start, end, _, strand, phase, text = fields
    if not (_PLACE.fullmatch(start) and _PLACE.fullmatch(end)) or not 0 < int(start) <= int(end):
        raise DataError(
            f"{place}: {shorten(start)} to {shorten(end)} (columns 4 and 5) is no range of places from 1"
        )
    if strand not in ("+", "-", ".", "?"):
        raise DataError(f"{place}: strand {shorten(strand)} (column 7) is none of + - . ?")
    if gtf:
        attributes: dict[str, str] = {}
        for key, quoted, plain in _GTF.findall(text):
            attributes.setdefault(key, quoted or plain)
        transcript = attributes.get("transcript_id", "")
        above = transcript if kind != "transcript" else attributes.get("gene_id", "")
        own = {"gene": attributes.get("gene_id", ""), "transcript": transcript}.get(kind, "")
        parents: tuple[str, ...] = (above,) if above and kind != "gene" else ()
    else:
        raw = dict(each.strip().partition("=")[::2] for each in text.split(";") if "=" in each)
        attributes = {key: unquote(value) for key, value in raw.items()}
        own = attributes.get("ID", "")
        parents = tuple(unquote(each) for each in raw["Parent"].split(",")) if "Parent" in raw else ()
    value = None if label is None else attributes.get(label)
    line = _Line(place, unquote(seqid), kind, int(start), int(end), strand, phase, own, parents, value)
    return line, attributes
