"""Who works on a graph: this process, or workers of a Dask cluster."""
