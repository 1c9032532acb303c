import numpy as np
from sklearn.preprocessing import StandardScaler

from seqbench.probe.heads.scaling import Scaling
from seqbench.training.health import best_epoch, chosen_epoch


def test_scaling_equals_scikit_learns_across_blocks_of_rows():
    values = np.random.default_rng(0).normal(3, 20, (5000, 4)).astype(np.float32)
    expected = StandardScaler().fit_transform(values.astype(np.float64))
    np.testing.assert_allclose(Scaling.fit(values).apply(values), expected, atol=1e-5)


def test_constant_columns_are_only_shifted():
    values = np.full((1001, 2), 0.1, dtype=np.float32)
    scaling = Scaling.fit(values)
    np.testing.assert_array_equal(scaling.sd_H, 1)
    np.testing.assert_allclose(scaling.apply(values + 1), 1, atol=1e-6)


def test_one_item_is_scaled_to_zero():
    np.testing.assert_array_equal(Scaling.fit(np.array([[4.0, 5.0]])).apply(np.array([[4.0, 5.0]])), 0)


def test_undo_gives_the_values_back():
    values = np.random.default_rng(1).normal(-7, 3, (50, 3))
    scaling = Scaling.fit(values)
    np.testing.assert_allclose(scaling.undo(scaling.apply(values)), values, atol=1e-5)


def test_the_best_epoch_is_the_first_of_the_lowest_loss_and_never_nan():
    assert best_epoch([3.0, 1.0, 1.0]) == 2
    assert best_epoch([float("nan"), 2.0, float("inf")]) == 2
    assert best_epoch([float("nan")] * 3) == 3
    assert chosen_epoch([1.0, 2.0], "last") == 2
