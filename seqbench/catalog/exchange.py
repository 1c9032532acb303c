"""A catalog as a folder of Parquet files, one a table, with a manifest; and back."""

import hashlib
import json
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqbench import __version__
from seqbench.catalog.catalog import Catalog
from seqbench.catalog.connection import connect, one_line
from seqbench.catalog.insert import AUDIT_TABLES, PROBE_TABLES
from seqbench.catalog.merge import Merged, merge_copies
from seqbench.catalog.migrate import make_tables, migrations
from seqbench.catalog.snapshot import snapshot
from seqbench.catalog.tables import EVERYTHING, TABLES, CatalogPart, check_names
from seqbench.core.atomic import atomic_folder, check_free, scratch_folder
from seqbench.errors import CatalogError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MANIFEST = "manifest.json"


def export(catalog: Catalog, out: Path, part: CatalogPart = EVERYTHING) -> dict[str, int]:
    """Write tables as Parquet files into a new folder, with a manifest of their rows and hashes.

    The folder gets its name when all is in it. Results that are recorded meanwhile are not in it.

    Args:
        catalog: Left as it is.
        out: A folder that is not there, or empty.
        part: Which tables, and rows about which models and data sets.

    Returns:
        The number of rows by table.

    Raises:
        CatalogNotFoundError: There is no catalog.
        CatalogError: The catalog can't be read, the folder holds something or can't be written, or a wanted
            name is not there.
    """
    tables = part.chosen_tables()
    check_free(out, "name a folder that is not there yet", empty_folder=True, fault=CatalogError)
    try:
        with atomic_folder(out) as partial:
            with tempfile.TemporaryDirectory(prefix=".copy-", dir=partial) as folder:
                copy = snapshot(catalog, Path(folder), "catalog.duckdb")
                with copy.writing([partial], is_passing=True) as connection:
                    _check_part(connection, part)
                    found = {table: _write(connection, table, part, partial) for table in tables}
            manifest = json.dumps(_manifest(found, part), indent=1) + "\n"
            (partial / MANIFEST).write_text(manifest, encoding="utf-8")
    except OSError as error:
        raise CatalogError(f"{out}: can't be written: {error.strerror}") from error
    return {table: about["rows"] for table, about in found.items()}


def import_folder(catalog: Catalog, folder: Path) -> Merged:
    """Take over what `export` wrote, as `merge` takes over a catalog.

    Args:
        catalog: Where it goes; made where there is none.
        folder: Made by `export`, by this or an older version.

    Raises:
        CatalogError: The folder is none of these, was changed since, or the catalog can't be written.
    """
    number, files = _read_manifest(folder)
    catalog.path.parent.mkdir(parents=True, exist_ok=True)
    with scratch_folder("import", catalog.path.parent) as scratch:
        copy = Catalog(scratch / "import.duckdb")
        with connect(copy.path, read_only=False, wait_seconds=0, folders=[folder]) as connection:
            make_tables(connection, number)
            for table, file in files.items():
                _read(connection, table, file)
        with copy.writing():
            pass
        return merge_copies(catalog, [(str(folder), copy)])[0]


def _check_part(connection: "DuckDBPyConnection", part: CatalogPart) -> None:
    for what, wanted, sql in (
        ("model", part.models, "SELECT model FROM models UNION SELECT model FROM probes ORDER BY ALL"),
        (
            "data set",
            part.datasets,
            "SELECT dataset FROM datasets UNION SELECT dataset FROM probes ORDER BY ALL",
        ),
    ):
        check_names(what, wanted, [name for (name,) in connection.execute(sql).fetchall()])


def _write(connection: "DuckDBPyConnection", table: str, part: CatalogPart, folder: Path) -> dict[str, Any]:
    """Write a table's file, and say what is in it."""
    condition, values = part.condition(table)
    path = folder.absolute() / f"{table}.parquet"
    target = str(path).replace("'", "''")
    connection.execute(
        f"COPY (SELECT * FROM {table} WHERE {condition}) TO '{target}' (FORMAT parquet, COMPRESSION zstd)",  # noqa: S608
        values,
    )
    row = connection.execute("SELECT count(*) FROM read_parquet(?)", [str(path)]).fetchone()
    return {"file": path.name, "rows": row[0] if row else 0, "sha256": _hash(path)}


def _read(connection: "DuckDBPyConnection", table: str, path: Path) -> None:
    """Fill a table from its file.

    Raises:
        CatalogError: It has other columns than the table.
    """
    import duckdb

    try:
        connection.execute(f"INSERT INTO {table} BY NAME FROM read_parquet(?)", [str(path.absolute())])
    except duckdb.Error as error:
        raise CatalogError(f"{path}: does not fit the table {table}: {one_line(error)}") from error


def _manifest(found: Mapping[str, Mapping[str, Any]], part: CatalogPart) -> dict[str, Any]:
    return {
        "format": migrations()[-1].number,
        "seqbench": __version__,
        "exported_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "models": list(part.models) or None,
        "datasets": list(part.datasets) or None,
        "tables": found,
    }


def _read_manifest(folder: Path) -> tuple[int, dict[str, Path]]:
    """The format, and the file of each table, of a folder whose files are what its manifest says.

    Raises:
        CatalogError: There is no manifest, it is newer, or a file is missing or another.
    """
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        number = int(manifest["format"])
        names = {table: str(about["file"]) for table, about in manifest["tables"].items()}
        hashes = {table: str(about["sha256"]) for table, about in manifest["tables"].items()}
    except OSError as error:
        raise CatalogError(
            f"{folder}: is no exported catalog: {MANIFEST} can't be read: {error.strerror} "
            "(give a folder that `seqbench catalog export` wrote)"
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise CatalogError(f"{path}: is no manifest of an exported catalog (export it again)") from error
    newest = migrations()[-1].number
    if number > newest:
        raise CatalogError(
            f"{folder} has format {number}, which is newer than this seqbench ({__version__}, format "
            f"{newest}): upgrade seqbench"
        )
    for table, name in names.items():
        if table not in TABLES:
            raise CatalogError(f"{path}: names a table {table!r:.60}, which no catalog has (export it again)")
        # So that it neither leads out of its folder nor anywhere else.
        if name != f"{table}.parquet":
            raise CatalogError(
                f"{path}: {table} should be in {table}.parquet, not {name!r:.60} (export it again)"
            )
    files = {table: folder / name for table, name in names.items()}
    for owner, tables in (("probes", (*PROBE_TABLES, "clean_metrics")), ("audits", AUDIT_TABLES)):
        if files.keys() & set(tables) and owner not in files:
            raise CatalogError(
                f"{folder}: holds rows of {owner} without the table {owner} (export that as well)"
            )
    for table, file in files.items():
        if not file.is_file() or _hash(file) != hashes[table]:
            raise CatalogError(f"{file}: is missing or not what was exported (copy the folder again)")
    return number, files


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
