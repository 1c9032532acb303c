"""The tables that results are in, and which of their rows are about given models and data sets."""

from collections.abc import Sequence
from dataclasses import dataclass

from seqbench.catalog.names import near_names
from seqbench.errors import CatalogError

_OF_PROBES = "probe_id IN (SELECT probe_id FROM probes WHERE {of_both})"
_ABOUT = {
    "runs": "run_id IN (SELECT run_id FROM probes WHERE {of_both})",
    "models": "{of_model}",
    "datasets": "{of_dataset}",
    "items": "{of_dataset}",
    "embeddings": "{of_both}",
    "embedding_layers": "{of_both}",
    "probes": "{of_both}",
    "metrics": _OF_PROBES,
    "class_metrics": _OF_PROBES,
    "history": _OF_PROBES,
    "predictions": _OF_PROBES,
    "effects": _OF_PROBES,
    "trainings": "{of_model} AND (dataset IS NULL OR {of_whole_dataset})",
    "trials": "{of_model} AND {of_whole_dataset}",
    "likelihoods": "{of_model}",
    "likelihood_documents": "key IN (SELECT key FROM likelihoods WHERE {of_model})",
    "paired_comparisons": "{of_dataset} AND {of_model_a} AND {of_model_b}",
    "audits": "{of_dataset}",
    "audit_splits": "{of_dataset}",
    "audit_findings": "{of_dataset}",
    "audit_controls": "{of_dataset}",
    "audit_items": "{of_dataset}",
    "clean_metrics": _OF_PROBES,
}
TABLES = tuple(_ABOUT)
"""All but what follows from the format: migrations and metric_names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogPart:
    """Which rows are wanted; empty means all."""

    tables: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()

    def chosen_tables(self) -> tuple[str, ...]:
        """The wanted tables.

        Raises:
            CatalogError: There is no table of that name.
        """
        check_names("table", self.tables, TABLES)
        return self.tables or TABLES

    def condition(self, table: str) -> tuple[str, list[list[str]]]:
        """What a row of a table must fulfil, as SQL, and its parameters."""
        if not self.models and not self.datasets:
            return "true", []
        values: list[list[str]] = []

        def one_of(column: str, wanted: Sequence[str]) -> str:
            if not wanted:
                return "true"
            values.append(list(wanted))
            return f"list_contains(?, {column})"

        fills = {
            "of_model": ("model", self.models),
            "of_dataset": ("dataset", self.datasets),
            "of_whole_dataset": (
                "dataset",
                [*self.datasets, *(name.partition("/")[0] for name in self.datasets)],
            ),
            "of_model_a": ("model_a", self.models),
            "of_model_b": ("model_b", self.models),
        }
        text = _ABOUT[table].replace("{of_both}", "{of_model} AND {of_dataset}")
        made = []
        for piece in text.replace("}", "{").split("{"):
            made.append(one_of(*fills[piece]) if piece in fills else piece)
        return "".join(made), values


EVERYTHING = CatalogPart()


def check_names(what: str, wanted: Sequence[str], known: Sequence[str]) -> None:
    """See that names are there.

    Raises:
        CatalogError: One is not; near ones are told.
    """
    for name in wanted:
        if name not in known:
            near = near_names(name, known) or list(known)
            raise CatalogError(f"there is no {what} {name!r} (there is {', '.join(near) or 'none'})")
