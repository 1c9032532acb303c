"""Embeddings in a store, made for the tests of probes."""

from pathlib import Path

import numpy as np

from seqbench.catalog.records import PredictionRecord, ProbeRecord
from seqbench.core.identity import ModelIdentity
from seqbench.core.missing import labelled, missing
from seqbench.core.types import SplitName, Task
from seqbench.probe.run import run_probes
from seqbench.probe.spec import Design
from seqbench.store import EmbeddingFacts, Embeddings, ItemFacts, LayerRows, SplitFacts, create_store

SIZES: dict[SplitName, int] = {"train": 200, "eval": 80, "test": 100}
WITHOUT_EVAL: dict[SplitName, int] = {"train": 200, "test": 100}
LAYERS = 3


def store_with(
    folder: Path,
    task: Task,
    labels: dict[SplitName, np.ndarray],
    layers: int = LAYERS,
    signal: dict[SplitName, np.ndarray] | None = None,
) -> Embeddings:
    """Embeddings of two sequences an item; layer l holds the labels l times as loud as the noise.

    Instead of labels that are not known, `signal` says what it holds.
    """
    known = {name: values[labelled(values)] for name, values in labels.items()}
    sizes = {name: len(values) for name, values in labels.items()}
    splits = {name: SplitFacts(n_items=n, sha256=name, block_rows=64) for name, n in sizes.items()}
    classes = tuple(np.unique(known["train"]).tolist()) if task is Task.CLASSIFICATION else ()
    facts = EmbeddingFacts(
        task=task, n_seqs=2, n_targets=labels["train"].shape[1] if labels["train"].ndim == 2 else 1, hidden=6,
        classes=classes, alphabet="dna", ceiling=None, group=None, settings={}, versions={}, splits=splits,
    )  # fmt: skip
    identity = ModelIdentity(
        name="m", kind="huggingface", path=None, revision=None, fingerprint="f", n_layers=layers, hidden=6
    )
    entry = create_store(folder / "s.zarr").require(identity, "d", facts)
    rng = np.random.default_rng(0)
    for name, n_items in sizes.items():
        entry.prepare(name, labels[name], range(layers))
        told = labels[name] if signal is None else signal[name]
        heard = np.where(missing(told), 0, told).reshape(n_items, -1).astype(float)
        rows = rng.standard_normal((layers, n_items, 2, 6)).astype(np.float32)
        for layer in range(layers):
            rows[layer, :, 0, : heard.shape[1]] += 2 * layer * heard
        for block in entry.missing_blocks(name, range(layers)):
            span = slice(block.start, block.stop)
            parts = [LayerRows(layer=layer, rows_NSH=rows[layer, span]) for layer in range(layers)]
            entry.write_block(name, block, parts, item_facts(block.stop - block.start))
    return entry


def item_facts(count: int) -> ItemFacts:
    return ItemFacts(
        tokens_NS=np.ones((count, 2), np.int64), windows_NS=np.ones((count, 2), np.int32),
        coverage_NS=np.ones((count, 2), np.float32), hash_N=np.ones(count, np.uint64),
    )  # fmt: skip


def binary(n_items: int) -> np.ndarray:
    return np.where(np.arange(n_items) % 2, 7, 3)  # classes that are no indices


def binary_store(folder: Path, sizes: dict[SplitName, int] = SIZES, layers: int = LAYERS) -> Embeddings:
    return store_with(folder, Task.CLASSIFICATION, {n: binary(count) for n, count in sizes.items()}, layers)


def design(head: str = "fake", seed: int = 0, **changed: object) -> Design:
    given: dict[str, object] = {"settings": {}, "combine": "concat", "threshold": "fixed"}
    return Design(head=head, seed=seed, **given | changed)  # type: ignore[arg-type]


def probe(
    entry: Embeddings, *designs: Design, known: frozenset[str] = frozenset(), **options: object
) -> list[ProbeRecord]:
    """Train, on all layers, what is not known."""
    given: dict[str, object] = {"run_id": "r", "advance": lambda amount: None} | options
    batches = run_probes(entry, range(entry.model.n_layers), designs, known=known, **given)  # type: ignore[arg-type]
    return [record for batch in batches for record in batch]


def metric(record: ProbeRecord, split: str, name: str) -> float:
    (found,) = [part for part in record.splits if part.split == split]
    (score,) = [score for score in found.metrics if score.metric == name]
    assert score.value is not None
    return score.value


def predicted(record: ProbeRecord, split: str) -> PredictionRecord:
    (found,) = [part for part in record.predictions if part.split == split]
    return found
