"""The sentences of the summary."""

from dataclasses import replace

import pytest
from analyses import analysis

from seqbench.report.comparing.standings import ranked
from seqbench.report.leaderboard import leaderboard
from seqbench.report.summary import summarize


def _one(**options):
    """One data set, one model with its twin and k-mers: all pairs clearly apart, unless told otherwise."""
    made = analysis(4, 1, 7)
    comparisons = tuple(_told(one, **options) for one in made.comparisons)
    rows = ranked(leaderboard(made.results), comparisons)
    gains = tuple(_gained(gain, comparisons) for gain in made.gains)
    return replace(made, comparisons=comparisons, leaderboard=rows, gains=gains)


def _told(one, p=0.001):
    value = abs(one.difference) + 0.05
    return replace(one, difference=value, low=value - 0.02, high=value + 0.02, p_holm=p)


def _gained(gain, comparisons):
    for one in comparisons:
        if {gain.model, gain.control} == {one.a.model, one.b.model}:
            sign = 1 if one.a.model == gain.model else -1
            low, high = sorted((sign * one.low, sign * one.high))
            return replace(gain, difference=sign * one.difference, low=low, high=high, p_holm=one.p_holm)
    return gain


def test_one_data_set_gives_score_interval_and_gains_over_both_controls():
    made = _one()
    best = next(row for row in made.leaderboard if not row.control)
    test = best.choice.test
    first = summarize(made)[0]
    assert first.startswith(
        f"{best.model} scores {test.value:.3f} accuracy on prom_core "
        f"(95 % interval {test.low:.3f} to {test.high:.3f}): "
    )
    for gain in [gain for gain in made.gains if gain.model == best.model]:
        word = "better" if gain.difference > 0 else "worse"
        ends = sorted((abs(gain.low), abs(gain.high)))
        name = f"its untrained twin {gain.control}" if gain.kind == "untrained" else gain.control
        assert f"{abs(gain.difference):.3f} {word} than {name} ({ends[0]:.3f} to {ends[1]:.3f})" in first


def test_one_data_set_tells_who_is_better_and_what_the_best_beats():
    made = _one()
    best = next(row for row in made.leaderboard if not row.control)
    said = " ".join(summarize(made)[2:5])
    others = [row.model for row in made.leaderboard if row.model != best.model]
    assert f"{best.model} is better than " in said or f" better than {best.model}." in said
    assert all(name in said for name in others)


def test_what_is_not_clear_is_not_called_better():
    made = _one(p=0.4)
    first, _, _, ranking, *_ = summarize(made)
    assert "not clearly apart from" in first
    assert "better" not in first
    assert " can't be told apart from " in ranking
    assert " is better than " not in ranking


def test_one_data_set_tells_layer_head_layers_as_good_and_the_oracle():
    made = _one()
    best = next(row for row in made.leaderboard if not row.control)
    compared = next(one for one in made.layers if one.model == best.model)
    good = [layer.layer for layer in compared.layers if layer.is_as_good]
    said = next(sentence for sentence in summarize(made) if sentence.startswith("Layer "))
    assert said.startswith(
        f"Layer {best.choice.layer} of 0–6 was chosen on eval for {best.model}, with the mlp head; "
        f"{len(good)} other"
    )
    assert said.endswith(
        f"the best layer on test, {best.choice.oracle_layer}, is {best.choice.gap:.3f} better."
    )


def test_without_predictions_scores_are_said_to_be_scores_alone():
    made = replace(_one(), comparisons=(), layers=())
    gains = tuple(replace(gain, low=None, high=None, p_holm=None) for gain in made.gains)
    said = summarize(replace(made, gains=gains, leaderboard=leaderboard(made.results)))
    assert "by score than" in said[0]
    assert "by score than" in said[1]
    assert said[3].startswith("By score alone dna-llama-1b is at place ")
    assert said[3].endswith("no predictions are stored to tell how sure that is.")


