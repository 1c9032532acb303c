"""What pre-training bought: models against untrained twins, k-mers, composition, shuffled labels."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from seqbench.metrics import higher_is_better
from seqbench.report.analysis import SHUFFLED, Comparison, Gain, GainKind
from seqbench.report.comparing.families import turn
from seqbench.report.leaderboard import LeaderRow
from seqbench.report.results import Selectivity
from seqbench.report.subjects import ModelFacts

_BY_MODELS: tuple[GainKind, ...] = ("untrained", "kmer", "composition")
"""Gains over other models. What is left is over the same probe on shuffled labels."""

_Compared = Mapping[tuple[str, str, str], Comparison]
"""By data set, model and control."""


def gains(
    rows: Sequence[LeaderRow],
    comparisons: Sequence[Comparison],
    models: Sequence[ModelFacts],
    selectivity: Sequence[Selectivity] = (),
) -> tuple[Gain, ...]:
    """Set every model that is no control against its controls, in the order of the leaderboard.

    The untrained twin is the random initialisation of the same checkpoint, pooled alike; one of the same
    revision goes before others. Of several controls of a kind (seeds of the twin, lengths of k-mers) the one
    that is best on eval counts, as of several heads.

    Args:
        rows: The leaderboard.
        comparisons: Pairs of models, and rows against their probes on shuffled labels (`SHUFFLED`).
        models: Of the selection.
        selectivity: Scores on shuffled labels, for rows that were not compared.
    """
    compared = {(one.dataset, one.a.model, one.b.model): one for one in comparisons}
    compared |= {(one.dataset, one.b.model, one.a.model): turn(one) for one in comparisons}
    facts = {model.name: model for model in models}
    shuffled = {(one.dataset, one.model, one.head, one.layer, one.metric): one for one in selectivity}
    found: list[Gain] = []
    for _, group in groupby(rows, key=lambda row: row.dataset):
        members = [row for row in group if row.choice.test.value is not None]
        for row in [row for row in members if not row.control]:
            for kind in _BY_MODELS:
                others = _controls(facts, row, members, kind)
                found += [_over_model(row, control, kind, compared) for control in _best(row, others)]
            if one := shuffled.get((row.dataset, row.model, row.head, row.choice.layer, row.metric)):
                found.append(_gain(row, SHUFFLED, "shuffled", one.selectivity, compared))
    return tuple(found)


def _controls(
    facts: Mapping[str, ModelFacts], row: LeaderRow, members: Sequence[LeaderRow], kind: GainKind
) -> list[LeaderRow]:
    """The controls of a kind for the model of a row."""
    if kind != "untrained":
        wanted = kind == "composition"
        return [
            other
            for other in members
            for control in [facts[other.model]]
            if control.kind == "kmer" and control.is_composition == wanted
        ]
    model = facts[row.model]
    twins = [other for other in members if _is_twin(model, facts[other.model])]
    same = [other for other in twins if facts[other.model].revision == model.revision]
    return same or twins


def _is_twin(model: ModelFacts, control: ModelFacts) -> bool:
    alike = model.path == control.path and _pooling(model) == _pooling(control)
    return control.kind == "random-init" and alike


def _pooling(model: ModelFacts) -> str:
    """What follows the model's own name where several poolings were asked for."""
    return model.name.partition("@")[2]


def _best(row: LeaderRow, controls: Sequence[LeaderRow]) -> Iterator[LeaderRow]:
    """The control with the best score on eval, if there is any; of equals the one with the better place."""
    known = [control for control in controls if control.choice.eval_score is not None]
    if known:
        sign = 1 if higher_is_better(row.metric) else -1
        yield max(known, key=lambda control: sign * (control.choice.eval_score or 0.0))


def _over_model(row: LeaderRow, control: LeaderRow, kind: GainKind, compared: _Compared) -> Gain:
    better, worse = row.choice.test.value or 0.0, control.choice.test.value or 0.0
    by_score = better - worse if higher_is_better(row.metric) else worse - better
    return _gain(row, control.model, kind, by_score, compared)


def _gain(row: LeaderRow, control: str, kind: GainKind, by_score: float, compared: _Compared) -> Gain:
    one = compared.get((row.dataset, row.model, control))
    return Gain(
        dataset=row.dataset,
        model=row.model,
        control=control,
        kind=kind,
        difference=one.difference if one else by_score,
        low=one.low if one else None,
        high=one.high if one else None,
        p_holm=one.p_holm if one else None,
    )
