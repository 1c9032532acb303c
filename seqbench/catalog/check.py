"""Whether a catalog is sound: what belongs together is there, and nothing twice."""

import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqbench.catalog.catalog import Catalog
from seqbench.catalog.migrate import applied_format

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

KEYS = {
    "metrics": "probe_id, split, metric",
    "class_metrics": "probe_id, split, label, metric",
    "history": "probe_id, epoch",
    "predictions": "probe_id, split, item, place, output",
}
"""What names a row of each table whose rows belong to probes."""

AUDIT_KEYS = {
    "audits": "dataset, sha256",
    "audit_splits": "dataset, sha256, split",
    "audit_findings": "dataset, sha256, number",
    "audit_controls": "dataset, sha256, number",
    "audit_items": "dataset, sha256, split, item",
}
"""What names a row of each table of audits."""

FORMAT_WITH_COMPARISONS = 4
"""The first that has comparisons, and processes of runs."""
FORMAT_WITH_AUDITS = 5
FORMAT_WITH_IDS = 6
FORMAT_WITH_TRAININGS = 8
FORMAT_WITH_TRIALS = 10
FORMAT_WITH_LIKELIHOODS = 11
FORMAT_WITH_EFFECTS = 13
FORMAT_WITH_PLACES = 15

REUSED_AFTER = timedelta(seconds=5)
"""A process that started so long after a run is another one of the same number; clocks differ by less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogHealth:
    """What was found."""

    probes: int
    findings: tuple[str, ...]
    """What is wrong, one line each; none in a sound catalog."""
    remarks: tuple[str, ...]
    """What is worth knowing and not wrong: runs that were killed."""


def check(catalog: Catalog) -> CatalogHealth:
    """Read all of a catalog and see that it fits together; nothing is written, older formats included.

    Raises:
        CatalogNotFoundError: There is no file.
        CatalogError: It is damaged, newer than this version, no catalog, or stayed locked.
    """
    with catalog.as_it_is() as connection:
        number = applied_format(connection)
        return CatalogHealth(
            probes=_count(connection, "SELECT count(*) FROM probes"),
            findings=tuple(_findings(connection, number)),
            remarks=tuple(_remarks(connection, number)),
        )


def _findings(connection: "DuckDBPyConnection", number: int) -> Iterator[str]:
    quoted = """SELECT '"' || replace(table_name, '"', '""') || '"' FROM duckdb_tables()"""
    for (table,) in connection.execute(quoted).fetchall():
        # Blocks have checksums, which are compared when they are read.
        connection.execute(f"SELECT count(*) FROM {table} WHERE hash({table}) = 0").fetchall()  # noqa: S608
    for table, key in KEYS.items():
        key = key if number >= FORMAT_WITH_PLACES else key.replace(" place,", "")
        yield from _orphans(connection, table)
        yield from _duplicates(connection, table, key)
    if number >= FORMAT_WITH_COMPARISONS:
        yield from _duplicates(connection, "paired_comparisons", "key")
    if number >= FORMAT_WITH_AUDITS:
        yield from _orphans(connection, "clean_metrics")
        yield from _duplicates(connection, "clean_metrics", "key, metric")
        yield from _audits(connection)
    if number >= FORMAT_WITH_IDS:
        yield from _duplicates(connection, "items", "dataset, sha256, split, item")
    if number >= FORMAT_WITH_TRAININGS:
        yield from _duplicates(connection, "trainings", "key")
    if number >= FORMAT_WITH_TRIALS:
        yield from _duplicates(connection, "trials", "study, number")
    if number >= FORMAT_WITH_LIKELIHOODS:
        yield from _duplicates(connection, "likelihoods", "key")
    if number >= FORMAT_WITH_EFFECTS:
        yield from _orphans(connection, "effects")
        yield from _duplicates(connection, "effects", "probe_id, perturbation, gene")
    without = "FROM probes WHERE status = 'ok' AND probe_id NOT IN (SELECT probe_id FROM metrics)"
    if count := _count(connection, f"SELECT count(*) {without}"):
        yield f"probes: ok but without metrics: {count:,}, {_example(connection, without)}"
    without = "FROM probes WHERE run_id NOT IN (SELECT run_id FROM runs)"
    if count := _count(connection, f"SELECT count(*) {without}"):
        yield f"probes: of a run that is not in runs: {count:,}, {_example(connection, without)}"
    for what in ("model", "dataset"):
        yield from _undescribed(connection, what)


def _orphans(connection: "DuckDBPyConnection", table: str) -> Iterator[str]:
    if count := _count(connection, f"SELECT count(*) FROM {table} ANTI JOIN probes USING (probe_id)"):  # noqa: S608
        yield f"{table}: rows whose probe is not in probes: {count:,}"


def _audits(connection: "DuckDBPyConnection") -> Iterator[str]:
    for table, key in AUDIT_KEYS.items():
        without = f"FROM {table} ANTI JOIN audits USING (dataset, sha256)"
        if count := _count(connection, f"SELECT count(*) {without}"):
            yield f"{table}: rows whose audit is not in audits: {count:,}"
        yield from _duplicates(connection, table, key)
    marked = "(SELECT dataset, sha256, split, count(*) AS n_marked FROM audit_items GROUP BY ALL)"
    rows = connection.execute(
        f"SELECT dataset, split, n_items, coalesce(n_marked, 0) FROM audit_splits LEFT JOIN {marked} "  # noqa: S608
        "USING (dataset, sha256, split) "
        "WHERE split != 'train' AND n_items != coalesce(n_marked, 0) ORDER BY ALL"
    ).fetchall()
    for dataset, split, n_items, n_marked in rows:
        yield (
            f"audit_items: {n_marked:,} of the {n_items:,} items of {dataset}'s {split} are marked (audit it "
            "again with --again)"
        )


def _duplicates(connection: "DuckDBPyConnection", table: str, key: str) -> Iterator[str]:
    count = _count(
        connection,
        f"SELECT count(*) FROM (SELECT 1 FROM {table} GROUP BY {key} HAVING count(*) > 1)",  # noqa: S608
    )
    if count:
        yield f"{table}: several rows of the same ({key}): {count:,} times"


def _undescribed(connection: "DuckDBPyConnection", what: str) -> Iterator[str]:
    rows = connection.execute(
        f"SELECT {what}, count(*) FROM probes ANTI JOIN {what}s USING ({what}) GROUP BY ALL ORDER BY ALL"  # noqa: S608
    ).fetchall()
    for name, count in rows:
        yield f"{what}s: {name} is not there, but has probes: {count:,} (probe it again with its config)"


def _remarks(connection: "DuckDBPyConnection", number: int) -> Iterator[str]:
    process = "pid" if number >= FORMAT_WITH_COMPARISONS else "NULL"
    rows = connection.execute(
        f"SELECT run_id, command, host, started_at, {process} FROM runs WHERE status = 'running' "  # noqa: S608
        "ORDER BY started_at"
    ).fetchall()
    for run_id, command, host, started_at, pid in rows:
        about = f"runs: {run_id} ({command}, since {started_at:%Y-%m-%d %H:%M} UTC on {host})"
        if host == socket.gethostname() and not may_be_alive(pid, started_at.replace(tzinfo=UTC)):
            yield f"{about} was killed: its process is gone"


def may_be_alive(pid: int | None, started_at: datetime) -> bool:
    """Whether the process of a run on this machine may still be there.

    Args:
        pid: Its process, None where that was not recorded.
        started_at: When the run began, with a time zone.
    """
    if pid is None:
        booted = _started(1)
        return booted is None or booted < started_at + REUSED_AFTER
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    began = _started(pid)
    return began is None or began < started_at + REUSED_AFTER


def _started(pid: int) -> datetime | None:
    """When a process began; None where the system does not tell (no /proc)."""
    try:
        ticks = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
        (boot,) = (line for line in Path("/proc/stat").read_text().splitlines() if line.startswith("btime "))
    except (OSError, ValueError, IndexError):
        return None
    return datetime.fromtimestamp(int(boot.split()[1]) + ticks / os.sysconf("SC_CLK_TCK"), UTC)


def _count(connection: "DuckDBPyConnection", sql: str) -> int:
    row: tuple[Any, ...] | None = connection.execute(sql).fetchone()
    return int(row[0]) if row else 0


def _example(connection: "DuckDBPyConnection", of: str) -> str:
    row = connection.execute(f"SELECT model, dataset, head, layer, seed {of} ORDER BY ALL LIMIT 1").fetchone()
    model, dataset, head, layer, seed = row or ("", "", "", "", "")
    return f"as {head} on layer {layer} of {model} × {dataset}, seed {seed}"
