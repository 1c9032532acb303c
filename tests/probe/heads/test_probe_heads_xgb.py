import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xgboost
from sklearn.metrics import log_loss
from sklearn.utils.class_weight import compute_sample_weight

from seqbench.core.types import Task
from seqbench.errors import ProbeError
from seqbench.probe.head_check import check_head, make_check
from seqbench.probe.heads import create
from seqbench.probe.heads.base import Resources
from seqbench.probe.heads.registry import predict
from seqbench.probe.heads.xgb_metrics import resolve_metric
from seqbench.probe.heads.xgb_text import check_version

NOISE = np.random.default_rng(2)


def noisy_class(x):
    return (x[:, 0] + NOISE.normal(size=len(x)) > 0).astype(np.int64)


def test_the_best_round_predicts_and_its_loss_is_the_lowest_of_the_curve(fit, make):
    splits = make(noisy_class)
    (fitted,) = fit("xgb", Task.CLASSIFICATION, 2, splits)
    losses = [record.eval_loss for record in fitted.history]
    assert fitted.chosen_epoch == 1 + int(np.argmin(losses)) < fitted.n_epochs == len(losses) == 40
    assert log_loss(splits[1].targets, fitted.predictions["eval"]) == pytest.approx(min(losses), rel=1e-4)


def test_the_last_round_equals_xgboosts_own_classifier(fit, make):
    splits = make(noisy_class)
    (fitted,) = fit("xgb", Task.CLASSIFICATION, 2, splits, choose_epoch="last")
    model = xgboost.XGBClassifier(n_estimators=40, learning_rate=0.3, max_depth=4)
    expected = model.fit(splits[0].features_LNH[0], splits[0].targets).predict_proba(
        splits[2].features_LNH[0]
    )
    np.testing.assert_allclose(fitted.predictions["test"], expected, atol=1e-5)
    assert fitted.chosen_epoch == 40


@pytest.mark.parametrize(
    ("task", "rule"),
    [
        (Task.LABELS, lambda x: (x[:, :2] + NOISE.normal(size=(len(x), 2)) > 0).astype(np.int8)),
        (Task.REGRESSION, lambda x: x[:, :2] ** 2 + NOISE.normal(size=(len(x), 2))),
    ],
)
def test_each_label_or_target_equals_a_model_of_its_own(fit, make, task, rule):
    splits = make(rule)
    (fitted,) = fit("xgb", task, 2, splits, choose_epoch="last")
    kind = xgboost.XGBClassifier if task is Task.LABELS else xgboost.XGBRegressor
    for column in range(2):
        model = kind(n_estimators=40, learning_rate=0.3, max_depth=4)
        model.fit(splits[0].features_LNH[0], splits[0].targets[:, column])
        predict = model.predict if task is Task.REGRESSION else lambda x, m=model: m.predict_proba(x)[:, 1]
        np.testing.assert_allclose(
            fitted.predictions["test"][:, column], predict(splits[2].features_LNH[0]), atol=1e-3
        )


def test_a_metric_that_is_maximised_chooses_its_highest_round(fit, make):
    splits = make(noisy_class)
    (fitted,) = fit("xgb", Task.CLASSIFICATION, 2, splits, eval_metric="auc")
    (by_loss,) = fit("xgb", Task.CLASSIFICATION, 2, splits)
    assert fitted.hyperparameters == {"eval_metric": "auc"}
    assert auc(fitted, splits) >= auc(by_loss, splits)
    assert fitted.history == by_loss.history


def auc(fitted, splits):
    from sklearn.metrics import roc_auc_score

    return roc_auc_score(splits[1].targets, fitted.predictions["eval"][:, 1])


@pytest.mark.parametrize(
    ("asked", "kind", "used"),
    [
        (None, "binary", "logloss"),
        ("logloss", "multiclass", "mlogloss"),
        ("mlogloss", "binary", "logloss"),
        ("merror", "labels", "error"),
        ("auc", "regression", "rmse"),
        ("mae", "regression", "mae"),
        ("rmse", "multiclass", "mlogloss"),
        ("error@0.7", "binary", "error@0.7"),
    ],
)
def test_one_metric_serves_data_sets_of_all_tasks(asked, kind, used):
    assert resolve_metric(asked, kind) == used


def test_a_metric_that_xgboost_does_not_know_fails_the_layer_with_its_words(fit, make):
    (fitted,) = fit("xgb", Task.CLASSIFICATION, 2, make(noisy_class), eval_metric="nonsense")
    assert "nonsense" in fitted.error
    assert "\n" not in fitted.error


