"""Learning curves of the chosen layers: a row a data set, a column a model."""

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from seqbench.report.analysis import Analysis
from seqbench.report.figures.canvas import Canvas
from seqbench.report.figures.figure import Figure, join, page_name, page_words
from seqbench.report.figures.letters import shorten, text_width
from seqbench.report.figures.placing import Box
from seqbench.report.figures.rows import draw_heads, heads_height
from seqbench.report.figures.scales import Scale, padded, ticks
from seqbench.report.figures.sheet import EDGE, INNER, body_room, draw_axes, new_page, pages
from seqbench.report.figures.style import (
    BACKGROUND,
    INK,
    MUTED,
    SERIES,
    SMALL_PT,
    TEXT_PT,
    Look,
    looks,
)
from seqbench.report.results import LearningCurve, Results

_MOST_MODELS = 6
_WIDEST = 178.0
_TITLE = 22.0
_PLOT = 46.0
_X_AXIS = 13.0
_GAP = 6.0
_HEIGHT = _TITLE + _PLOT + _X_AXIS + _GAP
_Y_AXIS = 28.0
_BETWEEN = 10.0
_FINE = "converged"
_HEADING = "Loss by epoch, at the layer chosen on eval"
_TINY_PT = 6.5
_KEY = 16.0
_TRAIN = (2.5, 1.5)
"""Dashes of losses on train."""

_Panels = Mapping[tuple[str, str], LearningCurve]
"""By data set and model."""


def learning_pages(analysis: Analysis) -> Iterator[Figure]:
    """Learning curves, one figure a head and page; none where no head was trained by epochs."""
    results = analysis.results
    for head in dict.fromkeys(curve.head for curve in results.learning):
        panels = {
            (curve.dataset, curve.model): curve
            for curve in results.learning
            if curve.head == head and curve.points
        }
        broken = frozenset((f.dataset, f.model) for f in results.failed if f.head == head)
        blocks = _blocks(results, panels)
        for number, (models, page) in enumerate(blocks):
            words = join(f"head {head}", page_words(number, len(blocks)))
            shown = {key: panels[key] for key in panels if key[0] in page and key[1] in models}
            yield Figure(
                name=page_name(f"learning_{head}", number),
                title=join(_HEADING, words),
                alt=f"Small line charts of train and eval loss against epoch with the {head} head. Rows are "
                f"the data sets {', '.join(page)}; columns are the models {', '.join(models)}.",
                draw=partial(_draw, words, page, models, shown, broken, looks(results.models)),
            )


def _blocks(results: Results, panels: _Panels) -> list[tuple[list[str], list[str]]]:
    """Models and data sets of each page."""
    names = [model.name for model in results.models if any(name == model.name for _, name in panels)]
    known = [dataset.name for dataset in results.datasets if any(name == dataset.name for name, _ in panels)]
    sets = [names[start : start + _MOST_MODELS] for start in range(0, len(names), _MOST_MODELS)]
    return [(models, page) for models in sets for page in pages(known, lambda _: _HEIGHT, _room(models))]


def _width(n_models: int) -> float:
    """Of a column, without the gap to the next."""
    return min(_WIDEST, (INNER - _Y_AXIS + _BETWEEN) / n_models - _BETWEEN)


def _room(models: Sequence[str]) -> float:
    return body_room(0, _KEY) - heads_height(models, _width(len(models)))


def _draw(
    right: str,
    datasets: Sequence[str],
    names: Sequence[str],
    panels: _Panels,
    broken: frozenset[tuple[str, str]],
    models: Mapping[str, Look],
) -> Canvas:
    width = _width(len(names))
    heads = heads_height(names, width + _BETWEEN)
    canvas, top = new_page(_KEY + heads + _HEIGHT * len(datasets), _HEADING, (), right)
    _draw_key(canvas, EDGE, top + 2)
    top += _KEY
    draw_heads(canvas, names, EDGE + _Y_AXIS - _BETWEEN / 2, top, width + _BETWEEN)
    for row, dataset in enumerate(datasets):
        upper = top + heads + row * _HEIGHT
        canvas.text(EDGE, upper + 9, shorten(dataset, INNER, TEXT_PT, bold=True), bold=True)
        y = _upward(panels, dataset, upper + _TITLE)
        for column, name in enumerate(names):
            left = EDGE + _Y_AXIS + column * (width + _BETWEEN)
            box = Box(left=left, top=upper + _TITLE, right=left + width, bottom=upper + _TITLE + _PLOT)
            _draw_axes(canvas, box, y, numbered=column == 0)
            if (dataset, name) in panels:
                _draw_panel(canvas, panels[dataset, name], models[name], box, y)
            else:
                words, color = ("failed", SERIES[1]) if (dataset, name) in broken else ("missing", MUTED)
                middle, base = (box.left + box.right) / 2, box.bottom - _PLOT / 2 + 3
                canvas.text(middle, base, words, size=SMALL_PT, color=color, align="center", halo=True)
    return canvas


