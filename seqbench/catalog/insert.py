"""Writing records into the tables: one statement a table and batch."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from seqbench.catalog import audit_rows, likelihood_rows, probe_rows, rows, training_rows, trial_rows
from seqbench.catalog.audit_records import AuditRecord, CleanRecord
from seqbench.catalog.columns import Columns
from seqbench.catalog.likelihood_records import LikelihoodRecord
from seqbench.catalog.records import (
    ComparisonRecord,
    DatasetRecord,
    EmbeddingRecord,
    ModelRecord,
    ProbeRecord,
    Record,
    RunRecord,
)
from seqbench.catalog.training_records import TrainingRecord
from seqbench.catalog.trial_records import TrialRecord

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

PROBE_TABLES = ("probes", "metrics", "class_metrics", "history", "predictions", "effects")
"""Tables whose rows belong to one probe each."""

LIKELIHOOD_TABLES = ("likelihoods", "likelihood_documents")
"""Tables whose rows belong to one model and corpus each."""

AUDIT_TABLES = ("audits", "audit_splits", "audit_findings", "audit_controls", "audit_items")
"""Tables whose rows belong to one audit each."""

OF_A_PROBE = tuple(f"DELETE FROM {table} WHERE probe_id IN (SELECT unnest(?))" for table in PROBE_TABLES)  # noqa: S608
"""What takes probes out, given a list of their ids."""

_KEPT = "UPDATE probes SET saved = incoming.saved FROM incoming WHERE probes.probe_id = incoming.probe_id"
"""A probe that was trained again to keep its head: its results stay."""


_DATASETS = """
INSERT OR REPLACE INTO datasets BY NAME
SELECT * REPLACE (from_json(class_names::JSON, '["VARCHAR"]') AS class_names) FROM incoming
"""


def insert(connection: "DuckDBPyConnection", records: Sequence[Record]) -> None:
    """Add records to an open, current catalog, inside the caller's transaction; see `Catalog.append`."""
    runs = {r.run_id: r for r in records if isinstance(r, RunRecord)}
    models = {r.model: r for r in records if isinstance(r, ModelRecord)}
    datasets = {r.dataset: r for r in records if isinstance(r, DatasetRecord)}
    embeddings = {(r.model, r.dataset, r.split): r for r in records if isinstance(r, EmbeddingRecord)}
    for statement, columns in (
        ("INSERT OR REPLACE INTO runs BY NAME FROM incoming", rows.run_columns([*runs.values()])),
        ("INSERT OR REPLACE INTO models BY NAME FROM incoming", rows.model_columns([*models.values()])),
        (_DATASETS, rows.dataset_columns([*datasets.values()])),
        (
            "INSERT OR REPLACE INTO embeddings BY NAME FROM incoming",
            rows.embedding_columns([*embeddings.values()]),
        ),
        (
            "INSERT OR REPLACE INTO embedding_layers BY NAME FROM incoming",
            rows.layer_columns([*embeddings.values()]),
        ),
    ):
        _execute(connection, statement, columns)
    for record in datasets.values():
        _insert_ids(connection, record)
    _insert_trainings(connection, {r.key: r for r in records if isinstance(r, TrainingRecord)})
    _insert_trials(connection, {(r.study, r.number): r for r in records if isinstance(r, TrialRecord)})
    _insert_likelihoods(connection, {r.key: r for r in records if isinstance(r, LikelihoodRecord)})
    _insert_comparisons(connection, {r.key: r for r in records if isinstance(r, ComparisonRecord)})
    _insert_audits(connection, {(r.dataset, r.sha256): r for r in records if isinstance(r, AuditRecord)})
    _insert_clean(connection, {r.key: r for r in records if isinstance(r, CleanRecord)})
    _insert_probes(connection, _once([r for r in records if isinstance(r, ProbeRecord)]))


def _insert_ids(connection: "DuckDBPyConnection", record: DatasetRecord) -> None:
    """The ids of a data set's items, once: every model on it tells them again."""
    connection.execute("DELETE FROM items WHERE dataset = ? AND sha256 <> ?", [record.dataset, record.sha256])
    # All rows: an unfinished result would stand in the way of what is registered next.
    known = connection.execute("SELECT 1 FROM items WHERE dataset = ? LIMIT 1", [record.dataset]).fetchall()
    if record.ids and not known:
        _execute(connection, "INSERT INTO items BY NAME FROM incoming", rows.id_columns(record))


def _insert_trainings(connection: "DuckDBPyConnection", trainings: Mapping[str, TrainingRecord]) -> None:
    columns = training_rows.training_columns(trainings)
    _execute(connection, "DELETE FROM trainings WHERE key IN (SELECT key FROM incoming)", columns)
    _execute(connection, "INSERT INTO trainings BY NAME FROM incoming", columns)


