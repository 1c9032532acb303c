"""What a report concludes from stored predictions, from the catalog to ranks."""

import shutil
import subprocess
import sys
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from predicted_records import (
    N_ITEMS,
    QUALITIES,
    TASKS,
    dataset,
    fill,
    model,
    predicted,
    targets_of,
    without_predictions,
)
from scipy import stats

from seqbench.catalog import Catalog
from seqbench.core.progress import Silent
from seqbench.metrics import higher_is_better, holm
from seqbench.report.analyse import analyse
from seqbench.report.comparing import doing, known, recording
from seqbench.report.selection import Selection


def _analyse(catalog, datasets=tuple(TASKS), models=tuple(QUALITIES), **options):
    told = Silent()
    found = analyse(catalog, Selection(models=models, datasets=datasets, heads=("mlp",), **options), told)
    return found, told.notes


def _pairs(analysis, name):
    return [one for one in analysis.comparisons if one.dataset == name]


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """The file of a catalog that nothing was compared in; to be copied."""
    return fill(tmp_path_factory.mktemp("filled") / "c.duckdb").path


@pytest.fixture(scope="module")
def catalog(filled, tmp_path_factory):
    return _copy(filled, tmp_path_factory.mktemp("analyse"))


def _copy(filled, folder):
    return Catalog(shutil.copy(filled, folder / "c.duckdb"))


@pytest.fixture(scope="module")
def analysis(catalog):
    return _analyse(catalog)[0]


@pytest.mark.parametrize("name", TASKS)
def test_differences_are_those_of_the_scores_in_the_leaderboard(analysis, name):
    values = {row.model: row.choice.test.value for row in analysis.leaderboard if row.dataset == name}
    found = _pairs(analysis, name)
    assert len(found) == 6
    for one in found:
        sign = 1 if higher_is_better(one.metric) else -1
        assert one.difference == pytest.approx(sign * (values[one.a.model] - values[one.b.model]), abs=1e-6)
        assert one.low <= one.difference <= one.high
        assert one.n_items == N_ITEMS
        assert one.difference >= 0  # The better place comes first.


def test_of_accuracy_p_is_that_of_the_paired_t_test_and_corrected_over_the_pairs_of_the_data_set(analysis):
    right = {}
    for row in [row for row in analysis.leaderboard if row.dataset == "binary"]:
        probe = predicted(row.model, "binary", row.choice.layer, 3, QUALITIES[row.model][row.choice.layer])
        scores = probe.predictions[1].scores
        right[row.model] = (scores.argmax(axis=1) == targets_of("binary")).astype(float)
    found = _pairs(analysis, "binary")
    exact = [stats.ttest_rel(right[one.a.model], right[one.b.model]).pvalue for one in found]
    for one, p in zip(found, exact, strict=True):
        assert np.log10(one.p) == pytest.approx(np.log10(p), rel=0.15, abs=0.1)
    assert [one.p_holm for one in found] == pytest.approx(holm([one.p for one in found]))


def test_rank_is_one_more_than_the_models_that_are_clearly_better(analysis):
    for row in analysis.leaderboard:
        better = 0
        for one in _pairs(analysis, row.dataset):
            ahead, behind = (one.a, one.b) if one.difference > 0 else (one.b, one.a)
            better += one.p_holm < 0.05 and behind.model == row.model and ahead.model != row.model
        assert row.rank == 1 + better
    ranks = {row.model: row.rank for row in analysis.leaderboard if row.dataset == "labels"}
    assert ranks["bert"] == 1
    assert ranks["bert-untrained"] > 1
    assert any(row.rank < row.place for row in analysis.leaderboard)


