"""What is read from the catalog, and the leaderboard made of it."""

from dataclasses import replace
from datetime import datetime, timedelta

import duckdb
import pytest
from report_records import MODELS, NAMES, dataset_record, fill, probe, selection

from seqbench.catalog.records import (
    DatasetRecord,
    EmbeddingRecord,
    EpochRecord,
    SplitContents,
)
from seqbench.core.types import Task
from seqbench.metrics import ClassScore, MetricScore
from seqbench.report.analysis import Analysis
from seqbench.report.leaderboard import leaderboard
from seqbench.report.read import read_results
from seqbench.report.results import EpochFacts
from seqbench.report.tables.best import last_layer_table
from seqbench.report.tables.classes import classes_table

SPLICE = NAMES[1:2]


def _read(catalog, **wanted):
    return read_results(catalog, selection(**wanted))


def test_models_and_data_sets_come_in_the_order_of_the_selection(tmp_path):
    catalog = fill(tmp_path / "c.duckdb", layers=2)
    results = _read(catalog, models=("onehot", "dna-bert"), datasets=("ppi_yeast", "deephf"))
    assert [model.name for model in results.models] == ["onehot", "dna-bert"]
    assert [dataset.name for dataset in results.datasets] == ["ppi_yeast", "deephf"]
    assert {key[:2] for key in results.curves} == {
        (dataset, model) for dataset in ("ppi_yeast", "deephf") for model in ("onehot", "dna-bert")
    }


def test_scores_are_means_over_seeds(tmp_path):
    catalog = fill(tmp_path / "c.duckdb", datasets=SPLICE, models=("dna-bert",), layers=2, seeds=(1, 2, 3))
    rows = catalog.query("SELECT accuracy FROM results WHERE split = 'test' AND layer = 1").rows
    score = _read(catalog).curve("uci_splice", "dna-bert", "mlp").at(1, "accuracy")
    assert score.n_probes == 3
    assert score.value == pytest.approx(sum(value for (value,) in rows) / 3)


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        (((0.8, 1.0), (0.7, 0.9)), (0.75, 0.95, None)),
        (((0.8, 1.0), (None, None)), (None, None, "why")),
        (((1.0, 1.0), (1.0, 1.0)), (None, None, None)),
    ],
    ids=["all", "one without", "recorded by an older version"],
)
def test_there_is_an_interval_where_every_seed_has_one(tmp_path, ends, expected):
    catalog = fill(tmp_path / "c.duckdb", datasets=SPLICE, models=("dna-bert",), layers=0)
    for seed, (low, high) in enumerate(ends):
        one = probe("dna-bert", "uci_splice", Task.CLASSIFICATION, 0, 1, seed=seed)
        why = None if low is not None else "why"
        metric = MetricScore(metric="accuracy", value=0.9, low=low, high=high, reason=why)
        catalog.append([replace(one, splits=tuple(replace(s, metrics=(metric,)) for s in one.splits))])
    score = _read(catalog).curve("uci_splice", "dna-bert", "mlp").at(0, "accuracy")
    assert (score.low, score.high, score.reason) == pytest.approx(expected)
    assert score.value == pytest.approx(0.9)


def test_of_two_variants_the_one_recorded_last_counts(tmp_path):
    catalog = fill(tmp_path / "c.duckdb", datasets=SPLICE, models=("dna-bert",), layers=2)
    newer = {"eval": {"accuracy": 0.11}, "test": {"accuracy": 0.22}}
    catalog.append([probe("dna-bert", "uci_splice", Task.CLASSIFICATION, 0, 2, variant="a", scores=newer)])
    curve = _read(catalog).curve("uci_splice", "dna-bert", "mlp")
    assert curve.layers() == (0,)
    assert curve.choices["accuracy"].test.value == 0.22


@pytest.mark.parametrize("design", [{"control": "shuffled-labels"}, {"subset": "few-shot 5", "repeat": 0}])
def test_a_control_or_a_part_of_train_recorded_last_does_not_take_the_place_of_the_probe(tmp_path, design):
    catalog = fill(tmp_path / "c.duckdb", datasets=SPLICE, models=("dna-bert",), layers=2)
    expected = _read(catalog).curve("uci_splice", "dna-bert", "mlp")
    scores = {"eval": {"accuracy": 0.99}, "test": {"accuracy": 0.99}}
    given = {"variant": "a", "scores": scores} | design
    catalog.append([probe("dna-bert", "uci_splice", Task.CLASSIFICATION, 0, 2, **given)])
    assert _read(catalog).curve("uci_splice", "dna-bert", "mlp") == expected


