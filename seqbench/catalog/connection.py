"""Opening a catalog for a moment: waiting for whoever has it, and saying what is wrong with it."""

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from seqbench.core import signals
from seqbench.errors import CatalogError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection, Error

LOCK_SECONDS = 30.0
"""How long to wait for another process: far longer than any transaction of seqbench takes."""

_FIRST_WAIT_SECONDS = 0.01
_LONGEST_WAIT_SECONDS = 0.5
_BUSY = (
    "Could not set lock on file",
    "different configuration than existing connections",
    "Unique file handle conflict",
    "Cannot change allowed_directories",
)
"""What DuckDB says when another process, or another thread of this one, has the file open."""

_DAMAGED = ("Corrupt database file", "Could not read enough bytes", "Failure while replaying WAL")

_FULL = "No space left on device"
_UNWRITABLE = (_FULL, "Could not write file", "Could not read from file")
"""What a commit says of the disk: DuckDB counts it as an error of the transaction."""

STORAGE = "v1.2.0"
"""Format of new catalogs, by the first DuckDB that reads it; the oldest that has all that a catalog needs."""

NO_EXTENSIONS: Mapping[str, str] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}
WRITER: Mapping[str, str] = {**NO_EXTENSIONS, "storage_compatibility_version": STORAGE}
"""Settings of a connection that writes; a file that is there keeps the format that it has."""
READER: Mapping[str, str] = {**NO_EXTENSIONS, "enable_external_access": "false", "temp_directory": ""}
"""Settings of a connection that runs users' SQL: no other file, no network, and nothing spilled to disk."""

_NO_BAR = "SET enable_progress_bar = false"
"""DuckDB prints one on standard output when a query takes two seconds, also into pipes."""
_LOCKED = "SET lock_configuration = true"
"""Takes from users' SQL the way to change settings."""


@contextmanager
def connect(
    path: Path,
    *,
    read_only: bool,
    wait_seconds: float,
    folders: Sequence[Path] = (),
    is_shared: bool = True,
) -> Iterator["DuckDBPyConnection"]:
    """Open the file for a `with` block, waiting with growing pauses while another process has it.

    If another file has taken its place while it was waited for, that one is opened.

    A catalog from elsewhere may hold views in the place of tables. So whoever writes is kept from other files
    as well: a view that reads one would bring it into the results.

    Args:
        path: The catalog.
        read_only: Whether it is opened for reading.
        wait_seconds: How long to wait for another process.
        folders: Where a connection that writes may read and write files of other names.
        is_shared: Whether other threads of this process may write at the same time.

    Raises:
        CatalogError: The file is no catalog, is damaged or can't be reached, or stayed locked.
    """
    settings = f"{_NO_BAR}; {_LOCKED if read_only else _kept_to(folders)}"
    # DuckDB shares a file among a process's connections of the same settings, and refuses others.
    config = READER if read_only else WRITER if is_shared else NO_EXTENSIONS
    connection = _open(path, read_only, config, settings, wait_seconds)
    try:
        with in_words(path):
            yield connection
    finally:
        connection.close()


@contextmanager
def in_words(path: Path) -> Iterator[None]:
    """Say what is wrong with a catalog that is open in a `with` block.

    Raises:
        CatalogError: What DuckDB raises of the file and the disk, and of files that a view wants.
    """
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        if not (is_of_the_file(error) or isinstance(error, duckdb.PermissionException)):
            raise
        raise CatalogError(_fault(path, error)) from error
    except RuntimeError as error:
        if "interrupted" not in str(error):
            raise
        raise signals.last_signal() from error  # what DuckDB makes of Ctrl-C


def _open(
    path: Path, read_only: bool, config: Mapping[str, str], settings: str, wait_seconds: float
) -> "DuckDBPyConnection":
    import duckdb

    deadline = time.monotonic() + wait_seconds
    pause = _FIRST_WAIT_SECONDS
    while True:
        before = _inode(path)
        try:
            connection = _set(duckdb.connect(path, read_only=read_only, config=dict(config)), settings)
            if before in (None, _inode(path)):
                return connection
            connection.close()  # of a file that was replaced between opening and locking it
            continue
        except duckdb.Error as error:
            if not any(sign in str(error) for sign in _BUSY):
                raise CatalogError(_fault(path, error)) from error
            if time.monotonic() >= deadline:
                raise CatalogError(_busy(path, error, wait_seconds)) from error
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_WAIT_SECONDS)


def _set(connection: "DuckDBPyConnection", settings: str) -> "DuckDBPyConnection":
    import duckdb

    try:
        connection.execute(settings)
    except duckdb.Error as error:
        # Readers of one process share a database: what the first of them set and locked holds for all.
        if "the configuration has been locked" not in str(error):
            connection.close()
            raise
    return connection


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except OSError:
        return None


def _kept_to(folders: Sequence[Path]) -> str:
    """Statements that keep a connection from all files but the catalog's and those in some folders."""
    allowed = ", ".join("'" + str(folder.absolute()).replace("'", "''") + "'" for folder in folders)
    first = f"SET allowed_directories = [{allowed}]; " if folders else ""
    return f"{first}SET enable_external_access = false"


def _busy(path: Path, error: "Error", wait_seconds: float) -> str:
    found = re.search(r"PID (\d+)", str(error))
    who = f"process {found[1]}" if found else "another connection"
    return (
        f"catalog {path} has been in use by {who} for over {wait_seconds:g} s: close it there "
        "(a DuckDB shell or notebook keeps it open), or name another file as `catalog`"
    )


def _fault(path: Path, error: "Error") -> str:
    if "not a valid DuckDB database file" in str(error):
        return f"{path} is no catalog (not a DuckDB file): move it away, or name another file as `catalog`"
    if "newer version of DuckDB" in str(error):
        return (
            f"catalog {path} was written by a newer DuckDB (upgrade it: pip install -U duckdb; what is then "
            "written to the catalog makes it readable for this one again)"
        )
    if any(sign in str(error) for sign in _DAMAGED):
        return (
            f"catalog {path} is damaged ({one_line(error)}): move it away, or put back a copy; "
            "`seqbench probe` makes it anew from the store"
        )
    if _FULL in str(error):
        return f"catalog {path} can't be written: {_FULL} (make room; the same command goes on from there)"
    return f"catalog {path} can't be used: {one_line(error)}"


def is_of_the_file(error: "Error") -> bool:
    """Tell whether an error comes from the file or the disk rather than from the statement."""
    import duckdb

    kinds = (duckdb.IOException, duckdb.FatalException, duckdb.InternalException)
    return isinstance(error, kinds) or any(sign in str(error) for sign in (*_DAMAGED, *_UNWRITABLE))


def one_line(error: "Error") -> str:
    """What DuckDB says, without the excerpt of the query below it."""
    return " ".join(str(error).split("\n\n")[0].split())
