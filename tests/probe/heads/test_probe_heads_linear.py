from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss
from sklearn.preprocessing import StandardScaler

from seqbench.core.types import Task
from seqbench.probe.heads import HeadData, Problem, create, linear
from seqbench.probe.heads.base import Resources
from seqbench.probe.heads.linear import ALPHAS, STRENGTHS, LinearHead
from seqbench.probe.heads.logistic import Axes, fit_logistic, predict_logistic
from seqbench.probe.heads.outputs import log_loss as our_log_loss
from tests.probe.heads.conftest import SETTINGS, fit_of


def noisy(rule):
    random = np.random.default_rng(3)
    return lambda x: rule(x + random.normal(size=x.shape))


def standardised(splits):
    scaler = StandardScaler().fit(splits[0].features_LNH[0].astype(np.float64))
    return [scaler.transform(data.features_LNH[0].astype(np.float64)) for data in splits]


def stretched(splits):
    factors = np.linspace(0.01, 50, splits[0].features_LNH.shape[2], dtype=np.float32)
    return [HeadData(features_LNH=data.features_LNH * factors + 4, targets=data.targets) for data in splits]


@pytest.mark.parametrize("n_classes", [2, 3])
def test_logistic_regression_equals_scikit_learn_at_the_chosen_strength(fit, make, n_classes):
    splits = stretched(make(noisy(lambda x: x[:, :n_classes].argmax(1)), width=12))
    (fitted,) = fit("linear", Task.CLASSIFICATION, n_classes, splits)
    train, _, test = standardised(splits)
    model = LogisticRegression(C=fitted.hyperparameters["C"], tol=1e-9, max_iter=10_000)
    expected = model.fit(train, splits[0].targets).predict_proba(test)
    np.testing.assert_allclose(fitted.predictions["test"], expected, atol=1e-4)
    assert fitted.convergence == "converged"


def test_each_label_equals_a_logistic_regression_of_its_own(fit, make):
    splits = make(noisy(lambda x: (x[:, :3] > [0, 0.5, 1]).astype(np.int8)), width=12)
    (fitted,) = fit("linear", Task.LABELS, 3, splits)
    train, _, test = standardised(splits)
    for label in range(3):
        model = LogisticRegression(C=fitted.hyperparameters["C"], tol=1e-9, max_iter=10_000)
        expected = model.fit(train, splits[0].targets[:, label]).predict_proba(test)[:, 1]
        np.testing.assert_allclose(fitted.predictions["test"][:, label], expected, atol=1e-4)


def test_the_strength_is_the_one_of_the_lowest_log_loss_on_eval(fit, make):
    splits = make(noisy(lambda x: (x[:, 0] > 0).astype(int)), width=60, n=120)
    (fitted,) = fit("linear", Task.CLASSIFICATION, 2, splits)
    train, evaluation, _ = standardised(splits)
    losses = [
        log_loss(
            splits[1].targets,
            LogisticRegression(C=c, tol=1e-8, max_iter=9999)
            .fit(train, splits[0].targets)
            .predict_proba(evaluation),
        )
        for c in STRENGTHS
    ]
    assert fitted.hyperparameters["C"] == STRENGTHS[int(np.argmin(losses))] < max(STRENGTHS)


def test_the_path_ends_after_the_eval_loss_rose_twice_in_a_row(monkeypatch, fit, make):
    tried, fit_logistic = [], linear.fit_logistic

    def watched(*arguments, strength, **rest):
        tried.append(strength)
        return fit_logistic(*arguments, strength=strength, **rest)

    monkeypatch.setattr(linear, "fit_logistic", watched)
    splits = make(noisy(lambda x: (x[:, 0] > 0).astype(int)), width=60, n=80)
    (fitted,) = fit("linear", Task.CLASSIFICATION, 2, splits)
    best = STRENGTHS.index(fitted.hyperparameters["C"])
    assert tried == list(STRENGTHS[: best + 3]) != list(STRENGTHS)


@pytest.mark.parametrize("width", [12, 250])
def test_ridge_equals_scikit_learn_with_few_and_with_many_features(fit, make, width):
    splits = stretched(make(noisy(lambda x: 50 + x[:, :2] * [1, 100]), width=width, n=150))
    (fitted,) = fit("linear", Task.REGRESSION, 2, splits)
    train, evaluation, test = standardised(splits)
    models = [Ridge(alpha=alpha).fit(train, splits[0].targets) for alpha in ALPHAS]
    scale = splits[0].targets.std(0)
    errors = [(((m.predict(evaluation) - splits[1].targets) / scale) ** 2).mean() for m in models]
    chosen = int(np.argmin(errors))
    assert fitted.hyperparameters["alpha"] == ALPHAS[chosen]
    np.testing.assert_allclose(fitted.predictions["test"], models[chosen].predict(test), rtol=1e-4, atol=1e-3)


