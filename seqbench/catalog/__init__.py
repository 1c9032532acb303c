"""The DuckDB catalog: every result of every probe, for reports and for SQL."""