def test_several_data_sets_begin_with_what_pre_training_bought():
    made = analysis(4, 6, 7)
    size = "(median +0.100 accuracy, +0.100 roc_auc and +0.100 spearmanr)"
    first, second, *_ = summarize(made)
    assert first.startswith(
        f"genome-bert-12l is better than its untrained twin on 6 of 6 data sets {size}, and than k-mers on 6 "
        f"of 6 {size}. On "
    )
    assert second.startswith(f"dna-llama-1b is better than k-mers on 5 of 5 data sets {size}. On ")


def test_losses_and_unclear_gains_are_counted_apart_and_one_metric_has_a_range():
    made = analysis(2, 3, 3)
    changes = ((0.1, 0.001), (-0.2, 0.001), (0.05, 0.6))
    gains = tuple(
        replace(gain, difference=difference, p_holm=p)
        for gain, (difference, p) in zip(made.gains, changes, strict=True)
    )
    assert summarize(replace(made, gains=gains))[0].startswith(
        "genome-bert-12l is better than its untrained twin on 1 of 3 data sets and worse on 1 "
        "(median +0.050 accuracy, from −0.200 to +0.100). "
    )


def test_average_ranks_name_who_cant_be_told_apart_and_a_control_in_front():
    said = summarize(analysis(4, 6, 7))
    assert (
        "genome-bert-12l has the best average rank, 1.2 of 4 over 6 data sets, and can't be told apart from "
        "genome-bert-12l-untrained (2.2) (critical difference 1.4)." in said
    )
    made = analysis(4, 6, 7)
    turned = tuple(replace(one, average_rank=1.0) if one.model == "kmer-4" else one for one in made.standings)
    ordered = tuple(sorted(turned, key=lambda one: (one.scope != "overall", one.average_rank or 9)))
    assert any(
        sentence.startswith("kmer-4, a control, has the best average rank, 1.0 of 4")
        for sentence in summarize(replace(made, standings=ordered))
    )


def test_it_is_counted_what_can_be_told_apart_and_where_a_control_is_as_good():
    made = analysis(4, 6, 7)
    clear = sum(one.is_clear for one in made.comparisons)
    said = summarize(made)
    assert any(
        sentence.startswith(f"{clear} of {len(made.comparisons)} pairs of models can be") for sentence in said
    )
    places = [f"{row.dataset} ({row.model})" for row in made.leaderboard if row.control and row.rank == 1]
    assert f"On {len(places)} of 6 data sets no model is better than the best control: {places[0]}." in said


def test_the_depth_of_the_chosen_layers_and_what_choosing_cost_are_told():
    said = summarize(analysis(1, 2, 7))
    assert any("of the depth in the median, and is the last one on" in sentence for sentence in said)
    assert any(sentence.startswith("The best layer on test is ") for sentence in said)


def test_a_model_alone_has_its_score_told_on_each_data_set_before_what_was_not_compared():
    made = analysis(1, 8, 7)
    said = summarize(replace(made, comparisons=()))
    for row, sentence in zip(made.leaderboard[:6], said, strict=False):
        test = row.choice.test
        assert sentence == (
            f"genome-bert-12l scores {test.value:.3f} {row.metric} on {row.dataset} "
            f"(95 % interval {test.low:.3f} to {test.high:.3f})."
        )
    assert said[6] == "Its scores on 2 more data sets are in the leaderboard."
    assert said[7].startswith("Not compared with untrained twin, k-mers, composition and shuffled labels")
    assert said[8].startswith("The layer chosen on eval for genome-bert-12l lies at ")
    assert not any("predictions" in sentence for sentence in said)


def test_models_without_controls_are_ranked_before_it_is_said_what_was_not_compared():
    made = analysis(3, 4, 7)
    rows = tuple(row for row in made.leaderboard if not row.control)
    standings = tuple(one for one in made.standings if not one.control)
    said = summarize(replace(made, gains=(), leaderboard=rows, standings=standings))
    assert said[0].startswith("genome-bert-12l has the best average rank")
    assert said[-3].startswith("Not compared with untrained twin")


