"""Which probes a report is about.

Where a probe was run with several settings, weights or versions of the data (variants), the one that the
selection names counts, else the one that was recorded last: scores of two variants are never mixed. Controls
and probes of a part of train are variants too, which no score of a model is made of.
"""

from typing import Any

from seqbench.catalog import Catalog
from seqbench.report.selection import Selection

Key = tuple[str, str, str]
"""Data set, model, head."""

_ASKED = """
WITH asked AS (
    SELECT *
    FROM probes
    WHERE list_contains($datasets, dataset) AND list_contains($models, model) AND list_contains($heads, head)
        AND ($since IS NULL OR recorded_at >= $since)
),
current AS (
    SELECT
        dataset, model, head,
        arg_max(variant, {'wanted': list_contains($variants, variant), 'at': recorded_at}) AS variant
    FROM asked
    WHERE control IS NULL AND subset IS NULL
    GROUP BY ALL
)
"""
"""`asked` are all probes of the selection, `current` is the variant of each data set, model and head."""


class Reader:
    """A catalog and a selection: SQL that begins with the probes that were asked for."""

    def __init__(self, catalog: Catalog, selection: Selection) -> None:
        self.catalog = catalog
        self.selection = selection
        self._parameters = {
            "datasets": list(selection.datasets),
            "models": list(selection.models),
            "heads": list(selection.all_heads),
            "variants": list(selection.variants),
            "since": selection.since,
        }

    def rows(self, sql: str, **parameters: object) -> list[tuple[Any, ...]]:
        """Run the rest of a statement that starts with `asked` and `current`; it may go on with a comma.

        Raises:
            CatalogNotFoundError: There is no catalog.
            CatalogError: It can't be read.
        """
        return self.catalog.query(_ASKED + sql, self._parameters | parameters).rows

    def named(self, sql: str) -> list[tuple[Any, ...]]:
        """Run a statement on facts of the selection's `$models` and `$datasets`.

        Raises:
            CatalogNotFoundError: There is no catalog.
            CatalogError: It can't be read.
        """
        wanted = {name: self._parameters[name] for name in ("models", "datasets") if f"${name}" in sql}
        return self.catalog.query(sql, wanted).rows
