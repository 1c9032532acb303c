"""Leaderboard, standings, comparisons and gains as tables, and results for model cards."""

import csv
import io
from dataclasses import replace

import pytest
import yaml
from analyses import analysis

from seqbench.metrics import METRICS
from seqbench.report.analysis import OVERALL, RankTest
from seqbench.report.tables.card import carded_models, model_index
from seqbench.report.tables.standing import (
    comparisons_table,
    gains_table,
    leaderboard_table,
    standings_table,
)
from seqbench.report.tables.table import to_tsv


@pytest.fixture(scope="module")
def made():
    return analysis(4, 6, 7)


def _rows(table):
    return list(csv.DictReader(io.StringIO(to_tsv(table)), delimiter="\t"))


def test_the_leaderboard_has_rank_place_score_and_interval_of_every_row(made):
    rows = _rows(leaderboard_table(made))
    assert len(rows) == len(made.leaderboard)
    for row, one in zip(rows, made.leaderboard, strict=True):
        assert (row["dataset"], row["model"]) == (one.dataset, one.model)
        assert (row["rank"], row["place"]) == (str(one.rank), str(one.place))
        test = one.choice.test
        assert [float(row[name]) for name in ("score", "low", "high")] == [test.value, test.low, test.high]


def test_the_leaderboard_has_gains_with_their_intervals_where_there_are_any(made):
    gains = {(gain.dataset, gain.model, gain.kind): gain for gain in made.gains}
    for row in _rows(leaderboard_table(made)):
        for kind in ("untrained", "kmer"):
            gain = gains.get((row["dataset"], row["model"], kind))
            cells = [row[f"gain_{kind}{end}"] for end in ("", "_low", "_high")]
            wanted = ["", "", ""] if gain is None else [gain.difference, gain.low, gain.high]
            assert cells == [str(number) for number in wanted]


def test_the_leaderboard_counts_the_layers_that_are_as_good_as_the_chosen_one(made):
    compared = {(one.dataset, one.model): one for one in made.layers}
    for row in _rows(leaderboard_table(made)):
        one = compared.get((row["dataset"], row["model"]))
        good = [] if one is None else [str(layer.layer) for layer in one.layers if layer.p_holm >= 0.05]
        assert row["layers_as_good"] == " ".join(good)
        assert row["n_layers_as_good"] == ("" if one is None else str(len(good)))


def test_standings_have_letters_that_models_share_where_they_cannot_be_told_apart(made):
    names = [model.name for model in made.results.models]
    cliques = ((names[0], names[1]), (names[1], names[2]))
    test = RankTest(scope=OVERALL, n_datasets=6, n_models=4, p=0.01, critical_difference=1.5, cliques=cliques)
    rows = _rows(standings_table(replace(made, rank_tests=(test,))))
    overall = {row["model"]: row["cliques"] for row in rows if row["scope"] == OVERALL}
    assert overall == dict(zip(names, ("a", "ab", "b", ""), strict=True))
    assert {row["critical_difference"] for row in rows if row["scope"] == OVERALL} == {"1.5"}
    assert {row["friedman_p"] for row in rows if row["scope"] != OVERALL} == {""}


def test_comparisons_name_both_sides_and_say_what_is_clear(made):
    for row, one in zip(_rows(comparisons_table(made)), made.comparisons, strict=True):
        assert (row["model_a"], row["layer_a"]) == (one.a.model, str(one.a.layer))
        assert (row["model_b"], row["layer_b"]) == (one.b.model, str(one.b.layer))
        assert float(row["difference"]) == one.difference
        assert row["clear"] == ("true" if one.p_holm < 0.05 else "false")


def test_gains_that_were_not_compared_have_no_interval_and_are_not_called_clear(made):
    bare = tuple(replace(gain, low=None, high=None, p_holm=None) for gain in made.gains)
    for row in _rows(gains_table(replace(made, gains=bare))):
        assert float(row["gain"]) == 0.1
        assert (row["low"], row["high"], row["p_holm"], row["clear"]) == ("", "", "", "")


def test_the_hub_reads_the_model_index_and_finds_every_score(made):
    from huggingface_hub import ModelCardData
    from huggingface_hub.repocard_data import model_index_to_eval_results

    text = model_index(made, "genome-bert-12l")
    index = yaml.safe_load(text)
    card = ModelCardData(**index)
    name, results = model_index_to_eval_results(index["model-index"])
    assert name == card.model_name == "genome-bert-12l"
    facts = {dataset.name: dataset for dataset in made.results.datasets}
    assert len(results) == len(card.eval_results) == sum(len(METRICS[d.task]) for d in facts.values())
    for one in results:
        choice = made.results.curve(one.dataset_type, name, "mlp")
        row = next(r for r in made.leaderboard if (r.dataset, r.model) == (one.dataset_type, name))
        metric = one.metric_name.split()[0]
        assert one.metric_value == choice.at(row.choice.layer, metric).value
        assert (one.dataset_split, one.dataset_revision) == ("test", facts[one.dataset_type].sha256)
        assert f"layer {row.choice.layer} of 0–6" in one.metric_name
    assert yaml.safe_load(card.to_yaml())["model-index"]


def test_the_ranking_metric_comes_first_and_hub_names_are_used(made):
    result = yaml.safe_load(model_index(made, "genome-bert-12l"))["model-index"][0]["results"]
    assert [one["metrics"][0]["type"] for one in result[:4]] == [
        "accuracy",
        "accuracy",
        "accuracy",
        "roc_auc",
    ]
    types = {metric["type"] for one in result for metric in one["metrics"]}
    assert {"matthews_correlation", "r_squared", "brier_score"} <= types
    assert not {"mcc", "r2", "brier"} & types


def test_controls_have_no_model_card(made):
    assert carded_models(made) == ("genome-bert-12l", "dna-llama-1b")
    assert carded_models(analysis(empty=True)) == ()
