"""Synthetic catalogs for the tests of reports: models that learn with depth, twins, and controls."""

import math
import random
from datetime import UTC, datetime, timedelta

from seqbench.catalog import Catalog
from seqbench.catalog.records import DatasetRecord, ModelRecord, ProbeRecord, RunRecord, SplitRecord
from seqbench.core.types import Task
from seqbench.metrics import METRICS, MetricScore, higher_is_better
from seqbench.report.selection import Selection

NAMES = (
    ("prom_core", Task.CLASSIFICATION),
    ("uci_splice", Task.CLASSIFICATION),
    ("species4_1kb", Task.CLASSIFICATION),
    ("ecoli_windows", Task.LABELS),
    ("deephf", Task.REGRESSION),
    ("gb1_three_vs_rest", Task.REGRESSION),
    ("ecoli_protein_class", Task.CLASSIFICATION),
    ("ecoli_protein_multilabel", Task.LABELS),
    ("ppi_yeast", Task.CLASSIFICATION),
)
KINDS = ("huggingface", "random-init", "kmer", "onehot")
MODELS = ("dna-bert", "dna-bert-untrained", "kmer-4", "onehot")
STARTED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def selection(models=MODELS, datasets=None, heads=("mlp",)):
    return Selection(models=models, datasets=datasets or tuple(name for name, _ in NAMES), heads=heads)


def fill(path, *, datasets=NAMES, models=MODELS, layers=7, heads=("mlp",), seeds=(1,), skip=(), fail=()):
    """A catalog of all pairs but those of `skip`; probes of `fail` (model, data set, layer) failed."""
    records = [_run()]
    records += [_model(name, KINDS[index % 4], layers) for index, name in enumerate(models)]
    for dataset, task in datasets:
        records.append(dataset_record(dataset, task))
        for index, model in enumerate(models):
            if (model, dataset) in skip:
                continue
            depth = 1 if KINDS[index % 4] in ("kmer", "onehot") else layers
            records += [
                probe(model, dataset, task, layer, depth, head, seed, failed=(model, dataset, layer) in fail)
                for layer in range(depth)
                for head in heads
                for seed in seeds
            ]
    catalog = Catalog(path)
    catalog.append(records)
    return catalog


def probe(
    model,
    dataset,
    task,
    layer,
    depth,
    head="mlp",
    seed=1,
    *,
    failed=False,
    variant="v1",
    scores=None,
    spec=None,
    **design,
):
    """One probe; `scores` maps split to metric to value, else a smooth made-up curve is taken."""
    scores = scores or {
        split: _made_up(model, dataset, task, layer, depth, seed, split) for split in ("eval", "test")
    }
    splits = tuple(
        SplitRecord(
            split=split,
            n_items=500,
            metrics=tuple(
                MetricScore(metric=name, value=value, low=value - 0.02, high=value + 0.02, reason=None)
                for name, value in metrics.items()
            ),
            class_metrics=(),
        )
        for split, metrics in scores.items()
    )
    return ProbeRecord(
        spec_hash=f"{model}/{dataset}/{layer}/{head}/{seed}/{variant}",
        run_id="0123456789abcdef",
        model=model,
        dataset=dataset,
        task=task,
        layer=layer,
        n_layers=depth,
        head=head,
        variant=variant,
        seed=seed,
        fold=None,
        spec=spec or {},
        status="failed" if failed else "ok",
        error="loss became <NaN> at epoch 3 & stayed" if failed else None,
        seconds=1.0,
        n_epochs=20,
        chosen_epoch=12,
        device="cpu",
        splits=() if failed else splits,
        **{"convergence": None, "advice": None, "n_train": 4000} | design,
    )


def _made_up(model, dataset, task, layer, depth, seed, split):
    task_rng = random.Random(dataset)
    base, gain, peak = task_rng.uniform(0.45, 0.7), task_rng.uniform(0.08, 0.3), task_rng.uniform(0.4, 1)
    noise = random.Random(f"{model}{dataset}{layer}{seed}{split}").gauss(0, 0.006)
    at = layer / max(depth - 1, 1)
    if depth == 1:
        level = base + gain * random.Random(model + dataset).uniform(0.2, 1.0)
    elif "untrained" in model:
        level = base + 0.03 * at
    else:
        strength = random.Random(model + dataset).uniform(0.8, 1.1)
        level = base + strength * gain * (1 - math.exp(-3 * at)) * (1 - 0.6 * max(0.0, at - peak))
    value = min(0.99, level + noise)
    values = {name: value - 0.013 * index for index, name in enumerate(METRICS[task])}
    return {name: v if higher_is_better(name) else 1 - v for name, v in values.items()}


def _run():
    return RunRecord(
        run_id="0123456789abcdef",
        command="run",
        status="done",
        config={},
        versions={"seqbench": "0.1.0", "torch": "2.13.0", "transformers": "5.23.0"},
        host="here",
        device="cpu",
        started_at=STARTED,
        finished_at=STARTED + timedelta(seconds=754),
    )


def _model(name, kind, layers):
    loaded = kind in ("huggingface", "random-init")
    return ModelRecord(
        model=name,
        kind=kind,
        path=f"checkpoints/{name.removesuffix('-untrained')}" if loaded else None,
        revision=None,
        fingerprint=f"{random.Random(name).getrandbits(256):064x}",
        n_layers=layers if loaded else 1,
        hidden=256 if kind != "onehot" else None,
        dtype="bfloat16",
        settings={},
    )


def dataset_record(name, task):
    ceiling = 0.97
    planted = name in ("prom_core", "deephf", "ecoli_windows")
    return DatasetRecord(
        dataset=name,
        sha256=f"{random.Random(name).getrandbits(256):064x}",
        task=task,
        n_seqs=1,
        n_classes=2 if task is Task.CLASSIFICATION else None,
        n_targets=None if task is Task.CLASSIFICATION else 3,
        n_items={"train": 4000, "eval": 500, "test": 591},
        alphabet="dna",
        task_group=None,
        ceiling={name: ceiling for name in METRICS[task] if higher_is_better(name)} if planted else None,
    )
