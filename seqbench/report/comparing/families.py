"""Comparisons as reports show them, corrected for how many there are."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from seqbench.catalog.records import ComparedSide, ComparisonRecord
from seqbench.metrics import holm, is_collapsed
from seqbench.report.analysis import SHUFFLED, Comparison, LayerComparison, LayerComparisons, Side
from seqbench.report.comparing.pairs import ComparedPair, PairKind
from seqbench.report.leaderboard import LeaderRow


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tested:
    """A comparison that is defined."""

    record: ComparisonRecord
    difference: float
    low: float | None
    high: float | None
    p: float


def _tested(pairs: Iterable[ComparedPair], records: Mapping[str, ComparisonRecord]) -> list[_Tested]:
    found = []
    for pair in pairs:
        one = records.get(pair.key)
        if one is None or one.difference is None or one.p is None:
            continue
        low, high = _interval(one)
        found.append(_Tested(record=one, difference=one.difference, low=low, high=high, p=one.p))
    return found


def _interval(record: ComparisonRecord) -> tuple[float | None, float | None]:
    """None where there is none; older versions recorded some without width."""
    low, high = record.low, record.high
    if low is None or high is None or is_collapsed(low, high):
        return None, None
    return low, high


def model_comparisons(
    rows: Sequence[LeaderRow], pairs: Sequence[ComparedPair], records: Mapping[str, ComparisonRecord]
) -> tuple[Comparison, ...]:
    """The pairs of models, each data set a family; `a` is the one with the better place."""
    order = {(row.dataset, row.model): place for place, row in enumerate(rows)}
    found = []
    for dataset, made in _by_dataset("models", pairs, records):
        turned = [
            one if order[dataset, one.a.model] < order[dataset, one.b.model] else turn(one) for one in made
        ]
        found += sorted(turned, key=lambda one: (order[dataset, one.a.model], order[dataset, one.b.model]))
    return tuple(found)


def shuffled_comparisons(
    pairs: Sequence[ComparedPair], records: Mapping[str, ComparisonRecord]
) -> tuple[Comparison, ...]:
    """Rows against their probes on shuffled labels, named `SHUFFLED`; each data set a family."""
    return tuple(
        replace(one, b=replace(one.b, model=SHUFFLED))
        for _, made in _by_dataset("shuffled", pairs, records)
        for one in made
    )


def head_comparisons(
    pairs: Sequence[ComparedPair], records: Mapping[str, ComparisonRecord]
) -> tuple[Comparison, ...]:
    """The ways of models against each other; each data set a family."""
    return tuple(one for _, made in _by_dataset("heads", pairs, records) for one in made)


def change_comparisons(
    pairs: Sequence[ComparedPair], records: Mapping[str, ComparisonRecord]
) -> tuple[Comparison, ...]:
    """The layers of a trained model against those of its base on a data set, one family."""
    return tuple(one for _, made in _by_dataset("changes", pairs, records) for one in made)


def _by_dataset(
    kind: PairKind, pairs: Iterable[ComparedPair], records: Mapping[str, ComparisonRecord]
) -> Iterator[tuple[str, list[Comparison]]]:
    """The comparisons of a kind, corrected over those of their data set."""
    by_dataset: dict[str, list[ComparedPair]] = defaultdict(list)
    for pair in pairs:
        if pair.kind == kind:
            by_dataset[pair.dataset].append(pair)
    for dataset, members in by_dataset.items():
        tested = _tested(members, records)
        adjusted = holm([one.p for one in tested])
        yield dataset, [_comparison(one, p) for one, p in zip(tested, adjusted, strict=True)]


def _comparison(tested: _Tested, p_holm: float) -> Comparison:
    record = tested.record
    return Comparison(
        dataset=record.dataset,
        metric=record.metric,
        a=_side(record.a),
        b=_side(record.b),
        n_items=record.n_items,
        difference=tested.difference,
        low=tested.low,
        high=tested.high,
        p=tested.p,
        p_holm=p_holm,
    )


def turn(one: Comparison) -> Comparison:
    """The same seen from the other side."""
    low = None if one.high is None else -one.high
    high = None if one.low is None else -one.low
    return replace(one, a=one.b, b=one.a, difference=-one.difference, low=low, high=high)


def _side(side: ComparedSide) -> Side:
    return Side(model=side.model, head=side.head, layer=side.layer)


def layer_comparisons(
    rows: Sequence[LeaderRow], pairs: Sequence[ComparedPair], records: Mapping[str, ComparisonRecord]
) -> tuple[LayerComparisons, ...]:
    """The layers of each row against the chosen one, each row a family; rows without any are left out."""
    by_row: dict[tuple[str, str], list[ComparedPair]] = defaultdict(list)
    for pair in pairs:
        if pair.kind == "layers":
            by_row[pair.dataset, pair.a.side.model].append(pair)
    found = []
    for row in rows:
        tested = _tested(by_row[row.dataset, row.model], records)
        adjusted = holm([one.p for one in tested])
        if not tested:
            continue
        found.append(
            LayerComparisons(
                dataset=row.dataset,
                model=row.model,
                head=row.head,
                metric=row.metric,
                chosen=row.choice.layer,
                layers=tuple(
                    LayerComparison(
                        layer=one.record.b.layer,
                        difference=one.difference,
                        low=one.low,
                        high=one.high,
                        p_holm=p,
                    )
                    for one, p in zip(tested, adjusted, strict=True)
                ),
            )
        )
    return tuple(found)
