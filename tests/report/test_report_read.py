"""What is read from the catalog, and the leaderboard made of it."""

import pytest
from report_records import MODELS, NAMES, fill, probe, selection

from seqbench.report.leaderboard import leaderboard
from seqbench.report.read import read_results
from seqbench.vocabulary import Task

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


def test_runs_tell_device_versions_and_times(tmp_path):
    (run,) = _read(fill(tmp_path / "c.duckdb", datasets=SPLICE, layers=2)).runs
    assert (run.command, run.status, run.device) == ("run", "done", "cpu")
    assert run.versions["torch"] == "2.13.0"
    assert (run.finished_at - run.started_at).total_seconds() == 754


def test_the_leaderboard_of_all_is_that_of_the_catalogs_view(tmp_path):
    catalog = fill(tmp_path / "c.duckdb", layers=3, heads=("mlp", "linear"), seeds=(1, 2))
    rows = leaderboard(_read(catalog, heads=("linear", "mlp")))
    seen = {
        (row.dataset, row.rank, row.model, row.control, row.head, row.choice.layer, row.choice.test.value)
        for row in rows
    }
    columns = "dataset, rank, model, control, head, layer, test_score"
    assert seen == set(catalog.query(f"SELECT {columns} FROM leaderboard").rows)


def test_ranks_are_those_of_the_selected_models(tmp_path):
    catalog = fill(tmp_path / "c.duckdb", datasets=SPLICE, layers=3)
    rows = leaderboard(_read(catalog, models=MODELS[1:], datasets=("uci_splice",)))
    assert [row.rank for row in rows] == [1, 2, 3]
    scores = [row.choice.test.value for row in rows]
    assert scores == sorted(scores, reverse=True)
