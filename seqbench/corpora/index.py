"""An index of a corpus that lies on disk: where each document's letters are, and what it is held out by.

Text that stands in its file as it is, is read there. What is packed, wrapped or written with escapes is
copied once, in UTF-8, beside the index. So memory depends neither on the number nor the length of documents.
"""

import hashlib
import json
import os
import shutil
import weakref
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from seqbench.core.atomic import atomic_folder, new_scratch
from seqbench.core.kept import cache_folder
from seqbench.core.progress import Advance
from seqbench.corpora.documents import Document, files_of, read_documents
from seqbench.corpora.source import CorpusSource
from seqbench.datasets.importing.inputs import Inputs, check_file
from seqbench.errors import DataError

FORMAT: Final = 1
"""Raised whenever an index holds something else; older ones are then made anew."""
SMALLEST_BYTES: Final = 1_000_000
"""The index of a smaller corpus is not kept: making it takes some milliseconds."""

RECORD: Final = np.dtype(
    [
        ("offset", np.int64),  # byte at which the text begins
        ("n_bytes", np.int64),
        ("digest", np.uint64),  # of the text
        ("group", np.uint64),  # of its group; of a document without one, the digest
        ("number", np.int64),  # line or row of its file, from 1
        ("file", np.int32),  # position among the corpus's files
        ("copied", np.bool_),  # whether the text is read from the copy, not from the file
    ]
)
"""What is kept of a document: 45 bytes, on disk."""

