"""Documents of any format as one stream: each with its place, its text, and where its bytes stand."""

import reprlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from seqbench.corpora.source import TEXT_KEYS, CorpusSource, format_of
from seqbench.datasets.importing.fasta import read_fasta
from seqbench.datasets.importing.hub import local_files
from seqbench.datasets.importing.inputs import MAX_LINE_BYTES, Inputs, check_file, is_gzip
from seqbench.datasets.importing.kinds import check_kind
from seqbench.datasets.importing.parquet import open_table
from seqbench.datasets.importing.record import Place
from seqbench.datasets.importing.table import TableColumns, TableRows
from seqbench.datasets.labels import LineError
from seqbench.datasets.lines import parse_object
from seqbench.errors import DataError


class Document(NamedTuple):
    """A document as it was found; millions are made, so a named tuple."""

    place: Place
    text: str
    """May be empty."""
    group: str | None = None
    """What it is a part of, where the source says how to know."""
    offset: int | None = None
    """Byte of the file at which the text stands as it is, in UTF-8; None where it is written otherwise."""


def files_of(source: CorpusSource) -> list[Path]:
    """The files of a corpus, in the order in which they are read.

    Raises:
        DataError: There is none.
    """
    return [each.path for each in local_files(source.path)] if source.path.is_dir() else [source.path]


def read_documents(source: CorpusSource, inputs: Inputs) -> Iterator[Document]:
    """Yield the documents of a corpus in the order of its files, empty ones too; memory is that of one.

    Args:
        source: Where they are.
        inputs: Opens files, and is told what was read.

    Raises:
        DataError: A file can't be read, is of another format, or a document is at fault (named by line).
    """
    readers = {
        "jsonl": _read_jsonl,
        "text": _read_text,
        "fasta": _read_fasta,
        "table": _read_table,
        "arrow": _read_arrow,
    }
    read = readers[format_of(source)]
    for path in files_of(source):
        yield from read(source, path, inputs)


def _lines(path: Path, inputs: Inputs) -> Iterator[tuple[int, int | None, bytes]]:
    """Number, first byte (None in a packed file) and content of each line, without its end."""
    packed = is_gzip(path)
    with inputs.open(path) as file:
        number = offset = 0
        while raw := file.readline(MAX_LINE_BYTES):
            number += 1
            if len(raw) == MAX_LINE_BYTES:
                raise DataError(f"{path}:{number}: the line is longer than 256 MB (is this a text file?)")
            # A byte order mark, which editors of Windows put there, is no part of the text.
            skipped = 3 if number == 1 and raw.startswith(b"\xef\xbb\xbf") else 0
            yield number, None if packed else offset + skipped, raw[skipped:].rstrip(b"\r\n")
            offset += len(raw)


def _read_jsonl(source: CorpusSource, path: Path, inputs: Inputs) -> Iterator[Document]:
    check_kind(path, "JSON")
    key = source.key
    for number, offset, raw in _lines(path, inputs):
        if not raw or raw.isspace():
            continue
        place = Place(path, number)
        try:
            item = parse_object(raw)
            key = key or next((each for each in TEXT_KEYS if each in item), None)
            text = _string(item, key)
            group = None if source.group_key is None else _group(item, source.group_key)
        except LineError as error:
            raise DataError(f"{place}: {error}") from error
        yield Document(place, text, group, _found_at(text, raw, offset))


def _found_at(text: str, raw: bytes, offset: int | None) -> int | None:
    """Where a text stands in its line as it is, which it does unless JSON has to write it otherwise."""
    if offset is None:
        return None
    at = raw.find(b'"%b"' % text.encode())
    return None if at < 0 else offset + at + 1


def _string(item: dict[str, object], key: str | None) -> str:
    names = reprlib.repr(list(item))
    if key is None:
        raise LineError(f"no key {', '.join(map(repr, TEXT_KEYS))}, only {names} (set key)")
    if key not in item:
        raise LineError(f"no key {key!r}, only {names} (set key, or drop the line)")
    text = item[key]
    if not isinstance(text, str):
        raise LineError(f"{key!r} must be a string, got {reprlib.repr(text)} (set key, or drop the line)")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise LineError(f"{key!r} holds half a character at {error.start + 1} (was the text cut?)") from error
    return text


def _group(item: dict[str, object], key: str) -> str:
    group = item.get(key)
    if isinstance(group, bool) or not isinstance(group, str | int):
        raise LineError(f"{key!r} must be a text or number, got {reprlib.repr(group)} (see group_key)")
    return str(group)


def _read_text(source: CorpusSource, path: Path, inputs: Inputs) -> Iterator[Document]:
    for number, offset, raw in _lines(path, inputs):
        try:
            text = raw.decode()
        except UnicodeDecodeError as error:
            raise DataError(
                f"{path}:{number}: not UTF-8 text, at byte {error.start + 1} of the line (convert it)"
            ) from error
        yield Document(Place(path, number), text, None, offset)


def _read_fasta(source: CorpusSource, path: Path, inputs: Inputs) -> Iterator[Document]:
    check_kind(path, "FASTA")
    for place, header, sequence in read_fasta(path, inputs):
        name = next(iter(header.split()), "")
        yield Document(place, sequence, None if source.group_key is None else name)


def _read_table(source: CorpusSource, path: Path, inputs: Inputs) -> Iterator[Document]:
    check_kind(path, "a table")
    wanted = [source.key or TEXT_KEYS[0], *([source.group_key] if source.group_key else [])]
    rows = TableRows(path, inputs, None, wanted)
    columns = _positions(rows.columns, source, path)
    for place, row in rows:
        yield Document(place, row[columns[0]], row[columns[1]] if len(columns) > 1 else None)


def _read_arrow(source: CorpusSource, path: Path, inputs: Inputs) -> Iterator[Document]:
    table = open_table(path)
    names = [table.names[place] for place in _positions(TableColumns(table.names, path), source, path)]
    for number, cells in enumerate(table.rows(names), start=1):
        place = Place(path, number, rows=True)
        for name, cell in zip(names, cells, strict=True):
            if not isinstance(cell, str):
                raise DataError(f"{place}: column {name!r} holds lists (name a column of text)")
        yield Document(place, cells[0], cells[1] if len(cells) > 1 else None)
    inputs.advance(check_file(path))


def _positions(columns: TableColumns, source: CorpusSource, path: Path) -> Sequence[int]:
    """The columns of text and, where there is one, of groups."""
    key = source.key or columns.first_of(*TEXT_KEYS)
    if key is None:
        shown = ", ".join(columns.names[:12])
        raise DataError(f"{path}: has no column {' or '.join(TEXT_KEYS)}, only {shown} (set key)")
    found = [columns.position(key, "key")]
    return found if source.group_key is None else [*found, columns.position(source.group_key, "group_key")]
