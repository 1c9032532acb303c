import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta, timezone

import duckdb
import numpy as np
import pytest

from seqbench.catalog import Catalog, open_catalog
from seqbench.catalog.records import LayerRecord, PredictionRecord, SplitContents
from seqbench.core.texts import PackedTexts
from seqbench.core.types import Task
from seqbench.errors import CatalogError, CatalogNotFoundError
from seqbench.metrics import METRICS
from tests.catalog.catalog_records import (
    STARTED,
    dataset_record,
    embedding_record,
    failed_record,
    full_probe_record,
    model_record,
    probe_record,
    run_record,
    training_record,
    trial_record,
)


@pytest.fixture
def catalog(tmp_path):
    return Catalog(tmp_path / "catalog.duckdb")


def rows(catalog, sql):
    return catalog.query(sql).rows


def dicts(catalog, sql):
    result = catalog.query(sql)
    return [dict(zip(result.columns, row, strict=True)) for row in result.rows]


def test_layers_of_embeddings_come_back_and_unknown_figures_are_null(catalog):
    layers = (
        LayerRecord(layer=0, strand_consistency=0.5, rounding_error=None),
        LayerRecord(layer=1, strand_consistency=None, rounding_error=1e-4),
    )
    catalog.append([embedding_record(layers=layers)])
    later = (replace(layers[0], strand_consistency=0.75),)
    catalog.append([embedding_record(layers=later)])
    found = rows(
        catalog, "SELECT layer, strand_consistency, rounding_error FROM embedding_layers ORDER BY layer"
    )
    assert found == [(0, 0.75, None), (1, None, 1e-4)]


def test_records_come_back_as_they_went_in(catalog):
    catalog.append([run_record(), model_record(hidden=None), dataset_record(), embedding_record()])
    run, model = dicts(catalog, "FROM runs")[0], dicts(catalog, "FROM models")[0]
    dataset, embedding = dicts(catalog, "FROM datasets")[0], dicts(catalog, "FROM embeddings")[0]
    assert json.loads(run["config"]) == {"probe": {"heads": ["mlp"]}}
    assert (run["started_at"], run["finished_at"]) == (STARTED.replace(tzinfo=None), None)
    assert (model["model"], model["kind"], model["hidden"], model["n_layers"]) == (
        "bert",
        "huggingface",
        None,
        3,
    )
    assert (dataset["n_train"], dataset["n_eval"], dataset["n_test"]) == (10, 0, 5)
    assert (dataset["task"], json.loads(dataset["ceiling"])) == ("classification", {"accuracy": 0.95})
    assert (embedding["tokens_per_s"], json.loads(embedding["settings"])) == (50, {"pooling": "mean"})


def test_what_is_in_the_splits_of_a_data_set_comes_back(catalog):
    contents = {
        "train": SplitContents(n_items=4, label_counts=(1, 3), lengths=(1, 2, 3, 4, 5), targets=None),
        "test": SplitContents(
            n_items=2, label_counts=None, lengths=None, targets=((0.1, 0.2, 0.3, 0.4, 0.5), (1.0,) * 5)
        ),
    }
    catalog.append([dataset_record(splits=contents), dataset_record("unknown")])
    (known,), (unknown,) = rows(catalog, "SELECT facts FROM datasets ORDER BY dataset")
    assert json.loads(known) == json.loads(
        json.dumps({split: asdict(one) for split, one in contents.items()})
    )
    assert list(json.loads(known)) == ["train", "test"]
    assert unknown is None


