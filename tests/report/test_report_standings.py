"""Average ranks, their tests, gains and wins of made-up leaderboards."""

from dataclasses import replace

import pytest
from analyses import DATASETS
from analyses import analysis as made_up
from scipy import stats

from seqbench.report.analysis import OVERALL, Gain
from seqbench.report.comparing.gains import gains
from seqbench.report.comparing.standings import blocks, rank_test, standings, wins
from seqbench.report.leaderboard import leaderboard, rank_labels


def _with_scores(by_dataset, models=("genome-bert-12l", "dna-llama-1b", "kmer-4")):
    """Results of made-up models with these scores on test, None where there is none, all of one metric."""
    base = made_up(4, len(by_dataset), 2)
    results = replace(base.results, models=tuple(m for m in base.results.models if m.name in models))
    datasets = tuple(replace(d, task=results.datasets[0].task) for d in results.datasets)
    curves = {}
    for dataset, scores in zip(datasets, by_dataset, strict=True):
        for model, score in zip(results.models, scores, strict=True):
            if score is not None:
                curve = base.results.curves[datasets[0].name, model.name, "mlp"]
                choice = curve.choices["accuracy"]
                test = replace(choice.test, value=score)
                choices = {"accuracy": replace(choice, test=test, eval_score=score)}
                curves[dataset.name, model.name, "mlp"] = replace(
                    curve, dataset=dataset.name, choices=choices
                )
    return replace(results, datasets=datasets, curves=curves)


def _scopes(results, gained=()):
    rows = leaderboard(results)
    found = blocks(rows, results.datasets, results.models)
    return {one.scope: (standings(one, results.models, gained), rank_test(one)) for one in found}


def _by_model(members):
    return {one.model: one for one in members}


SCORES = [(0.9, 0.8, 0.7), (0.6, 0.6, 0.5), (0.7, 0.9, 0.5), (0.8, 0.7, 0.9)]


def test_average_ranks_are_means_of_ranks_with_ties_shared_and_the_test_is_friedmans():
    members, test = _scopes(_with_scores(SCORES))[OVERALL]
    expected = [4 - stats.rankdata(row) for row in SCORES]
    means = [sum(column) / 4 for column in zip(*expected, strict=True)]
    found = _by_model(members)
    assert [found[name].average_rank for name in ("genome-bert-12l", "dna-llama-1b", "kmer-4")] == means
    assert [one.average_rank for one in members] == sorted(means)
    assert test.p == pytest.approx(stats.friedmanchisquare(*zip(*SCORES, strict=True)).pvalue)
    quantile = stats.studentized_range.ppf(0.95, 3, float("inf"))
    assert test.critical_difference == pytest.approx(quantile / 2**0.5 * (3 * 4 / (6 * 4)) ** 0.5)
    assert (test.n_datasets, test.n_models) == (4, 3)


def test_where_friedmans_test_finds_nothing_all_models_are_one_clique():
    _, test = _scopes(_with_scores(SCORES))[OVERALL]
    assert test.p > 0.05
    assert [set(clique) for clique in test.cliques] == [{"genome-bert-12l", "dna-llama-1b", "kmer-4"}]
    clear = [(0.9 + step, 0.8 + step, 0.1) for step in (0.0, 0.01, 0.02, 0.03, 0.04, 0.05)]
    _, test = _scopes(_with_scores(clear))[OVERALL]
    assert test.p < 0.05
    assert test.cliques == (("genome-bert-12l", "dna-llama-1b"), ("dna-llama-1b", "kmer-4"))
    _, test = _scopes(_with_scores(clear * 2))[OVERALL]
    assert test.cliques == ()


def test_data_sets_are_ranked_by_group_as_well_and_one_alone_has_no_test():
    scopes = _scopes(_with_scores(SCORES))
    assert list(scopes) == [OVERALL, *dict.fromkeys(group for _, _, group in DATASETS[:4])]
    members, test = scopes["promoters"]
    assert [(one.model, one.average_rank, one.n_datasets) for one in members] == [
        ("genome-bert-12l", 1, 1),
        ("dna-llama-1b", 2, 1),
        ("kmer-4", 3, 1),
    ]
    assert (test.p, test.critical_difference, test.cliques) == (None, None, ())


def test_a_control_that_lacks_a_data_set_takes_it_from_nobody():
    whole, _ = _scopes(_with_scores([row[:2] for row in SCORES], ("genome-bert-12l", "dna-llama-1b")))[
        OVERALL
    ]
    members, test = _scopes(_with_scores([*SCORES[:3], (0.8, 0.7, None)]))[OVERALL]
    found = _by_model(members)
    assert {name: (one.n_datasets, one.n_in_scope) for name, one in found.items()} == {
        "genome-bert-12l": (4, 4),
        "dna-llama-1b": (4, 4),
        "kmer-4": (3, 4),
    }
    for one in whole:
        assert found[one.model].average_rank == one.average_rank
    assert found["kmer-4"].average_rank == 3
    assert found["genome-bert-12l"].mean_score == pytest.approx((0.9 + 0.6 + 0.7 + 0.8) / 4)
    assert (test.n_datasets, test.n_models) == (4, 2)


