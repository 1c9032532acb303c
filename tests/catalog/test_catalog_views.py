import pytest

from seqbench.catalog import Catalog
from seqbench.core.types import Task
from seqbench.metrics import METRICS, PRIMARY, all_metrics, higher_is_better
from seqbench.metrics.names import LETTER_METRICS
from tests.catalog.catalog_records import failed_record, model_record, probe_record


@pytest.fixture
def catalog(tmp_path):
    return Catalog(tmp_path / "catalog.duckdb")


def dicts(catalog, sql):
    result = catalog.query(sql)
    return [dict(zip(result.columns, row, strict=True)) for row in result.rows]


def acc(value):
    return {"accuracy": value}


def test_the_table_of_metrics_is_that_of_the_metrics_package(catalog):
    catalog.append([])
    found = catalog.query("SELECT metric, task, higher_is_better, is_primary FROM metric_names").rows
    assert set(found) == {
        (metric, str(task), higher_is_better(metric), PRIMARY[task] == metric)
        for task in Task
        for metric in (*METRICS[task], *LETTER_METRICS.get(task, ()))
    }


def test_results_have_the_promised_columns_and_one_for_each_metric(catalog):
    catalog.append([])
    probe = ("model", "dataset", "task", "layer", "head", "seed")
    design = ("fold", "folds", "subset", "repeat", "control")
    every = all_metrics()
    assert catalog.query("FROM results").columns == (
        *probe,
        *design,
        "split",
        "n_items",
        *every,
        "variant",
        "probe_id",
    )


def test_results_have_a_row_for_each_split_of_probes_that_are_ok(catalog):
    catalog.append([probe_record(eval=acc(0.7), test={"accuracy": 0.6, "mcc": None}), failed_record(layer=1)])
    found = dicts(catalog, "FROM results ORDER BY split")
    assert [(row["split"], row["accuracy"], row["mcc"], row["r2"], row["n_items"]) for row in found] == [
        ("eval", 0.7, None, None, 5),
        ("test", 0.6, None, None, 5),
    ]


def test_layer_scores_are_means_over_seeds_of_one_variant(catalog):
    catalog.append([probe_record(seed=1, test=acc(0.5)), probe_record(seed=2, test=acc(0.7))])
    catalog.append([probe_record(variant="v2", test=acc(0.1))])
    found = dicts(catalog, "FROM layer_scores ORDER BY variant")
    assert [row["value"] for row in found] == pytest.approx([0.6, 0.1])
    assert (found[0]["low"], found[0]["high"]) == pytest.approx((0.5, 0.7))
    assert [row["n_probes"] for row in found] == [2, 1]
    assert found[0]["std"] == pytest.approx(0.2 / 2**0.5)
    assert found[1]["std"] is None


def test_the_best_layer_is_chosen_on_eval_with_the_oracle_and_the_gap_beside_it(catalog):
    scores = [(0.5, 0.9), (0.8, 0.6), (0.7, 0.7)]
    catalog.append(probe_record(layer=layer, eval=acc(e), test=acc(t)) for layer, (e, t) in enumerate(scores))
    (best,) = dicts(catalog, "FROM best_layers")
    assert (best["layer"], best["eval_score"], best["test_score"]) == (1, 0.8, 0.6)
    assert (best["oracle_layer"], best["oracle_score"]) == (0, 0.9)
    assert best["gap"] == pytest.approx(0.3)
    assert (best["test_low"], best["test_high"]) == pytest.approx((0.5, 0.7))


def test_of_layers_that_tie_the_lowest_is_chosen(catalog):
    catalog.append(probe_record(layer=layer, eval=acc(0.5), test=acc(0.5)) for layer in (2, 1))
    (best,) = dicts(catalog, "FROM best_layers")
    assert (best["layer"], best["oracle_layer"], best["gap"]) == (1, 1, 0)


def test_the_best_layer_by_an_error_is_the_one_with_the_lowest(catalog):
    scores = [(2.0, 3.0), (1.0, 2.5), (3.0, 2.0)]
    catalog.append(
        probe_record(layer=layer, task=Task.REGRESSION, eval={"mse": e}, test={"mse": t})
        for layer, (e, t) in enumerate(scores)
    )
    (best,) = dicts(catalog, "FROM best_layers")
    assert (best["layer"], best["test_score"], best["oracle_layer"]) == (1, 2.5, 2)
    assert best["gap"] == 0.5


