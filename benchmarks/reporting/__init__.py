"""Benchmarks of reports: queries of the catalog, statistics, page."""
