"""Data sets down a figure: rows under headings of their groups, shared out to pages."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from seqbench.report.figures.canvas import Canvas
from seqbench.report.figures.letters import shorten, text_width, wrap
from seqbench.report.figures.sheet import EDGE, INNER
from seqbench.report.figures.style import INK, MUTED, SMALL_PT, TEXT_PT
from seqbench.report.subjects import DatasetFacts

HEADING = 18.0
LABELS = 158.0
"""Width of the names of data sets with their metrics."""
_LINE = 9.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A data set, or the heading of a group."""

    name: str
    metric: str
    """Empty where all data sets of the figure have the same, and in headings."""
    is_heading: bool = False


def grouped(datasets: Sequence[DatasetFacts], metrics: Mapping[str, str]) -> list[Row]:
    """Data sets by group, groups in the order of their first; without headings where they would say nothing.

    Args:
        datasets: In the order of the report.
        metrics: The ranking metric of each that is shown; others are left out.
    """
    shown = [dataset for dataset in datasets if dataset.name in metrics]
    groups: dict[str, list[str]] = {}
    for dataset in shown:
        groups.setdefault(dataset.group, []).append(dataset.name)
    differ = len(set(metrics.values())) > 1
    headed = 1 < len(groups) < len(shown)
    rows = []
    for group, names in groups.items():
        rows += [Row(name=group, metric="", is_heading=True)] if headed else []
        rows += [Row(name=name, metric=metrics[name] if differ else "") for name in names]
    return rows


def row_pages(rows: Sequence[Row], height: float, room: float) -> list[list[Row]]:
    """Rows of so many points, page by page; a heading never ends a page and is repeated on the next."""
    found: list[list[Row]] = []
    heading: list[Row] = []
    for row in rows:
        if row.is_heading:
            heading = [row]
            continue
        new = [*heading, row] if not found or heading[:1] != _headings(found[-1])[-1:] else [row]
        if not found or body_height([*found[-1], *new], height) > room:
            found.append([])
            new = [*heading, row]
        found[-1] += new
    return found


def _headings(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row.is_heading]


def body_height(rows: Sequence[Row], height: float) -> float:
    """How tall the rows of a page are."""
    return sum(HEADING if row.is_heading else height for row in rows)


def draw_rows(canvas: Canvas, rows: Sequence[Row], top: float, height: float) -> Iterator[tuple[Row, float]]:
    """Write headings and the names of data sets, and give each data set with the top of its row."""
    for row in rows:
        if row.is_heading:
            canvas.text(EDGE, top + HEADING - 5, shorten(row.name, INNER), size=TEXT_PT, bold=True)
            top += HEADING
            continue
        middle = top + height / 2 + 0.35 * TEXT_PT
        room = LABELS - 8 - (text_width(row.metric, SMALL_PT) + 6 if row.metric else 0)
        canvas.text(EDGE, middle, shorten(row.name, room), color=INK)
        canvas.text(EDGE + LABELS - 8, middle, row.metric, size=SMALL_PT, color=MUTED, align="right")
        yield row, top
        top += height


def heads_height(names: Sequence[str], width: float) -> float:
    """How tall the heads of columns of so many points are, with the gap below them."""
    return max(len(wrap(name, width - 4, 3, SMALL_PT)) for name in names) * _LINE + 6


def draw_heads(canvas: Canvas, names: Sequence[str], left: float, top: float, width: float) -> None:
    """Write the heads of columns, each on up to three lines that end at the same height."""
    bottom = top + heads_height(names, width) - 6
    for number, name in enumerate(names):
        lines = wrap(name, width - 4, 3, SMALL_PT)
        for above, words in enumerate(reversed(lines)):
            x = left + (number + 0.5) * width
            canvas.text(x, bottom - above * _LINE, words, size=SMALL_PT, align="center")