def test_failed_probes_are_listed_with_the_reason_and_leave_the_other_layers(tmp_path):
    fail = {("dna-bert", "uci_splice", 1)}
    catalog = fill(tmp_path / "c.duckdb", datasets=SPLICE, models=MODELS, layers=3, seeds=(1, 2), fail=fail)
    results = _read(catalog, datasets=("uci_splice",))
    (failure,) = results.failed
    assert (failure.layers, failure.seeds, failure.n_probes) == ((1,), (1, 2), 2)
    assert failure.reason == "loss became <NaN> at epoch 3 & stayed"
    assert results.curve("uci_splice", "dna-bert", "mlp").layers() == (0, 2)
    assert results.missing == ()


def test_combinations_without_results_are_missing(tmp_path):
    catalog = fill(tmp_path / "c.duckdb", datasets=SPLICE, layers=2, skip={("onehot", "uci_splice")})
    (place,) = _read(catalog, datasets=("uci_splice",)).missing
    assert (place.dataset, place.model, place.head) == ("uci_splice", "onehot", "mlp")


def test_a_data_set_with_a_head_of_its_own_lacks_no_other_head(tmp_path):
    catalog = fill(tmp_path / "c.duckdb", datasets=SPLICE, models=("dna-bert",), layers=2)
    catalog.append(
        [probe("dna-bert", "deephf", Task.REGRESSION, layer, 2, "xgb") for layer in (0, 1)]
        + [dataset_record("deephf", Task.REGRESSION)]
    )
    both = ("uci_splice", "deephf")
    wanted = replace(
        selection(("dna-bert",), both, ("mlp", "xgb")), heads_of={"uci_splice": ("mlp",), "deephf": ("xgb",)}
    )
    results = read_results(catalog, wanted)
    assert results.missing == ()
    assert wanted.n_places == 2
    assert set(results.curves) == {("uci_splice", "dna-bert", "mlp"), ("deephf", "dna-bert", "xgb")}
    assert [part.rows[0][:3] for part in last_layer_table(results).parts] == [
        ("uci_splice", "dna-bert", "mlp"),
        ("deephf", "dna-bert", "xgb"),
    ]
    assert [len(part.rows) for part in last_layer_table(results).parts] == [1, 1]
    lacking = replace(wanted, heads_of={"deephf": ("mlp", "xgb"), "uci_splice": ("mlp",)})
    (place,) = read_results(catalog, lacking).missing
    assert (place.dataset, place.head) == ("deephf", "mlp")


def test_scores_of_classes_have_their_names_and_are_means_over_seeds_of_the_chosen_layer(tmp_path):
    catalog = fill(tmp_path / "c.duckdb", datasets=SPLICE, models=("dna-bert",), layers=0)
    record = dataset_record("uci_splice", Task.CLASSIFICATION)
    made = [replace(record, class_names=("acceptor", "donor"))]
    for seed, f1 in ((1, 0.6), (2, 0.8)):
        one = probe("dna-bert", "uci_splice", Task.CLASSIFICATION, 0, 1, seed=seed)
        by_class = tuple(
            ClassScore(label=label, metric="f1", value=f1 - label / 10, support=250, reason=None)
            for label in (0, 1)
        )
        made.append(replace(one, splits=tuple(replace(s, class_metrics=by_class) for s in one.splits)))
    catalog.append(made)
    results = _read(catalog)
    assert results.datasets[0].class_names == ("acceptor", "donor")
    (part,) = classes_table(Analysis(results=results, leaderboard=())).parts
    place = ("uci_splice", "dna-bert", "mlp", 0)
    assert part.rows == (
        (*place, 0, "acceptor", "f1", pytest.approx(0.7), 250, 2),
        (*place, 1, "donor", "f1", pytest.approx(0.6), 250, 2),
    )


def test_runs_tell_device_versions_and_times(tmp_path):
    (run,) = _read(fill(tmp_path / "c.duckdb", datasets=SPLICE, layers=2)).runs
    assert (run.command, run.status, run.device) == ("run", "done", "cpu")
    assert run.versions["torch"] == "2.13.0"
    assert (run.finished_at - run.started_at).total_seconds() == 754


def test_choices_and_the_leaderboard_of_all_are_those_of_the_catalogs_views(tmp_path):
    catalog = fill(tmp_path / "c.duckdb", layers=3, heads=("mlp", "linear"), seeds=(1, 2))
    results = _read(catalog, heads=("linear", "mlp"))
    rows = leaderboard(results)
    seen = {
        (row.dataset, row.place, row.model, row.control, row.head, row.choice.layer, row.choice.test.value)
        for row in rows
    }
    columns = "dataset, place, model, control, head, layer, test_score"
    assert seen == set(catalog.query(f"SELECT {columns} FROM leaderboard").rows)
    columns = "dataset, model, head, metric, layer, eval_score, test_score, oracle_layer, oracle_score, gap"
    expected = {row[:4]: row[4:] for row in catalog.query(f"SELECT {columns} FROM best_layers").rows}
    found = {
        (*key, choice.metric): (
            choice.layer,
            choice.eval_score,
            choice.test.value,
            choice.oracle_layer,
            choice.oracle_score,
            choice.gap,
        )
        for key, curve in results.curves.items()
        for choice in curve.choices.values()
    }
    assert found.keys() == expected.keys()
    for key, numbers in found.items():
        assert numbers == pytest.approx(expected[key])