def test_known_coefficients_are_found_again(fit, make):
    splits = make(lambda x: 3 + 2 * x[:, :1] - x[:, 1:2])
    (fitted,) = fit("linear", Task.REGRESSION, 1, splits)
    np.testing.assert_allclose(fitted.predictions["test"], splits[2].targets, atol=1e-3)


def test_a_constant_column_of_train_has_no_say_where_it_varies(fit, make):
    train, evaluation, test = make(lambda x: x[:, :1])
    for data in (train, evaluation, test):
        data.features_LNH[:, :, 7] = 0.1
    before = fit("linear", Task.REGRESSION, 1, (train, evaluation, test))[0].predictions["test"]
    test.features_LNH[:, :, 7] = 1000
    after = fit("linear", Task.REGRESSION, 1, (train, evaluation, test))[0].predictions["test"]
    np.testing.assert_allclose(after, before, atol=1e-4)


def test_one_class_in_train_is_predicted_with_certainty(fit, make):
    splits = make(lambda x: np.full(len(x), 1))
    (fitted,) = fit("linear", Task.CLASSIFICATION, 3, splits)
    np.testing.assert_array_equal(fitted.predictions["test"], np.tile([0, 1, 0], (150, 1)))
    assert fitted.hyperparameters == {}


def test_two_of_three_classes_in_train_leave_the_third_at_zero(fit, make):
    (fitted,) = fit("linear", Task.CLASSIFICATION, 3, make(lambda x: 2 * (x[:, 0] > 0)))
    np.testing.assert_array_equal(fitted.predictions["test"][:, 1], 0)
    np.testing.assert_allclose(fitted.predictions["test"].sum(1), 1, atol=1e-6)


def test_the_log_loss_is_scikit_learns():
    random = np.random.default_rng(0)
    probabilities, targets = random.dirichlet(np.ones(4), 50), random.integers(0, 4, 50)
    assert our_log_loss(Task.CLASSIFICATION, probabilities, targets) == pytest.approx(
        log_loss(targets, probabilities, labels=range(4))
    )
    labels, chances = random.integers(0, 2, (50, 3)), random.random((50, 3))
    expected = np.mean([log_loss(labels[:, k], chances[:, k]) for k in range(3)])
    assert our_log_loss(Task.LABELS, chances, labels) == pytest.approx(expected)


@pytest.mark.parametrize("strength", [0.01, 1.0, 100.0])
def test_features_that_nearly_repeat_each_other_still_get_the_true_optimum(strength: float) -> None:
    rng = np.random.default_rng(0)
    few = rng.standard_normal((1500, 4))
    features = few @ rng.standard_normal((4, 40)) + 0.01 * rng.standard_normal((1500, 40))
    features = ((features - features.mean(axis=0)) / features.std(axis=0)).astype(np.float32)
    labels = (few[:, 0] + rng.standard_normal(1500) > 0).astype(np.float32)
    mine = fit_logistic(
        Axes.principal(features), labels[:, None], strength=strength, softmax=False, start=None
    )
    newton = LogisticRegression(C=strength, solver="newton-cholesky", tol=1e-7)
    newton.fit(features.astype(np.float64), labels)
    probabilities = predict_logistic(mine, features, softmax=False)[:, 0]
    np.testing.assert_allclose(probabilities, newton.predict_proba(features)[:, 1], atol=1e-4)
    assert mine.converged


def test_more_features_than_items_are_not_rotated_and_agree_all_the_same() -> None:
    rng = np.random.default_rng(1)
    features = rng.standard_normal((60, 200)).astype(np.float32)
    labels = (features[:, 0] > 0).astype(np.float32)
    axes = Axes.principal(features)
    assert axes.rotation_HH.size == 0
    mine = fit_logistic(axes, labels[:, None], strength=0.1, softmax=False, start=None)
    newton = LogisticRegression(C=0.1, tol=1e-8, max_iter=10_000).fit(features, labels)
    np.testing.assert_allclose(mine.weights_HK[:, 0], newton.coef_[0], atol=1e-3)


def skewed(n_classes):
    """Classes of very different size that overlap."""
    random = np.random.default_rng(5)
    return lambda x: np.digitize(x[:, 0] + random.normal(size=len(x)), [1.6, 2.2][: n_classes - 1])


@pytest.mark.parametrize("n_classes", [2, 3])
def test_balanced_classes_equal_scikit_learns(fit, make, n_classes):
    splits = stretched(make(skewed(n_classes), width=12, n=800))
    (fitted,) = fit("linear", Task.CLASSIFICATION, n_classes, splits, class_weights="balanced")
    train, _, test = standardised(splits)
    settings = {"C": fitted.hyperparameters["C"], "tol": 1e-9, "max_iter": 10_000}
    model = LogisticRegression(class_weight="balanced", **settings).fit(train, splits[0].targets)
    np.testing.assert_allclose(fitted.predictions["test"], model.predict_proba(test), atol=1e-4)
    plain = LogisticRegression(**settings).fit(train, splits[0].targets)
    assert np.abs(plain.predict_proba(test) - fitted.predictions["test"]).max() > 0.1


