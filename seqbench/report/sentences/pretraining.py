"""What pre-training bought: each model against its untrained twin and against k-mers."""

from collections.abc import Iterator, Sequence
from statistics import median

from seqbench.report.analysis import OVERALL, Analysis, Gain
from seqbench.report.leaderboard import LeaderRow
from seqbench.report.phrases import counted, listed, number, signed

MOST_MODELS = 3
"""Models that a summary tells this of; tables and page have all."""


def bought_on_one(analysis: Analysis, row: LeaderRow) -> str:
    """The end of the sentence on the best model of the one data set."""
    gains = [gain for gain in analysis.gains if (gain.dataset, gain.model) == (row.dataset, row.model)]
    said = [_on_one(gain) for gain in gains]
    return f": {', and '.join(said)}." if said else "."


def _on_one(gain: Gain) -> str:
    other = f"its untrained twin {gain.control}" if gain.kind == "untrained" else gain.control
    low, high = gain.low, gain.high
    better = "better" if gain.difference > 0 else "worse"
    if low is None or high is None:
        return f"{number(abs(gain.difference))} {better} by score than {other}"
    if not gain.is_clear:
        return f"not clearly apart from {other} ({signed(gain.difference)}, {signed(low)} to {signed(high)})"
    ends = (low, high) if gain.difference > 0 else (-high, -low)
    return f"{number(abs(gain.difference))} {better} than {other} ({number(ends[0])} to {number(ends[1])})"


def bought_on_many(analysis: Analysis) -> Iterator[str]:
    """A sentence for each of the best models that have a control beside them."""
    order = [one.model for one in analysis.standings if one.scope == OVERALL and not one.control]
    gains = {model: [gain for gain in analysis.gains if gain.model == model] for model in order}
    told = [model for model in order if gains[model]]
    for model in told[:MOST_MODELS]:
        kinds = (("untrained", "its untrained twin"), ("kmer", "the best k-mer model"))
        parts = [
            f"{name} on {_counts(mine)} ({_medians(analysis, mine)})"
            for kind, name in kinds
            for mine in [[gain for gain in gains[model] if gain.kind == kind]]
            if mine
        ]
        yield f"{model} is better than {', and than '.join(parts)}."


def _counts(gains: Sequence[Gain]) -> str:
    """On how many data sets it is better, and on how many clearly worse."""
    tested = [gain for gain in gains if gain.is_clear is not None]
    if not tested:
        ahead = sum(gain.difference > 0 for gain in gains)
        return f"{ahead} of {counted(len(gains), 'data set')} by score"
    clear = [gain for gain in tested if gain.is_clear]
    worse = sum(gain.difference < 0 for gain in clear)
    behind = f" and worse on {worse}" if worse else ""
    return f"{len(clear) - worse} of {counted(len(tested), 'data set')}{behind}"


def _medians(analysis: Analysis, gains: Sequence[Gain]) -> str:
    """The median gain by metric, since those in different metrics can't be averaged; of one its range."""
    metrics = {row.dataset: row.metric for row in analysis.leaderboard}
    by_metric: dict[str, list[float]] = {}
    for gain in gains:
        by_metric.setdefault(metrics[gain.dataset], []).append(gain.difference)
    said = [f"{signed(median(values))} {metric}" for metric, values in by_metric.items()]
    if len(gains) == 1:
        return said[0]
    every = [gain.difference for gain in gains]
    spread = f", from {signed(min(every))} to {signed(max(every))}" if len(by_metric) == 1 else ""
    return f"median {listed(said)}{spread}"
