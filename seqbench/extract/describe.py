"""What is recorded of a data set beside its embeddings, and what a model is told of it."""

import platform
from importlib.metadata import version

from seqbench.datasets.dataset import Dataset
from seqbench.identity import Settings
from seqbench.models.base import DatasetFacts
from seqbench.store import EmbeddingFacts, SplitFacts, block_rows

VERSIONED = ("torch", "transformers", "tokenizers", "zarr", "numpy")
"""Packages that decide the numbers."""


def dataset_facts(dataset: Dataset) -> DatasetFacts:
    """What a model may need to know before it sees the sequences."""
    lengths = [split.lengths for split in dataset.splits.values()]
    return DatasetFacts(
        name=dataset.spec.name,
        alphabet=dataset.alphabet,
        min_length=int(min(each.min() for each in lengths)),
        max_length=int(max(each.max() for each in lengths)),
    )


def embedding_facts(dataset: Dataset, hidden: int, settings: Settings) -> EmbeddingFacts:
    """The record of one model on one data set, with blocks cut for each split."""
    splits = {
        name: SplitFacts(
            n_items=len(split),
            sha256=split.index.sha256,
            block_rows=block_rows(
                n_items=len(split),
                n_seqs=dataset.n_seqs,
                hidden=hidden,
                mean_letters=float(split.lengths.sum(axis=1).mean()),
            ),
        )
        for name, split in dataset.splits.items()
    }
    return EmbeddingFacts(
        task=dataset.task,
        n_seqs=dataset.n_seqs,
        n_targets=dataset.n_targets,
        hidden=hidden,
        classes=dataset.classes,
        alphabet=dataset.alphabet,
        ceiling=dict(dataset.ceiling) if dataset.ceiling is not None else None,
        group=dataset.spec.group,
        settings={**settings, "seq_keys": ",".join(dataset.seq_keys), "label_key": dataset.spec.label_key},
        versions=versions(),
        splits=splits,
    )


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide the numbers."""
    return {"python": platform.python_version(), **{name: version(name) for name in VERSIONED}}