def test_predictions_are_only_said_to_be_missing_where_they_are():
    undefined = (
        "genome-bert-12l and kmer-4 × prom_core: accuracy is undefined on over half of the resamples.",
    )
    for shape, start in (((4, 1, 3), "By score alone "), ((4, 6, 3), "All ranks go by score alone")):
        made = replace(analysis(*shape), comparisons=(), not_compared=undefined)
        said = next(sentence for sentence in summarize(made) if sentence.startswith(start))
        assert ": no two models could be compared item by item to tell how sure" in said


def test_the_layers_that_were_asked_for_are_those_named():
    made = analysis(1, 1, 7)
    ((key, curve),) = made.results.curves.items()
    some = {place: score for place, score in curve.test.items() if place[0] in (0, 3, 6)}
    results = replace(made.results, curves={key: replace(curve, test=some)})
    layer = made.leaderboard[0].choice.layer
    assert any(
        sentence.startswith(f"Layer {layer} of 0, 3 and 6 was chosen on eval for genome-bert-12l")
        for sentence in summarize(replace(made, results=results))
    )
    one = {place: score for place, score in curve.test.items() if place[0] == layer}
    results = replace(made.results, curves={key: replace(curve, test=one)})
    assert not any("chosen on eval" in sentence for sentence in summarize(replace(made, results=results)))


def test_test_items_that_are_few_or_of_one_class_are_told():
    made = analysis(2, 2, 3)
    one, other = made.results.datasets
    test = replace(one.splits["test"], n_items=60, label_counts=(0, 60, 0, 0))
    one = replace(one, n_test=60, splits={**one.splits, "test": test})
    results = replace(made.results, datasets=(one, replace(other, n_test=4, splits={})))
    said = summarize(replace(made, results=results))
    alike = "so scores on it do not tell models apart"
    assert f"prom_core: all 60 items of test are of one class, {alike}." in said
    assert "uci_splice: test has 4 items, too few to tell models apart." in said


def test_a_gain_without_an_interval_is_told_as_compared():
    made = _one()
    gains = tuple(replace(gain, low=None, high=None) for gain in made.gains)
    first = summarize(replace(made, gains=gains))[0]
    assert "by score" not in first
    assert f"{abs(gains[0].difference):.3f} better than" in first


def test_controls_alone_and_nothing_at_all_are_said():
    made = analysis(4, 1, 2)
    controls = tuple(row for row in made.leaderboard if row.control)
    assert summarize(replace(made, leaderboard=controls))[0] == "Only controls have scores on test."
    assert summarize(analysis(empty=True))[0] == "No model has a score on test yet."


def test_failures_have_their_reason_and_missing_ones_their_names():
    made = analysis(4, 6, 7)
    said = summarize(made)
    assert said[-2] == "1 probe failed: the loss became infinite or NaN in epoch 3; lower probe.mlp.lr (0.1)."
    assert said[-1] == "1 of 24 combinations have no results: dna-llama-1b × uci_splice."
    more = replace(made.results.failed[0], model="kmer-4", n_probes=5, reason="too few items.")
    results = replace(made.results, failed=(*made.results.failed, more), missing=())
    assert summarize(replace(made, results=results))[-1] == (
        "6 probes failed: too few items (that is 5 of them)."
    )


@pytest.mark.parametrize(
    "shape", [(1, 1, 1), (1, 1, 2), (2, 1, 2), (6, 1, 33), (1, 6, 3), (3, 2, 1), (8, 23, 33)]
)
def test_reports_of_any_size_have_a_summary_of_few_sentences(shape):
    said = summarize(analysis(*shape))
    assert 1 <= len(said) <= 11
    assert all(
        sentence.endswith(".") and "None" not in sentence and "nan" not in sentence for sentence in said
    )
