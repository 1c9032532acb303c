"""The house style of figures and page: colours that colour-blind people can tell apart, and how models look.

Colours are those of Okabe and Ito (2008), https://jfly.uni-koeln.de/color/.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from seqbench.report.subjects import ModelFacts

INK = "#1c2128"
MUTED = "#5c6570"
GRID = "#e4e7eb"
AXIS = "#b6bdc6"
BACKGROUND = "#ffffff"
HATCH = "#d7dbe0"
"""Lines of cells without a score."""
PALE = "#f3f4f6"
"""Cells and rows that are there to be compared with."""
LEVEL = "#737d88"
"""Controls of one layer."""
SERIES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")

TITLE_PT = 10.5
TEXT_PT = 8.5
SMALL_PT = 7.5

RC: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Verdana"],
    "font.size": TEXT_PT,
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
    "text.color": INK,
    "figure.facecolor": BACKGROUND,
    "path.simplify": False,
}
"""Matplotlib's settings while a figure is drawn. SVG keeps text as text, to be searched and edited; PDF
embeds TrueType, since journals refuse Type 3."""

_DASHES: tuple[tuple[float, ...], ...] = ((), (6.0, 1.6, 1.2, 1.6), (1.2, 1.6))
_LEVEL_DASHES: tuple[tuple[float, ...], ...] = ((1.2, 1.8), (5.0, 1.8, 1.2, 1.8), (3.0, 1.6), (9.0, 2.0))
_UNTRAINED: tuple[float, ...] = (3.6, 1.8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How a model is drawn in every figure."""

    color: str
    dashes: tuple[float, ...]
    """On and off in points; empty for a solid line."""
    width: float
    """In points."""


def looks(models: Sequence[ModelFacts]) -> dict[str, Look]:
    """A look for each model by name.

    An untrained twin has the colour of its model, dashed; controls of one layer are grey. After six models
    the colours start again with other dashes.
    """
    found: dict[str, Look] = {}
    colored = 0
    for model in models:
        if model.n_layers > 1 and model.kind != "random-init":
            color, dashes = SERIES[colored % len(SERIES)], _DASHES[colored // len(SERIES) % len(_DASHES)]
            found[model.name] = Look(color=color, dashes=dashes, width=1.8)
            colored += 1
    levels = 0
    for model in models:
        if model.name in found:
            continue
        if model.n_layers > 1:
            twin = _trained_twin(model, models)
            color = found[twin].color if twin in found else SERIES[colored % len(SERIES)]
            colored += twin not in found
            found[model.name] = Look(color=color, dashes=_UNTRAINED, width=1.3)
        else:
            dashes = _LEVEL_DASHES[levels % len(_LEVEL_DASHES)]
            found[model.name] = Look(color=LEVEL, dashes=dashes, width=1.3)
            levels += 1
    return found


def _trained_twin(untrained: ModelFacts, models: Sequence[ModelFacts]) -> str | None:
    """The model of the same checkpoint, if it is among them."""
    for model in models:
        if model.kind != "random-init" and model.path is not None and model.path == untrained.path:
            return model.name
    return None