@pytest.mark.parametrize(
    ("task", "kind"), [(Task.LABELS, xgboost.XGBClassifier), (Task.REGRESSION, xgboost.XGBRegressor)]
)
def test_one_tree_for_all_outputs_equals_xgboosts_own(fit, make, task, kind):
    splits = make(several(task))
    (fitted,) = fit("xgb", task, 3, splits, choose_epoch="last", multi_output=True)
    model = kind(n_estimators=40, learning_rate=0.3, max_depth=4, multi_strategy="multi_output_tree")
    model.fit(splits[0].features_LNH[0], splits[0].targets)
    expected = (model.predict_proba if task is Task.LABELS else model.predict)(splits[2].features_LNH[0])
    np.testing.assert_allclose(fitted.predictions["test"], expected, atol=1e-5)
    (apart,) = fit("xgb", task, 3, splits, choose_epoch="last")
    assert np.abs(apart.predictions["test"] - expected).max() > 0.01


def several(task):
    random = np.random.default_rng(6)
    values = lambda x: x[:, :3] * [1, 5, 2] + random.normal(size=(len(x), 3))  # noqa: E731
    return values if task is Task.REGRESSION else lambda x: (values(x) > [0, 5, 2]).astype(np.int8)


def test_patience_ends_training_and_the_best_round_before_it_predicts(fit, make):
    splits = make(noisy_class)
    (full,) = fit("xgb", Task.CLASSIFICATION, 2, splits)
    (short,) = fit("xgb", Task.CLASSIFICATION, 2, splits, patience=3)
    assert short.n_epochs == short.chosen_epoch + 3 < full.n_epochs
    assert short.history == full.history[: short.n_epochs]
    model = xgboost.XGBClassifier(n_estimators=40, learning_rate=0.3, max_depth=4, early_stopping_rounds=3)
    data = [(data.features_LNH[0], data.targets) for data in splits]
    model.fit(*data[0], eval_set=[data[1]], verbose=False)
    assert model.best_iteration + 1 == short.chosen_epoch
    np.testing.assert_allclose(short.predictions["test"], model.predict_proba(data[2][0]), atol=1e-5)


def test_balanced_classes_equal_xgboost_with_balanced_sample_weights(fit, make):
    splits = make(lambda x: (x[:, 0] > 1).astype(int) + (x[:, 0] > 2))
    (fitted,) = fit("xgb", Task.CLASSIFICATION, 3, splits, class_weights="balanced", choose_epoch="last")
    model = xgboost.XGBClassifier(n_estimators=40, learning_rate=0.3, max_depth=4)
    weights = compute_sample_weight("balanced", splits[0].targets)
    model.fit(splits[0].features_LNH[0], splits[0].targets, sample_weight=weights)
    expected = model.predict_proba(splits[2].features_LNH[0])
    np.testing.assert_allclose(fitted.predictions["test"], expected, atol=1e-5)


def test_balanced_labels_equal_a_model_each_with_its_own_weights(fit, make):
    splits = make(several(Task.LABELS))
    (fitted,) = fit("xgb", Task.LABELS, 3, splits, class_weights="balanced", multi_output=True)
    train = splits[0].features_LNH[0]
    for column in range(3):
        labels = splits[0].targets[:, column]
        model = xgboost.XGBClassifier(n_estimators=fitted.chosen_epoch, learning_rate=0.3, max_depth=4)
        model.fit(train, labels, sample_weight=compute_sample_weight("balanced", labels))
        expected = model.predict_proba(splits[2].features_LNH[0])[:, 1]
        np.testing.assert_allclose(fitted.predictions["test"][:, column], expected, atol=1e-5)
    again = predict(fitted.state, splits[2].features_LNH[0])
    np.testing.assert_array_equal(again, fitted.predictions["test"])
    losses = [record.eval_loss for record in fitted.history]
    assert fitted.chosen_epoch == 1 + int(np.argmin(losses))


@pytest.mark.parametrize(("rule", "n_classes"), [(noisy_class, 2), (lambda x: x[:, :3].argmax(1), 3)])
def test_the_curves_score_is_the_accuracy_on_eval(fit, make, rule, n_classes):
    splits = make(rule)
    (fitted,) = fit("xgb", Task.CLASSIFICATION, n_classes, splits)
    hits = fitted.predictions["eval"].argmax(1) == splits[1].targets
    assert fitted.history[fitted.chosen_epoch - 1].eval_score == pytest.approx(hits.mean())
    (weighted,) = fit("xgb", Task.CLASSIFICATION, n_classes, splits, class_weights="balanced")
    assert weighted.history[0].eval_score is None


def test_a_class_that_only_eval_has_gets_no_probability_and_counts_as_wrong(fit, make):
    train, evaluation, test = make(lambda x: x[:, :3].argmax(1))
    known = train.targets != 1
    cut = replace(train, features_LNH=train.features_LNH[:, known], targets=train.targets[known])
    (fitted,) = fit("xgb", Task.CLASSIFICATION, 3, (cut, evaluation, test))
    np.testing.assert_array_equal(fitted.predictions["test"][:, 1], 0)
    hits = fitted.predictions["eval"].argmax(1) == evaluation.targets
    assert fitted.history[fitted.chosen_epoch - 1].eval_score == pytest.approx(hits.mean())