def test_a_control_that_is_on_one_of_two_data_sets_is_over_one_of_two():
    members, _ = _scopes(_with_scores([(0.9, 0.8, 0.85), (0.6, 0.7, None)]))[OVERALL]
    assert {one.model: (one.average_rank, one.n_datasets, one.n_in_scope) for one in members} == {
        "genome-bert-12l": (1.5, 2, 2),
        "dna-llama-1b": (1.5, 2, 2),
        "kmer-4": (2, 1, 2),
    }


def test_a_model_that_lacks_a_data_set_is_ranked_over_those_it_has_and_tests_over_those_of_all():
    scores = [(0.9, 0.8, 0.7), (0.6, 0.5, 0.4), (0.7, 0.9, 0.5), (None, 0.7, 0.9)]
    members, test = _scopes(_with_scores(scores))[OVERALL]
    found = _by_model(members)
    assert (found["genome-bert-12l"].average_rank, found["genome-bert-12l"].n_datasets) == (
        pytest.approx(4 / 3),
        3,
    )
    assert (found["kmer-4"].average_rank, found["kmer-4"].n_datasets) == (
        pytest.approx((3 + 3 + 3 + 1) / 4),
        4,
    )
    assert (test.n_datasets, test.n_models) == (3, 3)
    expected = stats.friedmanchisquare(*zip(*scores[:3], strict=True)).pvalue
    assert test.p == pytest.approx(expected)


def test_a_model_that_fits_few_data_sets_is_not_ranked_and_takes_none_from_the_others():
    scores = [(0.9, 0.8, None), (0.6, 0.6, None), (0.7, 0.9, None), (0.8, 0.7, 0.9)]
    members, test = _scopes(_with_scores(scores))[OVERALL]
    assert [one.model for one in members][-1] == "kmer-4"
    last = members[-1]
    assert (last.average_rank, last.n_datasets, last.n_scored, last.mean_score) == (None, 0, 1, None)
    assert {one.n_datasets for one in members[:-1]} == {4}
    assert (test.n_models, test.p) == (2, None)


def test_mean_gains_are_over_the_data_sets_that_have_them():
    results = _with_scores(SCORES)
    names = [dataset.name for dataset in results.datasets]
    gained = [
        Gain(
            dataset=name,
            model="genome-bert-12l",
            control="kmer-4",
            kind="kmer",
            difference=value,
            low=None,
            high=None,
            p_holm=None,
        )
        for name, value in zip(names[:2], (0.2, 0.4), strict=True)
    ]
    members, _ = _scopes(results, gained)[OVERALL]
    found = _by_model(members)
    assert found["genome-bert-12l"].gain_kmer == pytest.approx(0.3)
    assert found["genome-bert-12l"].gain_untrained is None
    assert found["dna-llama-1b"].gain_kmer is None


def test_scores_and_gains_in_different_metrics_are_not_averaged():
    base = made_up(4, 5, 3)
    rows = base.leaderboard
    overall = blocks(rows, base.results.datasets, base.results.models)[0]
    for one in standings(overall, base.results.models, base.gains):
        assert (one.mean_score, one.gain_untrained, one.gain_kmer) == (None, None, None)
        assert one.average_rank is None or one.average_rank >= 1


def test_twins_have_the_checkpoint_and_the_pooling_of_their_model():
    base = made_up(4, 1, 3)
    models = {model.name: model for model in base.results.models}
    names = {"genome-bert-12l": "bert@max", "genome-bert-12l-untrained": "bert-untrained@max"}
    facts = [replace(models[old], name=new) for old, new in names.items()]
    rows = [replace(row, model=names[row.model]) for row in base.leaderboard if row.model in names]
    (gain,) = gains(rows, (), facts)
    assert (gain.model, gain.control, gain.kind) == ("bert@max", "bert-untrained@max", "untrained")
    other = [replace(fact, name=fact.name.replace("untrained@max", "untrained@mean")) for fact in facts]
    renamed = [replace(row, model=row.model.replace("untrained@max", "untrained@mean")) for row in rows]
    assert gains(renamed, (), other) == ()
    elsewhere = [replace(facts[0], path="elsewhere"), facts[1]]
    assert gains(rows, (), elsewhere) == ()


def test_wins_without_comparisons_count_places_only():
    results = _with_scores(SCORES)
    rows = leaderboard(results)
    found = {(one.model, one.other): one for one in wins(rows, (), [m.name for m in results.models])}
    there, back = found["genome-bert-12l", "dna-llama-1b"], found["dna-llama-1b", "genome-bert-12l"]
    assert (there.better, back.better, there.n_datasets) == (2, 1, 4)
    assert there.clearly_better == back.clearly_better == 0


def test_shared_ranks_are_marked():
    rows = leaderboard(_with_scores([(0.9, 0.9, 0.7)]))
    assert list(rank_labels(rows).values()) == ["1=", "1=", "3"]
