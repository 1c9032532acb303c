"""Records for the tests of the catalog: a probe is one call with what matters to the test."""

from datetime import UTC, datetime

import numpy as np

from seqbench.catalog.likelihood_records import LikelihoodRecord
from seqbench.catalog.records import (
    ComparedSide,
    ComparisonRecord,
    DatasetRecord,
    EffectsRecord,
    EmbeddingRecord,
    EpochRecord,
    ModelRecord,
    PredictionRecord,
    ProbeRecord,
    RunRecord,
    SplitRecord,
)
from seqbench.catalog.training_records import TrainingRecord
from seqbench.catalog.trial_records import TrialRecord
from seqbench.core.types import Task
from seqbench.metrics import ClassScore, MetricScore

STARTED = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)


def run_record(**changed):
    given = {
        "run_id": "r1",
        "command": "run",
        "status": "running",
        "config": {"probe": {"heads": ["mlp"]}},
        "versions": {"numpy": "2"},
        "host": "here",
        "device": "cpu",
        "started_at": STARTED,
        "finished_at": None,
    }
    return RunRecord(**given | changed)


def model_record(model="bert", kind="huggingface", **changed):
    given = {
        "path": None,
        "revision": None,
        "fingerprint": "f",
        "n_layers": 3,
        "hidden": 8,
        "dtype": "float32",
        "settings": {},
    }
    return ModelRecord(model=model, kind=kind, **given | changed)


def dataset_record(dataset="splice", **changed):
    given = {
        "sha256": "s",
        "task": Task.CLASSIFICATION,
        "n_seqs": 1,
        "n_classes": 2,
        "n_targets": None,
        "n_items": {"train": 10, "test": 5},
        "alphabet": "dna",
        "task_group": None,
        "ceiling": {"accuracy": 0.95},
    }
    return DatasetRecord(dataset=dataset, **given | changed)


def embedding_record(**changed):
    given = {
        "model": "bert",
        "dataset": "splice",
        "split": "test",
        "n_items": 5,
        "tokens": 100,
        "seconds": 2.0,
        "bytes": 4096,
        "coverage_mean": 1.0,
        "coverage_min": 1.0,
        "device": "cpu",
        "dtype": "float32",
        "settings": {"pooling": "mean"},
    }
    return EmbeddingRecord(**given | changed)


def training_record(**changed):
    """A model that was fine-tuned on splice."""
    given = {
        "key": "t1",
        "run_id": "r1",
        "stage": "finetune",
        "model": "bert",
        "base": "bert",
        "dataset": "splice",
        "encoder": "lora",
        "seed": 1,
        "fold": None,
        "trained_parameters": 1_000,
        "total_parameters": 50_000,
        "seconds": 60.0,
        "device": "cpu",
        "peak_memory_bytes": 1 << 30,
        "steps": 40,
        "items": 640,
        "tokens": 64_000,
        "folder": "checkpoints/bert-splice-lora-1",
        "fingerprint": "g",
        "probes": (7, 8),
        "settings": {"lr": 1e-4},
        "finished_at": STARTED,
    }
    return TrainingRecord(**given | changed)


def trial_record(number=0, **changed):
    """A trial of fine-tuning bert on splice."""
    given = {
        "study": "s1",
        "run_id": "r1",
        "model": "bert",
        "dataset": "splice",
        "encoder": "lora",
        "method": "tpe",
        "values": {"lr": 1e-4, "lora.rank": 8, "head": "mean"},
        "state": "done",
        "metric": "accuracy",
        "higher_is_better": True,
        "score": 0.75,
        "points": (0.5, 0.75),
        "steps": 40,
        "seconds": 2.5,
        "error": None,
    }
    return TrialRecord(number=number, **given | changed)


