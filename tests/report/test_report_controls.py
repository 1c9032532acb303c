"""What models have over composition and shuffled labels, from the catalog to the sentences."""

import textwrap
from dataclasses import replace

import numpy as np
import pytest
from analyses import analysis
from predicted_records import (
    QUALITIES,
    fill,
    model,
    predicted,
    predictions_of,
    targets_of,
    without_predictions,
)
from scipy import stats
from sklearn.metrics import accuracy_score

from seqbench.catalog import Catalog
from seqbench.core.progress import Silent
from seqbench.report.analyse import analyse
from seqbench.report.analysis import Gain
from seqbench.report.selection import Selection
from seqbench.report.summary import summarize

MODELS = ("bert", "bert-untrained", "kmer-4", "letters")
BERT = {"bert": (0.1, 0.8, 0.75), "bert-untrained": (0.1, 0.1, 0.1), "kmer-4": (0.3,)}
SHUFFLED_DRAW = 900


def shuffled(name, data, layer, n_layers=3, quality=0.0, *, seed=1):
    """The probe of `predicted` once more, on shuffled labels: another variant, the same spec but for that."""
    spec = {"data": {"test": "same"}, "shuffled": True}
    return predicted(
        name, data, layer, n_layers, quality, seed=seed, draw=SHUFFLED_DRAW + layer + seed,
        spec=spec, variant="v2", control="shuffled-labels",
    )  # fmt: skip


def conclude(catalog, datasets=("binary",), models=MODELS):
    return analyse(catalog, Selection(models=models, datasets=datasets, heads=("mlp",)), Silent())


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    found = fill(tmp_path_factory.mktemp("controls") / "c.duckdb", ("binary",), BERT)
    found.append([replace(model("letters", "kmer"), settings={"k": 1, "canonical": False})])
    found.append([predicted("letters", "binary", 0, 1, 0.2)])
    found.append([shuffled("bert", "binary", layer) for layer in range(3)])
    return found


def gain(found, kind):
    (one,) = [one for one in found.gains if one.kind == kind]
    return one


def right(quality, draw):
    return (predictions_of("binary", quality, [draw, 1]).argmax(axis=1) == targets_of("binary")).astype(float)


def test_the_gain_over_shuffled_labels_is_that_of_the_chosen_layer_with_the_p_of_the_paired_t_test(catalog):
    found = conclude(catalog)
    (row,) = [row for row in found.leaderboard if row.model == "bert"]
    layer = row.choice.layer
    truth = targets_of("binary")
    control = predictions_of("binary", 0.0, [SHUFFLED_DRAW + layer + 1, 1]).argmax(axis=1)
    real = predicted("bert", "binary", layer, 3, BERT["bert"][layer]).predictions[1].scores.argmax(axis=1)
    one = gain(found, "shuffled")
    assert one.control == "shuffled labels"
    assert one.difference == pytest.approx(accuracy_score(truth, real) - accuracy_score(truth, control))
    assert one.low < one.difference < one.high
    # One model is compared with its shuffled labels, so nothing is corrected.
    exact = stats.ttest_rel((real == truth).astype(float), (control == truth).astype(float)).pvalue
    assert np.log10(one.p_holm) == pytest.approx(np.log10(exact), rel=0.15)
    assert one.is_clear


def test_single_letters_are_composition_and_longer_words_are_k_mers(catalog):
    found = conclude(catalog)
    assert (gain(found, "composition").control, gain(found, "kmer").control) == ("letters", "kmer-4")
    scores = {row.model: row.choice.test.value for row in found.leaderboard}
    assert gain(found, "composition").difference == pytest.approx(
        scores["bert"] - scores["letters"], abs=1e-6
    )
    assert [one.kind for one in found.gains] == ["untrained", "kmer", "composition", "shuffled"]


def test_a_second_report_takes_the_comparison_with_shuffled_labels_from_the_catalog(catalog, monkeypatch):
    first = conclude(catalog)
    monkeypatch.setattr("seqbench.report.comparing.known.compare", None)
    assert conclude(catalog) == first
    stored = "SELECT count(*) FROM comparisons WHERE model_a = model_b"
    assert catalog.query(stored).rows == [(0,)]  # the view is of models


def test_all_seeds_with_shuffled_labels_count(tmp_path):
    catalog = fill(tmp_path / "c.duckdb", ("binary",), {"bert": (0.6,)}, seeds=(1, 2, 3))
    catalog.append([shuffled("bert", "binary", 0, 1, seed=seed) for seed in (1, 2, 3)])
    one = gain(conclude(catalog, models=("bert",)), "shuffled")
    real = np.mean(
        [
            (predicted("bert", "binary", 0, 1, 0.6, seed=seed).predictions[1].scores.argmax(1))
            == targets_of("binary")
            for seed in (1, 2, 3)
        ]
    )
    control = np.mean([right(0.0, SHUFFLED_DRAW + seed) for seed in (1, 2, 3)])
    assert one.difference == pytest.approx(real - control)


