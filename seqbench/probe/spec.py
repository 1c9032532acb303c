"""What a probe is: everything its result depends on, and the hash that names it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal

from seqbench.config.fields import Threshold
from seqbench.store import Embeddings

VERSION = 2
"""Raised when training or scoring changes so that old results no longer compare."""

OF_THE_MACHINE = frozenset({"checkpoint_steps"})
"""Settings that no result depends on."""

SubsetKind = Literal["few-shot", "size"]

HEADS_TOGETHER = frozenset({"mlp"})
"""Heads that train several targets together; the others train each by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subset:
    """A part of train that is drawn by seed."""

    kind: SubsetKind
    """So many items of each class (of regression: in all), or so many items stratified."""
    amount: int | float
    """Items, or a share of train below 1."""
    repeat: int
    """Number of the draw, from 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """One head with its settings and one seed, on some of the items: what is trained on every layer."""

    head: str
    settings: Mapping[str, Any]
    """All settings of the head, defaults included."""
    seed: int
    combine: str
    """How the sequences of an item become one row, one of `core.combining.Combine`."""
    threshold: Threshold
    """fixed, or the metric for which it is chosen on eval."""
    folds: int | None = None
    """Folds of a cross-validation; None for one training on all of train."""
    subset: Subset | None = None
    """Part of train; None for all of it. Never together with folds."""
    shuffled: bool = False
    """Whether labels of train and eval are permuted by seed: the control."""
    together: Mapping[str, Mapping[str, Any]] | None = None
    """Where a training is of several targets: each by name, with key, task, classes and weight; else None."""


def probe_spec(entry: Embeddings, layer: int, design: Design, fold: int | None = None) -> dict[str, Any]:
    """Everything that the result of a probe depends on, ready for JSON.

    Args:
        entry: The embeddings.
        layer: One of its layers.
        design: What is trained.
        fold: Number of the fold held out, from 0; None for all folds together, or where there are none.
    """
    subset = design.subset
    # Named only where it is not the default, so that hashes of before it could be chosen still hold.
    stored = {} if entry.facts.dtype == "float32" else {"stored": entry.facts.dtype}
    is_grouped = entry.group_key is not None and (design.folds is not None or "eval" not in entry.splits)
    more: dict[str, Any] = {"groups": entry.group_key} if is_grouped else {}
    if design.together is not None:
        more["together"] = {name: dict(facts) for name, facts in design.together.items()}
    if entry.facts.unit != "sequence":
        more["unit"] = entry.facts.unit
    if entry.facts.level == "token":
        more["level"] = "token"
    return (
        stored
        | more
        | {
            "version": VERSION,
            "model": entry.model.name,
            "fingerprint": entry.model.fingerprint,
            "embedding": dict(entry.facts.settings),
            "dataset": entry.dataset,
            "task": entry.facts.task.value,
            "classes": list(entry.facts.classes),
            "data": {split: entry.facts.splits[split].sha256 for split in entry.splits},
            "layer": layer,
            "head": design.head,
            "settings": {key: value for key, value in design.settings.items() if key not in OF_THE_MACHINE},
            "combine": design.combine,
            "threshold": design.threshold,
            "folds": design.folds,
            "subset": [subset.kind, subset.amount] if subset else None,
            "repeat": subset.repeat if subset else None,
            "shuffled": design.shuffled,
            "seed": design.seed,
            "fold": fold,
        }
    )


def spec_hash(spec: Mapping[str, Any]) -> str:
    """SHA-256 of a spec in canonical JSON; hexadecimal."""
    return sha256(json.dumps(spec, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def variant_hash(spec: Mapping[str, Any]) -> str:
    """Hash of a spec without layer, seed, fold and repeat: what may be averaged over or compared."""
    rest = {key: value for key, value in spec.items() if key not in ("layer", "seed", "fold", "repeat")}
    return spec_hash(rest)[:16]
