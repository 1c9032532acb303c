"""Reading the sequences of new items, from JSONL as data sets have them or from FASTA, one at a time."""

import gzip
import json
import reprlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from seqbench.datasets.lines import without_white_space
from seqbench.errors import DataError, said

JSONL = (".jsonl", ".json")
FASTA = (".fasta", ".fa", ".fna", ".faa")


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One item as it was read."""

    line: int
    """Number, from 1, of its line or of its header."""
    id: str | None
    sequences: tuple[str, ...]
    position: int
    """Bytes of the file that were read by then; of a compressed one, compressed bytes."""


def is_readable(path: Path) -> bool:
    """Whether the file's name is that of a file of sequences."""
    return _suffix(path) in (*JSONL, *FASTA)


def read_items(path: Path, keys: Sequence[str], *, is_text: bool = False) -> Iterator[Item]:
    """Read items in the order of the file; blank lines are skipped.

    Args:
        path: JSONL, or FASTA for items of one sequence; `.gz` at the end means compressed.
        keys: Of the sequences of an item in JSONL. An item that lacks them is taken by `seq`, or `seq1` …
            `seqN`. An `id` is kept where there is one.
        is_text: Whether sequences are kept as they are; else white space in them is left out.

    Raises:
        DataError: The file can't be read, or an item lacks a sequence; names the line.
    """
    try:
        with path.open("rb") as raw:
            stream: Iterable[bytes] = gzip.GzipFile(fileobj=raw) if path.suffix == ".gz" else raw
            read = _read_fasta if _suffix(path) in FASTA else _read_jsonl
            for line, name, sequences in read(stream, path, tuple(keys), is_text):
                yield Item(line=line, id=name, sequences=sequences, position=raw.tell())
    except FileNotFoundError as error:
        raise DataError(f"{path}: there is no such file") from error
    except (OSError, EOFError) as error:
        raise DataError(f"{path}: can't be read: {said(error)}") from error


_Read = Iterator[tuple[int, str | None, tuple[str, ...]]]


def _suffix(path: Path) -> str:
    return Path(path.name.removesuffix(".gz")).suffix.lower()


def _read_jsonl(stream: Iterable[bytes], path: Path, keys: tuple[str, ...], is_text: bool) -> _Read:
    numbered = ("seq",) if len(keys) == 1 else tuple(f"seq{number + 1}" for number in range(len(keys)))
    for line, raw in enumerate(stream, start=1):
        if raw.isspace():
            continue
        try:
            item = json.loads(raw)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path}:{line}: not JSON: {said(error)}") from error
        if not isinstance(item, dict):
            raise DataError(f"{path}:{line}: must be an object, got {reprlib.repr(item)}")
        wanted = keys if keys[0] in item else numbered
        for key in wanted:
            if key not in item:
                raise DataError(
                    f"{path}:{line}: no key {key!r}, only {reprlib.repr(list(item))} (the head's own items "
                    f"have {', '.join(keys)})"
                )
        sequences = tuple(_checked(item[key], f"{path}:{line}: {key!r}", is_text) for key in wanted)
        yield line, _id(item.get("id"), f"{path}:{line}"), sequences


def _read_fasta(stream: Iterable[bytes], path: Path, keys: tuple[str, ...], is_text: bool) -> _Read:
    if len(keys) != 1:
        raise DataError(f"{path}: FASTA has items of one sequence, the head wants {len(keys)} (use JSONL)")
    start, name, parts = 0, "", list[str]()

    def item() -> tuple[int, str, tuple[str, ...]]:
        return start, name, (_checked("".join(parts), f"{path}:{start}: {reprlib.repr(name)}", is_text),)

    for line, raw in enumerate(stream, start=1):
        text = _text(raw, f"{path}:{line}").strip()
        if text.startswith(">"):
            if start:
                yield (
                    start,
                    name,
                    (_checked("".join(parts), f"{path}:{start}: {reprlib.repr(name)}", is_text),),
                )
            start, name, parts = line, (text[1:].split() or [""])[0], []
        elif text and not start:
            raise DataError(f"{path}:{line}: no FASTA file: it does not start with a line of `>`")
        else:
            parts.append(text)
    if start:
        yield item()


def _text(raw: bytes, where: str) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise DataError(f"{where}: not UTF-8 text") from error


def _id(found: object, where: str) -> str | None:
    """The id as text; JSON can hold halves of characters, which no file of results can."""
    if found is None:
        return None
    text = str(found)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise DataError(f"{where}: 'id' holds half a character, {reprlib.repr(text)}") from error
    return text


def _checked(sequence: object, where: str, is_text: bool) -> str:
    if not isinstance(sequence, str) or not sequence:
        raise DataError(f"{where} must be a sequence of letters, got {reprlib.repr(sequence)}")
    if is_text:
        return sequence
    if not sequence.isascii():
        odd = next(letter for letter in sequence if not letter.isascii())
        raise DataError(f"{where} holds {odd!r}; sequences are ASCII letters")
    kept = without_white_space(sequence)
    if not kept:
        raise DataError(f"{where} holds white space alone (drop the item)")
    return kept
