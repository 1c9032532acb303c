"""The score of the best predictor of a planted data set, by scikit-learn.

Shape letters: N items, C classes, K labels or targets.
"""

import numpy as np
from numpy.typing import NDArray

from seqbench.core.types import Task
from seqbench.datasets.planted.rules import PlantedSplit

DIGITS = 6


def score_best(task: Task, split: PlantedSplit) -> dict[str, float]:
    """Score what the best predictor says of a split, by the conventions of all results.

    Binary: of the positive class; multi-class: one-vs-rest or by class, averaged; multi-label: exact match
    for accuracy, else averaged over labels; regression: averaged over targets.

    Returns:
        A value for each metric that the task has, rounded to six digits.
    """
    score = {Task.CLASSIFICATION: _classification, Task.LABELS: _labels, Task.REGRESSION: _regression}[task]
    return {metric: round(float(value), DIGITS) for metric, value in score(split.labels, split.best).items()}


def _classification(labels: NDArray[np.generic], best_NC: NDArray[np.float64]) -> dict[str, float]:
    from sklearn import metrics

    binary = best_NC.shape[1] == 2
    predicted = best_NC.argmax(axis=1)
    average = "binary" if binary else "macro"
    scores = best_NC[:, 1] if binary else best_NC
    actual = labels if binary else np.eye(best_NC.shape[1])[labels.astype(np.int64)]
    return {
        "accuracy": metrics.accuracy_score(labels, predicted),
        "balanced_accuracy": metrics.balanced_accuracy_score(labels, predicted),
        "roc_auc": metrics.roc_auc_score(actual, scores),
        "auprc": metrics.average_precision_score(actual, scores),
        "precision": metrics.precision_score(labels, predicted, average=average),
        "recall": metrics.recall_score(labels, predicted, average=average),
        "f1": metrics.f1_score(labels, predicted, average=average),
        "mcc": metrics.matthews_corrcoef(labels, predicted),
    }


def _labels(labels_NK: NDArray[np.generic], best_NK: NDArray[np.float64]) -> dict[str, float]:
    from sklearn import metrics

    predicted_NK = (best_NK > 0.5).astype(np.int64)
    columns = list(zip(labels_NK.T, predicted_NK.T, strict=True))
    return {
        "accuracy": metrics.accuracy_score(labels_NK, predicted_NK),
        "balanced_accuracy": np.mean([metrics.balanced_accuracy_score(*column) for column in columns]),
        "roc_auc": metrics.roc_auc_score(labels_NK, best_NK),
        "auprc": metrics.average_precision_score(labels_NK, best_NK),
        "precision": metrics.precision_score(labels_NK, predicted_NK, average="macro"),
        "recall": metrics.recall_score(labels_NK, predicted_NK, average="macro"),
        "f1": metrics.f1_score(labels_NK, predicted_NK, average="macro"),
        "mcc": np.mean([metrics.matthews_corrcoef(*column) for column in columns]),
    }


def _regression(targets_NK: NDArray[np.generic], best_NK: NDArray[np.float64]) -> dict[str, float]:
    from scipy.stats import pearsonr, spearmanr
    from sklearn import metrics

    squared_K = metrics.mean_squared_error(targets_NK, best_NK, multioutput="raw_values")
    columns = list(zip(targets_NK.T, best_NK.T, strict=True))
    return {
        "mse": np.mean(squared_K),
        "rmse": np.sqrt(np.mean(squared_K)),
        "mcrmse": np.mean(np.sqrt(squared_K)),
        "mae": metrics.mean_absolute_error(targets_NK, best_NK),
        "r2": metrics.r2_score(targets_NK, best_NK),
        "pearsonr": np.mean([pearsonr(*column).statistic for column in columns]),
        "spearmanr": np.mean([spearmanr(*column).statistic for column in columns]),
    }
