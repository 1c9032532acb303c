"""VCF variants with a genome as a source: each alternate allele is an item of two windows of one length.

In both windows the first letter of the allele stands at position `window // 2`, counted from 0. The allele's
other letters follow, then the genome behind the reference allele, as far as the window goes; so insertions
and deletions change what stands at the right end and never the length. Variants are taken as they are
written, neither left-aligned nor trimmed (VCF 4.5, 1.6.1, asks neither of a file).

Letters keep the genome's case. Where a file does not write REF in it, an alternate allele has that of the
first letter it stands for, as `bcftools consensus` (1.16) writes it.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, NamedTuple

from seqbench.datasets.importing.bed import OutOfRange, padded
from seqbench.datasets.importing.files import SplitPath, label_of_name
from seqbench.datasets.importing.genome import MAX_FETCH, Genome, open_genome
from seqbench.datasets.importing.inputs import Inputs, check_file
from seqbench.datasets.importing.kinds import check_kind
from seqbench.datasets.importing.record import ItemSource, LabelShape, Place, Record, Region, Skip, shorten
from seqbench.datasets.importing.vcf_info import InfoLabel
from seqbench.errors import DataError

OnMismatch = Literal["error", "skip"]

_LETTERS: Final = re.compile(r"[ACGTNacgtnRYSWKMBDHVryswkmbdhv]+")
_CONTIG: Final = re.compile(r"##contig=<ID=([^,>]+).*?,length=([0-9]{1,12})[,>]")
_COLUMNS: Final = 8
_SYMBOLIC: Final = "symbolic or missing allele"
_TELOMERE: Final = "telomere (position 0 or behind the chromosome)"
_CODES: Final = {
    "R": "AG", "Y": "CT", "S": "CG", "W": "AT", "K": "GT", "M": "AC", "B": "CGT", "D": "AGT", "H": "ACT",
    "V": "ACG",
}  # fmt: skip
"""What a genome's letters may be written as in REF, which has none but A, C, G, T and N."""


class Variant(NamedTuple):
    """One line."""

    chrom: str
    position: int
    """From 1, as in the file; 0 is the telomere."""
    id: str
    ref: str
    alts: list[str]
    info: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VcfSource(ItemSource):
    """VCF files with one genome."""

    files: Sequence[SplitPath]
    genome: Path
    window: int
    """Letters of each of the two sequences."""
    label_info: str | None = None
    """The INFO key that holds the label; None: the file's name is the class."""
    on_mismatch: OnMismatch = "error"
    """For reference alleles that the genome does not have at their place."""
    out_of_range: OutOfRange = "error"
    kind: str = "vcf"
    shape: LabelShape = "one"

    def __post_init__(self) -> None:
        if not 2 <= self.window <= MAX_FETCH:
            raise DataError("--window must be 2 or more letters, at most 256 million")

    @property
    def label_from(self) -> str:
        """The key, for messages."""
        return "the file's name" if self.label_info is None else f"INFO key {self.label_info}"

    def size(self) -> int:
        """Bytes of all files."""
        return sum(map(check_file, [self.genome, *(each.path for each in self.files)]))

    def settings(self) -> dict[str, object]:
        """How windows and labels are found."""
        return {
            "label_from": self.label_from,
            "window": self.window,
            "on_mismatch": self.on_mismatch,
            "out_of_range": self.out_of_range,
        }

    def read(self, inputs: Inputs) -> Iterator[Record | Skip]:
        """Yield an item an alternate allele.

        Raises:
            DataError: A line is no VCF, its chromosome is not in the genome, its reference allele disagrees
                with it, or its window lies out of range.
        """
        with open_genome(self.genome, inputs) as genome:
            for file in self.files:
                check_kind(file.path, "VCF")
                info = None if self.label_info is None else InfoLabel(self.label_info)
                for place, variant in _variants(file.path, inputs, genome, info):
                    yield from self._items(genome, file, place, variant, info)
                if info is not None and not info.declared:
                    inputs.note(
                        f"{file.path}: its header does not declare INFO key {info.key}; each value is taken "
                        "whole, for all alternate alleles of a line"
                    )

    def _items(
        self, genome: Genome, file: SplitPath, place: Place, variant: Variant, info: InfoLabel | None
    ) -> Iterator[Record | Skip]:
        written = [alt for alt in variant.alts if _LETTERS.fullmatch(alt)]
        yield from [Skip(place, _SYMBOLIC)] * (len(variant.alts) - len(written))
        if not written:
            return
        name = genome.name_of(variant.chrom, place)
        begin = variant.position - 1
        if variant.position in (0, genome.length(name) + 1):
            yield from [Skip(place, _TELOMERE)] * len(written)
            return
        if not _LETTERS.fullmatch(variant.ref):
            raise DataError(f"{place}: REF {shorten(variant.ref)} holds something else than letters of DNA")
        there = genome.fetch(name, begin, begin + len(variant.ref))
        if not _agrees(there.upper(), variant.ref.upper()):
            if self.on_mismatch == "skip":
                yield Skip(place, "reference allele disagrees")
                return
            raise DataError(
                f"{place}: at {variant.chrom}:{variant.position:,} the reference allele is "
                f"{shorten(variant.ref)}, the genome has {shorten(there or 'nothing')} (is it the right "
                "assembly? --on-mismatch skip leaves such variants out)"
            )
        for number, alt in enumerate(variant.alts):
            if alt not in written:
                continue
            pair = self._pair(genome, name, place, variant, alt)
            if isinstance(pair, Skip):
                yield pair
                continue
            label: str | None = label_of_name(file.path)
            if info is not None:
                label = info.of(variant.info, place, number, len(variant.alts))
            start = begin - self.window // 2
            shown = f"{variant.chrom}:{variant.position}:{variant.ref}>{alt}"
            region = Region(variant.chrom, start, start + self.window)
            yield Record(place, pair, label, variant.id or shown, file.split, region)

    def _pair(
        self, genome: Genome, name: str, place: Place, variant: Variant, alt: str
    ) -> tuple[str, str] | Skip:
        begin = variant.position - 1
        start = begin - self.window // 2
        room = self.window - self.window // 2
        behind = begin + len(variant.ref)
        # The alternate window reaches further to the right if it has fewer letters of its own.
        last = behind + room - min(len(variant.ref), len(alt))
        fault = ""
        if max(len(variant.ref), len(alt)) > room:
            fault = f"an allele of {max(len(variant.ref), len(alt)):,} letters does not fit the window"
        elif start < 0 or last > genome.length(name):
            fault = f"the window lies over the end of a chromosome of {genome.length(name):,} letters"
            fault = "" if self.out_of_range == "pad" else fault
        if fault and self.out_of_range != "error":
            return Skip(place, "allele longer than the window" if "fit" in fault else "out of range")
        if fault:
            raise DataError(
                f"{place}: at {variant.chrom}:{variant.position:,} {fault} (--out-of-range skip, or another "
                "--window)"
            )
        left = padded(genome, name, start, begin)
        right = padded(genome, name, behind, behind + room)
        reference, alternate = _cased(variant.ref, alt, genome.fetch(name, begin, behind))
        return (left + reference + right)[: self.window], (left + alternate + right)[: self.window]