def test_a_probe_comes_back_with_scores_curve_and_predictions(catalog):
    probe = full_probe_record(n_items=4, n_classes=3)
    catalog.append([probe])
    assert rows(catalog, "SELECT probe_id, layer, fold, status, error FROM probes") == [
        (probe.probe_id, 0, None, "ok", None)
    ]
    assert rows(catalog, "SELECT split, metric, value, low, reason, n_items FROM metrics ORDER BY ALL") == [
        ("test", "accuracy", 0.8, pytest.approx(0.7), None, 4),
        ("test", "roc_auc", None, None, "undefined", 4),
    ]
    assert rows(catalog, "SELECT label, metric, value, support FROM class_metrics") == [
        (label, "f1", 0.5, 2) for label in range(3)
    ]
    assert rows(catalog, "SELECT epoch, train_loss, eval_loss, eval_score FROM history") == [
        (1, 0.7, None, 0.6)
    ]


def test_the_design_of_a_probe_comes_back_and_is_null_where_there_is_none(catalog):
    design = {
        "folds": 5, "subset": "few-shot 10", "repeat": 2, "control": "shuffled-labels",
        "thresholds": (0.25, 1e-9, 1.0), "advice": "it's \"fine\"", "saved": "m/d/0/mlp-1.safetensors",
    }  # fmt: skip
    catalog.append([probe_record(layer=0), probe_record(layer=1, fold=3, **design)])
    sql = f"SELECT {', '.join(design)} FROM probes ORDER BY layer"
    assert dicts(catalog, sql) == [
        dict.fromkeys(design),
        design | {"thresholds": list(design["thresholds"])},
    ]


def test_a_probe_trained_again_to_keep_its_head_changes_nothing_but_where_that_is(catalog):
    catalog.append([full_probe_record()])
    tables = ("metrics", "class_metrics", "predictions", "history")
    before = [rows(catalog, f"FROM {table}") for table in tables]
    catalog.append([replace(full_probe_record(), seconds=9.0, saved="a"), probe_record(layer=1, saved="b")])
    assert rows(catalog, "SELECT seconds, saved FROM probes ORDER BY layer") == [(0.5, "a"), (0.5, "b")]
    assert [rows(catalog, f"FROM {table}") for table in tables] == before
    catalog.append([full_probe_record()])
    assert rows(catalog, "SELECT saved FROM probes ORDER BY layer") == [("a",), ("b",)]


@pytest.mark.parametrize(("n_classes", "kept"), [(2, [1]), (3, [0, 1, 2])])
def test_predictions_are_kept_by_item_and_output_and_of_two_classes_only_the_second(catalog, n_classes, kept):
    probe = full_probe_record(n_items=6, n_classes=n_classes)
    catalog.append([probe])
    given = probe.predictions[0]
    found = rows(catalog, "SELECT item, output, target, score FROM predictions ORDER BY item, output")
    assert found == [
        (item, output, float(given.targets[item] == output), float(given.scores[item, output]))
        for item in range(6)
        for output in kept
    ]


def test_predictions_of_regression_keep_their_targets_and_item_numbers(catalog):
    part = PredictionRecord(
        split="eval",
        items=np.array([7, 3]),
        targets=np.array([[0.5, 1.5], [2.5, 3.5]]),
        scores=np.array([[1, 2], [3, 4]], dtype=np.float64),
    )
    catalog.append([probe_record(task=Task.REGRESSION, predictions=(part,))])
    assert rows(catalog, "SELECT item, output, target, score FROM predictions ORDER BY score") == [
        (7, 0, 0.5, 1),
        (7, 1, 1.5, 2),
        (3, 0, 2.5, 3),
        (3, 1, 3.5, 4),
    ]


def test_a_finished_run_takes_the_place_of_its_start(catalog):
    catalog.append([run_record()])
    end = STARTED + timedelta(minutes=1)
    catalog.append([run_record(status="done", finished_at=end)])
    assert rows(catalog, "SELECT run_id, status, finished_at - started_at FROM runs") == [
        ("r1", "done", timedelta(minutes=1))
    ]


