"""XGBoost's names of losses and metrics, for each kind of problem."""

from seqbench.core.types import Task
from seqbench.probe.heads.base import Problem

OBJECTIVES = {
    "binary": ("binary:logistic", "logloss"),
    "multiclass": ("multi:softprob", "mlogloss"),
    "labels": ("binary:logistic", "logloss"),
    "regression": ("reg:squarederror", "rmse"),
}
"""What is minimised, and the loss that learning curves show, by kind of problem."""
ERRORS = {"binary": "error", "multiclass": "merror"}
"""The share of items in the wrong class, 1 - accuracy."""
_SAME_METRIC = {"logloss": "mlogloss", "error": "merror"}
"""XGBoost's names of one metric for two classes and for more."""
_MAXIMISED = ("auc", "aucpr", "map", "ndcg", "pre")
_OF_VALUES = ("rmse", "rmsle", "mae", "mape", "mphe")
"""Metrics of regression; the others are of classes."""


def kind_of(problem: Problem, n_classes: int) -> str:
    """Name the kind of problem that is left of it when `n_classes` of its classes are in train."""
    if problem.task is Task.CLASSIFICATION:
        return "binary" if n_classes == 2 else "multiclass"
    return "labels" if problem.task is Task.LABELS else "regression"


def resolve_metric(eval_metric: str | None, kind: str) -> str:
    """The metric that chooses the round: the one asked for where it suits the kind of problem.

    One config serves data sets of all tasks, so a name is turned into its twin for two or more classes
    (`logloss`, `mlogloss`; `error`, `merror`), and a metric of the other kind (`auc` for regression, `rmse`
    for classes) into the problem's own loss.
    """
    default = OBJECTIVES[kind][1]
    if eval_metric is None or (eval_metric.split("@")[0] in _OF_VALUES) != (kind == "regression"):
        return default
    to_many, to_two = _SAME_METRIC, {many: two for two, many in _SAME_METRIC.items()}
    return (to_many if kind == "multiclass" else to_two).get(eval_metric, eval_metric)


def is_maximised(metric: str) -> bool:
    """Whether more is better."""
    return metric.split("@")[0] in _MAXIMISED
