"""Reading input files as streams: plain or gzip, any line ends, hashed on the way, bounded in memory."""

import gzip
import hashlib
import io
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

from seqbench.core.progress import Advance
from seqbench.errors import DataError

MAX_LINE_BYTES: Final = 1 << 28
"""A longer line is no line of text. Human chromosome 1 on one line has 248,956,422 letters, which fit."""

READ_BYTES: Final = 1 << 20

_OTHER_FORMATS: Final = {
    b"PK\x03\x04": "a zip archive (unpack it first)",
    b"BZh": "compressed by bzip2 (run bunzip2 first)",
    b"\xfd7zXZ": "compressed by xz (run unxz first)",
    b"\x28\xb5\x2f\xfd": "compressed by zstd (run unzstd first)",
    b"\xff\xfe": "UTF-16 text (save it as UTF-8)",
    b"\xfe\xff": "UTF-16 text (save it as UTF-8)",
    b"PAR1": "a Parquet file (see `seqbench datasets import table`)",
    b"BCF": "a BCF file (convert it: bcftools view)",
}
_GZIP: Final = b"\x1f\x8b"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """A file that was read, for the manifest."""

    path: str
    """As the user gave it."""
    bytes: int
    sha256: str


class _Tap(io.RawIOBase):
    """Passes bytes on, hashes them, and reports them as progress."""

    def __init__(self, file: io.RawIOBase, advance: Advance) -> None:
        self._file, self._advance = file, advance
        self.digest = hashlib.sha256()
        self.count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = self._file.readinto(buffer) or 0
        self.digest.update(memoryview(buffer)[:count])
        self.count += count
        self._advance(count)
        return count


class Inputs:
    """Opens the files of one import and remembers what was read."""

    def __init__(self, scratch: Path, advance: Advance) -> None:
        self.scratch = scratch
        """A folder for temporary files, removed after the import."""
        self.files: list[SourceFile] = []
        self.notes: list[str] = []
        """What the user is told once the files are read."""
        self.advance = advance

    def note(self, text: str) -> None:
        """Keep a remark, once."""
        if text not in self.notes:
            self.notes.append(text)

    @contextmanager
    def open(self, path: Path) -> Iterator[BinaryIO]:
        """Open a regular file for one pass, unpacked if it is gzip; it is recorded when it was read whole.

        Raises:
            DataError: It is missing, no regular file, can't be read, or its compressed data are damaged.
        """
        check_file(path)
        try:
            with path.open("rb", buffering=0) as raw:
                tap = _Tap(cast(io.RawIOBase, raw), self.advance)
                buffered: io.BufferedReader = io.BufferedReader(cast(io.RawIOBase, tap), READ_BYTES)
                yield _unpacked(buffered, path)
                while buffered.read(READ_BYTES):
                    pass
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise DataError(
                f"{path}: its compressed data are damaged or end early: {error} (download it again)"
            ) from error
        except OSError as error:
            raise DataError(f"{path}: can't be read: {error.strerror or error}") from error
        self.files.append(SourceFile(path=str(path), bytes=tap.count, sha256=tap.digest.hexdigest()))

    def lines(self, path: Path) -> Iterator[tuple[int, str]]:
        r"""Yield the numbered lines of a text file without their ends (`\n` or `\r\n`) and without a BOM.

        Raises:
            DataError: As `open`; or a line is no UTF-8 text or longer than 256 MB (named by line).
        """
        with self.open(path) as file:
            number = 0
            while raw := file.readline(MAX_LINE_BYTES):
                number += 1
                if len(raw) == MAX_LINE_BYTES:
                    raise DataError(f"{path}:{number}: the line is longer than 256 MB (is this a text file?)")
                try:
                    text = raw.rstrip(b"\r\n").decode()
                except UnicodeDecodeError as error:
                    raise DataError(
                        f"{path}:{number}: not UTF-8 text, at byte {error.start + 1} of the line (convert it)"
                    ) from error
                yield number, text.removeprefix("\ufeff") if number == 1 else text

    def hash_only(self, path: Path) -> None:
        """Record a file that a library reads at random places.

        Raises:
            DataError: As `open`.
        """
        check_file(path)
        try:
            with path.open("rb", buffering=0) as raw:
                tap = _Tap(cast(io.RawIOBase, raw), self.advance)
                while tap.read(READ_BYTES):
                    pass
        except OSError as error:
            raise DataError(f"{path}: can't be read: {error.strerror or error}") from error
        self.files.append(SourceFile(path=str(path), bytes=tap.count, sha256=tap.digest.hexdigest()))


def check_file(path: Path) -> int:
    """Return the size of a regular file; opening a pipe or a device could wait for ever.

    Raises:
        DataError: There is none.
    """
    try:
        found = path.stat()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise DataError(f"{path}: can't be read: {why} (check the path)") from error
    if stat.S_ISDIR(found.st_mode):
        raise DataError(f"{path}: is a folder; give its files (or see `seqbench datasets import folder`)")
    if not stat.S_ISREG(found.st_mode):
        raise DataError(f"{path}: is no regular file (write its content to one)")
    return found.st_size


def is_gzip(path: Path) -> bool:
    """Whether a file's first bytes are those of gzip or bgzip, whatever its name.

    Raises:
        DataError: It can't be read.
    """
    check_file(path)
    try:
        with path.open("rb") as file:
            return file.read(2) == _GZIP
    except OSError as error:
        raise DataError(f"{path}: can't be read: {error.strerror}") from error


def _unpacked(buffered: io.BufferedReader, path: Path) -> BinaryIO:
    start = buffered.peek(8)[:8]
    file: io.BufferedReader = buffered
    if start.startswith(_GZIP):
        file = io.BufferedReader(cast(io.RawIOBase, gzip.GzipFile(fileobj=buffered)), READ_BYTES)
        start = file.peek(8)[:8]
    for magic, what in _OTHER_FORMATS.items():
        if start.startswith(magic):
            raise DataError(f"{path}: is {what}")
    return file