def test_times_of_any_zone_are_kept_as_utc(catalog):
    catalog.append([run_record(started_at=datetime(2026, 1, 1, 2, tzinfo=timezone(timedelta(hours=5))))])
    recorded = rows(catalog, "SELECT started_at FROM runs")[0][0]
    assert recorded == datetime(2025, 12, 31, 21)
    catalog.append([model_record()])
    age = datetime.now(UTC) - rows(catalog, "SELECT recorded_at FROM models")[0][0].replace(tzinfo=UTC)
    assert timedelta(0) <= age < timedelta(minutes=1)


def test_a_later_model_dataset_or_embedding_of_the_name_takes_its_place(catalog):
    catalog.append([model_record(fingerprint="a"), dataset_record(sha256="a"), embedding_record(n_items=1)])
    catalog.append([model_record(fingerprint="x"), model_record(fingerprint="b")])
    catalog.append([dataset_record(sha256="b"), embedding_record(n_items=2, seconds=0.0)])
    assert rows(catalog, "SELECT fingerprint FROM models") == [("b",)]
    assert rows(catalog, "SELECT sha256 FROM datasets") == [("b",)]
    assert rows(catalog, "SELECT n_items, tokens_per_s FROM embeddings") == [(2, None)]


def test_a_training_comes_back_and_a_later_one_of_its_key_takes_its_place(catalog):
    adapted = {"stage": "adapt", "model": "phage", "dataset": None, "encoder": "full", "probes": ()}
    catalog.append([training_record(seconds=1.0), training_record(key="t2", **adapted, folder=None)])
    catalog.append([training_record(peak_memory_bytes=None, fold=0)])
    first, second = dicts(catalog, "FROM trainings ORDER BY key")
    given = asdict(training_record(peak_memory_bytes=None, fold=0))
    as_stored = {"probes": [7, 8], "settings": json.dumps(given["settings"])}
    assert first == given | as_stored | {"finished_at": STARTED.replace(tzinfo=None)}
    assert [second[name] for name in ("model", "dataset", "folder", "probes")] == ["phage", None, None, []]


def test_trials_come_back_by_study_and_a_later_one_of_its_number_takes_its_place(catalog):
    pruned = trial_record(1, state="pruned", points=(0.5,), score=0.5)
    failed = trial_record(2, state="failed", points=(), score=None, error="out of memory")
    other = trial_record(study="s2", higher_is_better=False, method="grid")
    catalog.append([trial_record(0, score=0.1), pruned, failed, other])
    catalog.append([trial_record(0)])
    assert catalog.known_trials(["s1", "s3"]) == {"s1": [trial_record(0), pruned, failed], "s3": []}
    assert catalog.known_trials(["s2"]) == {"s2": [other]}


def test_appending_a_probe_twice_changes_nothing(catalog):
    probe = full_probe_record()
    catalog.append([probe, probe])
    before = [rows(catalog, f"FROM {table}") for table in ("probes", "metrics", "predictions")]
    catalog.append([replace(probe, seconds=9.0), failed_record()])
    assert [rows(catalog, f"FROM {table}") for table in ("probes", "metrics", "predictions")] == before


def test_a_probe_that_is_ok_takes_the_place_of_its_failure_and_keeps_nothing_of_it(catalog):
    catalog.append([replace(full_probe_record(), status="failed", error="diverged")])
    assert catalog.known_spec_hashes() == set()
    catalog.append([probe_record(test={"accuracy": 0.9})])
    assert rows(catalog, "SELECT status, error FROM probes") == [("ok", None)]
    assert rows(catalog, "SELECT metric, value FROM metrics") == [("accuracy", 0.9)]
    assert rows(
        catalog, "SELECT count(*) FROM (SELECT 1 FROM predictions UNION ALL SELECT 1 FROM history)"
    ) == [(0,)]


def test_known_spec_hashes_are_those_of_probes_that_are_ok(catalog):
    assert catalog.known_spec_hashes() == set()
    good = [probe_record(layer=layer) for layer in range(3)]
    catalog.append([*good, failed_record(layer=3)])
    assert catalog.known_spec_hashes() == {probe.spec_hash for probe in good}


