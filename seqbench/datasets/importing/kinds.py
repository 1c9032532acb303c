"""What kind of file this is, by its first lines, so that a wrong one is named for what it is."""

import gzip
import re
import zlib
from pathlib import Path
from typing import Final

from seqbench.datasets.importing.inputs import check_file, is_gzip
from seqbench.errors import DataError

_HEAD_BYTES: Final = 1 << 16
_INT: Final = re.compile(r"[0-9]{1,12}")

_BINARY: Final = {
    b"BAM\1": "BAM", b"CRAM": "CRAM", b"BCF": "BCF", b"\x89HDF": "HDF5",
    b"\x93NUMPY": "NumPy", b"SQLite": "SQLite",
    b"\x43\x27\x41\x1a": "2bit", b"\x1a\x41\x27\x43": "2bit", b"\x26\xfc\x8f\x88": "bigWig",
    b"\x88\x8f\xfc\x26": "bigWig",
    b"\xeb\xf2\x89\x87": "bigBed", b"\x87\x89\xf2\xeb": "bigBed",
    b"\xd0\xcf\x11\xe0": "Excel", b"%PDF": "PDF",
}  # fmt: skip
_TEXT: Final = {
    "##fileformat=VCF": "VCF", "##gff-version": "GFF3", "LOCUS ": "GenBank", "ID   ": "EMBL", ">": "FASTA",
    "@HD\t": "SAM", "@SQ\t": "SAM", "@RG\t": "SAM", "fixedStep": "wiggle", "variableStep": "wiggle",
    "# STOCKHOLM": "Stockholm", "CLUSTAL": "Clustal", "#NEXUS": "NEXUS", "<!DOCTYPE": "HTML", "<html": "HTML",
    "<?xml": "XML", "version https://git-lfs": "Git LFS", '{"': "JSON",
}  # fmt: skip

_WAY_OUT: Final = {
    "VCF": "`seqbench datasets import vcf`", "BED": "`seqbench datasets import bed`",
    "GFF3": "`seqbench datasets import gff`", "GTF": "`seqbench datasets import gff`",
    "FASTA": "`seqbench datasets import fasta`", "GenBank": "`seqbench datasets import genbank`",
    "BCF": "bcftools view makes VCF of it", "BAM": "samtools fasta makes FASTA of it",
    "SAM": "samtools fasta makes FASTA of it", "CRAM": "samtools fasta makes FASTA of it",
    "FASTQ": "samtools fasta or seqtk seq -a makes FASTA of it", "bigBed": "bigBedToBed makes BED of it",
    "EMBL": "Biopython's SeqIO.convert makes GenBank or FASTA of it", "Excel": "save it as CSV",
    "2bit": "a genome, for --genome", "Git LFS": "a pointer to the file: git lfs pull",
    "HTML": "a web page: was there an error at download?", "Stockholm": "esl-reformat makes FASTA of it",
    "JSON": "`seqbench datasets import table`",
}  # fmt: skip


def check_kind(path: Path, *expected: str) -> None:
    """Refuse a file that is surely of another kind.

    Raises:
        DataError: It is; names the kind and the way out.
    """
    found = kind_of(path)
    if found is None or found in expected:
        return
    way = f" (see {_WAY_OUT[found]})" if _WAY_OUT.get(found, "").startswith("`") else ""
    if not way:
        way = f" ({_WAY_OUT[found]})" if found in _WAY_OUT else " (convert it first)"
    raise DataError(f"{path}: is {found}, not {' or '.join(expected)}{way}")


def import_command(path: Path) -> str:
    """The command that makes a data set of a file, or what makes another file of it; for messages.

    Raises:
        DataError: The file can't be read.
    """
    name = path.name.split(".", 1)[0] or "mine"
    kind = kind_of(path) or "a table"
    way = _WAY_OUT.get(kind, "`seqbench datasets import table`" if kind == "a table" else "convert it first")
    if not way.startswith("`"):
        return way  # of a kind for which there is no import
    more = {
        "a table": " --label COLUMN", "JSON": " --label KEY", "FASTA": " --label-key KEY",
        "VCF": " --genome FASTA --window 512", "BED": " --genome FASTA", "GenBank": " --feature CDS",
        "GFF3": " --genome FASTA --feature CDS", "GTF": " --genome FASTA --feature CDS",
    }  # fmt: skip
    return f"{way[:-1]} {path}{more.get(kind, '')} --split 0.8/0.1/0.1 --out data/{name}`"


def kind_of(path: Path) -> str | None:
    """The kind that the first lines, unpacked, surely tell; None if they tell none.

    Raises:
        DataError: The file can't be read.
    """
    head = _head(path)
    for magic, kind in _BINARY.items():
        if head.startswith(magic):
            return kind
    text = head.decode("utf-8", "replace").removeprefix("\ufeff").lstrip("\r\n ")
    for start, kind in _TEXT.items():
        if text.startswith(start):
            return kind
    lines = text.splitlines()
    if text.startswith("@") and len(lines) > 2 and lines[2].startswith("+"):
        return "FASTQ"
    data = [line for line in lines if line.strip() and not line.startswith(("#", "track", "browser"))]
    return _of_columns(data[0].split("\t")) if data else None


def _of_columns(fields: list[str]) -> str | None:
    """GTF, GFF3 or BED, by the places of their coordinates."""
    whole = [bool(_INT.fullmatch(field)) for field in fields]
    phased = len(fields) in (8, 9) and fields[6] in set("+-.?") and fields[7] in set(".012")
    if phased and whole[3] and whole[4]:
        return "GTF" if re.search(r'\w+ "', fields[-1]) else "GFF3"
    return "BED" if len(fields) > 2 and whole[1] and whole[2] else None


def _head(path: Path) -> bytes:
    check_file(path)
    try:
        if is_gzip(path):
            with gzip.open(path) as packed:
                return packed.read(_HEAD_BYTES)
        with path.open("rb") as file:
            return file.read(_HEAD_BYTES)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        return b""  # told with its place where the file is read
    except OSError as error:
        raise DataError(f"{path}: can't be read: {error.strerror}") from error