def _agrees(there: str, ref: str) -> bool:
    """Whether a reference allele is what the genome has; where that has R, A and G are right.

    VCF 4.5, 1.6.1, has such codes written as one of their bases; bcftools 1.24 `norm` takes them.
    """
    return there == ref or (
        len(there) == len(ref)
        and all(one == other or other in _CODES.get(one, "") for one, other in zip(there, ref, strict=True))
    )


def _cased(ref: str, alt: str, there: str) -> tuple[str, str]:
    """Both alleles in the genome's case, unless the file itself has it."""
    if ref == there:
        return ref, alt
    reference = "".join(
        base.lower() if letter.islower() else base.upper() for base, letter in zip(ref, there, strict=True)
    )
    return reference, alt.lower() if there[0].islower() else alt.upper()


def _variants(
    path: Path, inputs: Inputs, genome: Genome, info: InfoLabel | None
) -> Iterator[tuple[Place, Variant]]:
    lengths: dict[str, tuple[int, Place]] = {}
    for number, text in inputs.lines(path):
        if number == 1 and not text.startswith("##fileformat=VCF"):
            raise DataError(f"{path}:1: no VCF file: it does not start with ##fileformat=VCF")
        place = Place(path, number)
        if text.startswith("##") and info is not None:
            info.header(text, place)
        if contig := _CONTIG.match(text):
            lengths[contig[1]] = (int(contig[2]), place)
        if not text.strip() or text.startswith("#"):
            continue
        fields = text.split("\t", _COLUMNS)
        if len(fields) < _COLUMNS:
            raise DataError(f"{place}: has {len(fields)} columns, VCF has {_COLUMNS}, with tabs between them")
        chrom, position, name, ref, alts, _, _, values = fields[:_COLUMNS]
        if not (position.isascii() and position.isdigit() and len(position) <= 18):
            raise DataError(f"{place}: POS {shorten(position)} is no whole number from 1")
        if chrom in lengths:
            genome.agree(chrom, *lengths.pop(chrom))
        yield place, Variant(chrom, int(position), "" if name == "." else name, ref, alts.split(","), values)