def test_ranks_are_those_of_the_selected_models(tmp_path):
    catalog = fill(tmp_path / "c.duckdb", datasets=SPLICE, layers=3)
    rows = leaderboard(_read(catalog, models=MODELS[1:], datasets=("uci_splice",)))
    assert [row.rank for row in rows] == [1, 2, 3]
    scores = [row.choice.test.value for row in rows]
    assert scores == sorted(scores, reverse=True)


def test_another_metric_ranks_those_data_sets_whose_task_has_it(tmp_path):
    catalog = fill(tmp_path / "c.duckdb", datasets=(NAMES[0], NAMES[4]), layers=2)
    results = read_results(catalog, replace(selection(datasets=("prom_core", "deephf")), metric="roc_auc"))
    rows = leaderboard(results)
    assert {(row.dataset, row.metric) for row in rows} == {("prom_core", "roc_auc")}
    curve = results.curve("prom_core", "dna-bert", "mlp")
    assert rows[0].choice in [results.curve("prom_core", row.model, "mlp").choices["roc_auc"] for row in rows]
    assert "spearmanr" in results.curve("deephf", "dna-bert", "mlp").choices
    assert {layer for layer, _ in curve.test} == {0, 1}


def test_since_counts_only_probes_recorded_from_then_on(tmp_path):
    catalog = fill(
        tmp_path / "c.duckdb", datasets=SPLICE, models=MODELS, layers=2, fail={("onehot", SPLICE[0][0], 0)}
    )
    with duckdb.connect(catalog.path) as connection:
        connection.execute("UPDATE probes SET recorded_at = '2026-01-01' WHERE layer = 0 OR model = 'kmer-4'")
        connection.execute("UPDATE probes SET recorded_at = '2026-02-01' WHERE layer = 1")
    wanted = selection(datasets=("uci_splice",))
    since = datetime(2026, 2, 1)
    results = read_results(catalog, replace(wanted, since=since))
    assert results.curve("uci_splice", "dna-bert", "mlp").layers() == (1,)
    assert {place.model for place in results.missing} == {"kmer-4", "onehot"}
    assert results.failed == ()
    assert read_results(catalog, replace(wanted, since=since + timedelta(1))).curves == {}
    assert read_results(catalog, wanted).curve("uci_splice", "dna-bert", "mlp").layers() == (0, 1)


def _learning(layer, seed=1, **design):
    history = tuple(
        EpochRecord(epoch=epoch, train_loss=1 / epoch, eval_loss=None, eval_score=0.1 * epoch + 0.01 * layer)
        for epoch in (1, 2, 3)
    )
    return probe(
        "dna-bert",
        "uci_splice",
        Task.CLASSIFICATION,
        layer,
        3,
        seed=seed,
        scores={split: {"accuracy": 0.6 + 0.1 * (layer == 1)} for split in ("eval", "test")},
        history=history,
        convergence="converged" if layer else "overfitting",
        advice=None if layer else "stop earlier",
        **design,
    )


def test_the_learning_curve_is_that_of_the_chosen_layer_with_the_lowest_seed(tmp_path):
    catalog = fill(tmp_path / "c.duckdb", datasets=SPLICE, models=("dna-bert",), layers=0)
    catalog.append([_learning(layer, seed) for layer in range(3) for seed in (7, 2)])
    results = _read(catalog, models=("dna-bert",), datasets=("uci_splice",))
    (curve,) = results.learning
    assert (curve.layer, curve.seed, curve.chosen_epoch, curve.verdict) == (1, 2, 12, "converged")
    assert curve.points[1] == EpochFacts(
        epoch=2, train_loss=0.5, eval_loss=None, eval_score=pytest.approx(0.21)
    )
    assert results.verdicts == {("uci_splice", "dna-bert", "mlp"): {"converged": 4, "overfitting": 2}}


def _part(subset, layer, n_train, eval_score, test_score, *, seed=1, **design):
    named = f"size {n_train}" if subset else None
    return probe(
        "dna-bert",
        "uci_splice",
        Task.CLASSIFICATION,
        layer,
        2,
        seed=seed,
        variant=f"v{named}",
        subset=named,
        repeat=0 if subset else None,
        n_train=n_train,
        scores={"eval": {"accuracy": eval_score}, "test": {"accuracy": test_score}},
        spec={"subset": named, "repeat": 0, "layer": layer, "seed": seed, "settings": 1, "chosen": {}},
        **design,
    )


