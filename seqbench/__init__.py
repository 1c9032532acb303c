"""Benchmarks of foundation models of biological sequences: extract, probe, report."""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from seqbench.catalog import open_catalog
    from seqbench.store import open_store

__all__ = ["__version__", "open_catalog", "open_store"]


def __getattr__(name: str) -> Any:
    """Load `open_store` and `open_catalog` when they are asked for: `import seqbench` stays light."""
    if name == "open_store":
        from seqbench.store import open_store

        return open_store
    if name == "open_catalog":
        from seqbench.catalog import open_catalog

        return open_catalog
    raise AttributeError(f"module 'seqbench' has no attribute {name!r}")
