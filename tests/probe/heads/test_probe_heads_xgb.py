import sys

import numpy as np
import pytest
import xgboost
from sklearn.metrics import log_loss

from seqbench.errors import ProbeError
from seqbench.probe.heads import create
from seqbench.probe.heads.xgb import resolve_metric
from seqbench.vocabulary import Task

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


def test_without_the_package_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "xgboost", None)
    monkeypatch.delitem(sys.modules, "seqbench.probe.heads.xgb")
    with pytest.raises(ProbeError, match="pip install 'xgboost"):
        create("xgb", {})