def test_one_class_in_train_needs_no_trees(fit, make):
    (fitted,) = fit("xgb", Task.CLASSIFICATION, 3, make(lambda x: np.full(len(x), 1)))
    np.testing.assert_array_equal(fitted.predictions["test"], np.tile([0, 1, 0], (150, 1)))
    assert (fitted.chosen_epoch, fitted.history, fitted.convergence) == (None, (), None)


def test_where_eval_has_only_unknown_classes_the_last_round_predicts(fit, make):
    train, evaluation, test = make(noisy_class)
    alien = replace(evaluation, targets=np.full(150, 2))
    (fitted,) = fit("xgb", Task.CLASSIFICATION, 3, (train, alien, test), patience=2)
    assert fitted.chosen_epoch == fitted.n_epochs == 40
    assert fitted.history[-1].eval_loss is None
    assert fitted.history[-1].train_loss < fitted.history[0].train_loss


def test_the_kept_booster_is_xgboosts_own_json(fit, make):
    splits = make(lambda x: x[:, :1] * 3)
    (fitted,) = fit("xgb", Task.REGRESSION, 1, splits)
    booster = xgboost.Booster(model_file=bytearray(fitted.state.facts["booster"].encode()))
    assert booster.num_boosted_rounds() == fitted.state.facts["n_rounds"] == fitted.chosen_epoch
    found = booster.predict(xgboost.DMatrix(splits[2].features_LNH[0]))
    np.testing.assert_allclose(found, fitted.predictions["test"][:, 0], rtol=1e-6)


def test_without_the_package_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "xgboost", None)
    monkeypatch.delitem(sys.modules, "seqbench.probe.heads.xgb")
    with pytest.raises(ProbeError, match="pip install 'xgboost"):
        create("xgb", {}, Resources())


VECTOR = '{"size_leaf_vector":"3"},"version":[3,1,3]}'


@pytest.mark.parametrize(("text", "here", "what"), [
    ('{"version":[3,2,0]}', "3.1.3", "XGBoost 3.2.0, newer than 3.1.3 here, which may read it wrongly"),
    ('[{"version":[3,2,0]},{"version":[3,10,1]}]', "3.9.0", "XGBoost 3.10.1, newer than 3.9.0"),
    (VECTOR, "3.2.0", "XGBoost 3.1.3, whose trees of several outputs 3.2.0 can't read"),
])  # fmt: skip
def test_a_booster_of_an_xgboost_that_this_one_misreads_is_refused_before_it_is_read(
    text: str, here: str, what: str
) -> None:
    """Found with XGBoost 3.0.5, 3.1.3 and 3.2.0, each reading what each wrote; the last crashes 3.2.0."""
    with pytest.raises(ProbeError, match=what):
        check_version(text, here)


@pytest.mark.parametrize(("text", "here"), [
    ('{"version":[3,2,0]}', "3.2.5"),
    ('{"size_leaf_vector":"1"},"version":[3,0,5]}', "3.2.0"),
    (VECTOR, "3.1.0"),
    ("no booster", "3.2.0"),
])  # fmt: skip
def test_boosters_that_agree_are_read(text: str, here: str) -> None:
    check_version(text, here)


def test_every_booster_tells_its_version() -> None:
    matrix = xgboost.DMatrix(np.ones((4, 2), np.float32), np.arange(4))
    text = bytes(xgboost.train({"verbosity": 0}, matrix, 1).save_raw("json")).decode()
    with pytest.raises(ProbeError, match=f"XGBoost {xgboost.__version__}, newer than 1.0"):
        check_version(text, "1.0")


def test_a_booster_that_lost_its_intercept_is_refused(fit, make):
    """As XGBoost 3.0.5 reads what 3.1 and 3.2 wrote: with 0.5 in its place, and without an error."""
    splits = make(lambda x: 100 + x[:, :1])
    (fitted,) = fit("xgb", Task.REGRESSION, 1, splits)
    check = make_check(fitted.state, splits[2].features_LNH[0][:4])
    check_head(fitted.state, check, {}, Path("head"))
    text = re.sub(r'"base_score":"[^"]*"', '"base_score":"[5E-1]"', fitted.state.facts["booster"])
    misread = replace(fitted.state, facts={**fitted.state.facts, "booster": text})
    with pytest.raises(ProbeError, match=r"head: predicts otherwise here, off by 9\d\.\d"):
        check_head(misread, check, {}, Path("head"))
