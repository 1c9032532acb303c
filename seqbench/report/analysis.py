"""What a report concludes: results, who stands where, what can be told apart. All outputs come from it."""

from dataclasses import dataclass
from typing import Literal

from seqbench.report.leaderboard import CLEAR_BELOW, LeaderRow
from seqbench.report.results import Results, Score
from seqbench.report.tracks import Tracks
from seqbench.report.ways import Change, WayRow

OVERALL = "overall"
"""Scope of standings over all data sets; the other scopes are groups of data sets."""

SHUFFLED = "shuffled labels"
"""What stands in the place of a control's name for the same probe, trained on shuffled labels."""

GainKind = Literal["untrained", "kmer", "composition", "shuffled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of two that are compared: a head on a layer of a model."""

    model: str
    head: str
    layer: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two models on one data set, on the same test items: paired bootstrap over items and seeds.

    Each side is the model's row of the leaderboard by `metric`: its best head by eval, the layer chosen on
    eval.
    """

    dataset: str
    metric: str
    a: Side
    b: Side
    n_items: int
    difference: float
    """How much better `a` is than `b` on test: positive where a is, whichever way the metric goes."""
    low: float | None
    """Lower end of the 95 % interval of the difference; None where items are too few for one, or where all
    resamples give the same difference."""
    high: float | None
    p: float
    """Two-sided."""
    p_holm: float
    """The same after Holm's correction over all pairs of models of the data set and metric."""

    @property
    def is_clear(self) -> bool:
        """Whether the two can be told apart at 5 %, all pairs of the data set considered."""
        return self.p_holm < CLEAR_BELOW


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerComparison:
    """A layer against the one chosen on eval, same model, head and test items."""

    layer: int
    difference: float
    """How much better the chosen layer is on test; negative where this one is better."""
    low: float | None
    """None as of `Comparison`."""
    high: float | None
    p_holm: float
    """Two-sided, corrected over the other layers."""

    @property
    def is_as_good(self) -> bool:
        """Whether it can't be told apart from the chosen layer at 5 %."""
        return self.p_holm >= CLEAR_BELOW


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerComparisons:
    """All layers of a model on a data set against the chosen one, by the data set's ranking metric."""

    dataset: str
    model: str
    head: str
    metric: str
    chosen: int
    layers: tuple[LayerComparison, ...]
    """Without the chosen one, ascending."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """What a model has over a control on a data set, by the data set's ranking metric."""

    dataset: str
    model: str
    control: str
    """Its untrained twin, the k-mer model (of at least two letters, or of one) that is best on eval, or
    `SHUFFLED`."""
    kind: GainKind
    difference: float
    """Positive where the model is better."""
    low: float | None
    """None where the pair could not be compared item by item (no predictions stored; `p_holm` is None as
    well), or as of `Comparison`."""
    high: float | None
    p_holm: float | None

    @property
    def is_clear(self) -> bool | None:
        """Whether the two can be told apart at 5 %; None where they could not be compared item by item."""
        return None if self.p_holm is None else self.p_holm < CLEAR_BELOW


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A model over the data sets of a scope on which it has a score.

    Ranked are models and controls that have a score on at least half of the scope's data sets. Ranks are
    those among the models that have a score on the data set; a control that lacks one on which a model has
    a score (one-hot needs sequences of one length) is told where it would stand, and moves nobody's rank.
    """

    scope: str
    """`OVERALL`, or a group of data sets."""
    model: str
    control: bool
    n_datasets: int
    """That average rank and mean score are over; 0 for a model that is not ranked."""
    n_in_scope: int
    """On which any model has a score; where `n_datasets` is less, averages of others are over other data."""
    n_scored: int
    """On which the model has a score at all."""
    average_rank: float | None
    """Of test scores by the ranking metric, ties averaged; None for a model that is not ranked."""
    n_first: int
    """Data sets of the scope on which nothing is clearly better."""
    mean_score: float | None
    """Mean test score; None without average rank, or where data sets are ranked by different metrics."""
    gain_untrained: float | None
    """Mean over the data sets where it is known, in units of the metric; None where it nowhere is, or where
    the data sets are ranked by different metrics."""
    gain_kmer: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RankTest:
    """Whether average ranks of a scope differ at all, and by how much they must to be told apart.

    Friedman's test and Nemenyi's critical difference at 5 % (Demšar 2006, JMLR 7).
    """

    scope: str
    n_datasets: int
    """On which all ranked models have a score: those that the test is over."""
    n_models: int
    """That are ranked, without controls that lack a data set."""
    p: float | None
    """Friedman's; None for fewer than three models or two data sets."""
    critical_difference: float | None
    """In ranks; None likewise."""
    cliques: tuple[tuple[str, ...], ...] = ()
    """Largest groups of models, best first, whose average ranks lie within the critical difference; one of
    all models where Friedman's test finds no difference at 5 %. Who is in none differs from all others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wins:
    """How often one model is clearly better than another over the data sets on which both have a score."""

    model: str
    other: str
    clearly_better: int
    better: int
    """By score, clearly or not."""
    n_datasets: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanScore:
    """A metric on all test items, and on those of them that an audit of the same data found nothing against.

    Of a head of a model on the layer that is chosen on eval (all of it) by the data set's ranking metric.
    """

    dataset: str
    model: str
    head: str
    layer: int
    metric: str
    """Every metric of the task has a row."""
    n_items: int
    """Test items."""
    n_clean: int
    """Test items that are clean."""
    full: Score
    clean: Score
    """Mean over the same seeds, with bootstrap intervals over the clean items; thresholds are the probes'."""
    reason: str | None
    """Why `clean` has no value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """Everything that tables, figures, page, terminal and summary show."""

    results: Results
    leaderboard: tuple[LeaderRow, ...]
    """Of frozen models."""
    comparisons: tuple[Comparison, ...] = ()
    layers: tuple[LayerComparisons, ...] = ()
    gains: tuple[Gain, ...] = ()
    standings: tuple[Standing, ...] = ()
    """Scope by scope, `OVERALL` first; in a scope by average rank."""
    rank_tests: tuple[RankTest, ...] = ()
    wins: tuple[Wins, ...] = ()
    """Every ordered pair of models."""
    not_compared: tuple[str, ...] = ()
    """One sentence each on what could not be compared, and why."""
    clean: tuple[CleanScore, ...] = ()
    """Of data sets whose audit is current; data sets, models and heads in the order of the selection."""
    ways: tuple[WayRow, ...] = ()
    """Of models that were trained on a data set: each way to use them. Data sets and models in the order of
    the selection, then frozen, LoRA, full."""
    tracks: tuple[Tracks, ...] = ()
    """Of data sets whose labels are of letters: some test sequences, truth above prediction."""
    changes: tuple[Change, ...] = ()
    """What training changed, layer by layer, where a model was probed beside the one that it began with."""
