"""The numbered steps that make a catalog what this version expects, each recorded with what it did."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING

from seqbench import __version__
from seqbench.errors import CatalogError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

VIEWS = 0
"""The number that views are recorded under; they are made anew when their text changes."""

_MIGRATIONS_TABLE = """
CREATE TABLE IF NOT EXISTS migrations (
    number INTEGER PRIMARY KEY,
    name VARCHAR NOT NULL,
    sha256 VARCHAR NOT NULL,
    seqbench_version VARCHAR NOT NULL,
    applied_at TIMESTAMP NOT NULL
);
COMMENT ON TABLE migrations IS 'The steps that made this catalog';
COMMENT ON COLUMN migrations.number IS 'From 1 in the order they were applied; 0 are the views';
COMMENT ON COLUMN migrations.sha256 IS 'Hash of its SQL';
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """A step of the schema: SQL that is run once, in the order of numbers."""

    number: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        """Hash of its SQL."""
        return sha256(self.sql.encode()).hexdigest()


def migrations() -> list[Migration]:
    """The steps that ship, in order; a file is called `<number>_<what it does>.sql`."""
    folder = files("seqbench.catalog") / "migrations"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return [
        Migration(
            number=int(name.partition("_")[0]),
            name=name.removesuffix(".sql"),
            sql=(folder / name).read_text(),
        )
        for name in names
    ]


def views() -> Migration:
    """The views that ship."""
    return Migration(number=VIEWS, name="views", sql=(files("seqbench.catalog") / "views.sql").read_text())


def is_current(connection: "DuckDBPyConnection") -> bool:
    """Tell whether the catalog needs no migration.

    Raises:
        CatalogError: It is newer than this version of seqbench, or holds other things than a catalog.
    """
    applied = _applied(connection)
    newest = migrations()[-1].number
    if max(applied, default=0) > newest:
        raise CatalogError(
            f"catalog {_path(connection)} has schema {max(applied)}, which is newer than this seqbench "
            f"({__version__}, schema {newest}): upgrade seqbench"
        )
    return newest in applied and applied.get(VIEWS) == views().sha256


def migrate(connection: "DuckDBPyConnection") -> None:
    """Apply what is missing, all of it or, if it fails, nothing.

    Raises:
        CatalogError: As for `is_current`.
    """
    if is_current(connection):
        return
    applied = _applied(connection)
    _apply(connection, [*(step for step in migrations() if step.number not in applied), views()])


def make_tables(connection: "DuckDBPyConnection", number: int) -> None:
    """Make an empty database what a catalog with so many migrations was, without views."""
    _apply(connection, [step for step in migrations() if step.number <= number])


def applied_format(connection: "DuckDBPyConnection") -> int:
    """The number of the last migration that a catalog has: its format.

    Raises:
        CatalogError: As for `is_current`.
    """
    is_current(connection)
    return max(_applied(connection), default=0)


def _apply(connection: "DuckDBPyConnection", steps: Sequence[Migration]) -> None:
    connection.begin()
    connection.execute(_MIGRATIONS_TABLE)
    for step in steps:
        connection.execute(step.sql)
        connection.execute(
            "INSERT OR REPLACE INTO migrations VALUES (?, ?, ?, ?, now() AT TIME ZONE 'UTC')",
            [step.number, step.name, step.sha256, __version__],
        )
    connection.commit()


def _applied(connection: "DuckDBPyConnection") -> dict[int, str]:
    tables = {name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    if "migrations" in tables:
        return dict(connection.execute("SELECT number, sha256 FROM migrations").fetchall())
    if tables:
        raise CatalogError(
            f"{_path(connection)} is a DuckDB file but no seqbench catalog (it holds "
            f"{', '.join(sorted(tables))}): name another file as `catalog`"
        )
    return {}


def _path(connection: "DuckDBPyConnection") -> str:
    row = connection.execute("SELECT path FROM duckdb_databases() WHERE NOT internal").fetchone()
    return str(row[0]) if row else ""
