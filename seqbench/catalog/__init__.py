"""The DuckDB catalog: every result of every probe, for reports and for SQL."""

from seqbench.catalog.catalog import Catalog, open_catalog
from seqbench.catalog.query import QueryResult

__all__ = ["Catalog", "QueryResult", "open_catalog"]
