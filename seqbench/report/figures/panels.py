"""What the layer figures show, before anything is drawn: one panel a data set, one line a model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from seqbench.report.analysis import LayerComparisons
from seqbench.report.results import Choice, Curve, Results
from seqbench.report.subjects import DatasetFacts
from seqbench.report.tables.marks import layers_as_good


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A model's scores on test; a model of one layer is a level, drawn across the panel."""

    model: str
    is_level: bool
    layers: tuple[int, ...]
    """Probed layers, ascending."""
    values: tuple[float | None, ...]
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]
    choice: Choice | None
    """The layer chosen on eval; None where no eval score is known."""
    others: tuple[float | None, ...]
    """The figure's other metrics at the chosen layer."""
    as_good: tuple[int, ...] = ()
    """Layers that can't be told apart from the chosen one, and itself; empty where they were not compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One data set."""

    dataset: str
    n_test: int
    metric: str
    others: tuple[str, ...]
    lines: tuple[Line, ...]
    ceiling: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerFigure:
    """One metric against layer, for one head."""

    name: str
    """Of its files."""
    metric: str
    head: str
    panels: tuple[Panel, ...]
    n_probes: int
    """Most probes (seeds) in a mean."""


def layer_figures(
    results: Results, metrics: Sequence[str], compared: Sequence[LayerComparisons] = ()
) -> tuple[LayerFigure, ...]:
    """Figures of the first metric, one a head; the other metrics' values stand beside the chosen layer.

    Data sets whose task lacks the metric, or that have no results, are left out; so is a figure without any.

    Args:
        results: What the catalog holds.
        metrics: The one that is drawn, and others.
        compared: Layers against the chosen one; of use where they were compared by the drawn metric.
    """
    as_good = {
        (one.dataset, one.model, one.head): tuple(sorted([one.chosen, *layers_as_good(one)]))
        for one in compared
        if one.metric == metrics[0]
    }
    figures = (_figure(results, metrics, head, as_good) for head in results.selection.heads)
    return tuple(figure for figure in figures if figure.panels)


_AsGood = Mapping[tuple[str, str, str], tuple[int, ...]]
"""By data set, model and head."""


def _figure(results: Results, metrics: Sequence[str], head: str, as_good: _AsGood) -> LayerFigure:
    metric, *others = metrics
    panels = tuple(
        panel
        for dataset in results.datasets
        if dataset.has(metric)
        for panel in [_panel(results, dataset, metric, others, head, as_good)]
        if panel.lines
    )
    curves = [curve for key, curve in results.curves.items() if key[2] == head]
    return LayerFigure(
        name=f"layers_{'-'.join(metrics)}_{head}",
        metric=metric,
        head=head,
        panels=panels,
        n_probes=max((score.n_probes for curve in curves for score in curve.test.values()), default=0),
    )


def _panel(
    results: Results,
    dataset: DatasetFacts,
    metric: str,
    others: Sequence[str],
    head: str,
    as_good: _AsGood,
) -> Panel:
    curves = [results.curve(dataset.name, model.name, head) for model in results.models]
    had = tuple(other for other in others if dataset.has(other))
    lines = (
        _line(curve, metric, had, as_good.get((dataset.name, curve.model, head), ()))
        for curve in curves
        if curve is not None
    )
    return Panel(
        dataset=dataset.name,
        n_test=dataset.n_test,
        metric=metric,
        others=had,
        lines=tuple(line for line in lines if any(value is not None for value in line.values)),
        ceiling=dataset.ceiling.get(metric),
    )


def _line(curve: Curve, metric: str, others: Sequence[str], as_good: tuple[int, ...]) -> Line:
    layers = curve.layers()
    scores = [curve.at(layer, metric) for layer in layers]
    choice = curve.choices.get(metric)
    return Line(
        model=curve.model,
        is_level=curve.n_layers == 1,
        layers=layers,
        values=tuple(score.value for score in scores),
        low=tuple(score.low for score in scores),
        high=tuple(score.high for score in scores),
        choice=choice,
        others=tuple(None if choice is None else curve.at(choice.layer, other).value for other in others),
        as_good=as_good,
    )
