"""What is recorded of a data set beside its embeddings, and what a model is told of it."""

import platform
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib.metadata import version

import numpy as np

from seqbench.core.identity import Settings
from seqbench.core.packages import package_version
from seqbench.core.types import StoreDtype
from seqbench.datasets.dataset import Dataset
from seqbench.models.base import SequenceFacts
from seqbench.store import EmbeddingFacts, SplitFacts, TargetFacts, cut, cut_tokens

VERSIONED = ("torch", "transformers", "tokenizers", "zarr", "numpy")
"""Packages that decide the numbers."""


def dataset_facts(dataset: Dataset) -> SequenceFacts:
    """What a model may need to know before it sees the sequences."""
    lengths = [split.lengths for split in dataset.splits.values()]
    return SequenceFacts(
        name=dataset.spec.name,
        alphabet=dataset.alphabet,
        min_length=int(min(each.min() for each in lengths)),
        max_length=int(max(each.max() for each in lengths)),
        letters=int(sum(each.sum() for each in lengths)),
        sequences=int(sum(each.size for each in lengths)),
    )


def embedding_facts(
    dataset: Dataset,
    hidden: int,
    settings: Settings,
    dtype: StoreDtype = "float32",
    requires: str | None = None,
    *,
    cut_for: int | None = None,
) -> EmbeddingFacts:
    """The record of one model on one data set, with blocks cut for each split.

    Args:
        dataset: The opened data set.
        hidden: Width of a layer as it is stored.
        settings: How embeddings are computed.
        dtype: How they are stored.
        requires: The package that the model comes from, besides transformers.
        cut_for: Width that blocks are cut for, which plans need before a model is loaded; None for `hidden`.
    """
    splits = {
        name: split_facts(
            n_items=len(split),
            sha256=split.index.sha256,
            n_seqs=dataset.n_seqs,
            hidden=cut_for or hidden,
            dtype=dtype,
            letters=int(split.lengths.sum()),
        )
        for name, split in dataset.splits.items()
    }
    return EmbeddingFacts(
        task=dataset.task,
        n_seqs=dataset.n_seqs,
        n_targets=dataset.n_targets,
        hidden=hidden,
        classes=dataset.classes,
        class_names=dataset.class_names,
        alphabet=dataset.alphabet,
        ceiling=dict(dataset.ceiling) if dataset.ceiling is not None else None,
        group=dataset.spec.group,
        settings={**settings, "seq_keys": ",".join(dataset.seq_keys), "label_key": dataset.spec.label_key},
        versions=versions(requires),
        dtype=dtype,
        splits=splits,
        has_targets=bool(dataset.spec.targets),
        level=dataset.level,
    )


def token_facts(facts: EmbeddingFacts, dtype: StoreDtype) -> EmbeddingFacts:
    """The record of single tokens, in the same blocks of items as what is pooled of them."""
    made = cut_tokens(hidden=facts.hidden, itemsize=np.dtype(dtype).itemsize)
    splits = {
        name: replace(split, token_file=made.block_rows, token_chunk=made.chunk_rows)
        for name, split in facts.splits.items()
    }
    return replace(facts, dtype=dtype, unit="token", splits=splits)


def target_facts(dataset: Dataset) -> TargetFacts:
    """The record of one target, opened as a data set of its own."""
    return TargetFacts(
        task=dataset.task,
        n_targets=dataset.n_targets,
        classes=dataset.classes,
        class_names=dataset.class_names,
        label_key=dataset.spec.label_key,
    )


def split_facts(
    *, n_items: int, sha256: str, n_seqs: int, hidden: int, dtype: StoreDtype, letters: int
) -> SplitFacts:
    """One split, with its blocks and chunks cut."""
    made = cut(
        n_items=n_items, n_seqs=n_seqs, hidden=hidden, itemsize=np.dtype(dtype).itemsize, letters=letters
    )
    return SplitFacts(n_items=n_items, sha256=sha256, block_rows=made.block_rows, chunk_rows=made.chunk_rows)


@cache
def _versions() -> Mapping[str, str]:
    return {"python": platform.python_version(), **{name: version(name) for name in VERSIONED}}


def versions(requires: str | None = None) -> dict[str, str]:
    """Versions of Python and of the packages that decide the numbers, a model's own among them."""
    known = dict(_versions())
    if requires is not None and (found := package_version(requires)) is not None:
        known[requires] = found
    return known
