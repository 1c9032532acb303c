"""The xgb head: gradient-boosted trees of XGBoost, one a class, label or target and round.

Shape letters: N items, K outputs.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqbench.catalog.records import EpochRecord
from seqbench.errors import ProbeError
from seqbench.probe.heads.base import ChooseEpoch, FittedHead, Problem
from seqbench.probe.heads.each_layer import Layer, LayerwiseHead
from seqbench.probe.heads.learning_curve import chosen_epoch, verdict
from seqbench.vocabulary import Task

try:
    import xgboost
except ImportError as missing:
    raise ProbeError(
        "head 'xgb' needs a package that is not installed: pip install 'xgboost>=3.0' "
        "(or leave xgb out of probe.heads)"
    ) from missing

_OBJECTIVES = {
    "binary": ("binary:logistic", "logloss"),
    "multiclass": ("multi:softprob", "mlogloss"),
    "labels": ("binary:logistic", "logloss"),
    "regression": ("reg:squarederror", "rmse"),
}
"""What is minimised, and the loss that learning curves show, by kind of problem."""
_SAME_METRIC = {"logloss": "mlogloss", "error": "merror"}
"""XGBoost's names of one metric for two classes and for more."""
_MAXIMISED = ("auc", "aucpr", "map", "ndcg", "pre")
_OF_VALUES = ("rmse", "rmsle", "mae", "mape", "mphe")
"""Metrics of regression; the others are of classes."""


def resolve_metric(eval_metric: str | None, kind: str) -> str:
    """The metric that chooses the round: the one asked for where it suits the kind of problem.

    One config serves data sets of all tasks, so a name is turned into its twin for two or more classes
    (`logloss`, `mlogloss`; `error`, `merror`), and a metric of the other kind (`auc` for regression, `rmse`
    for classes) into the problem's own loss.
    """
    default = _OBJECTIVES[kind][1]
    if eval_metric is None or (eval_metric.split("@")[0] in _OF_VALUES) != (kind == "regression"):
        return default
    to_many, to_two = _SAME_METRIC, {many: two for two, many in _SAME_METRIC.items()}
    return (to_many if kind == "multiclass" else to_two).get(eval_metric, eval_metric)


@dataclass(frozen=True, slots=True, kw_only=True)
class XgbHead(LayerwiseHead):
    """XGBoost with histograms on all cores; labels and targets get one tree each a round.

    Log loss for classes and labels, squared error for regression. No rows or columns are sampled.
    """

    n_estimators: int
    """Boosting rounds."""
    learning_rate: float
    """Share of each tree that is added."""
    max_depth: int
    """Levels of a tree."""
    eval_metric: str | None
    """XGBoost's name of the metric that chooses the round; None for the loss. See `resolve_metric`."""
    choose_epoch: ChooseEpoch

    def fit_layer(self, layer: Layer) -> FittedHead:
        """See `LayerwiseHead.fit_layer`."""
        kind = _kind(layer.problem)
        metric = resolve_metric(self.eval_metric, kind)
        train = xgboost.QuantileDMatrix(layer.features["train"], layer.targets["train"])
        evaluation = xgboost.QuantileDMatrix(layer.features["eval"], layer.targets["eval"], ref=train)
        curves: dict[str, dict[str, list[float]]] = {}
        booster = xgboost.train(
            self._parameters(layer, kind, metric),
            train,
            num_boost_round=self.n_estimators,
            evals=[(train, "train"), (evaluation, "eval")],
            evals_result=curves,
            verbose_eval=False,
        )
        sign = -1.0 if metric.split("@")[0] in _MAXIMISED else 1.0
        scores = [sign * value for value in curves["eval"][metric]]
        chosen = chosen_epoch(scores, self.choose_epoch)
        return FittedHead(
            layer_index=0,
            predictions={
                "eval": _predict(booster, layer.features["eval"], chosen, layer.problem),
                "test": _predict(booster, layer.features["test"], chosen, layer.problem),
            },
            chosen_epoch=chosen,
            n_epochs=self.n_estimators,
            history=_history(curves, _OBJECTIVES[kind][1]),
            convergence=verdict(scores),
            hyperparameters={"eval_metric": metric},
        )

    def _parameters(self, layer: Layer, kind: str, metric: str) -> dict[str, Any]:
        objective, loss = _OBJECTIVES[kind]
        parameters: dict[str, Any] = {
            "objective": objective,
            "eval_metric": list(dict.fromkeys([loss, metric])),
            "eta": self.learning_rate,
            "max_depth": self.max_depth,
            "tree_method": "hist",
            "multi_strategy": "one_output_per_tree",
            "seed": layer.seed,
            "verbosity": 0,
        }
        return parameters | ({"num_class": layer.problem.n_outputs} if kind == "multiclass" else {})


def _kind(problem: Problem) -> str:
    if problem.task is Task.CLASSIFICATION:
        return "binary" if problem.n_outputs == 2 else "multiclass"
    return "labels" if problem.task is Task.LABELS else "regression"


def _predict(
    booster: Any, features_NH: NDArray[np.float32], n_rounds: int, problem: Problem
) -> NDArray[np.float32]:
    """Outputs (N, K) of the first rounds."""
    values = booster.inplace_predict(features_NH, iteration_range=(0, n_rounds))
    outputs_NK = np.asarray(values, dtype=np.float32).reshape(len(features_NH), -1)
    return np.hstack([1.0 - outputs_NK, outputs_NK]) if _kind(problem) == "binary" else outputs_NK


def _history(curves: dict[str, dict[str, list[float]]], loss: str) -> tuple[EpochRecord, ...]:
    pairs = zip(curves["train"][loss], curves["eval"][loss], strict=True)
    return tuple(
        EpochRecord(epoch=epoch, train_loss=train_loss, eval_loss=eval_loss, eval_score=None)
        for epoch, (train_loss, eval_loss) in enumerate(pairs, 1)
    )