def test_a_layer_whose_score_is_undefined_is_not_chosen(catalog):
    catalog.append([probe_record(eval=acc(None), test=acc(0.9)), probe_record(layer=1, eval=acc(0.2))])
    (best,) = dicts(catalog, "FROM best_layers")
    assert (best["layer"], best["test_score"], best["gap"]) == (1, None, None)


def test_the_leaderboard_takes_the_head_that_is_best_on_eval_and_ranks_on_test(catalog):
    catalog.append([model_record("bert"), model_record("four", "kmer"), model_record("twin", "random-init")])
    catalog.append(
        [
            probe_record(head="mlp", eval=acc(0.7), test=acc(0.9)),
            probe_record(head="linear", eval=acc(0.8), test=acc(0.8)),
            probe_record(model="four", eval=acc(0.9), test=acc(0.85)),
            probe_record(model="twin", eval=acc(0.5), test=acc(0.5)),
        ]
    )
    found = dicts(catalog, "FROM leaderboard ORDER BY place")
    assert [
        (row["place"], row["model"], row["head"], row["test_score"], row["control"]) for row in found
    ] == [
        (1, "four", "mlp", 0.85, True),
        (2, "bert", "linear", 0.8, False),
        (3, "twin", "mlp", 0.5, True),
    ]


def test_the_leaderboard_goes_by_the_primary_metric_and_ranks_each_dataset(catalog):
    both = {"mse": 0.1, "spearmanr": 0.9}
    catalog.append(
        [
            probe_record(dataset="a", task=Task.REGRESSION, eval=both, test=both),
            probe_record(dataset="b", eval={"accuracy": 0.5, "mcc": 0.2}, test=acc(0.5)),
            probe_record(dataset="b", model="other", eval=acc(0.5), test=acc(0.5)),
            probe_record(dataset="b", model="untested", eval=acc(0.5)),
        ]
    )
    found = catalog.query("SELECT dataset, model, metric, place FROM leaderboard ORDER BY ALL").rows
    assert found == [
        ("a", "bert", "spearmanr", 1),
        ("b", "bert", "accuracy", 1),
        ("b", "other", "accuracy", 1),
        ("b", "untested", "accuracy", None),
    ]


def design_record(score, spec=None, **changed):
    """A probe of some design, known by the variant that its design makes."""
    design = {key: changed[key] for key in ("folds", "subset", "control") if key in changed}
    given = {"variant": str(design), "spec_hash": f"{score}{spec}{sorted(changed.items())}"} | changed
    return probe_record(eval=acc(score), test=acc(score), spec={"layer": 0} | (spec or {}), **given)


def test_views_for_people_leave_out_single_folds_parts_of_train_and_controls(catalog):
    catalog.append(
        [
            design_record(0.5),
            design_record(0.6, head="linear", folds=2),
            design_record(0.9, head="linear", folds=2, fold=0),
            design_record(0.8, head="linear", folds=2, fold=1),
            design_record(0.7, subset="few-shot 5", repeat=0),
            design_record(0.95, control="shuffled-labels"),
        ]
    )
    for view in ("layer_scores WHERE split = 'test'", "best_layers"):
        found = dicts(catalog, f"SELECT head, n_probes FROM {view} ORDER BY head")
        assert found == [{"head": "linear", "n_probes": 1}, {"head": "mlp", "n_probes": 1}]
    (best,) = dicts(catalog, "FROM leaderboard")
    assert (best["head"], best["test_score"]) == ("linear", 0.6)
    designs = catalog.query(
        "SELECT accuracy, fold, folds, subset, repeat, control FROM results WHERE split = 'test' ORDER BY ALL"
    ).rows
    assert designs == [
        (0.5, None, None, None, None, None),
        (0.6, None, 2, None, None, None),
        (0.7, None, None, "few-shot 5", 0, None),
        (0.8, 1, 2, None, None, None),
        (0.9, 0, 2, None, None, None),
        (0.95, None, None, None, None, "shuffled-labels"),
    ]


