"""Tables of layers: what stands in them, and that they follow the catalog."""

import csv
import io
from dataclasses import replace

import pytest
from analyses import analysis
from report_records import fill, probe, selection

from seqbench.core.types import Task
from seqbench.metrics import METRICS
from seqbench.report.read import read_results
from seqbench.report.tables.best import best_table, last_layer_table
from seqbench.report.tables.layers import layers_table
from seqbench.report.tables.table import to_markdown, to_tsv

PAIR = (("splice", Task.CLASSIFICATION), ("fitness", Task.REGRESSION))
SKIP = {("bert-untrained", "splice")}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Two models on a classification and a regression data set; no results of one pair."""
    path = tmp_path_factory.mktemp("tables") / "c.duckdb"
    catalog = fill(path, datasets=PAIR, models=("bert", "bert-untrained"), layers=3, skip=SKIP)
    return read_results(catalog, selection(("bert", "bert-untrained"), ("splice", "fitness")))


def _rows(table):
    return list(csv.DictReader(io.StringIO(to_tsv(table)), delimiter="\t"))


def _with(tmp_path, scores):
    """A catalog of one model on one data set: layer to its accuracy on eval and on test."""
    catalog = fill(tmp_path / "c.duckdb", datasets=PAIR[:1], models=("bert",), layers=0)
    catalog.append(
        probe("bert", "splice", Task.CLASSIFICATION, layer, 3, scores=_accuracy(*values))
        for layer, values in scores.items()
    )
    return read_results(catalog, selection(("bert",), ("splice",)))


def _accuracy(eval_score, test_score):
    return {"eval": {"accuracy": eval_score}, "test": {"accuracy": test_score}}


def test_the_layer_is_chosen_on_eval_and_the_oracle_stands_beside_it(tmp_path):
    table = best_table(_with(tmp_path, {0: (0.5, 0.6), 1: (0.9, 0.7), 2: (0.8, 0.75)}), ["accuracy"])
    (row,) = _rows(table)
    assert (row["layer"], row["accuracy"], row["eval_accuracy"]) == ("1", "0.7", "0.9")
    assert (row["oracle_layer"], row["oracle_accuracy"]) == ("2", "0.75")
    assert float(row["gap"]) == pytest.approx(0.05)


def test_a_table_by_one_metric_has_all_scores_of_the_chosen_layer(results):
    row = _rows(best_table(results, ["accuracy"]))[0]
    curve = results.curve("splice", "bert", "mlp")
    for metric in ("accuracy", "roc_auc", "mcc"):
        assert float(row[metric]) == curve.at(int(row["layer"]), metric).value


def test_a_table_by_several_metrics_has_each_ones_own_best_layer(results):
    row = _rows(best_table(results, ["roc_auc", "accuracy"]))[0]
    choices = results.curve("splice", "bert", "mlp").choices
    for metric in ("roc_auc", "accuracy"):
        assert float(row[metric]) == choices[metric].test.value
        assert int(row[f"{metric}_layer"]) == choices[metric].layer
        assert int(row[f"oracle_{metric}_layer"]) == choices[metric].oracle_layer


def test_data_sets_without_the_metric_are_left_out(results):
    assert {row["dataset"] for row in _rows(best_table(results, ["accuracy"]))} == {"splice"}
    assert {row["dataset"] for row in _rows(best_table(results, ["r2", "mse"]))} == {"fitness"}


def test_there_is_no_table_where_no_data_set_has_the_metric(tmp_path):
    assert best_table(_with(tmp_path, {0: (0.5, 0.6)}), ["spearmanr"]) is None


def test_what_has_no_results_is_empty_in_tsv_and_a_dash_in_markdown(results):
    table = best_table(results, ["accuracy"])
    assert _rows(table)[1]["layer"] == ""
    assert "| splice | bert-untrained | mlp | – | – |" in to_markdown(table)


def test_the_last_layer_is_the_models_last_with_the_metrics_of_each_task(results):
    rows = _rows(last_layer_table(results))
    assert {row["layer"] for row in rows} == {"2", ""}
    by_data_set = {row["dataset"]: row for row in rows if row["model"] == "bert"}
    assert by_data_set["splice"]["r2"] == ""
    assert float(by_data_set["fitness"]["r2"]) == results.curve("fitness", "bert", "mlp").at(2, "r2").value


def test_a_last_layer_that_was_not_asked_for_has_no_row(tmp_path):
    assert last_layer_table(_with(tmp_path, {0: (0.5, 0.6), 1: (0.9, 0.7)})) is None


def test_the_best_score_of_a_data_set_is_bold_whichever_way_its_metric_goes():
    made = analysis(4, 6, 7)
    part = best_table(made.results, ["accuracy"]).parts[0]
    for metric, pick in (("accuracy", max), ("brier", min)):
        column = part.columns.index(metric)
        for dataset in {row[0] for row in part.rows}:
            known = [(row[column], n) for n, row in enumerate(part.rows) if row[0] == dataset and row[column]]
            assert [n for _, n in known if (n, column) in part.best] == [pick(known)[1]]


def test_scores_that_cannot_be_told_apart_from_the_best_are_marked():
    made = analysis(4, 6, 7)
    table = best_table(made.results, ["accuracy"], made.leaderboard)
    shared = [row for row in made.leaderboard if row.metric == "accuracy" and row.rank == 1 != row.place]
    assert shared
    for row in shared:
        assert f"{row.choice.test.value:.4f} †" in to_markdown(table)
    assert sum(len(part.as_good) for part in table.parts) == len(shared)


def test_the_long_table_has_a_row_for_every_layer_and_metric():
    made = analysis(4, 6, 7)
    rows = _rows(layers_table(made))
    facts = {dataset.name: dataset for dataset in made.results.datasets}
    wanted = [len(c.layers()) * len(METRICS[facts[c.dataset].task]) for c in made.results.curves.values()]
    assert len(rows) == sum(wanted)
    for row in rows:
        curve = made.results.curve(row["dataset"], row["model"], row["head"])
        assert float(row["score"]) == curve.at(int(row["layer"]), row["metric"]).value
        choice = curve.choices[row["metric"]]
        assert row["chosen"] == ("true" if choice.layer == int(row["layer"]) else "false")


def test_the_long_table_says_how_much_worse_a_layer_is_than_the_chosen_one():
    made = analysis(4, 6, 7)
    compared = made.layers[0]
    rows = {
        int(row["layer"]): row
        for row in _rows(layers_table(made))
        if (row["dataset"], row["model"], row["metric"])
        == (compared.dataset, compared.model, compared.metric)
    }
    for one in compared.layers:
        assert float(rows[one.layer]["worse_than_chosen"]) == one.difference
        assert rows[one.layer]["as_good"] == ("true" if one.p_holm >= 0.05 else "false")
    assert rows[compared.chosen]["as_good"] == ""
    nothing = _rows(layers_table(replace(made, layers=())))
    assert {row["as_good"] for row in nothing} == {""}
