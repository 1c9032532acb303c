"""What a corpus is before it is read: which file, of which format, what of it is text."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, get_args

from seqbench.core.alphabets import Alphabet
from seqbench.datasets.importing.inputs import check_file
from seqbench.datasets.importing.kinds import kind_of
from seqbench.datasets.importing.parquet import is_parquet
from seqbench.errors import DataError

CorpusFormat = Literal["jsonl", "text", "fasta", "table", "arrow"]
"""JSONL; plain text, a line a document; FASTA, a record a document; CSV or TSV; Parquet or Arrow files, among
them folders that the library `datasets` saved."""
FORMATS: Final[tuple[CorpusFormat, ...]] = get_args(CorpusFormat)

TEXT_KEYS: Final = ("text", "seq", "sequence")
"""Keys or columns of a document's text that are looked for, in this order, where none is named."""

_ENDINGS: Final[dict[str, CorpusFormat]] = {
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl", ".txt": "text",
    ".fa": "fasta", ".fasta": "fasta", ".fna": "fasta", ".faa": "fasta", ".ffn": "fasta", ".fas": "fasta",
    ".csv": "table", ".tsv": "table", ".parquet": "arrow", ".arrow": "arrow",
}  # fmt: skip
_PACKED: Final = (".gz", ".bgz", ".bgzf")


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusSource:
    """Where a corpus lies and how its documents are read."""

    name: str
    path: Path
    """A file, plain or gzip, or a folder of Parquet or Arrow files such as `datasets` saves."""
    format: CorpusFormat | None = None
    """None: told by the name's ending, else by the first bytes."""
    key: str | None = None
    """Key (JSONL) or column (tables) of a document's text; None: the first of `TEXT_KEYS`."""
    group_key: str | None = None
    """Key or column of what a document is a part of, such as an article; of FASTA always the first word of
    a header. Documents of one group are held out together. None: each document is held out by its text."""
    alphabet: Alphabet | None = None
    """Of the documents; None: told by the letters of the first megabyte."""
    both_strands: bool = False
    """Whether each nucleotide document is read as its reverse complement as well."""


def format_of(source: CorpusSource) -> CorpusFormat:
    """The format of a corpus.

    Raises:
        DataError: There is no such file, or `key` is set where documents have none.
    """
    found = source.format or _told_by(source.path)
    if found in ("text", "fasta") and source.key is not None:
        raise DataError(f"{source.path}: {found} has no key {source.key!r} (leave key out, or set format)")
    if found == "text" and source.group_key is not None:
        raise DataError(f"{source.path}: text has no key {source.group_key!r} (leave group_key out)")
    return found


def _told_by(path: Path) -> CorpusFormat:
    if path.is_dir():
        return "arrow"
    check_file(path)
    name = path.name.lower()
    for ending in _PACKED:
        name = name.removesuffix(ending)
    if (known := _ENDINGS.get(Path(name).suffix)) is not None:
        return known
    if is_parquet(path):
        return "arrow"
    told: dict[str | None, CorpusFormat] = {"FASTA": "fasta", "JSON": "jsonl"}
    return told.get(kind_of(path), "text")