def test_data_efficiency_takes_the_layer_chosen_on_eval_for_each_part(tmp_path):
    catalog = fill(tmp_path / "c.duckdb", datasets=SPLICE, models=("dna-bert",), layers=0)
    records = [
        *(_part(True, layer, 100, (0.6, 0.5)[layer], (0.55, 0.9)[layer], seed=1) for layer in (0, 1)),
        *(_part(True, layer, 100, (0.6, 0.5)[layer], (0.65, 0.9)[layer], seed=2) for layer in (0, 1)),
        *(_part(False, layer, 4000, (0.7, 0.8)[layer], (0.9, 0.85)[layer]) for layer in (0, 1)),
    ]
    catalog.append(records)
    (curve,) = _read(catalog, models=("dna-bert",), datasets=("uci_splice",)).efficiency
    assert curve.metric == "accuracy"
    assert [(point.subset, point.n_train, point.layer, point.n_probes) for point in curve.points] == [
        ("size 100", 100, 0, 2),
        ("all", 4000, 1, 1),
    ]
    assert [point.value for point in curve.points] == pytest.approx([0.6, 0.85])
    assert curve.points[0].std == pytest.approx(0.1 / 2**0.5)
    assert curve.points[1].std is None


def test_selectivity_is_that_of_the_chosen_layer(tmp_path):
    catalog = fill(tmp_path / "c.duckdb", datasets=SPLICE, models=("dna-bert",), layers=0)
    for layer in (0, 1):
        for control in (None, "shuffled-labels"):
            value = 0.5 if control else 0.7 + 0.1 * layer
            catalog.append(
                [
                    probe(
                        "dna-bert",
                        "uci_splice",
                        Task.CLASSIFICATION,
                        layer,
                        2,
                        variant=f"v{control}",
                        control=control,
                        scores={split: {"accuracy": value} for split in ("eval", "test")},
                        spec={"layer": layer, "shuffled": control is not None},
                    )
                ]
            )
    (found,) = _read(catalog, models=("dna-bert",), datasets=("uci_splice",)).selectivity
    assert (found.layer, found.metric) == (1, "accuracy")
    assert (found.score, found.control_score, found.selectivity) == pytest.approx((0.8, 0.5, 0.3))


def test_facts_of_data_sets_and_embeddings_are_read(tmp_path):
    catalog = fill(tmp_path / "c.duckdb", datasets=SPLICE, models=("dna-bert",), layers=1)
    contents = SplitContents(n_items=9, label_counts=(4, 5), lengths=(1, 2, 3, 4, 5), targets=None)
    values = SplitContents(n_items=9, label_counts=None, lengths=None, targets=((0.0, 0.5, 1.0, 1.5, 2.0),))
    record = DatasetRecord(
        dataset="uci_splice",
        sha256="a" * 64,
        task=Task.CLASSIFICATION,
        n_seqs=2,
        n_classes=2,
        n_targets=None,
        n_items={"train": 9, "test": 9},
        alphabet="rna",
        task_group="splicing",
        ceiling=None,
        splits={"train": contents, "test": values},
    )
    embedding = EmbeddingRecord(
        model="dna-bert",
        dataset="uci_splice",
        split="test",
        n_items=9,
        tokens=90,
        seconds=2.0,
        bytes=100,
        coverage_mean=None,
        coverage_min=None,
        device="cpu",
        dtype="float32",
        settings={},
    )
    catalog.append([record, embedding, replace(embedding, split="train")])
    results = _read(catalog, models=("dna-bert",), datasets=("uci_splice",))
    (facts,) = results.datasets
    assert (facts.group, facts.alphabet, facts.n_seqs) == ("splicing", "rna", 2)
    assert list(facts.splits) == ["train", "test"]
    assert (facts.splits["train"].label_counts, facts.splits["train"].lengths) == ((4, 5), (1, 2, 3, 4, 5))
    assert facts.splits["test"].targets == ((0.0, 0.5, 1.0, 1.5, 2.0),)
    assert [one.split for one in results.embeddings] == ["train", "test"]
    assert (results.embeddings[0].tokens_per_s, results.embeddings[0].coverage_mean) == (45.0, None)


def test_a_data_set_of_an_older_version_has_no_split_facts_and_the_group_of_its_task(tmp_path):
    (facts,) = _read(
        fill(tmp_path / "c.duckdb", datasets=SPLICE, layers=1), datasets=("uci_splice",)
    ).datasets
    assert (facts.splits, facts.group) == ({}, "classification")
