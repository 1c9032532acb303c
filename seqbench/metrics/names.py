"""Which metrics a task has, which one it is ranked by, and which way is better."""

from functools import cache

from seqbench.core.types import Task

METRICS: dict[Task, tuple[str, ...]] = {
    Task.CLASSIFICATION: (
        "accuracy",
        "balanced_accuracy",
        "roc_auc",
        "auprc",
        "precision",
        "recall",
        "f1",
        "mcc",
        "brier",
        "ece",
    ),
    Task.LABELS: (
        "accuracy",
        "balanced_accuracy",
        "roc_auc",
        "auprc",
        "precision",
        "recall",
        "f1",
        "mcc",
        "precision_micro",
        "recall_micro",
        "f1_micro",
        "brier",
        "ece",
    ),
    Task.REGRESSION: ("mse", "rmse", "mcrmse", "mae", "r2", "pearsonr", "spearmanr", "kendalltau"),
    Task.PERTURBATION: (
        "pearson_delta",
        "mse",
        "mae",
        "weighted_mse",
        "weighted_r2",
        "discrimination_l1",
        "discrimination_l2",
        "discrimination_cosine",
        "energy_distance",
        "de_overlap",
        "direction",
    ),
}
"""The metrics of a task, in the order of tables."""

LETTER_METRICS: dict[Task, tuple[str, ...]] = {
    Task.CLASSIFICATION: ("accuracy_per_sequence", "segment_f1"),
    Task.LABELS: ("accuracy_per_sequence",),
    Task.REGRESSION: ("rmse_per_sequence", "pearsonr_per_sequence"),
}
"""What labels of letters have beside the metrics of their task; see `metrics.letters`."""

PRIMARY: dict[Task, str] = {
    Task.CLASSIFICATION: "accuracy",
    Task.LABELS: "roc_auc",
    Task.REGRESSION: "spearmanr",
    Task.PERTURBATION: "pearson_delta",
}
"""The metric that epoch, layer and rank go by where nobody says otherwise."""

_ERRORS = frozenset(
    {
        "brier",
        "ece",
        "mse",
        "rmse",
        "mcrmse",
        "mae",
        "weighted_mse",
        "energy_distance",
        "rmse_per_sequence",
    }
)


@cache
def higher_is_better(metric: str) -> bool:
    """Tell whether a higher value of the metric is the better one.

    Raises:
        ValueError: There is no such metric.
    """
    if metric not in all_metrics():
        raise ValueError(f"no metric is called {metric!r}; there are {', '.join(all_metrics())}")
    return metric not in _ERRORS


def all_metrics() -> tuple[str, ...]:
    """The metrics of all tasks, each once, in the order of tables."""
    every = (*METRICS.values(), *LETTER_METRICS.values())
    return tuple(dict.fromkeys(name for names in every for name in names))


def describe_task(task: Task, n_outputs: int) -> str:
    """What is predicted and how it is ranked, in a few words.

    Args:
        task: What the labels are.
        n_outputs: Classes, labels or targets.

    Returns:
        For example "classification, 2 classes, by accuracy".
    """
    kind = {Task.CLASSIFICATION: "class", Task.LABELS: "label", Task.REGRESSION: "target"}[task]
    plural = "" if n_outputs == 1 else "es" if kind == "class" else "s"
    return f"{task.value}, {n_outputs:,} {kind}{plural}, by {PRIMARY[task]}"
