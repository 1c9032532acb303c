import numpy as np
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from seqbench.core.types import Task
from seqbench.probe.heads.registry import predict
from seqbench.probe.heads.trees import flatten_trees, predict_trees


def test_a_forest_is_scikit_learns_with_the_same_seed(fit, make):
    splits = make(lambda x: (x[:, 0] > 0).astype(int))
    (fitted,) = fit("forest", Task.CLASSIFICATION, 2, splits, seed=4)
    model = RandomForestClassifier(n_estimators=40, random_state=4).fit(
        splits[0].features_LNH[0], splits[0].targets
    )
    expected = model.predict_proba(splits[2].features_LNH[0])
    np.testing.assert_allclose(fitted.predictions["test"], expected, atol=1e-6)


def test_a_forest_predicts_targets_in_their_units(fit, make):
    splits = make(lambda x: 1000 + 10 * x[:, :2])
    (fitted,) = fit("forest", Task.REGRESSION, 2, splits, seed=4)
    model = RandomForestRegressor(n_estimators=40, random_state=4).fit(
        splits[0].features_LNH[0], splits[0].targets
    )
    np.testing.assert_allclose(
        fitted.predictions["test"], model.predict(splits[2].features_LNH[0]), rtol=1e-6
    )


def test_each_label_of_a_forest_is_scikit_learns(fit, make):
    splits = make(lambda x: (x[:, :3] > [0, 1, -9]).astype(int))
    (fitted,) = fit("forest", Task.LABELS, 3, splits, seed=4)
    model = RandomForestClassifier(n_estimators=40, random_state=4)
    model.fit(splits[0].features_LNH[0], splits[0].targets)
    found = model.predict_proba(splits[2].features_LNH[0])
    np.testing.assert_allclose(fitted.predictions["test"][:, 0], found[0][:, 1], atol=1e-6)
    np.testing.assert_allclose(fitted.predictions["test"][:, 1], found[1][:, 1], atol=1e-6)
    np.testing.assert_array_equal(fitted.predictions["test"][:, 2], 1)


def test_balanced_classes_of_a_forest_are_scikit_learns(fit, make):
    splits = make(lambda x: (x[:, 0] > 1).astype(int) + 2 * (x[:, 1] > 1.5))
    (fitted,) = fit("forest", Task.CLASSIFICATION, 4, splits, seed=4, class_weights="balanced")
    model = RandomForestClassifier(n_estimators=40, random_state=4, class_weight="balanced")
    model.fit(splits[0].features_LNH[0], splits[0].targets)
    expected = model.predict_proba(splits[2].features_LNH[0])
    np.testing.assert_allclose(fitted.predictions["test"], expected, atol=1e-6)


def test_balanced_labels_get_a_forest_each(fit, make):
    splits = make(lambda x: (x[:, :2] > [0, 1.5]).astype(int))
    (fitted,) = fit("forest", Task.LABELS, 2, splits, seed=4, class_weights="balanced")
    for label in range(2):
        model = RandomForestClassifier(n_estimators=40, random_state=4, class_weight="balanced")
        model.fit(splits[0].features_LNH[0], splits[0].targets[:, label])
        expected = model.predict_proba(splits[2].features_LNH[0])[:, 1]
        np.testing.assert_allclose(fitted.predictions["test"][:, label], expected, atol=1e-6)


def test_values_on_a_threshold_go_where_scikit_learn_sends_them():
    """Thresholds lie between neighbouring float32 values, where rounding decides."""
    low = np.float32(1) + np.arange(40, dtype=np.float32)[:, None] * np.finfo(np.float32).eps
    targets = np.arange(40) % 2
    model = RandomForestClassifier(n_estimators=10, random_state=0).fit(low, targets)
    tensors = flatten_trees(
        [tree.tree_ for tree in model.estimators_], lambda values: values[:, 0] / values[:, 0].sum(1)[:, None]
    )
    np.testing.assert_allclose(predict_trees(tensors, low), model.predict_proba(low), atol=1e-6)


def test_trees_taken_in_groups_and_items_in_blocks_answer_alike(monkeypatch, fit, make):
    splits = make(lambda x: x[:, :2])
    (fitted,) = fit("forest", Task.REGRESSION, 2, splits, seed=4)
    for at_once in (1, 149, 150, 400):
        monkeypatch.setattr("seqbench.probe.heads.trees._AT_ONCE", at_once)
        again = predict(fitted.state, splits[2].features_LNH[0])
        np.testing.assert_array_equal(again, fitted.predictions["test"])


def test_a_forest_has_no_epochs_and_no_verdict(fit, make):
    (fitted,) = fit("forest", Task.LABELS, 1, make(lambda x: (x[:, :1] > 0).astype(int)))
    assert (fitted.chosen_epoch, fitted.n_epochs, fitted.history, fitted.convergence) == (
        None,
        None,
        (),
        None,
    )
    assert fitted.seconds > 0
