"""Records of runs, models, data sets, embeddings and comparisons as columns of their tables."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from seqbench.catalog.columns import Columns, integers, lists, now, numbers, objects, text_lists, texts, times
from seqbench.catalog.records import (
    ComparedSide,
    ComparisonRecord,
    DatasetRecord,
    EmbeddingRecord,
    ModelRecord,
    RunRecord,
)


def run_columns(records: Sequence[RunRecord]) -> Columns:
    """The rows of `runs`."""
    return {
        "run_id": texts(r.run_id for r in records),
        "command": texts(r.command for r in records),
        "status": texts(r.status for r in records),
        "config": objects(r.config for r in records),
        "versions": objects(r.versions for r in records),
        "host": texts(r.host for r in records),
        "device": texts(r.device for r in records),
        "started_at": times(r.started_at for r in records),
        "finished_at": times(r.finished_at for r in records),
        "pid": integers(r.pid for r in records),
    }


def model_columns(records: Sequence[ModelRecord]) -> Columns:
    """The rows of `models`."""
    return {
        "model": texts(r.model for r in records),
        "kind": texts(r.kind for r in records),
        "path": texts(r.path for r in records),
        "revision": texts(r.revision for r in records),
        "fingerprint": texts(r.fingerprint for r in records),
        "n_layers": integers(r.n_layers for r in records),
        "hidden": integers(r.hidden for r in records),
        "dtype": texts(r.dtype for r in records),
        "settings": objects(r.settings for r in records),
        "recorded_at": now(len(records)),
    }


def dataset_columns(records: Sequence[DatasetRecord]) -> Columns:
    """The rows of `datasets`."""
    return {
        "dataset": texts(r.dataset for r in records),
        "sha256": texts(r.sha256 for r in records),
        "task": texts(str(r.task) for r in records),
        "n_seqs": integers(r.n_seqs for r in records),
        "n_classes": integers(r.n_classes for r in records),
        "n_targets": integers(r.n_targets for r in records),
        "n_train": integers(r.n_items.get("train", 0) for r in records),
        "n_eval": integers(r.n_items.get("eval", 0) for r in records),
        "n_test": integers(r.n_items.get("test", 0) for r in records),
        "alphabet": texts(r.alphabet for r in records),
        "task_group": texts(r.task_group for r in records),
        "ceiling": objects(r.ceiling for r in records),
        "facts": objects(_contents(r) for r in records),
        "class_names": text_lists(r.class_names for r in records),
        "recorded_at": now(len(records)),
    }


def id_columns(record: DatasetRecord) -> Columns:
    """The rows of `items` of one data set."""
    named = [
        (split, item, text) for split, ids in (record.ids or {}).items() for item, text in enumerate(ids)
    ]
    named = [row for row in named if row[2]]
    return {
        "dataset": texts(record.dataset for _ in named),
        "sha256": texts(record.sha256 for _ in named),
        "split": texts(split for split, _, _ in named),
        "item": integers(item for _, item, _ in named),
        "id": texts(text for _, _, text in named),
    }


def embedding_columns(records: Sequence[EmbeddingRecord]) -> Columns:
    """The rows of `embeddings`."""
    return {
        "model": texts(r.model for r in records),
        "dataset": texts(r.dataset for r in records),
        "split": texts(r.split for r in records),
        "n_items": integers(r.n_items for r in records),
        "tokens": integers(r.tokens for r in records),
        "seconds": numbers(r.seconds for r in records),
        "tokens_per_s": numbers(r.tokens / r.seconds if r.seconds > 0 else None for r in records),
        "bytes": integers(r.bytes for r in records),
        "coverage_mean": numbers(r.coverage_mean for r in records),
        "coverage_min": numbers(r.coverage_min for r in records),
        "device": texts(r.device for r in records),
        "dtype": texts(r.dtype for r in records),
        "settings": objects(r.settings for r in records),
        "recorded_at": now(len(records)),
    }


def layer_columns(records: Sequence[EmbeddingRecord]) -> Columns:
    """The rows of `embedding_layers`."""
    pairs = [(record, layer) for record in records for layer in record.layers]
    return {
        "model": texts(record.model for record, _ in pairs),
        "dataset": texts(record.dataset for record, _ in pairs),
        "split": texts(record.split for record, _ in pairs),
        "layer": integers(layer.layer for _, layer in pairs),
        "strand_consistency": numbers(layer.strand_consistency for _, layer in pairs),
        "rounding_error": numbers(layer.rounding_error for _, layer in pairs),
    }


def comparison_columns(comparisons: Mapping[str, ComparisonRecord]) -> Columns:
    """The rows of `paired_comparisons`, from records by their key."""
    records = list(comparisons.values())
    return {
        "key": texts(comparisons),
        "kind": texts(r.kind for r in records),
        "dataset": texts(r.dataset for r in records),
        "metric": texts(r.metric for r in records),
        **_side_columns("a", [r.a for r in records]),
        **_side_columns("b", [r.b for r in records]),
        "n_items": integers(r.n_items for r in records),
        "n_resamples": integers(r.n_resamples for r in records),
        "difference": numbers(r.difference for r in records),
        "low": numbers(r.low for r in records),
        "high": numbers(r.high for r in records),
        "p": numbers(r.p for r in records),
        "recorded_at": now(len(records)),
    }


def _side_columns(name: str, sides: Sequence[ComparedSide]) -> Columns:
    return {
        f"model_{name}": texts(side.model for side in sides),
        f"head_{name}": texts(side.head for side in sides),
        f"variant_{name}": texts(side.variant for side in sides),
        f"layer_{name}": integers(side.layer for side in sides),
        f"probes_{name}": lists(side.probes for side in sides),
    }


def _contents(record: DatasetRecord) -> Mapping[str, object] | None:
    if record.splits is None:
        return None
    return {split: asdict(contents) for split, contents in record.splits.items()}
