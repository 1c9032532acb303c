"""Making one catalog of several: the results of two machines become one."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqbench.catalog.catalog import Catalog, open_catalog
from seqbench.catalog.insert import AUDIT_TABLES, LIKELIHOOD_TABLES, OF_A_PROBE, PROBE_TABLES
from seqbench.catalog.snapshot import snapshot
from seqbench.core.atomic import scratch_folder
from seqbench.core.types import check_dataset_name, check_name
from seqbench.errors import CatalogError, ConfigError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_TAKEN = """
CREATE OR REPLACE TEMP TABLE taken AS
SELECT theirs.probe_id, ours.probe_id IS NOT NULL AS replaces
FROM source.probes theirs
LEFT JOIN probes ours USING (probe_id)
WHERE ours.probe_id IS NULL OR (ours.status = 'failed' AND theirs.status = 'ok')
"""
_NEWER = """
CREATE OR REPLACE TEMP TABLE newer AS
SELECT model, dataset, split
FROM source.embeddings theirs
LEFT JOIN embeddings ours USING (model, dataset, split)
WHERE ours.model IS NULL OR theirs.recorded_at > ours.recorded_at
"""
_LATER_AUDITS = """
CREATE OR REPLACE TEMP TABLE later_audits AS
SELECT dataset, sha256
FROM source.audits theirs
LEFT JOIN audits ours USING (dataset, sha256)
WHERE ours.dataset IS NULL OR theirs.recorded_at > ours.recorded_at
"""
_LATER_LIKELIHOODS = """
CREATE OR REPLACE TEMP TABLE later_likelihoods AS
SELECT key
FROM source.likelihoods theirs
LEFT JOIN likelihoods ours USING (key)
WHERE ours.key IS NULL OR theirs.finished_at > ours.finished_at
"""
_DESCRIPTIONS = (
    """
    INSERT OR REPLACE INTO runs BY NAME
    SELECT theirs.* FROM source.runs theirs LEFT JOIN runs ours USING (run_id)
    WHERE ours.run_id IS NULL
        OR theirs.finished_at > coalesce(ours.finished_at, theirs.finished_at - INTERVAL 1 SECOND)
    """,
    """
    INSERT OR REPLACE INTO models BY NAME
    SELECT theirs.* FROM source.models theirs LEFT JOIN models ours USING (model)
    WHERE ours.model IS NULL OR theirs.recorded_at > ours.recorded_at
    """,
    """
    INSERT OR REPLACE INTO datasets BY NAME
    SELECT theirs.* FROM source.datasets theirs LEFT JOIN datasets ours USING (dataset)
    WHERE ours.dataset IS NULL OR theirs.recorded_at > ours.recorded_at
    """,
    "DELETE FROM items WHERE (dataset, sha256) NOT IN (SELECT dataset, sha256 FROM datasets)",
    """
    INSERT INTO items BY NAME
    SELECT theirs.* FROM source.items theirs
    WHERE (dataset, sha256) IN (SELECT dataset, sha256 FROM datasets)
        AND (dataset, sha256) NOT IN (SELECT DISTINCT dataset, sha256 FROM items)
    """,
    _NEWER,
    "DELETE FROM embedding_layers WHERE (model, dataset, split) IN (FROM newer)",
    """
    INSERT OR REPLACE INTO embeddings BY NAME
    SELECT theirs.* FROM source.embeddings theirs JOIN newer USING (model, dataset, split)
    """,
    """
    INSERT INTO embedding_layers BY NAME
    SELECT theirs.* FROM source.embedding_layers theirs JOIN newer USING (model, dataset, split)
    """,
    """
    DELETE FROM paired_comparisons USING source.paired_comparisons theirs
    WHERE paired_comparisons.key = theirs.key AND theirs.recorded_at > paired_comparisons.recorded_at
    """,
    """
    INSERT INTO paired_comparisons BY NAME
    FROM source.paired_comparisons WHERE key NOT IN (SELECT key FROM paired_comparisons)
    """,
    """
    DELETE FROM trainings USING source.trainings theirs
    WHERE trainings.key = theirs.key AND theirs.finished_at > trainings.finished_at
    """,
    "INSERT INTO trainings BY NAME FROM source.trainings WHERE key NOT IN (SELECT key FROM trainings)",
    """
    DELETE FROM trials USING source.trials theirs
    WHERE (trials.study, trials.number) = (theirs.study, theirs.number)
        AND theirs.recorded_at > trials.recorded_at
    """,
    """
    INSERT INTO trials BY NAME
    SELECT theirs.* FROM source.trials theirs ANTI JOIN trials USING (study, number)
    """,
    """
    DELETE FROM clean_metrics USING source.clean_metrics theirs
    WHERE clean_metrics.key = theirs.key AND theirs.recorded_at > clean_metrics.recorded_at
    """,
    """
    INSERT INTO clean_metrics BY NAME
    FROM source.clean_metrics WHERE key NOT IN (SELECT DISTINCT key FROM clean_metrics)
    """,
    _LATER_LIKELIHOODS,
    *(f"DELETE FROM {table} WHERE key IN (FROM later_likelihoods)" for table in LIKELIHOOD_TABLES),  # noqa: S608
    *(
        f"INSERT INTO {table} BY NAME SELECT theirs.* FROM source.{table} theirs "  # noqa: S608
        "JOIN later_likelihoods USING (key)"
        for table in LIKELIHOOD_TABLES
    ),
    _LATER_AUDITS,
    *(f"DELETE FROM {table} WHERE (dataset, sha256) IN (FROM later_audits)" for table in AUDIT_TABLES),  # noqa: S608
    *(
        f"INSERT INTO {table} BY NAME SELECT theirs.* FROM source.{table} theirs "  # noqa: S608
        "JOIN later_audits USING (dataset, sha256)"
        for table in AUDIT_TABLES
    ),
)
_NAMES = """
SELECT DISTINCT kind, name FROM (
    SELECT 'model' AS kind, model AS name FROM source.models
    UNION ALL SELECT 'data set', dataset FROM source.datasets
    UNION ALL SELECT unnest(['model', 'data set', 'head']), unnest([model, dataset, head]) FROM source.probes
    UNION ALL SELECT unnest(['model', 'data set']), unnest([model, dataset]) FROM source.embeddings
    UNION ALL SELECT unnest(['model', 'model', 'data set']), unnest([model, base, dataset])
        FROM source.trainings
    UNION ALL SELECT unnest(['model', 'data set']), unnest([model, dataset]) FROM source.trials
    UNION ALL SELECT unnest(['model', 'model', 'corpus']), unnest([model, base, corpus])
        FROM source.likelihoods
) WHERE name IS NOT NULL ORDER BY ALL
"""
_DIFFERENT = """
SELECT 'model', ours.model, ours.fingerprint, theirs.fingerprint
FROM models ours JOIN source.models theirs USING (model) WHERE ours.fingerprint != theirs.fingerprint
UNION ALL
SELECT 'data set', ours.dataset, ours.sha256, theirs.sha256
FROM datasets ours JOIN source.datasets theirs USING (dataset) WHERE ours.sha256 != theirs.sha256
ORDER BY ALL
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """What came from one source."""

    name: str
    added: int
    """Probes that were not there."""
    replaced: int
    """Probes that took the place of a failed one."""
    known: int
    """Probes that were there already."""
    warnings: tuple[str, ...]
    """Names that stand for different weights or data here and there."""


