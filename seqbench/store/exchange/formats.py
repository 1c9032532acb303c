"""The file formats by name; a format's packages are loaded when it is asked for."""

from importlib import import_module
from typing import Literal, cast, get_args

from seqbench.store.exchange.base import ReadableFormat, WritableFormat
from seqbench.store.readers import need

FormatName = Literal["npy", "parquet", "anndata", "pt"]
ReadableName = Literal["npy", "parquet", "anndata"]
FORMATS: tuple[FormatName, ...] = get_args(FormatName)

_MODULES: dict[FormatName, tuple[str, tuple[str, ...]]] = {
    "npy": ("npy", ()),
    "parquet": ("parquet", ("pyarrow",)),
    "anndata": ("h5ad", ("anndata",)),
    "pt": ("pt", ("torch",)),
}
"""Module of a format, and the packages that it needs."""


def _load(name: FormatName) -> object:
    module, packages = _MODULES[name]
    need("export", *packages)
    return import_module(f"seqbench.store.exchange.{module}")


def writable(name: FormatName) -> WritableFormat:
    """What writes a format.

    Raises:
        StoreError: A package that it needs is not installed.
    """
    return cast(WritableFormat, _load(name))


def readable(name: ReadableName) -> ReadableFormat:
    """What reads a format; `.pt` files are read elsewhere, see `exchange/pt.py`.

    Raises:
        StoreError: A package that it needs is not installed.
    """
    return cast(ReadableFormat, _load(name))
