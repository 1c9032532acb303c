"""A catalog of made-up results of any size, written by DuckDB itself: a million metric rows in seconds.

Accuracies of models, layers and seeds are drawn; all metrics follow from them, and so do the predictions:
their scores are right as often as the accuracy says, with errors that models share, as real ones do.
"""

from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from seqbench.catalog import Catalog
from seqbench.catalog.records import (
    DatasetRecord,
    EmbeddingRecord,
    ModelRecord,
    Record,
    RunRecord,
    SplitContents,
)
from seqbench.core.types import SPLITS, Task

HEADS = ("mlp", "linear", "xgb", "forest", "knn")
TASKS = (Task.CLASSIFICATION, Task.CLASSIFICATION, Task.CLASSIFICATION, Task.REGRESSION, Task.LABELS)
"""Of the data sets in turn; each is a group of its own in the leaderboard."""
EPOCHS = 10
N_TRAIN = 5000
VARIANT = "0123456789ab"
STARTED = datetime(2026, 1, 1, tzinfo=UTC)

_METRICS = """
CREATE TEMP TABLE scale(task VARCHAR, metric VARCHAR, at_half DOUBLE, per_accuracy DOUBLE);
INSERT INTO scale
SELECT task, metric, CASE WHEN higher_is_better THEN 0.5 ELSE 0.6 END - 0.02 * row_number() OVER task_order,
    CASE WHEN higher_is_better THEN 1 ELSE -1 END
FROM metric_names WHERE metric NOT IN ('accuracy', 'spearmanr', 'roc_auc')
WINDOW task_order AS (PARTITION BY task ORDER BY metric);
INSERT INTO scale SELECT task, metric, 0.5, 1 FROM metric_names
WHERE metric IN ('accuracy', 'spearmanr', 'roc_auc');
"""
_PROBES = """
INSERT INTO probes BY NAME
SELECT
    probe_id, md5(CAST(probe_id AS VARCHAR)) AS spec_hash, 'r1' AS run_id, model, dataset, task, layer,
    n_layers, head, $variant AS variant, seed, 'ok' AS status, 0.5 AS seconds, $n_train AS n_train,
    $epochs AS n_epochs, 1 + probe_id % $epochs AS chosen_epoch, 'converged' AS convergence, 'cpu' AS device,
    TIMESTAMP '2026-01-01' AS recorded_at,
    json_object('model', model, 'dataset', dataset, 'layer', layer, 'head', head, 'seed', seed,
        'settings', json_object('lr', 1e-4, 'epochs', $epochs), 'subset', NULL, 'shuffled', false) AS spec
FROM made
"""
_SCORES = """
INSERT INTO metrics BY NAME
SELECT
    probe_id, split, metric, at_half + per_accuracy * (accuracy - 0.5) AS value,
    value - 1.96 * sqrt(accuracy * (1 - accuracy) / $n_test) AS low,
    value + 1.96 * sqrt(accuracy * (1 - accuracy) / $n_test) AS high, $n_test AS n_items
FROM (
    SELECT probe_id, task, 'eval' AS split, on_eval AS accuracy FROM made
    UNION ALL SELECT probe_id, task, 'test', on_test FROM made
) JOIN scale USING (task)
"""
_CURVES = """
INSERT INTO history BY NAME
SELECT probe_id, epoch, 1.0 / epoch AS train_loss, 1.1 / epoch AS eval_loss, on_eval AS eval_score
FROM made, generate_series(1, $epochs) AS epochs(epoch)
"""
_NORMAL = """
-- A standard normal number that follows from 64 random bits (Box and Muller).
CREATE TEMP MACRO normal(bits) AS
    sqrt(-2 * ln(((bits >> 32) + 0.5) / 4294967296.0)) * cos(2 * pi() * (bits % 4294967296) / 4294967296.0);
"""
_PREDICTIONS = """
INSERT INTO predictions BY NAME
WITH truth AS (
    SELECT dataset, item, output, normal(hash('difficulty', dataset, item, output)) AS difficulty,
        CASE WHEN task = 'regression' THEN normal(hash(dataset, item, output))
            ELSE hash(dataset, item, output) % 2 END AS target
    FROM (SELECT DISTINCT dataset, task FROM made),
        range($n_test) AS items(item), range(3) AS outputs(output)
    WHERE CASE task WHEN 'classification' THEN output = 1 WHEN 'labels' THEN true ELSE output = 0 END
)
SELECT
    probe_id, 'test' AS split, item, output, target,
    CASE WHEN task = 'regression' THEN signal * target + noise
        ELSE 1 / (1 + exp(-2 * ((2 * target - 1) * signal + noise))) END AS score
FROM (
    SELECT *, 0.8 * difficulty + 0.6 * normal(hash(probe_id, item, output)) AS noise
    FROM truth JOIN made USING (dataset)
)
ORDER BY probe_id, item, output
"""


