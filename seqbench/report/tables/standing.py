"""The tables of who stands where: leaderboard, standings, comparisons and gains."""

from collections.abc import Mapping
from string import ascii_lowercase

from seqbench.report.analysis import Analysis, Gain, RankTest
from seqbench.report.leaderboard import LeaderRow
from seqbench.report.tables.marks import layers_as_good
from seqbench.report.tables.table import Cell, Table, TablePart

_BOARD = (
    "dataset",
    "group",
    "metric",
    "rank",
    "place",
    "model",
    "control",
    "head",
    "layer",
    "n_layers",
    "score",
    "low",
    "high",
    "n_probes",
    "eval_score",
    "gain_untrained",
    "gain_untrained_low",
    "gain_untrained_high",
    "gain_kmer",
    "gain_kmer_low",
    "gain_kmer_high",
    "oracle_layer",
    "oracle_score",
    "gap",
    "n_layers_as_good",
    "layers_as_good",
    "reason",
)
_BOARD_PRINTED = (
    "dataset",
    "rank",
    "model",
    "head",
    "layer",
    "metric",
    "score",
    "low",
    "high",
    "gain_untrained",
    "gain_kmer",
    "gap",
    "n_layers_as_good",
)


def leaderboard_table(analysis: Analysis) -> Table:
    """A row a model and data set, with all that is known of its place."""
    groups = {dataset.name: dataset.group for dataset in analysis.results.datasets}
    gains: dict[tuple[str, str, str], Gain] = {
        (gain.dataset, gain.model, gain.kind): gain for gain in analysis.gains
    }
    as_good = {(one.dataset, one.model, one.head): layers_as_good(one) for one in analysis.layers}
    board = analysis.leaderboard
    rows = tuple(_board_row(row, groups, gains, as_good) for row in board)
    score = _BOARD.index("score")
    best = frozenset((number, score) for number, row in enumerate(board) if row.place == 1)
    first = frozenset((number, score) for number, row in enumerate(board) if row.rank == 1)
    part = TablePart(
        title="", columns=_BOARD, rows=rows, printed=_BOARD_PRINTED, best=best, as_good=first - best
    )
    return Table(
        name="leaderboard",
        title="Leaderboard",
        note="Scores on test of the layer chosen on eval, with each model's best head by eval. The rank is 1 "
        "+ the number of models that are clearly better; gains are over the untrained twin and over k-mers.",
        parts=(part,),
    )


def _board_row(
    row: LeaderRow,
    groups: Mapping[str, str],
    gains: Mapping[tuple[str, str, str], Gain],
    as_good: Mapping[tuple[str, str, str], tuple[int, ...]],
) -> tuple[Cell, ...]:
    choice, test = row.choice, row.choice.test
    layers = as_good.get((row.dataset, row.model, row.head))
    return (
        row.dataset,
        groups.get(row.dataset),
        row.metric,
        row.rank,
        row.place,
        row.model,
        row.control,
        row.head,
        choice.layer,
        row.n_layers,
        test.value,
        test.low,
        test.high,
        test.n_probes,
        choice.eval_score,
        *_gain(gains.get((row.dataset, row.model, "untrained"))),
        *_gain(gains.get((row.dataset, row.model, "kmer"))),
        choice.oracle_layer,
        choice.oracle_score,
        choice.gap,
        None if layers is None else len(layers),
        None if layers is None else " ".join(map(str, layers)),
        test.reason,
    )


def _gain(gain: Gain | None) -> tuple[float | None, float | None, float | None]:
    return (None, None, None) if gain is None else (gain.difference, gain.low, gain.high)


def standings_table(analysis: Analysis) -> Table:
    """A row a scope and model: average ranks, and which of them can't be told apart."""
    columns = (
        "scope",
        "model",
        "control",
        "average_rank",
        "cliques",
        "n_datasets",
        "n_in_scope",
        "n_scored",
        "n_first",
        "mean_score",
        "gain_untrained",
        "gain_kmer",
        "friedman_p",
        "critical_difference",
    )
    tests = {test.scope: test for test in analysis.rank_tests}
    rows: list[tuple[Cell, ...]] = []
    for one in analysis.standings:
        test = tests.get(one.scope)
        ranks = (one.average_rank, None if test is None else _letters(test, one.model))
        counts = (one.n_datasets, one.n_in_scope, one.n_scored, one.n_first)
        means = (one.mean_score, one.gain_untrained, one.gain_kmer)
        tested = (None, None) if test is None else (test.p, test.critical_difference)
        rows.append((one.scope, one.model, one.control, *ranks, *counts, *means, *tested))
    return Table(
        name="standings",
        title="Standings",
        note="Average ranks by test score over those data sets of a scope on which a model has a score "
        "(n_datasets of n_in_scope). Models that share a letter can't be "
        "told apart: their ranks differ by less than the critical difference (Nemenyi, 5 %).",
        parts=(TablePart(title="", columns=columns, rows=tuple(rows)),),
    )


def _letters(test: RankTest, model: str) -> str | None:
    """The letters of the cliques that a model is in: `a`, `ab`; after z come `z2` and so on."""
    inside = [number for number, clique in enumerate(test.cliques) if model in clique]
    names = (
        ascii_lowercase[number % 26] + ("" if number < 26 else str(number // 26 + 1)) for number in inside
    )
    return "".join(names) or None


def comparisons_table(analysis: Analysis) -> Table:
    """Every pair of models that was compared on the same test items."""
    columns = (
        "dataset",
        "metric",
        "model_a",
        "head_a",
        "layer_a",
        "model_b",
        "head_b",
        "layer_b",
        "n_items",
        "difference",
        "low",
        "high",
        "p",
        "p_holm",
        "clear",
    )
    rows: list[tuple[Cell, ...]] = []
    for one in analysis.comparisons:
        a, b = one.a, one.b
        sides = (a.model, a.head, a.layer, b.model, b.head, b.layer, one.n_items)
        numbers = (one.difference, one.low, one.high, one.p, one.p_holm, one.is_clear)
        rows.append((one.dataset, one.metric, *sides, *numbers))
    printed = ("dataset", "metric", "model_a", "model_b", "difference", "low", "high", "p_holm", "clear")
    return Table(
        name="comparisons",
        title="Comparisons of models",
        note="Paired bootstrap over test items and seeds. The difference is positive where a is better; "
        "p_holm is corrected over all pairs of the data set, and clear below 0.05.",
        parts=(TablePart(title="", columns=columns, rows=tuple(rows), printed=printed),),
    )


def gains_table(analysis: Analysis) -> Table:
    """What each model has over its controls, and over itself on shuffled labels."""
    metrics = {row.dataset: row.metric for row in analysis.leaderboard}
    columns = ("dataset", "metric", "model", "kind", "control", "gain", "low", "high", "p_holm", "clear")
    rows: list[tuple[Cell, ...]] = []
    for one in analysis.gains:
        numbers = (one.difference, one.low, one.high, one.p_holm, one.is_clear)
        rows.append((one.dataset, metrics.get(one.dataset), one.model, one.kind, one.control, *numbers))
    return Table(
        name="gains",
        title="Gains over controls",
        note="How much better a model is on test than its untrained twin, k-mers, composition (single "
        "letters) and the same probe on shuffled labels, in units of the data set's ranking metric; positive "
        "where the model is better. Without an interval the two could not be compared item by item.",
        parts=(TablePart(title="", columns=columns, rows=tuple(rows)),),
    )
