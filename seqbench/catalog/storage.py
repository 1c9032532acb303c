"""The format of the file itself: one that every DuckDB since 1.2 opens, whichever version writes it.

DuckDB 2.0 gives new files a format that no 1.x reads ("version number 999"), which would shut out R, DBeaver
and colleagues. A file keeps the format it was made in, so only making one needs to name it.
"""

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from seqbench.catalog.connection import STORAGE, connect
from seqbench.core.atomic import atomic_write, scratch_folder
from seqbench.errors import CatalogError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_WAL = ".wal"


def is_newer(connection: "DuckDBPyConnection") -> bool:
    """Tell whether a catalog is in a newer format than the one that all are to have."""
    row = connection.execute(
        "SELECT tags['storage_version']::VARCHAR FROM duckdb_databases() "
        "WHERE database_name = current_database()"
    ).fetchone()
    return row is not None and _version(row[0]) > _version(STORAGE)


def convert(path: Path, wait_seconds: float) -> None:
    """Put a copy in the wanted format in the place of a catalog; a crash leaves one or the other.

    Nobody writes meanwhile, as the file is locked until its name is the copy's; see `connect` for those who
    wait.

    Raises:
        CatalogError: It stayed locked, is damaged, or the disk is full.
    """
    target = path.resolve()  # of a link what it leads to is replaced
    try:
        with (
            # DuckDB writes several files beside the one it is told, and only into folders it is given.
            scratch_folder(target.name, target.parent) as folder,
            connect(
                target, read_only=False, wait_seconds=wait_seconds, folders=[folder], is_shared=False
            ) as connection,
        ):
            if not is_newer(connection):
                return  # another process was faster
            connection.execute("CHECKPOINT")  # what a killed writer left in the log
            if not target.with_name(target.name + _WAL).exists():
                with atomic_write(target, folder=folder) as partial:
                    _copy(connection, partial)
                    shutil.copymode(target, partial)
    except OSError as error:
        raise CatalogError(f"catalog {path} can't be converted: {error.strerror}") from error


def _copy(connection: "DuckDBPyConnection", path: Path) -> None:
    """Write all of a catalog into a new file in the wanted format."""
    (name,) = connection.execute("SELECT current_database()").fetchall()[0]
    source = '"' + name.replace('"', '""') + '"'
    place = "'" + str(path.absolute()).replace("'", "''") + "'"
    connection.execute(f"ATTACH {place} AS converted_copy (STORAGE_VERSION '{STORAGE}')")
    connection.execute(f"COPY FROM DATABASE {source} TO converted_copy")
    connection.execute("CHECKPOINT converted_copy")
    connection.execute("DETACH converted_copy")


def _version(text: str | None) -> tuple[int, ...]:
    """The first version of `v1.2.0+` or `v1.2.0 - v1.2.2`; nothing where DuckDB does not tell."""
    found = re.match(r"v(\d+)\.(\d+)\.(\d+)", text or "")
    return tuple(map(int, found.groups())) if found else ()