def fill(
    path: Path,
    *,
    models: int = 4,
    datasets: int = 23,
    layers: int = 33,
    seeds: int = 3,
    heads: int = 1,
    n_test: int = 1000,
    predictions: bool = True,
) -> None:
    """Write a catalog that looks as if so much had been probed.

    Of three or more models the last two are controls: the first one untrained, and k-mers, whose one layer
    is layer 0. A probe has about 20 rows of metrics; 4 × 23 × 33 layers × 8 seeds × 2 heads are 1,000,000.

    Args:
        path: Where there is no file yet.
        models: At least one.
        datasets: Three fifths are classifications, one fifth each regressions and several labels.
        layers: Of a model, counting layer 0.
        seeds: Of each head.
        heads: The first of `HEADS`.
        n_test: Items in test.
        predictions: Whether test predictions of every probe are kept, 1,000 rows a probe (3,000 with labels).
    """
    catalog = Catalog(path)
    described = _models(models, layers)
    catalog.append(_descriptions(described, datasets, n_test))
    made = _probes(described, datasets, seeds, heads)
    constants = {"n_test": n_test, "n_train": N_TRAIN, "epochs": EPOCHS, "variant": VARIANT}
    statements = (_PROBES, _SCORES, _CURVES, *([_PREDICTIONS] if predictions else []))
    with duckdb.connect(path) as connection:
        connection.register("made_arrays", made)
        connection.execute("CREATE TEMP TABLE made AS FROM made_arrays")
        connection.execute(_METRICS + _NORMAL)
        connection.begin()
        for statement in statements:
            used = {name: value for name, value in constants.items() if f"${name}" in statement}
            connection.execute(statement, used)
        connection.commit()


def dataset_names(count: int) -> list[str]:
    """The data sets of a catalog."""
    return [f"dataset-{number + 1:02}" for number in range(count)]


def model_names(count: int) -> list[str]:
    """The models of a catalog."""
    return [record.model for record in _models(count, 1)]


def _models(count: int, layers: int) -> list[ModelRecord]:
    names = [f"model-{number + 1}" for number in range(count)]
    kinds = ["huggingface"] * count
    if count > 2:
        names[-2:], kinds[-2:] = ["model-1-untrained", "kmer-4"], ["random-init", "kmer"]
    return [
        ModelRecord(
            model=name,
            kind=kind,
            path=None if kind == "kmer" else f"models/{name.removesuffix('-untrained')}",
            revision=None,
            fingerprint=f"{number:064x}",
            n_layers=1 if kind == "kmer" else layers,
            hidden=256,
            dtype="bfloat16",
            settings={"k": 4} if kind == "kmer" else {},
        )
        for number, (name, kind) in enumerate(zip(names, kinds, strict=True))
    ]


def _descriptions(models: list[ModelRecord], datasets: int, n_test: int) -> list[Record]:
    run = RunRecord(
        run_id="r1", command="run", status="done", config={}, versions={"seqbench": "0"}, host="nowhere",
        device="cpu", started_at=STARTED, finished_at=STARTED,
    )  # fmt: skip
    items = {"train": N_TRAIN, "eval": n_test, "test": n_test}
    described = [_dataset(number, name, items) for number, name in enumerate(dataset_names(datasets))]
    embedded = [
        EmbeddingRecord(
            model=model.model, dataset=dataset.dataset, split=split, n_items=items[split],
            tokens=200 * items[split], seconds=items[split] / 100, bytes=1024 * items[split],
            coverage_mean=1.0, coverage_min=1.0, device="cpu", dtype="bfloat16", settings={"pooling": "mean"},
        )
        for model, dataset, split in product(models, described, SPLITS)
    ]  # fmt: skip
    return [run, *models, *described, *embedded]


def _dataset(number: int, name: str, items: dict[str, int]) -> DatasetRecord:
    task = TASKS[number % len(TASKS)]
    classes = task is Task.CLASSIFICATION
    contents = {
        split: SplitContents(
            n_items=count,
            label_counts=None if task is Task.REGRESSION else (count // 2,) * (2 if classes else 3),
            lengths=(50, 120, 200, 310, 1000),
            targets=((-3.0, -0.7, 0.0, 0.7, 3.0),) if task is Task.REGRESSION else None,
        )
        for split, count in items.items()
    }
    return DatasetRecord(
        dataset=name, sha256=f"{number:064x}", task=task, n_seqs=1,
        n_classes=2 if classes else None,
        n_targets={Task.LABELS: 3, Task.REGRESSION: 1}.get(task),
        n_items=items, alphabet="dna", task_group=f"group {number % len(TASKS) + 1}", ceiling=None,
        splits=contents,
    )  # fmt: skip


def _probes(models: list[ModelRecord], datasets: int, seeds: int, heads: int) -> dict[str, NDArray[Any]]:
    """A column for each thing that the rows of a probe are made from."""
    random = np.random.default_rng(0)
    layers = [(number, layer) for number, model in enumerate(models) for layer in range(model.n_layers)]
    parts = list(product(range(len(layers)), range(datasets), range(heads), range(seeds)))
    which, dataset, head, seed = np.array(parts).T
    model, layer = np.array(layers)[which].T
    n_layers = np.array([record.n_layers for record in models])[model]
    pretrained = np.array([record.kind == "huggingface" for record in models])[model]
    accuracy = random.uniform(0.6, 0.75, datasets)[dataset] + random.uniform(0, 0.05, len(models))[model]
    from_peak = layer / np.maximum(1, n_layers - 1) - random.uniform(0.3, 0.9, datasets)[dataset]
    accuracy += pretrained * (0.12 - 0.3 * from_peak**2) - 0.01 * head
    on_eval, on_test = (
        np.clip(accuracy + random.normal(0, spread, len(parts)), 0.4, 0.97) for spread in (0.01, 0.006)
    )
    tasks = [TASKS[number % len(TASKS)].value for number in range(datasets)]
    return {
        "probe_id": random.permutation(2**40 + np.arange(len(parts)) * 7919),
        "model": np.array([record.model for record in models], dtype=object)[model],
        "dataset": np.array(dataset_names(datasets), dtype=object)[dataset],
        "task": np.array(tasks, dtype=object)[dataset],
        "layer": layer,
        "n_layers": n_layers,
        "head": np.array(HEADS[:heads], dtype=object)[head],
        "seed": seed,
        "on_eval": on_eval,
        "on_test": on_test,
        "signal": ndtri(on_test),
    }
