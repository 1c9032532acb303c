"""docs/catalog.md against the catalog: every column is there, every query runs."""

import re
from pathlib import Path

import pytest

from seqbench.catalog import Catalog
from seqbench.catalog.records import EpochRecord, LayerRecord, SplitContents
from seqbench.metrics import METRICS
from tests.catalog.audit_records import audit_record, clean_record
from tests.catalog.catalog_records import (
    comparison_record,
    dataset_record,
    embedding_record,
    failed_record,
    full_probe_record,
    model_record,
    probe_record,
    run_record,
    split_record,
    training_record,
    trial_record,
)

TEXT = (Path(__file__).parents[2] / "docs" / "catalog.md").read_text()
QUERIES = re.findall(r"```sql\n(.*?)```", TEXT, flags=re.DOTALL)


def full(model, score, **changed):
    base = full_probe_record(model=model, spec_hash=f"{model}{changed}", **changed)
    splits = tuple(
        split_record(s, {"accuracy": score}, 5, base.splits[0].class_metrics) for s in ("eval", "test")
    )
    predictions = tuple(
        type(part)(
            split="test", items=part.items, targets=part.targets, scores=abs(part.scores - (score < 0.5))
        )
        for part in base.predictions
    )
    return probe_record(
        model=model,
        splits=splits,
        predictions=predictions,
        history=(EpochRecord(epoch=2, train_loss=0.5, eval_loss=0.5, eval_score=None),),
        **changed,
    )


CONTENTS = SplitContents(n_items=5, label_counts=(3, 2), lengths=(1, 2, 3, 4, 5), targets=None)


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    """Two models and an untrained twin, compared with each other and layer by layer."""
    catalog = Catalog(tmp_path_factory.mktemp("docs") / "catalog.duckdb")
    models = [
        model_record("bert", path="models/bert"),
        model_record("twin", "random-init", path="models/bert"),
        model_record("four", "kmer"),
    ]
    dataset = dataset_record(splits={"train": CONTENTS, "test": CONTENTS})
    layers = (LayerRecord(layer=0, strand_consistency=0.9, rounding_error=None),)
    catalog.append([run_record(), *models, dataset, embedding_record(layers=layers)])
    bert, twin, four = full("bert", 0.9), full("twin", 0.4), full("four", 0.45)
    lower = full("bert", 0.85, layer=1)
    catalog.append([bert, twin, four, lower, failed_record(layer=2)])
    catalog.append(
        [
            comparison_record([bert], [twin], difference=0.5, p=1e-9),
            comparison_record([bert], [four], difference=0.45, p=1e-8),
            comparison_record([four], [twin], difference=0.05, p=0.4),
            comparison_record([bert], [lower], difference=0.05, p=0.3),
        ]
    )
    tuned = full("bert", 0.95, head="lora", variant="tuned")
    catalog.append([tuned, training_record(probes=(tuned.probe_id,)), trial_record()])
    catalog.append([comparison_record([tuned], [bert], kind="heads")])
    audit = audit_record(clean=[True] * 5)
    catalog.append([audit, clean_record(audit, bert.probe_id, accuracy=0.7)])
    other = {"layer": 0, "shuffled": True}
    catalog.append(
        [
            full("bert", 0.5, variant="v2", control="shuffled-labels", spec=other),
            full("bert", 0.7, variant="v3", subset="few-shot 5", repeat=0, advice="train longer"),
        ]
    )
    return catalog


@pytest.mark.parametrize("sql", QUERIES, ids=range(len(QUERIES)))
def test_every_query_of_the_documentation_runs_and_finds_rows(catalog, sql):
    assert catalog.query(sql).rows


def test_there_are_more_than_a_dozen_queries():
    assert len(QUERIES) > 20


def test_every_table_and_view_is_documented_column_by_column(catalog):
    sections = re.findall(r"^### (\w+)\n(.*?)(?=^##|\Z)", TEXT, flags=re.DOTALL | re.MULTILINE)
    documented = {name: re.findall(r"^\| `(\w+)` \| (\S+) \|", body, flags=re.M) for name, body in sections}
    found: dict[str, list[tuple[str, str]]] = {}
    columns = catalog.query(
        "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE NOT internal"
    )
    for table, column, kind in columns.rows:
        found.setdefault(table, []).append((column, kind))
    assert documented == found


def test_every_metric_is_explained():
    explained = TEXT[TEXT.index("## The metrics") : TEXT.index("## Tables")]
    assert all(f"`{metric}`" in explained for names in METRICS.values() for metric in names)


def test_every_table_and_view_says_what_a_row_is(catalog):
    said = catalog.query(
        "SELECT table_name, comment FROM duckdb_tables() UNION ALL "
        "SELECT view_name, comment FROM duckdb_views() WHERE NOT internal"
    ).rows
    assert len(said) == 39
    assert all(comment for _, comment in said)