def test_ranks_and_comparisons_are_those_of_the_catalogs_views(catalog, analysis):
    rows = catalog.query("SELECT dataset, model, rank, place FROM leaderboard").rows
    assert {(row.dataset, row.model, row.rank, row.place) for row in analysis.leaderboard} == set(rows)
    stored = {
        (name, *sorted((a, b))): (abs(difference), p)
        for name, a, b, difference, p in catalog.query(
            "SELECT dataset, model_a, model_b, difference, p_holm FROM comparisons"
        ).rows
    }
    for one in analysis.comparisons:
        expected = (abs(one.difference), one.p_holm)
        assert stored[one.dataset, *sorted((one.a.model, one.b.model))] == pytest.approx(expected)
    counted = catalog.query("SELECT count(*) FROM layer_comparisons WHERE is_as_good").rows[0][0]
    assert counted == sum(layer.is_as_good for one in analysis.layers for layer in one.layers)


def test_layers_are_compared_with_the_chosen_one(analysis):
    found = {(one.dataset, one.model): one for one in analysis.layers}
    assert set(found) == {(name, member) for name in TASKS for member in ("bert", "bert-untrained")}
    one = found["labels", "bert"]
    assert {one.chosen, *(layer.layer for layer in one.layers)} == {0, 1, 2}
    by_layer = {layer.layer: layer for layer in one.layers}
    assert not by_layer[0].is_as_good
    assert by_layer[0].difference > 0
    assert by_layer[3 - one.chosen].is_as_good


def test_gains_are_over_the_untrained_twin_and_the_k_mers_that_are_best_on_eval(analysis):
    rows = {(row.dataset, row.model): row for row in analysis.leaderboard}
    assert {(gain.dataset, gain.kind) for gain in analysis.gains} == {
        (name, kind) for name in TASKS for kind in ("untrained", "kmer")
    }
    for gain in analysis.gains:
        assert gain.model == "bert"
        if gain.kind == "untrained":
            assert gain.control == "bert-untrained"
        else:
            lengths = [rows[gain.dataset, name] for name in ("kmer-4", "kmer-6")]
            assert gain.control == max(lengths, key=lambda row: row.choice.eval_score).model
        values = [rows[gain.dataset, name].choice.test.value for name in (gain.model, gain.control)]
        assert gain.difference == pytest.approx(values[0] - values[1], abs=1e-6)
        assert gain.low <= gain.difference <= gain.high


def test_a_second_report_computes_nothing_and_concludes_the_same(catalog, analysis, monkeypatch):
    monkeypatch.setattr(known, "compare", None)
    again, notes = _analyse(catalog)
    assert again == analysis
    assert notes == []


def test_a_new_seed_makes_only_its_comparisons_anew(filled, tmp_path, monkeypatch):
    catalog = _copy(filled, tmp_path)
    _analyse(catalog, ("binary", "values"))
    layers = QUALITIES["kmer-4"]
    catalog.append([predicted("kmer-4", "values", 0, 1, layers[0], seed=2)])
    asked = []
    monkeypatch.setattr(
        known, "compare", lambda c, pairs, *rest: asked.extend(pairs) or doing.compare(c, pairs, *rest)
    )
    analysis, _ = _analyse(catalog, ("binary", "values"))
    assert {pair.dataset for pair in asked} == {"values"}
    assert all("kmer-4" in (pair.a.side.model, pair.b.side.model) for pair in asked)
    assert len(asked) == 3
    values = {row.model: row.choice.test.value for row in analysis.leaderboard if row.dataset == "values"}
    for one in _pairs(analysis, "values"):
        assert one.difference == pytest.approx(values[one.a.model] - values[one.b.model], abs=1e-6)


def test_small_batches_give_the_same(filled, tmp_path, monkeypatch, analysis):
    monkeypatch.setattr(doing, "BATCH_CELLS", 6 * N_ITEMS)
    names = ("labels", "vectors")
    found, _ = _analyse(_copy(filled, tmp_path), names)
    assert found.comparisons == tuple(one for one in analysis.comparisons if one.dataset in names)
    assert found.layers == tuple(one for one in analysis.layers if one.dataset in names)