def test_selectivity_compares_a_probe_with_the_control_that_is_otherwise_equal(catalog):
    control = {"control": "shuffled-labels"}

    def spec(shuffled, **changed):
        return {"settings": {"lr": 0.1}, "shuffled": shuffled, "chosen": {"l2": 0.5 + shuffled}} | changed

    catalog.append(
        [
            design_record(0.9, spec(False)),
            design_record(0.5, spec(True), **control),
            design_record(0.8, spec(False), seed=2),
            design_record(0.4, spec(True), seed=2, **control),
            design_record(0.1, spec(True, settings={"lr": 0.2}), **control),
            design_record(0.2, spec(True), model="other", **control),
            design_record(0.7, spec(False), subset="size 9", repeat=1),
            design_record(0.3, spec(True), subset="size 9", repeat=1, **control),
        ]
    )
    found = dicts(catalog, "FROM selectivity ORDER BY score")
    assert [(row["subset"], row["seed"], row["score"], row["control_score"]) for row in found] == [
        ("size 9", 1, 0.7, 0.3),
        (None, 2, 0.8, 0.4),
        (None, 1, 0.9, 0.5),
    ]
    assert [row["selectivity"] for row in found] == pytest.approx([0.4, 0.4, 0.4])


def test_selectivity_by_an_error_is_how_much_lower_it_is(catalog):
    pair = [{"test": {"mse": 1.0}}, {"test": {"mse": 3.0}, "control": "shuffled-labels", "variant": "v2"}]
    catalog.append([probe_record(task=Task.REGRESSION, **given) for given in pair])
    (row,) = dicts(catalog, "FROM selectivity")
    assert (row["metric"], row["selectivity"]) == ("mse", 2)


def test_selectivity_is_null_where_a_score_is_undefined_and_absent_where_a_probe_failed(catalog):
    catalog.append([probe_record(test=acc(None)), probe_record(layer=1, test=acc(0.5))])
    catalog.append([probe_record(test=acc(0.5), control="shuffled-labels", variant="v2")])
    catalog.append([failed_record(layer=1, control="shuffled-labels", variant="v2")])
    (row,) = dicts(catalog, "FROM selectivity")
    assert (row["layer"], row["score"], row["selectivity"]) == (0, None, None)


def test_data_efficiency_is_the_mean_over_seeds_and_draws_with_all_of_train_at_its_end(catalog):
    def point(score, n_train, subset=None, repeat=None, seed=1, **changed):
        spec = {"seed": seed, "subset": subset, "repeat": repeat, "lr": 0.1} | changed.pop("spec", {})
        design = {"subset": subset, "repeat": repeat, "n_train": n_train, "seed": seed}
        return design_record(score, spec, **design, **changed)

    catalog.append(
        [
            point(0.9, 100),
            point(0.5, 10, "few-shot 5", 0),
            point(0.6, 10, "few-shot 5", 1),
            point(0.7, 10, "few-shot 5", 0, seed=2),
            point(0.8, 50, "size 0.5", 0),
            point(0.1, 100, spec={"lr": 0.2}),
            point(0.2, 10, "few-shot 5", 0, control="shuffled-labels"),
            point(0.3, 100, folds=2),
        ]
    )
    found = dicts(catalog, "FROM data_efficiency WHERE split = 'test' ORDER BY n_train")
    assert len({row["curve"] for row in found}) == 1
    points = [(row["kind"], row["subset"], row["n_train"], row["n_probes"]) for row in found]
    assert points == [
        ("few-shot", "few-shot 5", 10, 3),
        ("size", "size 0.5", 50, 1),
        ("all", None, 100, 1),
    ]
    assert [row["value"] for row in found] == pytest.approx([0.6, 0.8, 0.9])
    assert found[0]["std"] == pytest.approx(0.1)
    assert found[1]["std"] is None


def test_data_efficiency_keeps_curves_of_different_settings_apart(catalog):
    few = {"subset": "few-shot 1", "repeat": 0}
    catalog.append(design_record(rate, {"lr": rate, "subset": 1}, **few) for rate in (0.1, 0.2))
    found = dicts(catalog, "FROM data_efficiency WHERE split = 'test'")
    assert sorted(row["value"] for row in found) == [0.1, 0.2]
    assert len({row["curve"] for row in found}) == 2