def test_without_predictions_of_shuffled_labels_the_scores_are_set_against_each_other(tmp_path):
    catalog = fill(tmp_path / "c.duckdb", ("binary",), {"bert": (0.6,)})
    catalog.append([without_predictions(shuffled("bert", "binary", 0, 1))])
    found = conclude(catalog, models=("bert",))
    one = gain(found, "shuffled")
    assert (one.low, one.high, one.p_holm, one.is_clear) == (None, None, None, None)
    assert one.difference == pytest.approx(found.results.selectivity[0].selectivity)
    why = "no predictions were stored of its probes on shuffled labels"
    assert found.not_compared == (f"bert × binary: {why}.",)


def test_a_twin_of_the_models_revision_goes_before_one_of_another(tmp_path):
    catalog = Catalog(fill(tmp_path / "c.duckdb", ("binary",), QUALITIES).path)
    catalog.append(
        [
            replace(model("bert"), revision="b" * 40),
            replace(model("bert-untrained"), revision="a" * 40),
            replace(model("same", "random-init"), revision="b" * 40),
            predicted("same", "binary", 0, 1, 0.0),
        ]
    )
    assert gain(conclude(catalog, models=("bert", "bert-untrained", "same")), "untrained").control == "same"


def test_one_data_set_tells_all_four_with_intervals(catalog):
    found = conclude(catalog)
    first = summarize(found)[0]
    for one in found.gains:
        ends = sorted((abs(one.low), abs(one.high)))
        assert f"{one.difference:.3f} better than " in first
        assert f"{one.control} ({ends[0]:.3f} to {ends[1]:.3f})" in first
    assert not any("controls: true" in sentence for sentence in summarize(found))


def test_a_loss_is_said_as_plainly_as_a_gain(catalog):
    found = conclude(catalog)
    worse = [
        replace(one, difference=-0.2, low=-0.3, high=-0.1) if one.kind == "untrained" else one
        for one in found.gains
    ]
    first = summarize(replace(found, gains=tuple(worse)))[0]
    assert "0.200 worse than its untrained twin bert-untrained (0.100 to 0.300)" in first


def _kinds(made):
    """The gains over k-mers of a made-up analysis once more as of composition and shuffled labels."""
    more = [
        replace(one, kind=kind, control=control)
        for one in made.gains
        if one.kind == "kmer"
        for kind, control in (("composition", "composition"), ("shuffled", "shuffled labels"))
    ]
    return replace(made, gains=(*made.gains, *more))


def test_many_data_sets_count_gains_over_all_four_and_name_where_a_control_is_as_good():
    made = _kinds(analysis(4, 6, 7))
    first, second = summarize(made, brief=True)[:2]
    assert first.startswith(
        "genome-bert-12l is better than its untrained twin on 6 of 6 data sets, than k-mers on 6 of 6, than "
        "composition on 6 of 6, and than shuffled labels on 6 of 6. On "
    )
    controls = [row for row in made.leaderboard if row.control]
    beaten = {
        (one.dataset, ahead.model, behind.model)
        for one in made.comparisons
        if one.p_holm < 0.05
        for ahead, behind in ([(one.a, one.b)] if one.difference > 0 else [(one.b, one.a)])
    }
    as_good = {row.dataset for row in controls if (row.dataset, "genome-bert-12l", row.model) not in beaten}
    assert f"On {len(as_good)} of 6 data sets a control is as good or better: " in first
    assert sum(name in first for name in as_good) >= 2
    assert second.startswith("dna-llama-1b is better than k-mers on 5 of 5 data sets, than composition on ")


@pytest.mark.parametrize("shape", [(4, 1, 7), (4, 6, 7), (3, 2, 3), (12, 1, 3), (12, 23, 3)])
def test_in_a_terminal_what_comes_first_takes_eight_lines_of_80_columns_at_most(shape):
    made = _kinds(analysis(*shape))
    said = [
        sentence
        for sentence in summarize(made, brief=True)
        if " scores " in sentence or " is better than its" in sentence or " is better than k-mers" in sentence
    ]
    assert 1 <= sum(len(textwrap.wrap(sentence, 80)) for sentence in said) <= 8


def test_missing_controls_are_named_with_the_way_to_get_them():
    made = analysis(4, 6, 7)
    assert (
        "Not compared with composition and shuffled labels: set `controls: true` in the config and run again."
        in summarize(made)
    )
    bare = replace(made, gains=())
    (said,) = [sentence for sentence in summarize(bare) if sentence.startswith("Not compared with")]
    assert said.startswith("Not compared with untrained twin, k-mers, composition and shuffled labels: ")


def test_where_only_shuffled_labels_are_missing_their_own_key_is_named():
    made = _kinds(analysis(4, 6, 7))
    without = replace(made, gains=tuple(one for one in made.gains if one.kind != "shuffled"))
    (said,) = [sentence for sentence in summarize(without) if sentence.startswith("Not compared with")]
    assert said == (
        "Not compared with shuffled labels: set `probe.shuffled_labels: true` in the config and run again."
    )


def test_embeddings_from_files_alone_are_not_told_of_a_twin():
    made = analysis(1, 1, 3)
    (only,) = made.results.models
    results = replace(made.results, models=(replace(only, kind="precomputed"),))
    gains: tuple[Gain, ...] = ()
    (said,) = [one for one in summarize(replace(made, results=results, gains=gains)) if "Not compared" in one]
    assert said.startswith("Not compared with k-mers, composition and shuffled labels: ")