def test_models_that_predict_the_same_share_a_rank_with_p_of_one(tmp_path):
    catalog = Catalog(tmp_path / "c.duckdb")
    names = ("bert", "bert-untrained")
    catalog.append([model(name) for name in names] + [dataset("binary")])
    catalog.append([predicted(name, "binary", 0, 1, 0.5, draw=7) for name in names])
    analysis, _ = _analyse(catalog, ("binary",), names)
    (one,) = analysis.comparisons
    assert (one.difference, one.low, one.high, one.p, one.p_holm) == (0, None, None, 1, 1)
    assert [(row.rank, row.place) for row in analysis.leaderboard] == [(1, 1), (1, 1)]


def test_five_items_give_neither_an_interval_nor_a_clear_difference(tmp_path):
    catalog = Catalog(tmp_path / "c.duckdb")
    names = ("bert", "kmer-4")
    catalog.append([model(name) for name in names] + [dataset("values")])
    catalog.append(
        [
            predicted(name, "values", 0, 1, quality, n_items=5)
            for name, quality in zip(names, (9, -9), strict=True)
        ]
    )
    analysis, _ = _analyse(catalog, ("values",), names)
    (one,) = analysis.comparisons
    assert (one.low, one.high, one.is_clear) == (None, None, False)
    assert [row.rank for row in analysis.leaderboard] == [1, 1]


def test_without_predictions_scores_decide_and_it_is_said(tmp_path):
    catalog = Catalog(tmp_path / "c.duckdb")
    catalog.append([model(name) for name in QUALITIES] + [dataset("binary")])
    catalog.append(
        without_predictions(predicted(name, "binary", layer, len(layers), quality))
        for name, layers in QUALITIES.items()
        for layer, quality in enumerate(layers)
    )
    analysis, notes = _analyse(catalog, ("binary",))
    assert analysis.comparisons == analysis.layers == ()
    assert [row.rank for row in analysis.leaderboard] == [row.place for row in analysis.leaderboard]
    assert all((gain.low, gain.high, gain.p_holm) == (None, None, None) for gain in analysis.gains)
    assert len(analysis.gains) == 2
    assert sorted(analysis.not_compared) == [
        f"{name} × binary: no predictions were stored." for name in sorted(QUALITIES)
    ]
    assert notes == []


def test_a_model_without_predictions_is_ranked_by_score_among_those_that_have_them(filled, tmp_path):
    catalog = _copy(filled, tmp_path)
    catalog.append([model("other", "huggingface", "elsewhere")])
    catalog.append([without_predictions(predicted("other", "labels", 0, 1, 0.5))])
    analysis, _ = _analyse(catalog, ("labels",), (*QUALITIES, "other"))
    ranks = {row.model: row.rank for row in analysis.leaderboard}
    assert ranks["bert"] == 1
    assert ranks["other"] == next(row.place for row in analysis.leaderboard if row.model == "other")
    assert analysis.not_compared == ("other × labels: no predictions were stored.",)


@pytest.mark.parametrize(
    "options", [{"spec": {"data": {"test": "another"}}}, {"n_items": 120}], ids=["other file", "fewer items"]
)
def test_models_that_were_tested_on_different_items_are_not_compared(tmp_path, options):
    catalog = fill(tmp_path / "c.duckdb", ("binary",), {"bert": (0.5,), "kmer-4": (0.3,)})
    catalog.append([model("kmer-6"), predicted("kmer-6", "binary", 0, 1, 0.4, **options)])
    analysis, _ = _analyse(catalog, ("binary",), ("bert", "kmer-4", "kmer-6"))
    assert [(one.a.model, one.b.model) for one in analysis.comparisons] in (
        [("bert", "kmer-4")],
        [("kmer-4", "bert")],
    )
    why = "they were tested on different items (probe both again)."
    assert analysis.not_compared == (f"bert and kmer-6 × binary: {why}", f"kmer-4 and kmer-6 × binary: {why}")


