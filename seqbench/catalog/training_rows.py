"""Records of trainings as columns of their table."""

from collections.abc import Mapping

from seqbench.catalog.columns import Columns, integers, lists, numbers, objects, texts, times
from seqbench.catalog.training_records import TrainingRecord


def training_columns(trainings: Mapping[str, TrainingRecord]) -> Columns:
    """The rows of `trainings`, from records by their key."""
    records = list(trainings.values())
    return {
        "key": texts(trainings),
        "run_id": texts(r.run_id for r in records),
        "stage": texts(r.stage for r in records),
        "model": texts(r.model for r in records),
        "base": texts(r.base for r in records),
        "dataset": texts(r.dataset for r in records),
        "encoder": texts(r.encoder for r in records),
        "seed": integers(r.seed for r in records),
        "fold": integers(r.fold for r in records),
        "trained_parameters": integers(r.trained_parameters for r in records),
        "total_parameters": integers(r.total_parameters for r in records),
        "seconds": numbers(r.seconds for r in records),
        "device": texts(r.device for r in records),
        "peak_memory_bytes": integers(r.peak_memory_bytes for r in records),
        "steps": integers(r.steps for r in records),
        "items": integers(r.items for r in records),
        "tokens": integers(r.tokens for r in records),
        "folder": texts(r.folder for r in records),
        "fingerprint": texts(r.fingerprint for r in records),
        "probes": lists(r.probes for r in records),
        "settings": objects(r.settings for r in records),
        "finished_at": times(r.finished_at for r in records),
    }
