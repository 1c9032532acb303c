"""What training changed in the layers of a model: each against the same layer of the model it began with."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from seqbench.catalog.records import ComparisonRecord
from seqbench.report.analysis import Comparison
from seqbench.report.comparing.families import change_comparisons, turn
from seqbench.report.comparing.pairs import ComparedPair
from seqbench.report.comparing.sides import read_sides
from seqbench.report.leaderboard import LeaderRow
from seqbench.report.reading.current import Reader
from seqbench.report.reading.made import Made, read_made
from seqbench.report.results import Curve, Results
from seqbench.report.ways import Apart, Change, LayerChange


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedChange:
    """A trained model and its base on a data set, and the pairs of their layers."""

    made: Made
    before: Curve
    after: Curve
    metric: str
    pairs: tuple[ComparedPair, ...]
    """Empty where probes of a side are not there any more."""


def wanted_changes(reader: Reader, results: Results, rows: Sequence[LeaderRow]) -> tuple[WantedChange, ...]:
    """List what is to be compared of models that a training left, data sets in the order of the leaderboard.

    Both are compared with the base's best head by eval, or where the trained model was not probed with it,
    with its own.

    Args:
        reader: The catalog.
        results: What was read of it.
        rows: The leaderboard of frozen models.
    """
    made = read_made(reader)
    board = {(row.dataset, row.model): row for row in rows}
    found = [
        one
        for dataset in dict.fromkeys(row.dataset for row in rows)
        for each in made
        if (dataset, each.model) in board and (dataset, each.base) in board
        for one in _shared(results, each, board[dataset, each.base], board[dataset, each.model])
    ]
    return tuple(_with_pairs(reader, found))


def _shared(results: Results, made: Made, base: LeaderRow, own: LeaderRow) -> Iterator[WantedChange]:
    """The curves of the first head that both were probed with."""
    for head in dict.fromkeys((base.head, own.head)):
        before = results.curve(base.dataset, base.model, head)
        after = results.curve(own.dataset, own.model, head)
        if before is not None and after is not None:
            yield WantedChange(made=made, before=before, after=after, metric=base.metric, pairs=())
            return


def _with_pairs(reader: Reader, found: Sequence[WantedChange]) -> Iterator[WantedChange]:
    for one in found:
        rows = [_row(one, curve) for curve in (one.before, one.after)]
        sides = read_sides(reader, rows)
        before, after = (sides.get((row.dataset, row.model), {}) for row in rows)
        pairs = (
            ComparedPair(kind="changes", metric=one.metric, a=after[layer], b=before[layer])
            for layer in sorted(before.keys() & after.keys())
        )
        yield replace(one, pairs=tuple(pairs))


def _row(wanted: WantedChange, curve: Curve) -> LeaderRow:
    return LeaderRow(
        dataset=curve.dataset,
        metric=wanted.metric,
        place=None,
        rank=None,
        model=curve.model,
        control=False,
        head=curve.head,
        n_layers=curve.n_layers,
        choice=curve.choices[wanted.metric],
    )


def changes(
    wanted: Sequence[WantedChange],
    records: Mapping[str, ComparisonRecord],
    comparisons: Sequence[Comparison],
) -> tuple[Change, ...]:
    """What was found, each data set and trained model a family; without those that share no layer.

    Args:
        wanted: As `wanted_changes` lists them.
        records: Comparisons by `ComparedPair.key`.
        comparisons: Pairs of models of the leaderboard.
    """
    known = {(one.dataset, one.a.model, one.b.model): one for one in comparisons}
    known |= {(one.dataset, one.b.model, one.a.model): turn(one) for one in comparisons}
    found = (_change(one, records, known) for one in wanted)
    return tuple(change for change in found if change.layers)


def _change(
    wanted: WantedChange,
    records: Mapping[str, ComparisonRecord],
    known: Mapping[tuple[str, str, str], Comparison],
) -> Change:
    made, dataset = wanted.made, wanted.before.dataset
    best = known.get((dataset, made.model, made.base))
    return Change(
        dataset=dataset,
        model=made.model,
        base=made.base,
        stage=made.stage,
        trained_on=made.dataset,
        head=wanted.before.head,
        metric=wanted.metric,
        layers=tuple(
            LayerChange(
                layer=one.a.layer,
                before=wanted.before.at(one.b.layer, wanted.metric),
                after=wanted.after.at(one.a.layer, wanted.metric),
                apart=_apart(one),
            )
            for one in change_comparisons(wanted.pairs, records)
        ),
        best=None if best is None else _apart(best),
    )


def _apart(one: Comparison) -> Apart:
    return Apart(difference=one.difference, low=one.low, high=one.high, p_holm=one.p_holm)
