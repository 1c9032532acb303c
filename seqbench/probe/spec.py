"""What a probe is: everything its result depends on, and the hash that names it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from seqbench.store import Embeddings

VERSION = 1
"""Raised when training or scoring changes so that old results no longer compare."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """One head with its settings and one seed: what is trained on every layer."""

    head: str
    settings: Mapping[str, Any]
    """All settings of the head, defaults included."""
    seed: int
    combine: str
    """How the sequences of an item become one row: concat or mean."""


def probe_spec(entry: Embeddings, layer: int, design: Design) -> dict[str, Any]:
    """Everything that the result of a probe depends on, ready for JSON."""
    # Named only where it is not the default, so that hashes of before it could be chosen still hold.
    stored = {} if entry.facts.dtype == "float32" else {"stored": entry.facts.dtype}
    return stored | {
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
        "settings": dict(design.settings),
        "combine": design.combine,
        "seed": design.seed,
        "fold": None,
    }


def spec_hash(spec: Mapping[str, Any]) -> str:
    """SHA-256 of a spec in canonical JSON; hexadecimal."""
    return sha256(json.dumps(spec, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def variant_hash(spec: Mapping[str, Any]) -> str:
    """Hash of a spec without layer, seed and fold: what may be averaged over or compared between layers."""
    rest = {key: value for key, value in spec.items() if key not in ("layer", "seed", "fold")}
    return spec_hash(rest)[:16]
