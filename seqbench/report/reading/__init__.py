"""The catalog's tables as the records of `seqbench.report.results`, part by part."""