def test_balanced_labels_equal_a_balanced_regression_each(fit, make):
    splits = make(noisy(lambda x: (x[:, :3] > [0, 1.5, -2]).astype(np.int8)), width=12, n=800)
    (fitted,) = fit("linear", Task.LABELS, 3, splits, class_weights="balanced")
    train, _, test = standardised(splits)
    for label in range(3):
        model = LogisticRegression(
            C=fitted.hyperparameters["C"], tol=1e-9, max_iter=10_000, class_weight="balanced"
        )
        expected = model.fit(train, splits[0].targets[:, label]).predict_proba(test)[:, 1]
        np.testing.assert_allclose(fitted.predictions["test"][:, label], expected, atol=1e-4)


def test_with_balanced_classes_the_strength_is_best_by_the_balanced_loss_on_eval(fit, make):
    splits = make(skewed(2), width=60, n=200)
    (fitted,) = fit("linear", Task.CLASSIFICATION, 2, splits, class_weights="balanced")
    train, evaluation, _ = standardised(splits)
    n, positive = len(splits[0].targets), splits[0].targets.sum()
    weights = np.where(splits[1].targets == 1, n / (2 * positive), n / (2 * (n - positive)))
    losses = []
    for strength in STRENGTHS:
        model = LogisticRegression(C=strength, tol=1e-8, max_iter=9999, class_weight="balanced")
        found = model.fit(train, splits[0].targets).predict_proba(evaluation)
        losses.append(log_loss(splits[1].targets, found, sample_weight=weights))
    assert fitted.hyperparameters["C"] == STRENGTHS[int(np.argmin(losses))]


def test_strengths_can_be_given_in_any_order(fit, make):
    splits = make(noisy(lambda x: (x[:, 0] > 0).astype(int)), width=60, n=120)
    (one,) = fit("linear", Task.CLASSIFICATION, 2, splits, strengths=(0.5, 0.003))
    (other,) = fit("linear", Task.CLASSIFICATION, 2, splits, strengths=(0.003, 0.5))
    assert one.hyperparameters == {"C": 0.003}
    np.testing.assert_array_equal(one.predictions["test"], other.predictions["test"])
    (ridge,) = fit("linear", Task.REGRESSION, 1, make(lambda x: x[:, :1]), strengths=(7.0,))
    assert ridge.hyperparameters == {"alpha": 7.0}


def test_a_solver_that_stops_at_its_limit_says_so(monkeypatch, fit, make):
    monkeypatch.setattr("seqbench.probe.heads.logistic.MAX_ITERATIONS", 1)
    (fitted,) = fit("linear", Task.CLASSIFICATION, 3, make(lambda x: x[:, :3].argmax(1)))
    assert fitted.convergence == "not converged"
    assert fit("linear", Task.REGRESSION, 1, make(lambda x: x[:, :1]))[0].convergence is None


def test_the_seed_has_no_say_and_the_same_data_is_trained_once(monkeypatch, make):
    trained, fit_layer = [], LinearHead.fit_layer
    monkeypatch.setattr(
        LinearHead, "fit_layer", lambda self, layer: trained.append(layer.seed) or fit_layer(self, layer)
    )
    splits, others = (make(lambda x: (x[:, 0] > 0).astype(int), layers=2) for _ in range(2))
    others[1].features_LNH[1, 3, 3] += 1
    problem = Problem(task=Task.CLASSIFICATION, n_outputs=2)
    copied = [replace(data, features_LNH=data.features_LNH.copy()) for data in splits]
    fits = [fit_of(splits, 1), fit_of(copied, 2), fit_of(others, 3), fit_of(splits, 4)]
    head = create("linear", SETTINGS["linear"], Resources())
    outcomes = head.fit(problem, fits, advance=lambda _: None)
    assert trained == [1, 1, 3, 3]
    assert [len(layers) for layers in outcomes] == [2, 2, 2, 2]
    assert outcomes[0] == outcomes[1] == outcomes[3]


def test_more_classes_than_memory_holds_are_refused_with_what_they_would_take(make):
    splits = make(lambda x: np.arange(len(x)) % 3, width=4)
    head = create("linear", SETTINGS["linear"], Resources(memory_bytes=1 << 20))
    problem = Problem(task=Task.CLASSIFICATION, n_outputs=10_001)
    ((fitted,),) = head.fit(problem, [fit_of(splits)], advance=lambda _: None)
    assert "10,001 classes take" in fitted.error
    assert "set probe.memory to 1 for that, or take the knn or mlp head" in fitted.error
