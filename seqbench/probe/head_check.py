"""Whether a saved head predicts here what it predicted where it was written.

The libraries behind heads read each other's files without an error where they mean something else: XGBoost
3.0 takes a model of 3.1 and forgets its intercept. So a few items and what the head made of them lie in its
file.

Shape letters: N items, S sequences of an item, H hidden width, D features of an item, K outputs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seqbench import __version__
from seqbench.config.tokens import TOKEN_HEADS
from seqbench.core.combining import combined
from seqbench.errors import ProbeError, said
from seqbench.probe.heads.base import HeadState
from seqbench.probe.heads.registry import Features, predict
from seqbench.probe.letter_vectors import letter_vectors
from seqbench.store import Embeddings, Ragged, TokenEmbeddings
from seqbench.store.tokens import offsets_of

ITEMS = 4
"""How many lie in a file: what differs between versions does so for every item."""
TOKENS_OF_EACH = 64
"""Tokens of each sequence that lie in a file."""
PACKAGES = ("numpy", "scipy", "scikit-learn", "torch", "xgboost")
"""Those that train heads or predict with them."""
RELATIVE, ABSOLUTE = 1e-3, 1e-6
"""How far predictions may be off, by the largest of them: processors and versions sum in different orders,
which was up to 1e-5 for the deepest MLPs; a wrong intercept or a lost tree is far more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadCheck:
    """Some items, and what a head made of them when it was written."""

    features_ND: NDArray[np.float32]
    """Of a head that reads tokens, theirs, one sequence after another."""
    predictions_NK: NDArray[np.float32]
    lengths_Q: NDArray[np.int64] | None = None
    """Tokens of each sequence; None of a head on pooled vectors."""

    def features(self, n_seqs: int) -> "Features":
        """What the head is given."""
        if self.lengths_Q is None:
            return self.features_ND
        return Ragged(values_RH=self.features_ND, offsets_Q=offsets_of(self.lengths_Q), n_seqs=n_seqs)


def writer() -> dict[str, str]:
    """Versions of seqbench and of the packages behind the heads, as far as they are installed."""
    found = {"seqbench": __version__}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def some_features(entry: Embeddings, layer: int, combine: str, kind: str) -> Features:
    """Features of the first items of test at a layer, as heads get them: (N, D), N at most `ITEMS`.

    A head that reads single tokens gets those; of labels of letters any other gets letters as items.

    Of tokens the first `TOKENS_OF_EACH` of each sequence, as files stay small.
    """
    letters = letter_vectors(entry)
    if letters is not None:
        own = letters["test"]
        read = own.array(layer).read(np.flatnonzero(own.lengths_N)[:ITEMS])
        if kind not in TOKEN_HEADS:
            return np.ascontiguousarray(read.values_RH[:ITEMS].astype(np.float32))
        return _cut(read, entry.facts.hidden)
    if isinstance(entry, TokenEmbeddings):
        whole_N = np.flatnonzero((entry.items("test").coverage_NS != 0).all(axis=1))[:ITEMS]
        read = entry.tokens(layer, "test").read(whole_N)
        return _cut(read, entry.facts.hidden)
    array = entry.array(layer, "test")
    rows_NSH = np.asarray(array[: min(len(array), array.chunks[0])], dtype=np.float32)
    features_ND = combined(rows_NSH, combine)
    sound_N = np.isfinite(features_ND).all(axis=1)
    return np.ascontiguousarray(features_ND[sound_N][:ITEMS])


def _cut(read: Ragged, hidden: int) -> Ragged:
    """The first tokens of each sequence."""
    some = [read.sequence(at)[:TOKENS_OF_EACH] for at in range(len(read) * read.n_seqs)]
    lengths_Q = np.array([len(each) for each in some], dtype=np.int64)
    values_RH = np.concatenate([np.empty((0, hidden), dtype=np.float32), *some])
    return Ragged(values_RH=values_RH.astype(np.float32), offsets_Q=offsets_of(lengths_Q), n_seqs=read.n_seqs)


def make_check(state: HeadState, features: Features) -> HeadCheck | None:
    """What a head makes of some items; None where there are none."""
    if not len(features):
        return None
    predictions_NK = predict(state, features)
    if isinstance(features, Ragged):
        return HeadCheck(
            features_ND=features.values_RH.astype(np.float32, copy=False),
            predictions_NK=predictions_NK,
            lengths_Q=features.lengths_Q,
        )
    return HeadCheck(features_ND=features, predictions_NK=predictions_NK)


def check_head(state: HeadState, check: HeadCheck, written: Mapping[str, str], path: Path) -> None:
    """See that a head predicts what it did when it was written.

    Raises:
        ProbeError: It does not, or can't predict at all; names the versions that differ.
    """
    found_NK = predict_with(state, check.features(int(state.facts.get("n_seqs", 1))), path)
    if found_NK.shape != check.predictions_NK.shape:
        raise ProbeError(
            f"{path}: predicts {found_NK.shape[1]} outputs here, "
            f"{check.predictions_NK.shape[1]} where it was written"
        )
    off = float(np.abs(found_NK - check.predictions_NK).max())
    allowed = ABSOLUTE + RELATIVE * float(np.abs(check.predictions_NK).max())
    if not off <= allowed:
        now = writer()
        differing = [
            f"{name} {then} (here {now.get(name, 'none')})"
            for name, then in written.items()
            if now.get(name) != then
        ]
        made = f"was written with {', '.join(differing)} and " if differing else ""
        raise ProbeError(
            f"{path}: {made}predicts otherwise here, off by {off:.3g} "
            "(install those versions, or train the probe again)"
        )


def predict_with(state: HeadState, features: Features, path: Path) -> NDArray[np.float32]:
    """What a head makes of items, (N, K).

    Raises:
        ProbeError: Its tensors and facts do not go together, or the features do not fit; names the file.
    """
    try:
        return predict(state, features)
    except ProbeError as error:
        raise ProbeError(f"{path}: {error}") from error
    except (LookupError, ValueError, TypeError, AttributeError) as error:
        # Each kind of head keeps other facts and tensors, and a file that another program made may lack
        # any of them.
        raise ProbeError(f"{path}: its facts and tensors do not go together: {said(error)}") from error
