"""All figures of a report."""

from collections.abc import Iterator, Sequence

from seqbench.report.analysis import Analysis
from seqbench.report.figures.bits import bits_pages
from seqbench.report.figures.changes import change_pages
from seqbench.report.figures.depth import depth_pages
from seqbench.report.figures.effects import effect_pages
from seqbench.report.figures.efficiency import efficiency_pages
from seqbench.report.figures.figure import Figure
from seqbench.report.figures.gains import gain_pages
from seqbench.report.figures.heat import score_pages
from seqbench.report.figures.layers import layer_pages
from seqbench.report.figures.learning import learning_pages
from seqbench.report.figures.ranks import rank_pages
from seqbench.report.figures.trained import trained_pages
from seqbench.report.figures.trials import trial_pages
from seqbench.report.figures.wins import win_figure


def figures(analysis: Analysis, layer_figure: Sequence[Sequence[str]]) -> Iterator[Figure]:
    """The figures of a report, undrawn; those that would be empty are left out.

    Args:
        analysis: What the report concludes.
        layer_figure: For each layer figure its metrics: the first is drawn, the others stand in words.
    """
    yield from score_pages(analysis)
    yield from gain_pages(analysis)
    yield from trained_pages(analysis)
    yield from change_pages(analysis)
    yield from bits_pages(analysis)
    yield from trial_pages(analysis)
    for metrics in layer_figure:
        yield from layer_pages(analysis, metrics)
    yield from depth_pages(analysis)
    yield from effect_pages(analysis)
    yield from rank_pages(analysis)
    yield from win_figure(analysis)
    yield from efficiency_pages(analysis)
    yield from learning_pages(analysis)
