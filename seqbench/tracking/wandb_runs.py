"""Weights & Biases: one run a model and data set with a curve a layer, or one run a probe.

A training of a model, each fold by itself, is a run of its own, with the model's folder as an artifact.

Curves are drawn over `epoch`. Probes come layer by layer and head by head, each from epoch 1 again, which
W&B's own step counter would refuse.
"""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import wandb

from seqbench.catalog.records import ProbeRecord
from seqbench.catalog.training_records import TRAINED_HEADS, TrainingRecord
from seqbench.config.report import WandbConfig
from seqbench.errors import ConfigError
from seqbench.tracking.base import (
    Labels,
    Trained,
    by_epoch,
    curves,
    pair_of,
    remarks,
    scores,
    trainings_of,
)

PROJECT = "seqbench"

INIT_SECONDS = 30.0
"""How long the start of a run waits for the server."""

FINISH_SECONDS = 120.0
"""How long the end of a run waits for what is not sent yet; it stays on disk for `wandb sync`."""


TOOK = ("trained_parameters", "total_parameters", "seconds", "peak_memory_bytes", "steps", "items", "tokens")
"""Fields of a training's record that stand in the summary of its run."""

MOST_TAG, MOST_NAME = 64, 128
"""Letters of a tag, and of an artifact's name; W&B refuses more."""
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]+")


class WandbTracker:
    """Sends what is told to it, or writes it for `wandb sync`; the first failure ends it, not the run."""

    def __init__(self, config: WandbConfig, labels: Labels, note: Callable[[str], None]) -> None:
        """Get ready.

        Raises:
            ConfigError: The mode is online, and there is no login.
        """
        self._config = config
        self._labels = labels
        self._note = note
        self._runs: dict[tuple[str, str], Any] = {}
        self._works = True
        # Without `prompt` it would ask for a key on a terminal and wait.
        if config.mode == "online" and not wandb.login(prompt=False, verify=False):
            raise ConfigError(
                "wandb.mode: online needs a login (run `wandb login`, set WANDB_API_KEY, or set "
                "wandb.mode: offline)"
            )

    def log(self, records: Sequence[ProbeRecord], trainings: Sequence[TrainingRecord] = ()) -> None:
        """See `Tracker.log`."""
        self._try(lambda: self._log(records, trainings))

    def finish(self, model: str, dataset: str) -> None:
        """See `Tracker.finish`."""
        self._try(lambda: self._finish((model, dataset)))

    def close(self) -> None:
        """See `Tracker.close`."""
        for pair in list(self._runs):
            self.finish(*pair)

    def _try(self, work: Callable[[], None]) -> None:
        """W&B raises many kinds of errors, mostly of the network; none is worth a run of hours."""
        if not self._works:
            return
        try:
            work()
        except Exception as error:  # see above
            self._works = False
            said = (str(error).strip().splitlines() or [type(error).__name__])[0]
            self._note(f"warning: W&B failed, going on without it: {said}")

    def _log(self, records: Sequence[ProbeRecord], trainings: Sequence[TrainingRecord]) -> None:
        for trained in trainings_of(records, trainings):
            self._log_training(trained)
        records = [record for record in records if record.head not in TRAINED_HEADS]
        if self._config.run_per == "probe":
            for record in records:
                self._log_alone(record)
            return
        for pair in dict.fromkeys(map(pair_of, records)):
            self._log_together(pair, [record for record in records if pair_of(record) == pair])

    def _log_together(self, pair: tuple[str, str], records: Sequence[ProbeRecord]) -> None:
        """Into the run of a model and data set; where workers share the probes, several are open."""
        if pair not in self._runs:
            first = records[0]
            about = {"model": first.model, "dataset": first.dataset, "task": first.task.value}
            self._runs[pair] = self._start(" × ".join(pair), first.run_id, about)
        run = self._runs[pair]
        for epoch, row in by_epoch(records, self._labels).items():
            run.log({"epoch": epoch, **row})
        for record in records:
            label = self._labels.of(record)
            run.summary.update(
                {f"{label}/{name}": value for name, value in (scores(record) | remarks(record)).items()}
            )

    def _log_alone(self, record: ProbeRecord) -> None:
        label = Labels(heads=True, seeds=True).of(record)
        run = self._start(f"{' × '.join(pair_of(record))} {label}", record.run_id, dict(record.spec))
        try:
            for point in record.history:
                run.log({"epoch": point.epoch, **curves(point)})
            run.summary.update(scores(record) | remarks(record))
        finally:
            run.finish()

    def _log_training(self, trained: Trained) -> None:
        """One run, grouped with the other seeds and folds, and the trained model as its artifact."""
        first, training = trained.records[0], trained.training
        pair = f"{first.model} × {trained.dataset}"
        about = dict(first.spec) | {"run_id": first.run_id}
        tags = [first.model, trained.dataset, first.head, first.task.value]
        tags += [] if first.fold is None else [f"fold {first.fold}"]
        run = self._start(
            f"{pair} {trained.label}",
            f"{pair} {first.head}",
            about,
            job_type="finetune",
            tags=[tag[:MOST_TAG] for tag in dict.fromkeys(tags)],
        )
        try:
            for point in first.history:
                run.log({"epoch": point.epoch, **curves(point)})
            run.summary.update(trained.scores() | remarks(first))
            if training is not None:
                run.summary.update({name: getattr(training, name) for name in TOOK})
                self._log_model(run, trained, training)
        finally:
            run.finish()

    def _log_model(self, run: Any, trained: Trained, training: TrainingRecord) -> None:
        """The folder as it lies; offline W&B notes where that is, and `wandb sync` sends it from there."""
        if not self._config.artifacts or training.folder is None or not Path(training.folder).is_dir():
            return
        name = _NOT_IN_NAMES.sub("-", f"{training.model}-{trained.dataset} {trained.label}")[-MOST_NAME:]
        artifact = wandb.Artifact(name, type="model", metadata=dict(trained.scores()))
        # File by file, as `add_dir` writes to the terminal.
        folder = Path(training.folder)
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                artifact.add_file(str(path), path.relative_to(folder).as_posix(), policy="immutable")
        run.log_artifact(artifact)

    def _start(
        self,
        name: str,
        group: str,
        about: dict[str, Any],
        *,
        job_type: str = "probe",
        tags: Sequence[str] = (),
    ) -> Any:
        run = wandb.init(
            project=self._config.project or PROJECT,
            entity=self._config.entity,
            name=name,
            group=group,
            job_type=job_type,
            tags=list(tags),
            config=about,
            dir=_root(self._config.dir),
            mode=self._config.mode,
            reinit="create_new",
            settings=wandb.Settings(
                silent=True,
                console="off",
                disable_code=True,
                disable_git=True,
                x_disable_stats=True,
                init_timeout=INIT_SECONDS,
                finish_timeout=FINISH_SECONDS,
            ),
        )
        run.define_metric("epoch", hidden=True)
        run.define_metric("*", step_metric="epoch")
        return run

    def _finish(self, pair: tuple[str, str]) -> None:
        run = self._runs.pop(pair, None)
        if run is not None:
            run.finish()


def _root(folder: Path) -> str:
    """W&B makes a folder `wandb` in the one that it is given; a folder of that name is meant itself."""
    return str(folder.parent if folder.name == "wandb" else folder)
