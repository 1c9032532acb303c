"""Holm's correction, Friedman's test and Nemenyi's critical difference, against tables and SciPy."""

import numpy as np
import pytest
from scipy import stats

from seqbench.metrics import cliques, critical_difference, friedman, holm, ranks
from seqbench.metrics.rank_tests import range_quantile

DEMSAR_TABLE_5 = {2: 1.960, 3: 2.343, 4: 2.569, 5: 2.728, 6: 2.850, 7: 2.949, 8: 3.031, 9: 3.102, 10: 3.164}
"""Critical values for the two-tailed Nemenyi test at 5 % (Demšar 2006, table 5a)."""

DEMSAR_TABLE_6 = np.array(
    [
        [0.763, 0.768, 0.771, 0.798],
        [0.599, 0.591, 0.590, 0.569],
        [0.954, 0.971, 0.968, 0.967],
        [0.628, 0.661, 0.654, 0.657],
        [0.882, 0.888, 0.886, 0.898],
        [0.936, 0.931, 0.916, 0.931],
        [0.661, 0.668, 0.609, 0.685],
        [0.583, 0.583, 0.563, 0.625],
        [0.775, 0.838, 0.866, 0.875],
        [1.000, 1.000, 1.000, 1.000],
        [0.940, 0.962, 0.965, 0.962],
        [0.619, 0.666, 0.614, 0.669],
        [0.972, 0.981, 0.9751, 0.975],
        [0.957, 0.978, 0.946, 0.970],
    ]
)
"""AUC of four variants of C4.5 on 14 data sets, the worked example of the same paper (its table 6).

Two of them are printed as 0.975 but ranked 2 and 3.
"""


def test_holm_adjusts_a_hand_example():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert holm([0.9, 0.8]) == (1.0, 1.0)
    assert holm([0.2]) == (0.2,)
    assert holm([]) == ()


def test_holm_is_wrong_anywhere_in_a_twentieth_of_families_of_nothing():
    rng = np.random.default_rng(0)
    wrong = np.mean([min(holm(rng.random(15))) < 0.05 for _ in range(4000)])
    assert wrong == pytest.approx(0.05, abs=3 * np.sqrt(0.05 * 0.95 / 4000))


def test_critical_values_are_those_of_the_table_and_of_scipy():
    for n_models, value in DEMSAR_TABLE_5.items():
        found = range_quantile(n_models, 0.95)
        assert found / np.sqrt(2) == pytest.approx(value, abs=0.0011)
        assert found == pytest.approx(stats.studentized_range.ppf(0.95, n_models, np.inf), abs=1e-6)


def test_the_worked_example_of_the_paper_comes_out():
    found = ranks(DEMSAR_TABLE_6)
    assert found.mean(axis=0) == pytest.approx([3.143, 2.000, 2.893, 1.964], abs=0.001)
    assert critical_difference(4, 14) == pytest.approx(1.25, abs=0.005)
    assert friedman(found) == pytest.approx(stats.friedmanchisquare(*DEMSAR_TABLE_6.T).pvalue)


def test_equal_scores_share_the_mean_of_their_ranks():
    scores = np.array([[0.9, 0.7, 0.9, 0.1], [0.5, 0.5, 0.5, 0.5]])
    assert ranks(scores).tolist() == [[1.5, 3.0, 1.5, 4.0], [2.5, 2.5, 2.5, 2.5]]
    expected = [stats.rankdata(-row) for row in scores]
    assert np.array_equal(ranks(scores), expected)


def test_models_that_tie_everywhere_do_not_differ():
    assert friedman(ranks(np.ones((5, 3)))) == 1.0


def test_cliques_are_the_largest_groups_within_the_difference():
    average = [3.2, 1.0, 1.9, 2.1]
    assert cliques(average, 1.1) == ((1, 2, 3), (3, 0))
    assert cliques(average, 1.35) == ((1, 2, 3), (2, 3, 0))
    assert cliques(average, 0.05) == ()
    assert cliques(average, float("inf")) == ((1, 2, 3, 0),)
    assert cliques([2.0, 2.0], 0.5) == ((0, 1),)
