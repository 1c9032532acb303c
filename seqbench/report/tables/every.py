"""All tables of a report, and the forms they are written in."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from seqbench.core.types import TableFormat
from seqbench.report.analysis import Analysis
from seqbench.report.tables.best import best_table, last_layer_table
from seqbench.report.tables.bits import bits_table
from seqbench.report.tables.classes import classes_table
from seqbench.report.tables.clean import clean_metrics_table, clean_table
from seqbench.report.tables.latex import to_latex
from seqbench.report.tables.layers import layers_table
from seqbench.report.tables.responses import responses_table
from seqbench.report.tables.standing import (
    comparisons_table,
    gains_table,
    leaderboard_table,
    standings_table,
)
from seqbench.report.tables.table import Table, to_csv, to_json, to_markdown, to_tsv
from seqbench.report.tables.trained import changes_table, trained_table
from seqbench.report.tables.trials import trials_table

FORMS: Mapping[TableFormat, Callable[[Table], str]] = {
    "tsv": to_tsv,
    "csv": to_csv,
    "json": to_json,
    "md": to_markdown,
    "tex": to_latex,
}
_FOR_PEOPLE: frozenset[TableFormat] = frozenset({"md", "tex"})


def tables(analysis: Analysis, best: Sequence[Sequence[str]]) -> Iterator[Table]:
    """The tables of a report; those that would have no rows are left out.

    Args:
        analysis: What the report concludes.
        best: For each table of best layers its metrics.
    """
    results = analysis.results
    made = [
        leaderboard_table(analysis),
        *(best_table(results, metrics, analysis.leaderboard) for metrics in best),
        last_layer_table(results),
        standings_table(analysis),
        gains_table(analysis),
        trained_table(analysis),
        changes_table(analysis),
        trials_table(analysis),
        bits_table(analysis),
        comparisons_table(analysis),
        clean_table(analysis),
        classes_table(analysis),
        layers_table(analysis),
        responses_table(analysis),
        clean_metrics_table(analysis),
    ]
    for table in made:
        if table is not None and any(part.rows for part in table.parts):
            yield table


def forms(table: Table, formats: Sequence[TableFormat]) -> Iterator[tuple[TableFormat, str]]:
    """What a table's files hold; a table that is too long to be read has no Markdown and no LaTeX."""
    for form in formats:
        if table.for_people or form not in _FOR_PEOPLE:
            yield form, FORMS[form](table)
