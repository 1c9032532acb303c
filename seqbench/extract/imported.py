"""Import of embeddings that another tool extracted, so that probes find them in the store like any other.

Shape letters: N items, S sequences of an item, H hidden width, T targets.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqbench.core.progress import Advance
from seqbench.core.types import SPLITS, SplitName, StoreDtype, Task
from seqbench.datasets.spec import DatasetSpec
from seqbench.errors import DataError, ModelError
from seqbench.extract.describe import split_facts, versions
from seqbench.models.precomputed import Precomputed, PrecomputedSplit
from seqbench.store import Block, EmbeddingFacts, Embeddings, ItemFacts, LayerRows
from seqbench.store.exchange.columns import infer_task, labels_of

FILES = "files/"
"""Notes of an entry, followed by a split: SHA-256 of the files that were imported, by layer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Head:
    """What the first layer of a split that is imported says of the split."""

    shape_NSH: tuple[int, ...]
    labels: NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedEmbeddings:
    """What the files say of a data set: its record, and the labels of each split."""

    facts: EmbeddingFacts
    labels: dict[SplitName, NDArray[Any]]
    layers: tuple[int, ...]
    """What is imported."""
    hashes: dict[SplitName, dict[int, str]]
    """SHA-256 of the file of each such layer."""


def describe_import(
    model: Precomputed,
    spec: DatasetSpec,
    layers: Sequence[int],
    dtype: StoreDtype = "float32",
    stored: EmbeddingFacts | None = None,
) -> ImportedEmbeddings:
    """Read the first of the wanted layers of each split, and hash the files of all of them.

    Args:
        model: The folder.
        spec: What is known of the data set.
        layers: The wanted layers, ascending.
        dtype: How embeddings are stored.
        stored: What the store has recorded of an earlier import: files of layers that are new since then are
            no change of the data set, files of its layers must be the same.

    Raises:
        ModelError: Files are missing, can't be read or do not fit each other.
        DataError: Labels are not what the data set's entry says, or test has a class that train lacks.
    """
    model.check(spec.name, layers)
    heads = _heads(model, spec, layers[0])
    hashes = {split: model.file_hashes(spec.name, split, layers) for split in heads}
    task = spec.task or infer_task(heads["train"].labels)
    labels = {split: _labels(head.labels, task, spec.name) for split, head in heads.items()}
    classes = tuple(np.unique(labels["train"]).tolist()) if task is Task.CLASSIFICATION else ()
    for split, values in labels.items():
        unknown = sorted(set(np.unique(values).tolist()) - set(classes)) if classes else []
        if unknown:
            raise DataError(f"{model.path}: {spec.name} {split} has class {unknown[0]}, which train lacks")
    _, n_seqs, hidden = heads["train"].shape_NSH
    facts = EmbeddingFacts(
        task=task,
        n_seqs=n_seqs,
        n_targets=labels["train"].shape[1] if labels["train"].ndim == 2 else 1,
        hidden=hidden,
        classes=classes,
        alphabet=None,
        ceiling=None,
        group=spec.group,
        settings={"dtype": "float32", "source": "pt files"},
        versions=versions(),
        dtype=dtype,
        splits={
            split: split_facts(
                n_items=head.shape_NSH[0],
                sha256=_split_hash(model, spec.name, split, layers, stored),
                n_seqs=n_seqs,
                hidden=hidden,
                dtype=dtype,
                letters=0,
            )
            for split, head in heads.items()
        },
    )
    return ImportedEmbeddings(facts=facts, labels=labels, layers=tuple(layers), hashes=hashes)


def import_split(
    model: Precomputed, imported: ImportedEmbeddings, entry: Embeddings, split: SplitName, advance: Advance
) -> None:
    """Copy the layers of a split that are missing, block by block.

    Raises:
        ModelError: A file can't be read, or differs in shape or labels from the first layer.
    """
    labels, layers = imported.labels[split], imported.layers
    _note_files(entry, split, imported.hashes[split])
    entry.prepare(split, labels, layers)
    n_items, n_seqs, hidden = entry.facts.splits[split].n_items, entry.facts.n_seqs, entry.facts.hidden
    for layer in layers:
        missing = entry.missing_blocks(split, [layer])
        if missing:
            content = model.read(entry.dataset, split, layer)
            same_shape = content.embeddings_NSH.shape == (n_items, n_seqs, hidden)
            if not same_shape or not np.array_equal(content.labels.ravel(), labels.ravel()):
                path = model.files[entry.dataset][split][layer]
                raise ModelError(f"{path}: shape or labels differ from those of layer {layers[0]}")
            for block in missing:
                _write(entry, split, layer, block, content)
        advance(n_items / len(layers))


def _write(entry: Embeddings, split: SplitName, layer: int, block: Block, content: PrecomputedSplit) -> None:
    rows_NSH = content.embeddings_NSH[block.start : block.stop]
    shape_NS = rows_NSH.shape[:2]
    unknown = ItemFacts(
        tokens_NS=np.zeros(shape_NS, dtype=np.int64),
        windows_NS=np.zeros(shape_NS, dtype=np.int32),
        coverage_NS=np.full(shape_NS, np.nan, dtype=np.float32),
        hash_N=np.zeros(len(rows_NSH), dtype=np.uint64),
    )
    entry.write_block(split, block, [LayerRows(layer=layer, rows_NSH=rows_NSH)], unknown)


def _heads(model: Precomputed, spec: DatasetSpec, layer: int) -> dict[SplitName, _Head]:
    splits = model.splits(spec.name)
    heads: dict[SplitName, _Head] = {}
    for split in SPLITS:
        if split in splits:
            content = model.read(spec.name, split, layer)
            heads[split] = _Head(shape_NSH=content.embeddings_NSH.shape, labels=content.labels)
    if len({head.shape_NSH[1:] for head in heads.values()}) > 1:
        raise ModelError(f"{model.path}: the splits of {spec.name} differ in sequences or width")
    return heads


def _split_hash(
    model: Precomputed,
    dataset: str,
    split: SplitName,
    layers: Sequence[int],
    stored: EmbeddingFacts | None,
) -> str:
    """The hash that stands for a split: the stored one while the files that were imported are the same."""
    if stored is None or split not in stored.splits:
        return model.split_hash(dataset, split, layers)
    known = stored.notes.get(FILES + split)
    if known is None:  # imported before single files were recorded
        return model.split_hash(dataset, split)
    there = [layer for layer in map(int, known) if layer in model.files[dataset][split]]
    now = model.file_hashes(dataset, split, there)
    same = all(now[layer] == known[str(layer)] for layer in there)
    return stored.splits[split].sha256 if same else model.split_hash(dataset, split, layers)


def _note_files(entry: Embeddings, split: SplitName, hashes: Mapping[int, str]) -> None:
    """Record which files the layers of a split come from."""
    name = FILES + split
    added = {str(layer): digest for layer, digest in hashes.items()}
    entry.add_notes(**{name: {**entry.facts.notes.get(name, {}), **added}})


def _labels(labels: NDArray[Any], task: Task, dataset: str) -> NDArray[Any]:
    """Labels as the task wants them; a fault names the data set."""
    try:
        return labels_of(labels, task)
    except ValueError as error:
        raise DataError(f"{dataset}: of the labels beside the embeddings, {error}") from error
