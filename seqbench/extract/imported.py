"""Import of embeddings that another tool extracted, so that probes find them in the store like any other.

Shape letters: N items, S sequences of an item, H hidden width, T targets.
"""

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
from seqbench.store import Block, EmbeddingFacts, Embeddings, ItemFacts, LayerRows, SplitFacts
from seqbench.store.exchange.labels import infer_task, labels_of


@dataclass(frozen=True, slots=True, kw_only=True)
class _Head:
    """What layer 0 of a split says of the split."""

    shape_NSH: tuple[int, ...]
    labels: NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What the files say of a data set: its record, and the labels of each split."""

    facts: EmbeddingFacts
    labels: dict[SplitName, NDArray[Any]]


def describe_import(model: Precomputed, spec: DatasetSpec, dtype: StoreDtype = "float32") -> Imported:
    """Read layer 0 of each split, and hash all files.

    Raises:
        ModelError: Files are missing, can't be read or do not fit each other.
        DataError: Labels are not what the data set's entry says, or test has a class that train lacks.
    """
    model.check(spec.name)
    heads = _heads(model, spec)
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
        splits={split: _split_facts(model, spec.name, split, head, dtype) for split, head in heads.items()},
    )
    return Imported(facts=facts, labels=labels)


def import_split(
    model: Precomputed, imported: Imported, entry: Embeddings, split: SplitName, advance: Advance
) -> None:
    """Copy the layers of a split that are missing, block by block.

    Raises:
        ModelError: A file can't be read, or differs in shape or labels from layer 0.
    """
    labels = imported.labels[split]
    entry.prepare(split, labels, range(model.count))
    n_items, n_seqs, hidden = entry.facts.splits[split].n_items, entry.facts.n_seqs, entry.facts.hidden
    for layer in range(model.count):
        missing = entry.missing_blocks(split, [layer])
        if missing:
            content = model.read(entry.dataset, split, layer)
            same_shape = content.embeddings_NSH.shape == (n_items, n_seqs, hidden)
            if not same_shape or not np.array_equal(content.labels.ravel(), labels.ravel()):
                path = model.files[entry.dataset][split][layer]
                raise ModelError(f"{path}: shape or labels differ from those of layer 0")
            for block in missing:
                _write(entry, split, layer, block, content)
        advance(n_items / model.count)


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


def _heads(model: Precomputed, spec: DatasetSpec) -> dict[SplitName, _Head]:
    splits = model.files[spec.name]
    for needed in ("train", "test"):
        if needed not in splits:
            raise ModelError(f"{model.path}: {spec.name} has no {needed} files")
    heads: dict[SplitName, _Head] = {}
    for split in SPLITS:
        if split in splits:
            content = model.read(spec.name, split, 0)
            heads[split] = _Head(shape_NSH=content.embeddings_NSH.shape, labels=content.labels)
    if len({head.shape_NSH[1:] for head in heads.values()}) > 1:
        raise ModelError(f"{model.path}: the splits of {spec.name} differ in sequences or width")
    return heads


def _split_facts(
    model: Precomputed, dataset: str, split: SplitName, head: _Head, dtype: StoreDtype
) -> SplitFacts:
    n_items, n_seqs, hidden = head.shape_NSH
    return split_facts(
        n_items=n_items,
        sha256=model.split_hash(dataset, split),
        n_seqs=n_seqs,
        hidden=hidden,
        dtype=dtype,
        letters=0,
    )


def _labels(labels: NDArray[Any], task: Task, dataset: str) -> NDArray[Any]:
    """Labels as the task wants them; a fault names the data set."""
    try:
        return labels_of(labels, task)
    except ValueError as error:
        raise DataError(f"{dataset}: of the labels beside the embeddings, {error}") from error