_LOT: Final = 4096
"""Documents whose records are written together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexFacts:
    """What is known of a corpus once it was read."""

    n_documents: int
    n_empty: int
    """Documents without a character; they are counted, and never read."""
    n_characters: int
    n_bytes: int
    """Of all texts, in UTF-8."""
    ascii: bool
    """Whether each character is one byte."""
    sha256: str
    """Of the texts, in order: equal for equal documents, whatever file they stand in."""
    copied_bytes: int
    """Of texts that are read from a copy."""


class CorpusIndex:
    """The index of a corpus, open for reading by several threads."""

    def __init__(self, folder: Path, files: Sequence[Path], *, remove: bool) -> None:
        """Open what `build` wrote.

        Args:
            folder: Of the index.
            files: Of the corpus, as they were when it was made.
            remove: Whether the folder goes when the index is no longer used.
        """
        self.facts = IndexFacts(**json.loads((folder / "about.json").read_text())["facts"])
        self.files = tuple(files)
        self._records = os.open(folder / "documents.bin", os.O_RDONLY)
        self._copy = os.open(folder / "texts.bin", os.O_RDONLY)
        self._texts = [os.open(path, os.O_RDONLY) for path in files]
        self._stats = [_identity(path) for path in files]
        handles = [self._records, self._copy, *self._texts]
        weakref.finalize(self, _release, handles, folder if remove else None)

    def __len__(self) -> int:
        return self.facts.n_documents

    def records(self, start: int, stop: int) -> NDArray[np.void]:
        """The records of documents `start` to `stop` (exclusive), see `RECORD`."""
        found = np.empty(max(0, min(stop, len(self)) - start), dtype=RECORD)
        _read_into(self._records, found.data.cast("B"), start * RECORD.itemsize)
        return found

    def read(self, record: np.void, start: int, stop: int) -> bytes:
        """Bytes `start` to `stop` of a document's text, as many of them as there are.

        Raises:
            DataError: Its file was changed since it was indexed.
        """
        stop = min(stop, int(record["n_bytes"]))
        found = bytearray(max(0, stop - start))
        handle = self._copy if record["copied"] else self._texts[record["file"]]
        if _read_into(handle, memoryview(found), int(record["offset"]) + start) != len(found):
            raise DataError(f"{self.files[record['file']]}: was changed while in use (start again)")
        return bytes(found)

    def check_unchanged(self) -> None:
        """See that the corpus's files are those that were indexed.

        Raises:
            DataError: One was changed.
        """
        for path, before in zip(self.files, self._stats, strict=True):
            with suppress(OSError):  # one that was removed is still open
                if _identity(path) != before:
                    raise DataError(f"{path}: was changed while in use (start the command again)")


def open_index(source: CorpusSource, advance: Advance, *, kept: bool = True) -> CorpusIndex:
    """Index a corpus, or open the index that was kept of it.

    Raises:
        DataError: See `read_documents`; or the disk is full.
    """
    files = files_of(source)
    about = {"source": _settings(source), "files": [_identity(path) for path in files]}
    size = sum(map(check_file, files))
    cache = cache_folder() if kept and size >= SMALLEST_BYTES else None
    if cache is None:
        return _temporary(source, files, about, advance)
    place = cache / "corpora" / hashlib.sha256(json.dumps(about["source"]).encode()).hexdigest()[:32]
    if _is_of(place, about):
        advance(size)
        return CorpusIndex(place, files, remove=False)
    try:
        with atomic_folder(place, replace=True) as folder:
            _build(source, files, about, folder, advance)
        return CorpusIndex(place, files, remove=False)
    except PermissionError:  # a home that can't be written; other faults of the disk are the user's to know
        return _temporary(source, files, about, advance)
    except OSError as error:
        raise _fault(cache, error) from error


def _temporary(
    source: CorpusSource, files: Sequence[Path], about: dict[str, Any], advance: Advance
) -> CorpusIndex:
    folder = new_scratch("seqbench-corpus")
    try:
        _build(source, files, about, folder, advance)
        return CorpusIndex(folder, files, remove=True)
    except OSError as error:
        _release([], folder)
        raise _fault(folder, error) from error
    except BaseException:
        _release([], folder)
        raise


def _build(
    source: CorpusSource, files: Sequence[Path], about: dict[str, Any], folder: Path, advance: Advance
) -> None:
    inputs = Inputs(folder, advance)
    numbers = {path: number for number, path in enumerate(files)}
    with (folder / "documents.bin").open("wb") as records, (folder / "texts.bin").open("wb") as copy:
        writer = _Writer(records, copy)
        for document in read_documents(source, inputs):
            writer.add(document, numbers[Path(document.place.path)])
        facts = writer.finish()
    if facts.n_documents == facts.n_empty:
        raise DataError(f"{source.path}: holds no document with text (is key the right one?)")
    (folder / "about.json").write_text(json.dumps({**about, "format": FORMAT, "facts": asdict(facts)}))


class _Writer:
    """Writes records and copies of texts as documents come."""

    def __init__(self, records: BinaryIO, copy: BinaryIO) -> None:
        self._records, self._copy = records, copy
        self._lot: list[tuple[int, int, int, int, int, int, bool]] = []
        self._hash = hashlib.sha256()
        self._n = self._n_empty = self._n_characters = self._n_bytes = self._n_copied = 0

    def add(self, document: Document, file: int) -> None:
        """Take in a document."""
        raw = document.text.encode()
        digest = digest_of(raw)
        group = digest if document.group is None else digest_of(document.group.encode())
        offset = document.offset
        copied = offset is None
        if offset is None:
            offset = self._n_copied
            self._copy.write(raw)
            self._n_copied += len(raw)
        self._lot.append((offset, len(raw), digest, group, document.place.number, file, copied))
        self._hash.update(b"%d\n" % len(raw))
        self._hash.update(raw)
        self._n += 1
        self._n_empty += not raw
        self._n_characters += len(document.text)
        self._n_bytes += len(raw)
        if len(self._lot) == _LOT:
            self._write()

    def finish(self) -> IndexFacts:
        """Write what is left."""
        self._write()
        return IndexFacts(
            n_documents=self._n,
            n_empty=self._n_empty,
            n_characters=self._n_characters,
            n_bytes=self._n_bytes,
            ascii=self._n_characters == self._n_bytes,
            sha256=self._hash.hexdigest(),
            copied_bytes=self._n_copied,
        )

    def _write(self) -> None:
        self._records.write(np.array(self._lot, dtype=RECORD).tobytes())
        self._lot = []


def digest_of(raw: bytes) -> int:
    """64 bits of a hash: among a million documents two share one with a chance of 3e-8."""
    return int.from_bytes(blake2b(raw, digest_size=8).digest(), "big")


def _settings(source: CorpusSource) -> dict[str, Any]:
    """What decides an index, beside the files; reading both strands does not."""
    return {
        "format_of_index": FORMAT,
        "path": os.path.realpath(source.path),
        "format": source.format,
        "key": source.key,
        "group_key": source.group_key,
    }


def _is_of(folder: Path, about: dict[str, Any]) -> bool:
    """Whether a kept index is there, whole, and of these files as they are."""
    try:
        known = json.loads((folder / "about.json").read_text())
        facts = IndexFacts(**known["facts"])
        sizes = ((folder / name).stat().st_size for name in ("documents.bin", "texts.bin"))
        return (
            known["files"] == about["files"]
            and known["source"] == about["source"]
            and tuple(sizes) == (facts.n_documents * RECORD.itemsize, facts.copied_bytes)
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _identity(path: Path) -> list[int]:
    """What tells that a file is still the one that was indexed."""
    stat = path.stat()
    return [stat.st_size, stat.st_mtime_ns, stat.st_ino]


def _read_into(handle: int, view: memoryview, offset: int) -> int:
    n_read = 0
    while n_read < len(view):
        got = os.preadv(handle, [view[n_read:]], offset + n_read)
        if not got:
            break
        n_read += got
    return n_read


def _release(handles: Sequence[int], folder: Path | None) -> None:
    for handle in handles:
        os.close(handle)
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)


def _fault(folder: Path, error: OSError) -> DataError:
    return DataError(
        f"{folder}: no index of a corpus can be kept there: {error.strerror or error} (free some space, or "
        "set SEQBENCH_CACHE or TMPDIR to a folder that has it)"
    )
