"""Whether any protein model's layer beats the mean and one-hot vectors in predicting responses of cells."""

from collections.abc import Iterator, Sequence

from seqbench.core.types import Task
from seqbench.report.analysis import Analysis
from seqbench.report.leaderboard import LeaderRow
from seqbench.report.phrases import number, signed


def responses(analysis: Analysis) -> Iterator[str]:
    """A sentence for each file of cells: the best contender against every baseline, by paired tests."""
    for dataset in analysis.results.datasets:
        if dataset.task is Task.PERTURBATION:
            rows = [row for row in analysis.leaderboard if row.dataset == dataset.name and row.place]
            contenders = [row for row in rows if not row.control]
            baselines = [row for row in rows if row.control]
            if contenders and baselines:
                yield _sentence(analysis, contenders[0], baselines, dataset.ceiling)


def _sentence(analysis: Analysis, best: LeaderRow, baselines: Sequence[LeaderRow], ceiling: object) -> str:
    where = f"{best.model} (layer {best.choice.layer}, {best.head})"
    against = "; ".join(_against(analysis, best, row) for row in baselines)
    top = ceiling.get(best.metric) if isinstance(ceiling, dict) else None
    of = "" if top is None else f"; one half of the real cells scores {number(top)} against the other"
    return (
        f"{best.dataset}: the best contender, {where}, scores {number(best.choice.test.value)} "
        f"{best.metric}: "
        f"{against}{of}."
    )


def _against(analysis: Analysis, best: LeaderRow, baseline: LeaderRow) -> str:
    name = f"{baseline.head} without features" if baseline.model == "no-features" else baseline.model
    score = number(baseline.choice.test.value)
    for one in analysis.comparisons:
        if one.dataset == best.dataset and {one.a.model, one.b.model} == {best.model, baseline.model}:
            difference = one.difference if one.a.model == best.model else -one.difference
            if not one.is_clear:
                return f"not clearly apart from {name} ({score}, {signed(difference)})"
            better = "better" if difference > 0 else "worse"
            return f"clearly {better} than {name} ({score}, {signed(difference)})"
    return f"not compared with {name} ({score})"
