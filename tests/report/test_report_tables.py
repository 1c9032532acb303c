"""Tables: what stands in them, and their two forms."""

import csv
import io

import pytest
from report_records import fill, probe, selection

from seqbench.report.read import read_results
from seqbench.report.tables.table import Part, Table, to_markdown, to_tsv
from seqbench.report.tables.best import best_table, last_layer_table
from seqbench.vocabulary import Task

PAIR = (("splice", Task.CLASSIFICATION), ("fitness", Task.REGRESSION))


@pytest.fixture
def results(tmp_path):
    """Two models on a classification and a regression data set; no results of one pair."""
    catalog = fill(
        tmp_path / "c.duckdb", datasets=PAIR, models=("bert", "bert-untrained"), layers=3, skip=SKIP
    )
    return read_results(catalog, selection(("bert", "bert-untrained"), ("splice", "fitness")))


SKIP = {("bert-untrained", "splice")}


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


def test_markdown_has_four_digits_and_tsv_all_of_them():
    table = _table(("x", 1 / 3))
    assert "| x | 0.3333 |" in to_markdown(table)
    assert to_tsv(table).splitlines()[1] == f"x\t{1 / 3!r}"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x"])
def test_text_that_a_spreadsheet_would_run_is_defused(text):
    assert to_tsv(_table((text, 1))).splitlines()[1] == f"'{text}\t1"


def test_text_cannot_break_out_of_its_cell():
    table = _table(("a\tb\nc|d", -0.5))
    assert to_tsv(table).splitlines()[1] == "a b c|d\t-0.5"
    assert "| a b c\\|d | -0.5000 |" in to_markdown(table)


def _table(row):
    return Table(
        name="t", title="T", note="N.", parts=(Part(title="", columns=("name", "value"), rows=(row,)),)
    )
