"""What is in a catalog, at a glance."""

from dataclasses import dataclass
from datetime import datetime

from seqbench.catalog.catalog import Catalog
from seqbench.catalog.migrate import applied_format, migrations
from seqbench.catalog.tables import TABLES


@dataclass(frozen=True, slots=True, kw_only=True)
class LastRun:
    """The run that began last."""

    command: str
    status: str
    started_at: datetime
    """UTC, without a time zone."""
    host: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """A catalog's size, format, tables and last run."""

    bytes: int
    """Of the file."""
    format: int
    """Number of its last migration."""
    newest_format: int
    """What this version writes."""
    rows: dict[str, int]
    """By table."""
    failed: int
    """Of the probes."""
    last_run: LastRun | None


def overview(catalog: Catalog) -> Overview:
    """Count what is in a catalog; nothing is written, older formats included.

    Raises:
        CatalogNotFoundError: There is no file.
        CatalogError: It is damaged, newer than this version, no catalog, or stayed locked.
    """
    with catalog.as_it_is() as connection:
        number = applied_format(connection)
        there = {row[0] for row in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
        counts = {
            table: connection.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0]  # noqa: S608
            for table in TABLES
            if table in there
        }
        ((failed,),) = connection.execute("SELECT count(*) FROM probes WHERE status = 'failed'").fetchall()
        last = connection.execute(
            "SELECT command, status, started_at, host FROM runs ORDER BY started_at DESC LIMIT 1"
        ).fetchone()
    command, status, started_at, host = last or (None,) * 4
    return Overview(
        bytes=catalog.path.stat().st_size,
        format=number,
        newest_format=migrations()[-1].number,
        rows=counts,
        failed=failed,
        last_run=LastRun(command=command, status=status, started_at=started_at, host=host) if last else None,
    )