def merge(catalog: Catalog, sources: Sequence[Path]) -> tuple[Merged, ...]:
    """Take over what other catalogs hold, in one transaction: everything or nothing.

    Equal probes are kept once, and a failed one gives way to one that is ok. Of runs, models, data sets,
    embeddings, trainings and comparisons of one name, and of audits of the same files, the newest counts.
    Sources are copied, and the copies brought to this version; nothing is written to them.

    Args:
        catalog: Where it all goes; made where there is none.
        sources: Other catalogs, in this order.

    Returns:
        One a source.

    Raises:
        CatalogNotFoundError: A source is not there.
        CatalogError: A source is the catalog itself, newer than this version, damaged or locked, holds a
            name that could not be a folder's, or the catalog can't be written.
    """
    for source in sources:
        open_catalog(source)
        if catalog.path.exists() and source.samefile(catalog.path):
            raise CatalogError(f"{source} is the catalog itself: name the others only")
    catalog.path.parent.mkdir(parents=True, exist_ok=True)
    with scratch_folder("merge", catalog.path.parent) as folder:
        copies = [
            snapshot(Catalog(source), folder, f"{number}.duckdb") for number, source in enumerate(sources)
        ]
        names = [str(source) for source in sources]
        return merge_copies(catalog, list(zip(names, copies, strict=True)))


def merge_copies(catalog: Catalog, copies: Sequence[tuple[str, Catalog]]) -> tuple[Merged, ...]:
    """As `merge`, from catalogs of this version that nobody else uses, each with the name to tell."""
    done = []
    with catalog.writing([copy.path.parent for _, copy in copies]) as connection:
        for number, (_, copy) in enumerate(copies):
            path = str(copy.path.absolute()).replace("'", "''")
            connection.execute(f"ATTACH '{path}' AS {_alias(number)} (READ_ONLY)")
        connection.begin()
        for number, (name, _) in enumerate(copies):
            done.append(_take_over(connection, _alias(number), name))
        connection.commit()
    return tuple(done)


def _alias(number: int) -> str:
    return f"seqbench_source_{number}"


def _take_over(connection: "DuckDBPyConnection", source: str, name: str) -> Merged:
    def run(sql: str) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = connection.execute(sql.replace("source.", f"{source}.")).fetchall()
        return found

    for what, of in run(_NAMES):
        try:
            check_name(str(of), what) if what == "model" else check_dataset_name(str(of))
        except ConfigError as error:
            raise CatalogError(
                f"{name}: holds the {what} name {of!r}, which can't be that of a file; nothing is taken over"
            ) from error
    warnings = tuple(
        f"{name}: {what} {of!r} is another one there ({theirs[:12]}, here {ours[:12]}): "
        "results of both are kept, as variants"
        for what, of, ours, theirs in run(_DIFFERENT)
    )
    run(_TAKEN)
    replaced = [probe_id for (probe_id,) in run("SELECT probe_id FROM taken WHERE replaces")]
    for statement in OF_A_PROBE if replaced else ():
        connection.execute(statement, [replaced])
    for table in PROBE_TABLES:
        run(
            f"INSERT INTO {table} BY NAME SELECT theirs.* FROM source.{table} theirs "  # noqa: S608
            "JOIN taken USING (probe_id)"
        )
    for statement in _DESCRIPTIONS:
        run(statement)
    ((added, total),) = run(
        "SELECT count(*) FILTER (NOT replaces), (SELECT count(*) FROM source.probes) FROM taken"
    )
    return Merged(
        name=name,
        added=added,
        replaced=len(replaced),
        known=total - added - len(replaced),
        warnings=warnings,
    )
