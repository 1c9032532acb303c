"""The heads by name; knowing what there is imports none of torch, scikit-learn and xgboost."""

import reprlib
from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from seqbench.config.tokens import TOKEN_HEADS
from seqbench.errors import ProbeError
from seqbench.probe.heads.base import Head, HeadState, Resources
from seqbench.store import Ragged

HEADS: Mapping[str, str] = {
    "mlp": "seqbench.probe.heads.mlp.head:MlpHead",
    "linear": "seqbench.probe.heads.linear:LinearHead",
    "xgb": "seqbench.probe.heads.xgb:XgbHead",
    "forest": "seqbench.probe.heads.forest:ForestHead",
    "knn": "seqbench.probe.heads.knn:KnnHead",
}
"""Each name of `probe.heads` and the `module:Class` behind it, whose `section` of the config sets it up."""
SHARED = ("class_weights", "choose_epoch")
"""Settings of the section `probe` that a head may take beside its own."""


def create(name: str, settings: Mapping[str, Any], resources: Resources) -> Head:
    """Make the head of that name.

    Args:
        name: One of `HEADS`.
        settings: Keys of the head's section in the config, which says what they mean, and of `SHARED`.
        resources: What it may use.

    Raises:
        ProbeError: There is no such head, or the package it needs is not installed.
        ValueError: A setting is unknown or can't be.
    """
    head = _class(name)
    shared = {key: settings[key] for key in SHARED if key in settings}
    own = head.section(**{key: value for key, value in settings.items() if key not in SHARED})
    return cast(Head, head(settings=own, **shared, resources=resources))


Features = NDArray[np.float32] | Ragged
"""Of items: vectors (N, D), or for heads that read tokens those of all tokens."""


def predict(state: HeadState, features: Features) -> NDArray[np.float32]:
    """Predict with a trained head, as `FittedHead.predictions` are.

    Args:
        state: What the training gave.
        features: Features of new items, as wide as those of train.

    Returns:
        Shape (N, K), float32.

    Raises:
        ProbeError: There is no such head, the package it needs is not installed, the width is another, or
            the features hold NaN or infinity.
    """
    if isinstance(features, Ragged) != (state.kind in TOKEN_HEADS):
        reads = "the vector of each token" if state.kind in TOKEN_HEADS else "one vector an item"
        raise ProbeError(f"the {state.kind} head reads {reads}; give it what it was trained on")
    if isinstance(features, Ragged):
        from seqbench.probe.token_heads.state import TokenPredictor

        return TokenPredictor(state).predict(features)
    bad_N = ~np.isfinite(features).all(axis=1)
    if bad_N.any():
        raise ProbeError(
            f"the features hold NaN or infinity in {bad_N.sum()} of {bad_N.size} items, first in item "
            f"{int(bad_N.argmax())} (counted from 0); extract them again in float32"
        )
    found: NDArray[np.float32] = _class(state.kind).predict(state, features)
    return found


def _class(name: str) -> Any:
    if name not in HEADS:
        close = get_close_matches(name, HEADS, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"choose from {', '.join(HEADS)}"
        raise ProbeError(f"no head is called {reprlib.repr(name)}; {hint} (probe.heads)")
    module, _, class_name = HEADS[name].partition(":")
    return getattr(import_module(module), class_name)
