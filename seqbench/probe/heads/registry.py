"""The heads by name; knowing what there is imports none of torch, scikit-learn and xgboost."""

from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import Any, cast

from seqbench.errors import ProbeError
from seqbench.probe.heads.base import Head

HEADS: Mapping[str, str] = {
    "mlp": "seqbench.probe.heads.mlp:MlpHead",
    "linear": "seqbench.probe.heads.linear:LinearHead",
    "xgb": "seqbench.probe.heads.xgb:XgbHead",
    "forest": "seqbench.probe.heads.forest:ForestHead",
}
"""Each name of `probe.heads` and the `module:Class` behind it."""


def create(name: str, settings: Mapping[str, Any]) -> Head:
    """Make the head of that name.

    Args:
        name: One of `HEADS`.
        settings: The fields of the head's class, all of them; see its docstring for units.

    Raises:
        ProbeError: There is no such head, or the package it needs is not installed.
        TypeError: A setting is missing or unknown.
    """
    if name not in HEADS:
        close = get_close_matches(name, HEADS, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"choose from {', '.join(HEADS)}"
        raise ProbeError(f"no head is called {name!r}; {hint} (probe.heads)")
    module, _, class_name = HEADS[name].partition(":")
    return cast(Head, getattr(import_module(module), class_name)(**settings))
