"""What pre-training bought: each model against its untrained twin and against the best k-mer model."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from seqbench.metrics import higher_is_better
from seqbench.report.analysis import Comparison, Gain
from seqbench.report.comparing.families import turn
from seqbench.report.leaderboard import LeaderRow
from seqbench.report.results import ModelFacts

KINDS = {"untrained": "random-init", "kmer": "kmer"}
"""Kind of a gain, and that of the models it is over."""


def gains(
    rows: Sequence[LeaderRow], comparisons: Sequence[Comparison], models: Sequence[ModelFacts]
) -> tuple[Gain, ...]:
    """Set every model that is no control against its controls, in the order of the leaderboard.

    The untrained twin is the random initialisation of the same checkpoint, pooled alike. Of several controls
    of a kind (seeds of the twin, lengths of k-mers) the one that is best on eval counts, as of several heads.
    """
    compared = {(one.dataset, one.a.model, one.b.model): one for one in comparisons}
    compared |= {(one.dataset, one.b.model, one.a.model): turn(one) for one in comparisons}
    facts = {model.name: model for model in models}
    return tuple(
        _gain(row, control, kind, compared)
        for _, group in groupby(rows, key=lambda row: row.dataset)
        for members in [[row for row in group if row.choice.test.value is not None]]
        for row in members
        if not row.control
        for kind in KINDS
        for control in _best(row, [other for other in members if _is_control(facts, row, other, kind)])
    )


def _is_control(facts: Mapping[str, ModelFacts], row: LeaderRow, other: LeaderRow, kind: str) -> bool:
    """Whether the other model is a control of that kind for the model of the row."""
    model, control = facts[row.model], facts[other.model]
    if control.kind != KINDS[kind]:
        return False
    return kind == "kmer" or (model.path == control.path and _pooling(model) == _pooling(control))


def _pooling(model: ModelFacts) -> str:
    """What follows the model's own name where several poolings were asked for."""
    return model.name.partition("@")[2]


def _best(row: LeaderRow, controls: Sequence[LeaderRow]) -> Iterator[LeaderRow]:
    """The control with the best score on eval, if there is any; of equals the one with the better place."""
    known = [control for control in controls if control.choice.eval_score is not None]
    if known:
        sign = 1 if higher_is_better(row.metric) else -1
        yield max(known, key=lambda control: sign * (control.choice.eval_score or 0.0))


def _gain(
    row: LeaderRow,
    control: LeaderRow,
    kind: str,
    compared: Mapping[tuple[str, str, str], Comparison],
) -> Gain:
    one = compared.get((row.dataset, row.model, control.model))
    better, worse = row.choice.test.value or 0.0, control.choice.test.value or 0.0
    by_score = better - worse if higher_is_better(row.metric) else worse - better
    return Gain(
        dataset=row.dataset,
        model=row.model,
        control=control.model,
        kind=kind,
        difference=one.difference if one else by_score,
        low=one.low if one else None,
        high=one.high if one else None,
        p_holm=one.p_holm if one else None,
    )