def _insert_trials(connection: "DuckDBPyConnection", trials: Mapping[tuple[str, int], TrialRecord]) -> None:
    columns = trial_rows.trial_columns(trials)
    _execute(
        connection,
        "DELETE FROM trials WHERE (study, number) IN (SELECT study, number FROM incoming)",
        columns,
    )
    _execute(connection, "INSERT INTO trials BY NAME FROM incoming", columns)


def _insert_likelihoods(
    connection: "DuckDBPyConnection", likelihoods: Mapping[str, LikelihoodRecord]
) -> None:
    fresh = list(likelihoods.values())
    for table, columns in zip(
        LIKELIHOOD_TABLES,
        (likelihood_rows.likelihood_columns(fresh), likelihood_rows.document_columns(fresh)),
        strict=True,
    ):
        _execute(connection, f"DELETE FROM {table} WHERE key IN (SELECT key FROM incoming)", columns)  # noqa: S608
        _execute(connection, f"INSERT INTO {table} BY NAME FROM incoming", columns)


def _insert_comparisons(
    connection: "DuckDBPyConnection", comparisons: Mapping[str, ComparisonRecord]
) -> None:
    columns = rows.comparison_columns(comparisons)
    _execute(connection, "DELETE FROM paired_comparisons WHERE key IN (SELECT key FROM incoming)", columns)
    _execute(connection, "INSERT INTO paired_comparisons BY NAME FROM incoming", columns)


def _insert_audits(connection: "DuckDBPyConnection", audits: Mapping[tuple[str, str], AuditRecord]) -> None:
    for table in AUDIT_TABLES:
        for dataset, sha256 in audits:
            connection.execute(f"DELETE FROM {table} WHERE dataset = ? AND sha256 = ?", [dataset, sha256])  # noqa: S608
    fresh = list(audits.values())
    for statement, columns in (
        ("INSERT INTO audits BY NAME FROM incoming", audit_rows.audit_columns(fresh)),
        ("INSERT INTO audit_splits BY NAME FROM incoming", audit_rows.split_columns(fresh)),
        ("INSERT INTO audit_findings BY NAME FROM incoming", audit_rows.finding_columns(fresh)),
        ("INSERT INTO audit_controls BY NAME FROM incoming", audit_rows.control_columns(fresh)),
        ("INSERT INTO audit_items BY NAME FROM incoming", audit_rows.item_columns(fresh)),
    ):
        _execute(connection, statement, columns)


def _insert_clean(connection: "DuckDBPyConnection", scores: Mapping[str, CleanRecord]) -> None:
    columns = audit_rows.clean_columns(scores)
    _execute(connection, "DELETE FROM clean_metrics WHERE key IN (SELECT key FROM incoming)", columns)
    _execute(connection, "INSERT INTO clean_metrics BY NAME FROM incoming", columns)


def _once(probes: Sequence[ProbeRecord]) -> list[ProbeRecord]:
    """One record a spec: the first that is ok, else the last."""
    chosen: dict[str, ProbeRecord] = {}
    for probe in probes:
        if probe.spec_hash not in chosen or chosen[probe.spec_hash].status == "failed":
            chosen[probe.spec_hash] = probe
    return list(chosen.values())


def _insert_probes(connection: "DuckDBPyConnection", probes: Sequence[ProbeRecord]) -> None:
    found = dict(
        connection.execute(
            "SELECT spec_hash, status FROM probes WHERE spec_hash IN (SELECT unnest(?))",
            [[probe.spec_hash for probe in probes]],
        ).fetchall()
    )
    fresh = [probe for probe in probes if found.get(probe.spec_hash) != "ok"]
    kept_now = [probe for probe in probes if found.get(probe.spec_hash) == "ok" and probe.saved is not None]
    replaced = [probe.probe_id for probe in fresh if probe.spec_hash in found]
    if replaced:
        for statement in OF_A_PROBE:
            connection.execute(statement, [replaced])
    for statement, columns in (
        (_KEPT, probe_rows.kept_columns(kept_now)),
        ("INSERT INTO probes BY NAME FROM incoming", probe_rows.probe_columns(fresh)),
        ("INSERT INTO metrics BY NAME FROM incoming", probe_rows.metric_columns(fresh)),
        ("INSERT INTO class_metrics BY NAME FROM incoming", probe_rows.class_metric_columns(fresh)),
        ("INSERT INTO history BY NAME FROM incoming", probe_rows.history_columns(fresh)),
        ("INSERT INTO predictions BY NAME FROM incoming", probe_rows.prediction_columns(fresh)),
        ("INSERT INTO effects BY NAME FROM incoming", probe_rows.effect_columns(fresh)),
    ):
        _execute(connection, statement, columns)


def _execute(connection: "DuckDBPyConnection", statement: str, columns: Columns) -> None:
    """Run a statement that reads `incoming`; a table without rows has nothing to add."""
    if any(len(column) for column in columns.values()):
        connection.register("incoming", columns)
        connection.execute(statement)
        connection.unregister("incoming")