def test_imported_embeddings_have_no_file_of_items_and_are_compared_by_targets(tmp_path):
    catalog = fill(tmp_path / "c.duckdb", ("binary",), {"bert": (0.5,)})
    catalog.append([model("theirs", "precomputed", "their.pt")])
    catalog.append([predicted("theirs", "binary", 0, 1, 0.4, spec={"data": {"test": "hash of arrays"}})])
    assert len(_analyse(catalog, ("binary",), ("bert", "theirs"))[0].comparisons) == 1


def test_what_is_undefined_on_most_resamples_is_said_once_and_remembered(tmp_path):
    """A correlation needs predictions that vary: here one item of each side, seldom drawn both."""
    catalog = Catalog(tmp_path / "c.duckdb")
    names = ("bert", "kmer-4")
    catalog.append([*map(model, names), dataset("values")])
    for place, name in enumerate(names):
        record = predicted(name, "values", 0, 1, 0.5)
        scores = np.zeros((N_ITEMS, 1), dtype=np.float32)
        scores[place] = 1
        test = replace(record.predictions[1], scores=scores)
        catalog.append([replace(record, predictions=(record.predictions[0], test))])
    for _ in range(2):
        analysis, _ = _analyse(catalog, ("values",), names)
        assert analysis.comparisons == ()
        why = "spearmanr is undefined on over half of the resamples"
        assert analysis.not_compared == (f"bert and kmer-4 × values: {why}.",)
    assert catalog.query("SELECT difference, p FROM paired_comparisons").rows == [(None, None)]


def test_a_catalog_that_is_held_open_elsewhere_costs_a_remark(filled, tmp_path, monkeypatch, analysis):
    monkeypatch.setattr(recording, "WAIT_SECONDS", 0.1)
    catalog = _copy(filled, tmp_path)
    opened = f"duckdb.connect({str(catalog.path)!r}, read_only=True)"
    script = f"import duckdb; c = {opened}; print(1, flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as reader:
        reader.stdout.readline()
        found, notes = _analyse(catalog, ("labels",))
        reader.communicate("\n")
    assert found.comparisons == tuple(one for one in analysis.comparisons if one.dataset == "labels")
    assert len(notes) == 1
    assert notes[0].startswith("comparisons are not kept, and will be made again next time: catalog ")
    assert catalog.query("SELECT count(*) FROM paired_comparisons").rows == [(0,)]


def test_another_metric_ranks_and_compares_by_it(catalog):
    analysis, _ = _analyse(catalog, ("binary", "values"), metric="roc_auc")
    assert {row.dataset for row in analysis.leaderboard} == {"binary"}
    assert {one.metric for one in analysis.comparisons} == {"roc_auc"}
    assert {one.metric for one in analysis.layers} == {"roc_auc"}


def test_wins_count_places_and_clear_differences(analysis):
    found = {(one.model, one.other): one for one in analysis.wins}
    assert len(found) == 12
    for a, b in combinations(QUALITIES, 2):
        there, back = found[a, b], found[b, a]
        assert there.n_datasets == back.n_datasets == len(TASKS)
        assert there.better + back.better <= len(TASKS)
        clear = [one for one in analysis.comparisons if {one.a.model, one.b.model} == {a, b} and one.is_clear]
        assert there.clearly_better + back.clearly_better == len(clear)
        assert there.clearly_better <= there.better


def test_an_empty_catalog_concludes_nothing(tmp_path):
    catalog = Catalog(tmp_path / "c.duckdb")
    catalog.append([model("bert"), dataset("binary")])
    analysis, _ = _analyse(catalog, ("binary",), ("bert",))
    assert analysis.leaderboard == analysis.comparisons == analysis.standings == analysis.not_compared == ()
    assert len(analysis.results.missing) == 1
