"""The ways to use a model set against each other: what training it has over reading it frozen."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from seqbench.catalog.records import ComparisonRecord
from seqbench.metrics import higher_is_better
from seqbench.report.analysis import Comparison
from seqbench.report.comparing.families import head_comparisons, model_comparisons
from seqbench.report.comparing.pairs import ComparedPair, pairs
from seqbench.report.comparing.sides import Sides, read_sides
from seqbench.report.comparing.standings import ranked
from seqbench.report.leaderboard import LeaderRow, leaderboard
from seqbench.report.reading.costs import read_fold_scores, read_frozen_costs, read_trained_costs
from seqbench.report.reading.current import Reader
from seqbench.report.results import Results
from seqbench.report.ways import FROZEN, WAYS, Apart, Cost, FoldScores, Way, WayRow

_Place = tuple[str, str]
"""Data set and model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """Models that were trained, and which pairs are to be compared for them."""

    boards: Mapping[Way, tuple[LeaderRow, ...]]
    """The leaderboard of each way but frozen; empty where no model was trained."""
    among: Mapping[Way, tuple[ComparedPair, ...]]
    """Pairs of models that are used in one way."""
    heads: tuple[ComparedPair, ...]
    """Pairs of ways of one model; `a` trains more of it."""

    @property
    def pairs(self) -> tuple[ComparedPair, ...]:
        """All of them."""
        return (*(pair for found in self.among.values() for pair in found), *self.heads)


def trained_models(reader: Reader, results: Results, frozen: Sequence[LeaderRow], sides: Sides) -> Trained:
    """Find the trained models of a selection, and list the pairs.

    Args:
        reader: The catalog.
        results: What was read of it.
        frozen: The leaderboard of frozen models.
        sides: Its probes.
    """
    boards = {way: leaderboard(results, way) for way in WAYS[1:] if way in results.selection.trained}
    probes = {way: read_sides(reader, board) for way, board in boards.items() if board}
    return Trained(
        boards={way: board for way, board in boards.items() if board},
        among={way: pairs(boards[way], probes[way]) for way in probes},
        heads=tuple(_heads({FROZEN: tuple(frozen), **boards}, {FROZEN: sides, **probes})),
    )


def _heads(boards: Mapping[Way, Sequence[LeaderRow]], sides: Mapping[Way, Sides]) -> Iterator[ComparedPair]:
    """Pairs of ways that have a score, data set by data set."""
    chosen: dict[_Place, dict[Way, LeaderRow]] = defaultdict(dict)
    for way, board in boards.items():
        for row in board:
            if row.place is not None:
                chosen[row.dataset, row.model][way] = row
    for place in sorted(chosen):
        for less, more in combinations([way for way in WAYS if way in chosen[place]], 2):
            of = [(sides[way].get(place, {}), chosen[place][way]) for way in (more, less)]
            if all(row.choice.layer in layers for layers, row in of):
                a, b = (layers[row.choice.layer] for layers, row in of)
                yield ComparedPair(kind="heads", metric=of[0][1].metric, a=a, b=b)


def ways(
    reader: Reader,
    results: Results,
    frozen: Sequence[LeaderRow],
    trained: Trained,
    records: Mapping[str, ComparisonRecord],
) -> tuple[WayRow, ...]:
    """Set the ways of each model that was trained side by side, with what each took.

    Args:
        reader: The catalog.
        results: What was read of it.
        frozen: The leaderboard of frozen models, ranked.
        trained: As `trained_models` found them.
        records: Comparisons by `ComparedPair.key`.
    """
    if not trained.boards:
        return ()
    boards = {FROZEN: tuple(frozen)} | {
        way: ranked(board, model_comparisons(board, trained.among[way], records))
        for way, board in trained.boards.items()
    }
    rows = {way: {(row.dataset, row.model): row for row in board} for way, board in boards.items()}
    places = [
        (dataset.name, model.name)
        for dataset in results.datasets
        for model in results.models
        if any((dataset.name, model.name) in rows[way] for way in trained.boards)
    ]
    costs = _costs(reader, rows, places)
    here = [row for board in rows.values() for place, row in board.items() if place in set(places)]
    folds = read_fold_scores(reader, here)
    compared = {
        (one.dataset, one.a.model, one.a.head, one.b.head): one
        for one in head_comparisons(trained.heads, records)
    }
    return tuple(
        _way_row(way, rows, place, costs, folds, compared)
        for place in places
        for way in WAYS
        if place in rows.get(way, {})
    )


_Rows = Mapping[Way, Mapping[_Place, LeaderRow]]
_Costs = Mapping[tuple[str, str, str], Cost]
"""By data set, model and head."""
_Folds = Mapping[tuple[str, str, str], FoldScores]
_Compared = Mapping[tuple[str, str, str, str], Comparison]
"""By data set, model, and the heads of both sides."""


def _costs(reader: Reader, rows: _Rows, places: Sequence[_Place]) -> _Costs:
    frozen = [rows[FROZEN][place] for place in places if place in rows[FROZEN]]
    trained = [row for way in rows if way != FROZEN for row in rows[way].values()]
    found = read_trained_costs(reader, trained)
    by_place = read_frozen_costs(reader, frozen)
    return found | {
        (row.dataset, row.model, row.head): by_place.get((row.dataset, row.model), Cost()) for row in frozen
    }


def _way_row(
    way: Way, rows: _Rows, place: _Place, costs: _Costs, folds: _Folds, compared: _Compared
) -> WayRow:
    row = rows[way][place]

    def over(other: Way) -> Apart | None:
        less = rows.get(other, {}).get(place)
        return None if less is None or way == other else _apart(row, less, compared)

    return WayRow(
        way=way,
        row=row,
        cost=costs.get((row.dataset, row.model, row.head), Cost()),
        folds=folds.get((row.dataset, row.model, row.head)),
        over_frozen=over(FROZEN),
        over_lora=over("lora") if way == "full" else None,
    )


def _apart(more: LeaderRow, less: LeaderRow, compared: _Compared) -> Apart | None:
    one = compared.get((more.dataset, more.model, more.head, less.head))
    if one is not None:
        return Apart(difference=one.difference, low=one.low, high=one.high, p_holm=one.p_holm)
    ours, theirs = more.choice.test.value, less.choice.test.value
    if ours is None or theirs is None:
        return None
    sign = 1 if higher_is_better(more.metric) else -1
    return Apart(difference=sign * (ours - theirs), low=None, high=None, p_holm=None)
