"""Weights & Biases: one run a model and data set with a curve a layer, or one run a probe.

Curves are drawn over `epoch`. Probes come layer by layer and head by head, each from epoch 1 again, which
W&B's own step counter would refuse.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import wandb

from seqbench.catalog.records import ProbeRecord
from seqbench.config.report import WandbConfig
from seqbench.errors import ConfigError
from seqbench.tracking.base import Labels, by_epoch, curves, pair_of, remarks, scores

PROJECT = "seqbench"

INIT_SECONDS = 30.0
"""How long the start of a run waits for the server."""

FINISH_SECONDS = 120.0
"""How long the end of a run waits for what is not sent yet; it stays on disk for `wandb sync`."""


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

    def log(self, records: Sequence[ProbeRecord]) -> None:
        """See `Tracker.log`."""
        self._try(lambda: self._log(records))

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

    def _log(self, records: Sequence[ProbeRecord]) -> None:
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

    def _start(self, name: str, group: str, about: dict[str, Any]) -> Any:
        run = wandb.init(
            project=self._config.project or PROJECT,
            entity=self._config.entity,
            name=name,
            group=group,
            job_type="probe",
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
