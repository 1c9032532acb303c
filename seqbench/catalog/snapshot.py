"""A copy of a catalog, to work on for as long as it takes while the catalog itself goes on."""

import shutil
from pathlib import Path

from seqbench.catalog.catalog import Catalog
from seqbench.errors import CatalogError

WAL = ".wal"
"""What DuckDB adds to the name of the file that holds what a killed writer had committed last."""


def snapshot(catalog: Catalog, folder: Path, name: str) -> Catalog:
    """Copy a catalog as it is between two transactions, and bring the copy to this version.

    Args:
        catalog: Left as it is, whatever its version.
        folder: Where the copy goes.
        name: Of its file.

    Raises:
        CatalogNotFoundError: There is no file.
        CatalogError: It stayed locked, is damaged, newer or no catalog, or the disk is full.
    """
    target = folder / name
    log = catalog.path.with_name(catalog.path.name + WAL)
    try:
        # While it is open for reading nobody writes. Closing the copied file ends DuckDB's lock on it, as all
        # locks of a process on a file go when it closes any handle; so the file itself is copied last.
        with catalog.as_it_is():
            if log.exists():
                shutil.copyfile(log, target.with_name(target.name + WAL))
            shutil.copyfile(catalog.path, target)
    except OSError as error:
        raise CatalogError(f"catalog {catalog.path} can't be copied to {folder}: {error.strerror}") from error
    copy = Catalog(target)
    try:
        with copy.writing(is_passing=True):
            return copy
    except CatalogError as error:
        # What is wrong is wrong with the original; the copy's name tells nobody anything.
        raise CatalogError(str(error).replace(str(target), str(catalog.path))) from error