def likelihood_record(**changed):
    """What a model makes of three documents."""
    given = {
        "key": "k1",
        "run_id": "r1",
        "model": "bert",
        "fingerprint": "f",
        "base": None,
        "step": None,
        "corpus": "phage",
        "documents_sha256": "d",
        "is_watched": False,
        "symbol": "base",
        "objective": "mlm",
        "bits": 1.9,
        "low": None,
        "high": None,
        "n_tokens": 300,
        "token_perplexity": 3.7,
        "seconds": 2.0,
        "device": "cpu",
        "settings": {"letters": 512},
        "finished_at": STARTED,
        "rows_N": np.array([4, 7, 9]),
        "letters_N": np.array([100, 100, 100]),
        "bits_N": np.array([180.0, 190.0, 200.0]),
    }
    return LikelihoodRecord(**given | changed)


def split_record(split, metrics, n_items=5, class_metrics=()):
    scores = tuple(
        MetricScore(
            metric=metric,
            value=value,
            low=None if value is None else value - 0.1,
            high=None if value is None else value + 0.1,
            reason="undefined" if value is None else None,
        )
        for metric, value in metrics.items()
    )
    return SplitRecord(split=split, n_items=n_items, metrics=scores, class_metrics=tuple(class_metrics))


def probe_record(layer=0, eval=None, test=None, **changed):
    """A probe that is ok; `eval` and `test` map metrics to values."""
    given = {
        "run_id": "r1",
        "model": "bert",
        "dataset": "splice",
        "task": Task.CLASSIFICATION,
        "layer": layer,
        "n_layers": 3,
        "head": "mlp",
        "variant": "v1",
        "seed": 1,
        "fold": None,
        "spec": {"layer": layer},
        "status": "ok",
        "error": None,
        "seconds": 0.5,
        "n_train": 10,
        "n_epochs": 4,
        "chosen_epoch": 2,
        "convergence": None,
        "advice": None,
        "device": "cpu",
        "splits": tuple(split_record(name, m) for name, m in (("eval", eval), ("test", test)) if m),
    } | changed
    names = ("model", "dataset", "task", "layer", "head", "variant", "seed", "fold")
    given.setdefault("spec_hash", "/".join(str(given[name]) for name in names))
    return ProbeRecord(**given)


def failed_record(**changed):
    return probe_record(status="failed", error="diverged", **changed)


def side_of(*probes):
    """What was compared: the given probes, which differ in nothing but their seed."""
    first = probes[0]
    return ComparedSide(
        model=first.model,
        head=first.head,
        variant=first.variant,
        layer=first.layer,
        probes=tuple(sorted(probe.probe_id for probe in probes)),
    )


def comparison_record(a, b, difference=0.1, p=0.01, **changed):
    """A comparison of two lists of probes."""
    given = {
        "kind": "models" if a[0].model != b[0].model else "layers",
        "dataset": a[0].dataset,
        "metric": "accuracy",
        "n_items": 5,
        "n_resamples": 1000,
    }
    limits = (
        {"low": None, "high": None}
        if difference is None
        else {"low": difference - 0.1, "high": difference + 0.1}
    )
    return ComparisonRecord(
        a=side_of(*a), b=side_of(*b), difference=difference, p=p, **given | limits | changed
    )


def full_probe_record(n_items=5, n_classes=2, **changed):
    """A probe with everything that a probe may have."""
    rng = np.random.default_rng(0)
    targets = rng.integers(0, n_classes, n_items)
    scores = rng.dirichlet(np.ones(n_classes), n_items).astype(np.float32)
    by_class = [ClassScore(label=k, metric="f1", value=0.5, support=2, reason=None) for k in range(n_classes)]
    return probe_record(
        splits=(split_record("test", {"accuracy": 0.8, "roc_auc": None}, n_items, by_class),),
        history=(EpochRecord(epoch=1, train_loss=0.7, eval_loss=None, eval_score=0.6),),
        predictions=(
            PredictionRecord(split="test", items=np.arange(n_items), targets=targets, scores=scores),
        ),
        effects=EffectsRecord(
            perturbations=("A",), genes=("g", "h", "i"), predicted_PG=np.ones((1, 3)), real_PG=np.ones((1, 3))
        ),
        **changed,
    )