def _upward(panels: _Panels, dataset: str, top: float) -> Scale:
    """The same for all models of a data set, so that losses can be compared."""
    losses = [
        loss
        for (name, _), curve in panels.items()
        if name == dataset
        for point in curve.points
        for loss in (point.train_loss, point.eval_loss)
        if loss is not None and math.isfinite(loss)
    ]
    low, high = padded(losses or [0.0, 1.0], 0.06, 0.06)
    return Scale(low=low, high=high, start=top + _PLOT, end=top)


def _draw_axes(canvas: Canvas, box: Box, y: Scale, *, numbered: bool) -> None:
    numbers = [(y(value), words if numbered else "") for value, words in ticks(y.low, y.high, 3)]
    draw_axes(canvas, box, [], numbers, size=_TINY_PT)


def _draw_panel(canvas: Canvas, curve: LearningCurve, look: Look, box: Box, y: Scale) -> None:
    last = max(point.epoch for point in curve.points)
    start = min(point.epoch for point in curve.points)
    x = Scale(low=start - 0.02 * last, high=max(last, start + 1) * 1.02, start=box.left, end=box.right)
    ends = [(x(start), str(start)), (x(last), str(last))] if last > start else [(x(start), str(start))]
    for at, words in ends:
        canvas.text(at, box.bottom + 3 + _TINY_PT, words, size=_TINY_PT, color=MUTED, align="center")
    _draw_curve(canvas, curve, look, x, y)
    _draw_verdict(canvas, curve, box)


def _draw_curve(canvas: Canvas, curve: LearningCurve, look: Look, x: Scale, y: Scale) -> None:
    train = [(x(point.epoch), _at(point.train_loss, y)) for point in curve.points]
    evaluated = [(x(point.epoch), _at(point.eval_loss, y)) for point in curve.points]
    canvas.line(train, MUTED, 0.8, dashes=_TRAIN)
    canvas.line(evaluated, look.color, 1.3)
    pairs = zip(curve.points, evaluated, strict=True)
    chosen = [place for point, place in pairs if point.epoch == curve.chosen_epoch]
    canvas.marks(chosen, "o", 4.2, face=BACKGROUND, edge=look.color, edge_width=1.1)


def _at(loss: float | None, y: Scale) -> float:
    """Where a loss is drawn; NaN, which breaks the line, where it is unknown or the training blew up."""
    return float("nan") if loss is None or not math.isfinite(loss) else y(loss)


def _draw_verdict(canvas: Canvas, curve: LearningCurve, box: Box) -> None:
    """The layer, and what is wrong with the training where something is; above the plot at the right."""
    words = f"layer {curve.layer}"
    x = box.right
    canvas.text(x, box.top - 2, words, size=_TINY_PT, color=MUTED, align="right")
    if curve.verdict is not None and curve.verdict != _FINE:
        x -= text_width(words, _TINY_PT) + 4
        bad = shorten(curve.verdict, x - box.left, _TINY_PT)
        canvas.text(x, box.top - 2, bad, size=_TINY_PT, color=SERIES[1], align="right")


def _draw_key(canvas: Canvas, x: float, y: float) -> None:
    for color, width, dashes, words in (
        (MUTED, 0.8, _TRAIN, "train"),
        (INK, 1.3, (), "eval"),
    ):
        canvas.line([(x, y - 3), (x + 18, y - 3)], color, width, dashes=dashes)
        canvas.text(x + 22, y, words, size=SMALL_PT, color=MUTED)
        x += 34 + text_width(words, SMALL_PT)
    canvas.marks([(x + 3, y - 3)], "o", 4.2, face=BACKGROUND, edge=INK, edge_width=1.1)
    words = (
        "epoch chosen on eval, the lowest of several seeds; models of a data set share the axis of losses."
    )
    canvas.text(x + 10, y, words, size=SMALL_PT, color=MUTED)
