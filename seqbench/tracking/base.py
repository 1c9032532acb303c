"""What a tracker is, and what it is told of a probe: the numbers by name, and where they stand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from seqbench.catalog.records import EpochRecord, ProbeRecord
from seqbench.catalog.training_records import TRAINED_HEADS, TrainingRecord

CURVES = ("train_loss", "eval_loss", "eval_score")
"""What is drawn by epoch, fields of `EpochRecord`."""


class Tracker(Protocol):
    """Where learning curves and final scores are shown beside the catalog."""

    def log(self, records: Sequence[ProbeRecord], trainings: Sequence[TrainingRecord] = ()) -> None:
        """Show probes; never raises for what is not seqbench's fault.

        Args:
            records: Of heads on frozen models, and of models that were trained with their head.
            trainings: What is recorded of the latter.
        """

    def finish(self, model: str, dataset: str) -> None:
        """Write what is left of a model on a data set, of which nothing more will come."""

    def close(self) -> None:
        """Write what is left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """How probes are told apart: by layer always, by head and seed where there are several."""

    heads: bool
    seeds: bool

    def of(self, record: ProbeRecord) -> str:
        """`layer_3`, `layer_3/mlp/seed_1`, `layer_3/fold_0`, `layer_3/few-shot_5/draw_0/shuffled-labels`.

        A model that was trained is named by how: `lora/seed_1`, `full/seed_1/fold_0`.
        """
        if record.head in TRAINED_HEADS:
            parts = [record.head, f"seed_{record.seed}"]
        else:
            parts = [f"layer_{record.layer}"]
            parts += [record.head] if self.heads else []
            parts += [f"seed_{record.seed}"] if self.seeds else []
        if record.folds is not None:
            parts.append("all_folds" if record.fold is None else f"fold_{record.fold}")
        if record.subset is not None:
            parts += [record.subset.replace(" ", "_"), f"draw_{record.repeat}"]
        parts += [record.control] if record.control is not None else []
        return "/".join(parts)


def pair_of(record: ProbeRecord) -> tuple[str, str]:
    """Model and data set."""
    return record.model, record.dataset


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """One training of a model: a record a target, and what is known of the training."""

    records: tuple[ProbeRecord, ...]
    training: TrainingRecord | None

    @property
    def dataset(self) -> str:
        """Without a target's name."""
        return self.records[0].dataset.partition("/")[0]

    @property
    def label(self) -> str:
        """`lora seed 1`, `full seed 1 fold 0`."""
        return Labels(heads=True, seeds=True).of(self.records[0]).replace("/", " ").replace("_", " ")

    def scores(self) -> dict[str, float]:
        """`test/accuracy`; of several targets `drug_class/test/accuracy`."""
        return {
            f"{target}/{name}" if target else name: value
            for record in self.records
            for target in [record.dataset.partition("/")[2]]
            for name, value in scores(record).items()
        }


def trainings_of(records: Sequence[ProbeRecord], trainings: Sequence[TrainingRecord]) -> list[Trained]:
    """The records of models that were trained, a training each; others are left out."""
    found: dict[tuple[object, ...], list[ProbeRecord]] = {}
    for record in records:
        if record.head in TRAINED_HEADS:
            model, base = record.model, record.dataset.partition("/")[0]
            key = (model, base, record.head, record.seed, record.fold, record.subset, record.repeat)
            found.setdefault(key, []).append(record)
    by_probe = {probe: training for training in trainings for probe in training.probes}
    return [
        Trained(records=tuple(members), training=by_probe.get(members[0].probe_id))
        for members in found.values()
    ]


def curves(point: EpochRecord) -> dict[str, float]:
    """What was measured after an epoch, by name."""
    values = {name: getattr(point, name) for name in CURVES}
    return {name: value for name, value in values.items() if value is not None}


def scores(record: ProbeRecord) -> dict[str, float]:
    """The final scores, `test/accuracy` and so on; what is undefined is left out."""
    return {
        f"{split.split}/{metric.metric}": metric.value
        for split in record.splits
        for metric in split.metrics
        if metric.value is not None
    }


def remarks(record: ProbeRecord) -> dict[str, str | int]:
    """What else is to be known of a probe's end."""
    found = {
        "chosen_epoch": record.chosen_epoch,
        "convergence": record.convergence,
        "error": record.error,
    }
    return {name: value for name, value in found.items() if value is not None}


def by_epoch(records: Sequence[ProbeRecord], labels: Labels) -> Mapping[int, dict[str, float]]:
    """The curves of several probes side by side: for each epoch all values, by `<label>/<curve>`."""
    rows: dict[int, dict[str, float]] = {}
    for record in records:
        for point in record.history:
            row = rows.setdefault(point.epoch, {})
            row |= {f"{labels.of(record)}/{name}": value for name, value in curves(point).items()}
    return dict(sorted(rows.items()))
