"""Comparisons: how they are kept and found again, and which of them the views show."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from seqbench.catalog import Catalog
from seqbench.catalog.records import EpochRecord, comparison_key
from tests.catalog.catalog_records import comparison_record, dataset_record, probe_record


@pytest.fixture
def catalog(tmp_path):
    return Catalog(tmp_path / "catalog.duckdb")


def dicts(catalog, sql):
    result = catalog.query(sql)
    return [dict(zip(result.columns, row, strict=True)) for row in result.rows]


def acc(value):
    return {"accuracy": value}


def probe(model, score, **changed):
    return probe_record(model=model, eval=acc(score), test=acc(score), **changed)


def holm(values):
    """Holm (1979), as in his paper: step down through the sorted values, never below the one before."""
    adjusted, worst = {}, 0.0
    for step, (name, p) in enumerate(sorted(values.items(), key=lambda pair: pair[1])):
        worst = max(worst, min(1.0, p * (len(values) - step)))
        adjusted[name] = worst
    return adjusted


def test_a_comparison_is_found_by_its_key_and_comes_back_as_it_went_in(catalog):
    first = comparison_record([probe("a", 0.5), probe("a", 0.6, seed=2)], [probe("b", 0.7)])
    undefined = comparison_record([probe("a", 0.5)], [probe("c", 0.7)], difference=None, p=None)
    assert catalog.known_comparisons([first.key]) == {}
    catalog.append([first, undefined])
    assert catalog.known_comparisons([first.key, undefined.key, "other"]) == {
        first.key: first,
        undefined.key: undefined,
    }
    assert catalog.known_comparisons([]) == {}


def test_a_comparison_made_again_takes_the_place_of_the_first(catalog):
    first = comparison_record([probe("a", 0.5)], [probe("b", 0.7)])
    catalog.append([first])
    catalog.append([replace(first, p=0.5), replace(first, p=0.25)])
    assert catalog.query("SELECT key, p FROM paired_comparisons").rows == [(first.key, 0.25)]


def test_a_key_names_sides_metric_and_resamples_and_not_the_order_of_seeds():
    key = comparison_key("mcc", [1, 2], [3], 200)
    assert comparison_key("mcc", (2, 1), {3}, 200) == key
    others = [
        comparison_key("f1", [1, 2], [3], 200),
        comparison_key("mcc", [3], [1, 2], 200),
        comparison_key("mcc", [1], [2, 3], 200),
        comparison_key("mcc", [12], [3], 200),
        comparison_key("mcc", [1, 2], [3], 1000),
    ]
    assert len({key, *others}) == 6


def test_pairs_are_corrected_over_all_pairs_of_their_data_set_and_metric(catalog):
    probes = {name: probe(name, 0.5 + 0.01 * place) for place, name in enumerate("dcbae")}
    other = [probe(name, 0.5, dataset="other") for name in "ab"]
    catalog.append([*probes.values(), *other])
    raw = dict(zip(combinations("abcde", 2), np.random.default_rng(4).uniform(0, 0.05, 10), strict=True))
    catalog.append(comparison_record([probes[a]], [probes[b]], p=p) for (a, b), p in raw.items())
    catalog.append([comparison_record([other[0]], [other[1]], p=0.04)])
    found = dicts(catalog, "FROM comparisons WHERE dataset = 'splice'")
    adjusted = {(row["model_a"], row["model_b"]): row["p_holm"] for row in found}
    assert adjusted == pytest.approx(holm(raw))
    assert [row["is_clear"] for row in found] == [row["p_holm"] < 0.05 for row in found]
    (alone,) = dicts(catalog, "FROM comparisons WHERE dataset = 'other'")
    assert (alone["p_holm"], alone["is_clear"], alone["task"]) == (0.04, True, "classification")


def test_a_model_ranks_behind_those_that_are_clearly_better_and_shares_its_rank_with_the_others(catalog):
    best, good, poor, untested = (
        probe(name, score) for name, score in zip("abcd", (0.9, 0.8, 0.5, 0.4), strict=True)
    )
    catalog.append([best, good, poor, untested])
    catalog.append(
        [
            comparison_record([best], [good], difference=0.1, p=0.5),
            comparison_record([best], [poor], difference=0.4, p=1e-6),
            comparison_record([poor], [good], difference=-0.3, p=1e-3),
        ]
    )
    found = catalog.query("SELECT model, rank, place FROM leaderboard ORDER BY place").rows
    assert found == [("a", 1, 1), ("b", 1, 2), ("c", 3, 3), ("d", None, 4)]


def test_where_nothing_was_compared_there_are_places_but_no_ranks(catalog):
    catalog.append([probe("a", 0.9), probe("b", 0.8)])
    assert catalog.query("SELECT model, rank, place FROM leaderboard ORDER BY place").rows == [
        ("a", None, 1),
        ("b", None, 2),
    ]
    undefined = comparison_record([probe("a", 0.9)], [probe("b", 0.8)], difference=None, p=None)
    catalog.append([undefined])
    (row,) = dicts(catalog, "FROM comparisons")
    assert (row["p"], row["p_holm"], row["is_clear"]) == (None, None, None)
    assert catalog.query("SELECT DISTINCT rank FROM leaderboard").rows == [(None,)]


@pytest.mark.parametrize(
    "later",
    [
        probe("a", 0.95, layer=1),
        probe("a", 0.9, seed=2),
        probe("a", 0.95, head="linear"),
        probe("a", 0.95, variant="v2"),
    ],
    ids=["another layer", "one more seed", "another head", "another variant"],
)
def test_a_comparison_is_shown_only_as_long_as_the_leaderboard_shows_its_sides(catalog, later):
    sides = [probe("a", 0.9), probe("b", 0.8)]
    catalog.append([*sides, comparison_record([sides[0]], [sides[1]])])
    assert len(catalog.query("FROM comparisons").rows) == 1
    assert catalog.query("SELECT rank FROM leaderboard ORDER BY place").rows == [(1,), (2,)]
    catalog.append([later])
    assert catalog.query("FROM comparisons").rows == []
    assert catalog.query("SELECT rank FROM leaderboard").rows == [(None,), (None,)]


def test_of_comparisons_of_the_same_pair_the_one_with_most_resamples_is_shown(catalog):
    a, b = probe("a", 0.9), probe("b", 0.8)
    catalog.append([a, b, comparison_record([a], [b], p=0.3, n_resamples=2000)])
    catalog.append([comparison_record([b], [a], difference=-0.1, p=0.2)])
    (row,) = dicts(catalog, "FROM comparisons")
    assert (row["model_a"], row["p"], row["n_resamples"]) == ("a", 0.3, 2000)


def test_models_are_compared_by_other_metrics_as_well_and_ranked_by_the_primary_one(catalog):
    both = [{"accuracy": 0.9, "mcc": 0.2}, {"accuracy": 0.8, "mcc": 0.6}]
    probes = [
        probe_record(model=name, layer=layer, eval=scores, test=scores)
        for name, shift in (("a", 0.0), ("b", 0.05))
        for layer, scores in enumerate({key: value - shift for key, value in one.items()} for one in both)
    ]
    catalog.append(probes)
    a0, a1, b0, b1 = probes
    catalog.append(
        [comparison_record([a1], [b1], p=1e-4, metric="mcc"), comparison_record([a0], [b0], p=0.5)]
    )
    found = catalog.query("SELECT metric, layer_a, p_holm FROM comparisons ORDER BY metric").rows
    assert found == [("accuracy", 0, 0.5), ("mcc", 1, 1e-4)]
    assert catalog.query("SELECT rank FROM leaderboard").rows == [(1,), (1,)]


def test_layers_are_corrected_over_the_others_of_their_model_and_head(catalog):
    probes = [probe("a", score, layer=layer) for layer, score in enumerate((0.5, 0.9, 0.8, 0.85))]
    catalog.append([*probes, probe("b", 0.9, layer=1), probe("b", 0.2)])
    raw = {0: 0.001, 2: 0.03, 3: 0.4}
    catalog.append(comparison_record([probes[1]], [probes[layer]], p=p) for layer, p in raw.items())
    catalog.append([comparison_record([probe("b", 0.9, layer=1)], [probe("b", 0.2)], p=0.02)])
    found = dicts(catalog, "FROM layer_comparisons ORDER BY layer")
    assert {row["layer"]: row["p_holm"] for row in found if row["model"] == "a"} == pytest.approx(holm(raw))
    assert [(row["layer"], row["is_as_good"]) for row in found if row["model"] == "a"] == [
        (0, False),
        (2, True),
        (3, True),
    ]
    assert [(row["chosen"], row["p_holm"]) for row in found if row["model"] == "b"] == [(1, 0.02)]
    catalog.append([probe("a", 0.95, layer=2, seed=2)])
    assert {row["layer"] for row in dicts(catalog, "FROM layer_comparisons WHERE model = 'a'")} == {0, 3}
    catalog.append([probe("a", 0.99, layer=2, seed=3)])
    assert dicts(catalog, "FROM layer_comparisons WHERE model = 'a'") == []


def test_learning_curves_have_a_row_an_epoch_with_the_chosen_one_marked(catalog):
    points = tuple(
        EpochRecord(epoch=epoch, train_loss=1 / epoch, eval_loss=None, eval_score=0.5) for epoch in (1, 2, 3)
    )
    catalog.append(
        [
            probe("a", 0.5, history=points, convergence="converged"),
            probe("a", 0.5, layer=1, history=points[:1], chosen_epoch=None),
            probe("b", 0.5, history=points, status="failed", error="diverged"),
        ]
    )
    found = dicts(catalog, "FROM learning_curves ORDER BY layer, epoch")
    assert [(row["layer"], row["epoch"], row["is_chosen"], row["convergence"]) for row in found] == [
        (0, 1, False, "converged"),
        (0, 2, True, "converged"),
        (0, 3, False, "converged"),
        (1, 1, False, None),
    ]


def test_data_sets_are_reported_with_their_group_or_their_task(catalog):
    catalog.append([dataset_record("splice", task_group="rna"), dataset_record("other")])
    catalog.append([probe("a", 0.5), probe("a", 0.5, dataset="other"), probe("a", 0.5, dataset="unknown")])
    found = catalog.query("SELECT dataset, task_group FROM leaderboard ORDER BY dataset").rows
    assert found == [("other", "classification"), ("splice", "rna"), ("unknown", "classification")]


def test_the_primary_metrics_that_the_leaderboard_names_are_those_of_the_catalog(catalog):
    catalog.append([])
    text = catalog.query("SELECT sql FROM duckdb_views() WHERE view_name = 'leaderboard'").rows[0][0]
    primary = catalog.query("SELECT metric FROM metric_names WHERE is_primary").rows
    assert sorted(name for (name,) in primary) == [
        "accuracy",
        "pearson_delta",
        "roc_auc",
        "spearmanr",
    ]
    assert all(f"'{name}'" in text for (name,) in primary)
