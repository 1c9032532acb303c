"""Records of probes as columns of their tables.

Shape letters: N items, K outputs.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seqbench.catalog.columns import Columns, integers, lists, now, numbers, objects, texts
from seqbench.catalog.records import PredictionRecord, ProbeRecord
from seqbench.core.missing import known
from seqbench.core.types import Task


def probe_columns(records: Sequence[ProbeRecord]) -> Columns:
    """The rows of `probes`."""
    return {
        "probe_id": integers(r.probe_id for r in records),
        "spec_hash": texts(r.spec_hash for r in records),
        "run_id": texts(r.run_id for r in records),
        "model": texts(r.model for r in records),
        "dataset": texts(r.dataset for r in records),
        "task": texts(str(r.task) for r in records),
        "layer": integers(r.layer for r in records),
        "n_layers": integers(r.n_layers for r in records),
        "head": texts(r.head for r in records),
        "variant": texts(r.variant for r in records),
        "seed": integers(r.seed for r in records),
        "fold": integers(r.fold for r in records),
        "folds": integers(r.folds for r in records),
        "subset": texts(r.subset for r in records),
        "repeat": integers(r.repeat for r in records),
        "control": texts(r.control for r in records),
        "spec": objects(r.spec for r in records),
        "status": texts(r.status for r in records),
        "error": texts(r.error for r in records),
        "seconds": numbers(r.seconds for r in records),
        "n_train": integers(r.n_train for r in records),
        "n_epochs": integers(r.n_epochs for r in records),
        "chosen_epoch": integers(r.chosen_epoch for r in records),
        "convergence": texts(r.convergence for r in records),
        "advice": texts(r.advice for r in records),
        "thresholds": lists(r.thresholds for r in records),
        "saved": texts(r.saved for r in records),
        "device": texts(r.device for r in records),
        "parameters": integers(r.parameters for r in records),
        "recorded_at": now(len(records)),
    }


def kept_columns(records: Sequence[ProbeRecord]) -> Columns:
    """Where the trained heads of probes lie."""
    return {
        "probe_id": integers(r.probe_id for r in records),
        "saved": texts(r.saved for r in records),
    }


def metric_columns(records: Sequence[ProbeRecord]) -> Columns:
    """The rows of `metrics`."""
    rows = [(r.probe_id, split, entry) for r in records for split in r.splits for entry in split.metrics]
    return {
        "probe_id": integers(probe_id for probe_id, _, _ in rows),
        "split": texts(split.split for _, split, _ in rows),
        "metric": texts(entry.metric for _, _, entry in rows),
        "value": numbers(entry.value for _, _, entry in rows),
        "low": numbers(entry.low for _, _, entry in rows),
        "high": numbers(entry.high for _, _, entry in rows),
        "reason": texts(entry.reason for _, _, entry in rows),
        "n_items": integers(split.n_items for _, split, _ in rows),
    }


def class_metric_columns(records: Sequence[ProbeRecord]) -> Columns:
    """The rows of `class_metrics`."""
    rows = [(r.probe_id, s.split, entry) for r in records for s in r.splits for entry in s.class_metrics]
    return {
        "probe_id": integers(probe_id for probe_id, _, _ in rows),
        "split": texts(split for _, split, _ in rows),
        "label": integers(entry.label for _, _, entry in rows),
        "metric": texts(entry.metric for _, _, entry in rows),
        "value": numbers(entry.value for _, _, entry in rows),
        "support": integers(entry.support for _, _, entry in rows),
        "reason": texts(entry.reason for _, _, entry in rows),
    }


def history_columns(records: Sequence[ProbeRecord]) -> Columns:
    """The rows of `history`."""
    rows = [(r.probe_id, point) for r in records for point in r.history]
    return {
        "probe_id": integers(probe_id for probe_id, _ in rows),
        "epoch": integers(point.epoch for _, point in rows),
        "train_loss": numbers(point.train_loss for _, point in rows),
        "eval_loss": numbers(point.eval_loss for _, point in rows),
        "eval_score": numbers(point.eval_score for _, point in rows),
    }


def prediction_columns(records: Sequence[ProbeRecord]) -> Columns:
    """The rows of `predictions`.

    Of two classes only class 1 is kept, since the other adds nothing and predictions are most of a catalog.
    """
    kept = [(record, part) for record in records for part in record.predictions]
    parts = [_predictions(*each) for each in kept]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]} if parts else {}
    if any(part.places is not None for _, part in kept):
        columns["place"] = np.concatenate([_places(part) for _, part in kept])
    return columns


def effect_columns(records: Sequence[ProbeRecord]) -> Columns:
    """The rows of `effects`."""
    found = [(record.probe_id, record.effects) for record in records if record.effects is not None]
    if not found:
        return {}
    sizes = [each.predicted_PG.size for _, each in found]
    return {
        "probe_id": np.repeat(np.array([probe_id for probe_id, _ in found], np.int64), sizes),
        "perturbation": np.concatenate(
            [np.repeat(np.array(each.perturbations, object), len(each.genes)) for _, each in found]
        ),
        "gene": np.concatenate(
            [np.tile(np.array(each.genes, object), len(each.perturbations)) for _, each in found]
        ),
        "predicted": np.concatenate([each.predicted_PG.astype(np.float32).ravel() for _, each in found]),
        "observed": np.concatenate([each.real_PG.astype(np.float32).ravel() for _, each in found]),
    }


def _places(predictions: PredictionRecord) -> NDArray[np.float64]:
    """Of letters their place, of items NaN, which becomes NULL; as many rows as `_predictions` gives."""
    scores_NK, n_items = predictions.scores, len(predictions.items)
    n_outputs = scores_NK.shape[1] - (1 if scores_NK.shape[1] == 2 and predictions.targets.ndim == 1 else 0)
    places_N = np.full(n_items, np.nan) if predictions.places is None else predictions.places
    return np.repeat(places_N.astype(np.float64), n_outputs)


def _predictions(probe: ProbeRecord, predictions: PredictionRecord) -> Columns:
    """N × K rows."""
    scores_NK, targets_NK = predictions.scores, predictions.targets
    outputs_K = np.arange(scores_NK.shape[1], dtype=np.int16)
    if probe.task is Task.CLASSIFICATION:
        targets_NK = targets_NK[:, None] == outputs_K
        if len(outputs_K) == 2:
            scores_NK, targets_NK, outputs_K = scores_NK[:, 1:], targets_NK[:, 1:], outputs_K[1:]
    elif probe.task is Task.LABELS:
        targets_NK = np.where(known(targets_NK), targets_NK, np.nan)  # NaN becomes NULL
    n_rows = scores_NK.size
    return {
        "probe_id": np.full(n_rows, probe.probe_id, dtype=np.int64),
        "split": np.full(n_rows, predictions.split, dtype=object),
        "item": np.repeat(predictions.items.astype(np.int32), len(outputs_K)),
        "output": np.tile(outputs_K, len(scores_NK)),
        "target": targets_NK.astype(np.float32).ravel(),
        "score": scores_NK.astype(np.float32).ravel(),
    }
