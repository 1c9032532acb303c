"""Depth maps: which layer of a model knows what, data set by layer."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from seqbench.metrics import higher_is_better
from seqbench.report.analysis import Analysis
from seqbench.report.figures.canvas import Canvas
from seqbench.report.figures.colors import ink_on, sequential
from seqbench.report.figures.figure import Figure, join, page_name, page_words
from seqbench.report.figures.letters import text_width
from seqbench.report.figures.rows import LABELS, Row, body_height, draw_rows, grouped, row_pages
from seqbench.report.figures.scales import tick_step
from seqbench.report.figures.sheet import EDGE, INNER, body_room, new_page
from seqbench.report.figures.style import GRID, HATCH, INK, MUTED, SMALL_PT
from seqbench.report.leaderboard import LeaderRow
from seqbench.report.results import Curve
from seqbench.report.tables.marks import layers_as_good
from seqbench.report.tables.table import readable

_ROW = 17.0
_CELL = 12.5
_RIGHT = 118.0
"""Room for the chosen layer's number and score, and the range."""
_WIDEST = 44.0
_FOR_NUMBERS = 25.0
"""Width from which a cell holds its score."""
_HEADS = 12.0
_LEGEND = 30.0
_LEAST_SPAN = 0.02
_NOTES = (
    "Test score of each layer. Colour: from the data set's worst layer (pale) to its best (dark), over a "
    f"span of at least {_LEAST_SPAN}.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """A data set's layers; scores as they are."""

    head: str
    higher: bool
    values: Mapping[int, float]
    chosen: int
    oracle: int | None
    as_good: tuple[int, ...]

    def shade(self, layer: int) -> float:
        """0 for the worst layer, 1 for the best."""
        best = max(self.values.values()) if self.higher else min(self.values.values())
        span = max(self.values.values()) - min(self.values.values())
        return 1 - abs(best - self.values[layer]) / max(span, _LEAST_SPAN)


def depth_pages(analysis: Analysis) -> Iterator[Figure]:
    """A depth map for every model of several layers that is no control, with its best head by eval."""
    results = analysis.results
    as_good = {
        (one.dataset, one.model, one.head): (one.chosen, *layers_as_good(one)) for one in analysis.layers
    }
    for model in results.models:
        strips = {}
        metrics = {}
        for row in analysis.leaderboard:
            curve = results.curve(row.dataset, row.model, row.head)
            if row.model == model.name and not row.control and row.n_layers > 1 and curve is not None:
                strip = _strip(row, curve, as_good.get((row.dataset, row.model, row.head), ()))
                if strip.values:
                    strips[row.dataset] = strip
                    metrics[row.dataset] = row.metric
        shared = row_pages(grouped(results.datasets, metrics), _ROW, body_room(1, _HEADS + _LEGEND))
        for number, page in enumerate(shared):
            yield Figure(
                name=page_name(f"depth_{model.name}", number),
                title=join(_title(model.name), page_words(number, len(shared))),
                alt=f"Heat map of test scores of {model.name}. Rows are data sets, columns are layers; a "
                "star marks the layer chosen on eval, a ring the best on test.",
                draw=partial(
                    _draw, model.name, model.n_layers, page_words(number, len(shared)), tuple(page), strips
                ),
            )


def _title(model: str) -> str:
    return f"Which layer of {model} knows what"


def _strip(row: LeaderRow, curve: Curve, as_good: tuple[int, ...]) -> Strip:
    scores = {layer: curve.at(layer, row.metric).value for layer in curve.layers()}
    return Strip(
        head=row.head,
        higher=higher_is_better(row.metric),
        values={layer: value for layer, value in scores.items() if value is not None},
        chosen=row.choice.layer,
        oracle=row.choice.oracle_layer,
        as_good=as_good,
    )


def _draw(model: str, n_layers: int, page: str, rows: Sequence[Row], strips: Mapping[str, Strip]) -> Canvas:
    body = body_height(rows, _ROW)
    canvas, top = new_page(_HEADS + body + _LEGEND, _title(model), _NOTES, page)
    left = EDGE + LABELS
    width = min(_WIDEST, (INNER - LABELS - _RIGHT) / n_layers)
    _draw_heads(canvas, n_layers, left, top + 8, width)
    for row, y in draw_rows(canvas, rows, top + _HEADS, _ROW):
        _draw_strip(canvas, strips[row.name], left, y, width, n_layers)
    _draw_legend(canvas, left, top + _HEADS + body + 14, marked=any(s.as_good for s in strips.values()))
    return canvas


def _draw_heads(canvas: Canvas, n_layers: int, left: float, y: float, width: float) -> None:
    canvas.text(left - 8, y, "layer", size=SMALL_PT, color=MUTED, align="right")
    for layer in range(0, n_layers, tick_step(n_layers - 1)):
        x = left + (layer + 0.5) * width
        canvas.text(x, y, str(layer), size=SMALL_PT, color=MUTED, align="center")
    canvas.text(left + n_layers * width + 8, y, "chosen", size=SMALL_PT, color=MUTED)
    canvas.text(left + n_layers * width + _RIGHT, y, "range", size=SMALL_PT, color=MUTED, align="right")


def _draw_strip(canvas: Canvas, strip: Strip, left: float, top: float, width: float, n_layers: int) -> None:
    gap = 0.75 if width > 8 else 0.25
    colors = {layer: sequential(strip.shade(layer)) for layer in strip.values}
    boxes = [(left + layer * width + gap, top + 0.75, width - 2 * gap, _CELL) for layer in strip.values]
    canvas.rectangles(boxes, list(colors.values()), edge=GRID, edge_width=0.3)
    for layer in range(n_layers):
        if layer not in strip.values:
            canvas.hatch(left + layer * width + gap, top + 0.75, width - 2 * gap, _CELL, HATCH)
    if width >= _FOR_NUMBERS:
        for layer, value in strip.values.items():
            words, x = readable(value, 3).replace("0.", ".", 1), left + (layer + 0.5) * width
            canvas.text(x - 4, top + 9.7, words, size=SMALL_PT, color=ink_on(colors[layer]), align="center")
    _draw_marks(canvas, strip, left, top, width, colors)
    end = left + n_layers * width
    if strip.chosen in strip.values:
        score = readable(strip.values[strip.chosen], 3)
        canvas.text(end + 8, top + 11.8, f"{strip.chosen}: {score}")
    words = span(min(strip.values.values()), max(strip.values.values()))
    canvas.text(end + _RIGHT, top + 11.8, words, size=SMALL_PT, color=MUTED, align="right")


def span(low: float, high: float) -> str:
    """From one score to another in words: 0.41–0.93; beside a minus sign, where no dash is read, `to`."""
    words = (readable(low, 2).replace("-", "−"), readable(high, 2).replace("-", "−"))
    return ("–" if low >= 0 else " to ").join(words)


def _draw_marks(
    canvas: Canvas, strip: Strip, left: float, top: float, width: float, colors: Mapping[int, str]
) -> None:
    """Star and ring, beside the number where there is one; a line below layers that are as good."""
    inside = left + width - 9 if width >= _FOR_NUMBERS else left + 0.5 * width
    size = min(9.0, width * 0.8)
    below = top + _CELL + 2.2
    starts = [left + layer * width for layer in strip.as_good]
    canvas.segments([((start, below), (start + width, below)) for start in starts], INK, 1.6, order=2)
    if strip.oracle is not None and strip.oracle in colors:
        ink = ink_on(colors[strip.oracle])
        at = (inside + strip.oracle * width, top + 0.75 + _CELL / 2)
        canvas.marks([at], "o", size, face="none", edge=ink, edge_width=0.9)
    if strip.chosen in colors:
        at = (inside + strip.chosen * width, top + 0.75 + _CELL / 2)
        canvas.marks([at], "*", size, face=ink_on(colors[strip.chosen]), order=5)


def _draw_legend(canvas: Canvas, x: float, y: float, *, marked: bool) -> None:
    for marker, face, words in (("*", INK, "chosen on eval"), ("o", "none", "best on test (oracle)")):
        canvas.marks(
            [(x + 5, y - 3)], marker, 8, face=face, edge=INK, edge_width=0.9 if face == "none" else 0
        )
        canvas.text(x + 13, y, words, size=SMALL_PT, color=MUTED)
        x += 26 + text_width(words, SMALL_PT)
    if marked:
        canvas.segments([((x, y - 2.5), (x + 14, y - 2.5))], INK, 1.6)
        canvas.text(x + 19, y, "can't be told apart from the chosen one", size=SMALL_PT, color=MUTED)
