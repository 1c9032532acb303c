"""TEMPORARY, for write.py as it was: gone when it is joined."""

from collections.abc import Mapping

from seqbench.report.figures.canvas import Canvas
from seqbench.report.figures.layers import _draw_page
from seqbench.report.figures.panels import LayerFigure, Panel
from seqbench.report.figures.style import Look


def draw_figure(figure: LayerFigure, looks: Mapping[str, Look]) -> Canvas:
    """All panels on one sheet."""
    return _draw_page(figure, figure.panels, "", looks)


def draw_alone(panel: Panel, looks: Mapping[str, Look]) -> Canvas:
    """One panel."""
    figure = LayerFigure(name="", metric=panel.metric, head="", panels=(panel,), n_probes=1)
    return _draw_page(figure, (panel,), "", looks)
