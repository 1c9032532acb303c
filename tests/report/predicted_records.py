"""Synthetic catalogs whose probes have predictions, for the tests of comparisons."""

from dataclasses import replace
from zlib import crc32

import numpy as np
from report_records import probe

from seqbench.catalog import Catalog
from seqbench.catalog.records import DatasetRecord, ModelRecord, PredictionRecord
from seqbench.core.types import Task
from seqbench.metrics import score

N_ITEMS = 150
TASKS = {
    "binary": (Task.CLASSIFICATION, 2),
    "classes": (Task.CLASSIFICATION, 3),
    "labels": (Task.LABELS, 3),
    "values": (Task.REGRESSION, 1),
    "vectors": (Task.REGRESSION, 2),
}
KINDS = {"bert": "huggingface", "bert-untrained": "random-init", "kmer-4": "kmer", "kmer-6": "kmer"}


def targets_of(dataset, n_items=N_ITEMS, split="test"):
    task, n_outputs = TASKS[dataset]
    rng = np.random.default_rng([len(dataset), n_items, len(split)])
    if task is Task.CLASSIFICATION:
        return rng.integers(0, n_outputs, n_items)
    if task is Task.LABELS:
        return rng.integers(0, 2, (n_items, n_outputs))
    return rng.normal(size=(n_items, n_outputs)).astype(np.float32)


def predictions_of(dataset, quality, seed, n_items=N_ITEMS, split="test"):
    """Predictions that go with the targets the better the higher the quality is; 0 knows nothing."""
    task, n_outputs = TASKS[dataset]
    targets = targets_of(dataset, n_items, split)
    noise = np.random.default_rng(seed).normal(size=(n_items, n_outputs))
    if task is Task.CLASSIFICATION:
        logits = 2 * quality * np.eye(n_outputs)[targets] + noise
        shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        return shares.astype(np.float32)
    if task is Task.LABELS:
        return (1 / (1 + np.exp(-(2 * quality * (2 * targets - 1) + noise)))).astype(np.float32)
    return (quality * targets + noise).astype(np.float32)


def predicted(model, dataset, layer, depth, quality, *, seed=1, draw=None, n_items=N_ITEMS, **options):
    """A probe with the predictions, and the scores that follow from them.

    Args:
        draw: Seeds the noise, so that two probes can be made to predict the same; by default all differ.
    """
    task, _ = TASKS[dataset]
    key = crc32(f"{model} {layer} {seed}".encode()) if draw is None else draw
    made = {
        split: predictions_of(dataset, quality, [key, place], n_items, split)
        for place, split in enumerate(("eval", "test"))
    }
    scores = {
        split: {
            one.metric: one.value
            for one in score(task, targets_of(dataset, n_items, split), given, n_resamples=0)[0]
            if one.value is not None
        }
        for split, given in made.items()
    }
    predictions = tuple(
        PredictionRecord(
            split=split, items=np.arange(n_items), targets=targets_of(dataset, n_items, split), scores=given
        )
        for split, given in made.items()
    )
    options = {"predictions": predictions, "spec": {"data": {"test": "same"}}} | options
    return probe(model, dataset, task, layer, depth, seed=seed, scores=scores, **options)


def model(name, kind=None, path="checkpoints/bert"):
    kind = kind or KINDS[name]
    return ModelRecord(
        model=name,
        kind=kind,
        path=None if kind == "kmer" else path,
        revision=None,
        fingerprint="0" * 64,
        n_layers=1 if kind == "kmer" else 3,
        hidden=256,
        dtype="float32",
        settings={},
    )


def dataset(name, n_items=N_ITEMS, group=None):
    task, n_outputs = TASKS[name]
    return DatasetRecord(
        dataset=name,
        sha256="1" * 64,
        task=task,
        n_seqs=1,
        n_classes=n_outputs if task is Task.CLASSIFICATION else None,
        n_targets=None if task is Task.CLASSIFICATION else n_outputs,
        n_items={"train": 500, "eval": n_items, "test": n_items},
        alphabet="dna",
        task_group=group,
        ceiling=None,
    )


QUALITIES = {"bert": (0.1, 0.8, 0.75), "bert-untrained": (0.1, 0.1, 0.1), "kmer-4": (0.3,), "kmer-6": (0.25,)}
"""By model and layer."""


def fill(path, datasets=tuple(TASKS), qualities=QUALITIES, *, seeds=(1,), n_items=N_ITEMS, **options):
    """A catalog of models and data sets, each probe with predictions."""
    catalog = Catalog(path)
    catalog.append(
        [
            *(model(name) for name in qualities),
            *(dataset(name, n_items) for name in datasets),
            *(
                predicted(name, data, layer, len(layers), quality, seed=seed, n_items=n_items, **options)
                for data in datasets
                for name, layers in qualities.items()
                for layer, quality in enumerate(layers)
                for seed in seeds
            ),
        ]
    )
    return catalog


def without_predictions(record):
    """The same probe as of a run that kept none."""
    return replace(record, predictions=())
