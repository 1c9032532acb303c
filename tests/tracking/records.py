"""Records of probes with learning curves, and a reader of what W&B leaves on disk."""

import json
import struct
from pathlib import Path
from typing import Any

from seqbench.catalog.records import EpochRecord, ProbeRecord, SplitRecord
from seqbench.config import Config
from seqbench.core.types import Task
from seqbench.metrics import MetricScore

WANDB_BLOCK = 32_768
"""Bytes of a block of W&B's log, which is LevelDB's: records do not start in the last 7 of a block."""


def record(layer: int, *, dataset: str = "d", **changed: Any) -> ProbeRecord:
    """A probe of three epochs; after the first, eval was not scored."""
    given = {
        "spec_hash": f"{layer} {dataset} {changed}", "run_id": "run-1", "model": "m", "dataset": dataset,
        "task": Task.CLASSIFICATION, "layer": layer, "n_layers": 3, "head": "mlp", "variant": "v", "seed": 1,
        "fold": None, "spec": {"layer": layer, "settings": {"lr": 0.1}}, "status": "ok", "error": None,
        "seconds": 1.0, "n_train": 3, "n_epochs": 3, "chosen_epoch": 2, "convergence": "converged",
        "advice": None, "device": "cpu", "history": history(layer),
        "splits": (
            SplitRecord(split="test", n_items=4, metrics=(
                MetricScore(metric="accuracy", value=0.5 + layer / 8, low=0.0, high=1.0, reason=None),
                MetricScore(metric="mcc", value=None, low=None, high=None, reason="one class"),
            ), class_metrics=()),
        ),
    }  # fmt: skip
    return ProbeRecord(**given | changed)  # type: ignore[arg-type]


def history(layer: int) -> tuple[EpochRecord, ...]:
    return tuple(
        EpochRecord(
            epoch=epoch,
            train_loss=1 / epoch,
            eval_loss=layer + 1 / epoch,
            eval_score=None if epoch == 1 else 0.25 * epoch,
        )
        for epoch in (1, 2, 3)
    )


def config(**changed: Any) -> Config:
    return Config.model_validate({"models": [{"kind": "kmer"}], "datasets": {"root": "."}, **changed})


class WandbRun:
    """What is in the log of one offline run."""

    def __init__(self, log: Path) -> None:
        self.rows: list[dict[str, Any]] = []
        self.summary: dict[str, Any] = {}
        self.config: dict[str, Any] = {}
        self.artifacts: dict[str, tuple[str, list[str]]] = {}
        """By name, the type and the files' paths."""
        for content in _wandb_records(log):
            kind = content.WhichOneof("record_type")
            if kind == "run":
                self.about = content.run
                self.config |= {each.key: json.loads(each.value_json) for each in content.run.config.update}
            elif kind == "history":
                self.rows.append(_items(content.history.item))
            elif kind == "artifact":
                made = content.artifact
                files = [entry.path for entry in made.manifest.contents]
                self.artifacts[made.name] = (made.type, files)
            elif kind == "summary":
                self.summary |= _items(content.summary.update)


def wandb_runs(folder: Path) -> dict[str, WandbRun]:
    """The offline runs of a folder by name; W&B ends as it does at a program's end, which writes all."""
    import wandb

    wandb.teardown()
    runs = [WandbRun(path) for path in folder.glob("offline-run-*/run-*.wandb")]
    return {run.about.display_name: run for run in runs}


def _items(items: Any) -> dict[str, Any]:
    return {"/".join(each.nested_key) or each.key: json.loads(each.value_json) for each in items}


def _wandb_records(log: Path) -> list[Any]:
    from wandb.proto.wandb_internal_pb2 import Record

    data, at, parts, found = log.read_bytes(), 7, b"", []
    while at + 7 <= len(data):
        left = WANDB_BLOCK - at % WANDB_BLOCK
        if left < 7:
            at += left
            continue
        _, length, kind = struct.unpack_from("<IHB", data, at)
        parts += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # whole, or the last part
            found.append(Record.FromString(parts))
            parts = b""
    return found