def test_nan_is_kept_as_null(catalog):
    catalog.append([probe_record(test={"accuracy": float("nan")})])
    assert rows(catalog, "SELECT value FROM metrics") == [(None,)]


def test_names_with_quotes_and_sql_in_them_are_only_names(catalog):
    name = "x'); DROP TABLE probes; -- \"é"
    catalog.append([model_record(model=name), probe_record(model=name, spec={"model": name})])
    assert rows(catalog, "SELECT model, spec->>'model' FROM probes") == [(name, name)]


def test_a_failing_append_leaves_the_catalog_as_it_was(catalog):
    catalog.append([run_record()])
    with pytest.raises(duckdb.ConstraintException):
        catalog.append([model_record(), run_record(run_id="r2", status="mistaken")])
    assert rows(catalog, "SELECT count(*) FROM models") == [(0,)]


def test_a_writer_killed_in_mid_transaction_leaves_what_was_committed(catalog):
    catalog.append([run_record()])
    code = (
        "import duckdb, os, sys\n"
        "connection = duckdb.connect(sys.argv[1])\n"
        "connection.execute(\"UPDATE runs SET host = 'committed'\")\n"
        "connection.begin()\n"
        "connection.execute(\"UPDATE runs SET host = 'lost'\")\n"
        "os.kill(os.getpid(), 9)\n"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(catalog.path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert rows(catalog, "SELECT host FROM runs") == [("committed",)]
    catalog.append([probe_record()])
    assert len(catalog.known_spec_hashes()) == 1


def test_thousands_of_probes_go_in_at_once(catalog):
    values = dict.fromkeys(METRICS[Task.CLASSIFICATION], 0.5)
    catalog.append([probe_record(seed=seed, eval=values, test=values) for seed in range(3000)])
    assert len(catalog.known_spec_hashes()) == 3000
    assert rows(catalog, "SELECT count(*) FROM metrics") == [(3000 * 2 * len(values),)]


def test_a_catalog_is_made_with_its_folder_and_leaves_no_other_file(tmp_path):
    path = tmp_path / "new" / "folder" / "catalog.duckdb"
    Catalog(path).append([])
    assert os.listdir(path.parent) == ["catalog.duckdb"]
    assert open_catalog(path).known_spec_hashes() == set()


def test_a_catalog_that_is_not_there_is_said_to_be_missing(tmp_path):
    for read in (lambda path: open_catalog(path), lambda path: Catalog(path).query("SELECT 1")):
        with pytest.raises(CatalogNotFoundError, match=r"there is no catalog at .*none\.duckdb"):
            read(tmp_path / "none.duckdb")
    assert os.listdir(tmp_path) == []


def test_a_place_where_no_catalog_can_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CatalogError, match=r"file/catalog\.duckdb can't be made: .*name another place"):
        Catalog(tmp_path / "file" / "catalog.duckdb").append([])


def test_ids_and_names_stand_beside_the_predictions_that_are_about_them(catalog):
    ids = {"test": PackedTexts.pack(["P1", "", "P3", "P4", "P5"])}
    data = dataset_record(ids=ids, class_names=("exon", "intron"))
    catalog.append([run_record(), data, full_probe_record(), data])
    found = catalog.query(
        "SELECT item, id, class_name FROM named_predictions WHERE split = 'test' ORDER BY item"
    ).rows
    assert [row for row in found if row[2] == "intron"][:3] == [
        (0, "P1", "intron"),
        (1, None, "intron"),
        (2, "P3", "intron"),
    ]
    catalog.append([dataset_record(sha256="other", ids={"test": PackedTexts.pack(["Q1"])})])
    assert catalog.query("SELECT id, class_names FROM items JOIN datasets USING (dataset)").rows == [
        ("Q1", None)
    ]
