"""The report's page: one HTML file that needs nothing else, from a template with everything escaped."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from seqbench.report.figures.canvas import inline_svg, variable
from seqbench.report.figures.style import ON_DARK
from seqbench.report.leaderboard import LeaderRow
from seqbench.report.results import DatasetFacts, Place, Results
from seqbench.report.tables.table import MISSING, Cell, Table, readable

_TEMPLATE = "index.html"
_DIGITS = 3
_HASH = 12
"""Letters of a hash that are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnPanel:
    """A panel of a layer figure, drawn for the page."""

    label: str
    """What it shows, in words."""
    svg: str
    """As `Canvas.svg` gives it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnFigure:
    """A layer figure, panel by panel, so that a phone can show one below the other."""

    title: str
    name: str
    """Of the figure's files beside the page."""
    panels: tuple[DrawnPanel, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """An interval and its score as positions from 0 to 100 across a data set's range of scores."""

    low: float
    high: float
    at: float
    ceiling: float | None


def render_page(
    results: Results,
    rows: Sequence[LeaderRow],
    sentences: Sequence[str],
    figures: Sequence[DrawnFigure],
    tables: Sequence[Table],
) -> str:
    """Render the page.

    Args:
        results: What the catalog holds.
        rows: The leaderboard.
        sentences: The summary.
        figures: The layer figures.
        tables: The tables to show, their names being those of the files beside the page.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("seqbench.report.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = lambda value: readable(value, _DIGITS)
    environment.filters["cell"] = _cell
    # The drawings are made here, from escaped words: nothing in them is a user's markup.
    environment.filters["drawing"] = lambda panel: Markup(inline_svg(panel.svg, panel.label))
    return environment.get_template(_TEMPLATE).render(
        results=results,
        boards=_boards(results, rows),
        sentences=sentences,
        figures=figures,
        tables=tables,
        missing=_grouped(results.missing),
        light={variable(color): color for color in ON_DARK},
        dark={variable(color): on_dark for color, on_dark in ON_DARK.items()},
        hash_letters=_HASH,
        missing_mark=MISSING,
    )


def _cell(cell: Cell) -> str:
    return readable(cell, 4)


def _boards(
    results: Results, rows: Sequence[LeaderRow]
) -> list[tuple[DatasetFacts, float | None, list[tuple[LeaderRow, Strip | None]]]]:
    """The leaderboard by data set, each with its ceiling and its rows with their strips."""
    facts = {dataset.name: dataset for dataset in results.datasets}
    boards = []
    for name, group in groupby(rows, key=lambda row: row.dataset):
        members = list(group)
        ceiling = facts[name].ceiling.get(members[0].metric)
        strips = _strips(members, ceiling)
        boards.append((facts[name], ceiling, list(zip(members, strips, strict=True))))
    return boards


def _strips(rows: Sequence[LeaderRow], ceiling: float | None) -> list[Strip | None]:
    tests = [row.choice.test for row in rows]
    ends = [end for test in tests for end in (test.low, test.value, test.high) if end is not None]
    if ceiling is not None:
        ends.append(ceiling)
    if not ends or max(ends) == min(ends):
        return [None for _ in rows]
    first, spread = min(ends), max(ends) - min(ends)

    def percent(value: float) -> float:
        return round(100 * (value - first) / spread, 2)

    return [
        None
        if test.value is None
        else Strip(
            low=percent(test.value if test.low is None else test.low),
            high=percent(test.value if test.high is None else test.high),
            at=percent(test.value),
            ceiling=None if ceiling is None else percent(ceiling),
        )
        for test in tests
    ]


def _grouped(missing: Sequence[Place]) -> Mapping[tuple[str, str], list[str]]:
    """Data sets without results, by model and head."""
    found: dict[tuple[str, str], list[str]] = {}
    for place in missing:
        found.setdefault((place.model, place.head), []).append(place.dataset)
    return found
