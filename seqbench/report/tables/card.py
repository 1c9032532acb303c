"""Results for a model card of the Hugging Face Hub: its `model-index`.

The format is https://github.com/huggingface/hub-docs/blob/main/modelcard.md.
"""

from typing import Any

from seqbench.core.types import Task
from seqbench.report.analysis import Analysis
from seqbench.report.leaderboard import LeaderRow
from seqbench.report.subjects import DatasetFacts
from seqbench.report.tables.table import readable

_TASKS = {
    Task.CLASSIFICATION: ("text-classification", "Sequence classification"),
    Task.LABELS: ("text-classification", "Multi-label sequence classification"),
    Task.REGRESSION: ("tabular-regression", "Sequence regression"),
    Task.PERTURBATION: ("tabular-regression", "Perturbation response"),
}
"""The Hub's task nearest to it, and what it is called. The Hub knows no tasks of biological sequences."""
_METRICS = {"mcc": "matthews_correlation", "r2": "r_squared", "brier": "brier_score"}
"""The Hub's names (https://hf.co/metrics) where they differ from ours."""


def carded_models(analysis: Analysis) -> tuple[str, ...]:
    """The models that have a model card to gain from: those with results that are no controls."""
    scored = {row.model for row in analysis.leaderboard if not row.control}
    return tuple(model.name for model in analysis.results.models if model.name in scored)


def model_index(analysis: Analysis, model: str) -> str:
    """The results of a model as YAML, to be put into the head of its model card.

    Per data set the scores on test of the layer chosen on eval, with the model's best head by eval. A data
    set of one's own has no id on the Hub; its name stands for it, and the hash of its files for its revision.

    Args:
        analysis: What the report concludes.
        model: Its name; it has rows in the leaderboard.
    """
    import yaml

    facts = {dataset.name: dataset for dataset in analysis.results.datasets}
    rows = [row for row in analysis.leaderboard if row.model == model]
    results = [result for row in rows for result in [_result(analysis, row, facts[row.dataset])]]
    index = {"model-index": [{"name": model, "results": results}]}
    return str(yaml.safe_dump(index, sort_keys=False, allow_unicode=True, width=110))


def _result(analysis: Analysis, row: LeaderRow, dataset: DatasetFacts) -> dict[str, Any]:
    kind, task = _TASKS[dataset.task]
    return {
        "task": {"type": kind, "name": task},
        "dataset": {
            "type": dataset.name,
            "name": dataset.name,
            "config": "default",
            "split": "test",
            "revision": dataset.sha256,
        },
        "metrics": _metrics(analysis, row, dataset),
    }


def _metrics(analysis: Analysis, row: LeaderRow, dataset: DatasetFacts) -> list[dict[str, Any]]:
    """The ranking metric first, then the others of the task, all at its chosen layer."""
    curve = analysis.results.curve(row.dataset, row.model, row.head)
    layer = row.choice.layer
    names = sorted(dataset.metrics, key=lambda name: name != row.metric)
    found = []
    for name in names:
        score = row.choice.test if curve is None else curve.at(layer, name)
        if score.value is None or (curve is None and name != row.metric):
            continue
        sure = (
            ""
            if score.low is None or score.high is None
            else f", 95 % interval {readable(score.low, 3)} to {readable(score.high, 3)}"
        )
        words = f"{name} ({row.head} probe of layer {layer} of 0–{row.n_layers - 1}, chosen on eval{sure})"
        found.append({"type": _METRICS.get(name, name), "value": score.value, "name": words})
    return found
