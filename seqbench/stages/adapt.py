"""The stage that adapts models: each entry of `adapt` is a training that makes models of the config."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from seqbench.adapt.inputs import budget_of, missing, open_corpora, spec_of
from seqbench.adapt.outcome import Adapted
from seqbench.catalog.records import Record
from seqbench.catalog.training_records import TrainingRecord
from seqbench.config.adapt import AdaptConfig
from seqbench.core.atomic import remove_stale
from seqbench.models import checkpoint as models
from seqbench.schedule.context import Context
from seqbench.schedule.graph import Group, Kind, Node
from seqbench.schedule.plan import Plan, Quantity, Share
from seqbench.schedule.stage import Doing, Stage, Told
from seqbench.stages.probe import CHECKPOINTS
from seqbench.stages.products import model_product
from seqbench.stages.trainable import check_lora
from seqbench.stages.workspace import workspace_of

KIND = Kind(stage="adapt", unit="steps", power_key="schedule.extract_power")


@dataclass(frozen=True, slots=True, kw_only=True)
class AdaptTask:
    """One entry of `adapt`."""

    name: str


class AdaptStage(Stage):
    """Plans the adaptations whose models are not there, and trains them."""

    kind = KIND
    doing = "adapting"
    when_skipped = "not adapted, as what makes the model that it begins with failed"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._workspace = context.shared(workspace_of)

    @property
    def _config(self) -> dict[str, AdaptConfig]:
        return {entry.name: entry for entry in self.context.config.adapt}

    def plan(self, plan: Plan) -> Iterator[Node]:
        """The trainings of which a model is missing; one whose base is made first is looked at then."""
        for entry in self._config.values():
            makers = plan.makers(model_product(entry.model)) or frozenset()
            if not makers and entry.encoder == "lora" and entry.lora.targets != "auto":
                check_lora(self._source(entry), entry.lora, "adapt")
            with plan.listing(entry.name, ""):
                is_wanted = bool(makers) or bool(self._missing(entry))
                for name in (checkpoint.name for checkpoint in entry.checkpoints):
                    plan.promise(model_product(name))
                plan.shares.append(_share(entry, is_wanted=is_wanted))
                if is_wanted:
                    yield self._node(entry, makers)

    def _missing(self, entry: AdaptConfig) -> bool:
        """Whether a model that the entry makes is not there."""
        spec = spec_of(entry, self._source(entry), open_corpora(entry, self.context.reporter))
        return bool(missing(entry, spec, partial(self._folder, entry)))

    def _node(self, entry: AdaptConfig, makers: frozenset[str]) -> Node:
        return Node(
            key=f"adapt/{entry.name}",
            kind=KIND,
            model=entry.name,
            task=AdaptTask(name=entry.name),
            amount=entry.steps,
            power=self.context.config.schedule.extract_power,
            after=makers,
            makes=frozenset(model_product(checkpoint.name) for checkpoint in entry.checkpoints),
        )

    def _source(self, entry: AdaptConfig) -> models.Checkpoint:
        found = self._workspace.source(entry.model)
        assert isinstance(found, models.Checkpoint)  # see `check_adaptations`
        return found

    def _folder(self, entry: AdaptConfig, name: str) -> Path:
        return entry.folder(name, self.context.config.catalog)

    def do(self, task: AdaptTask, doing: Doing) -> list[Adapted]:
        """Train, or go on where a training was left."""
        from seqbench.adapt.training import Surroundings, adapt

        entry = self._config[task.name]
        around = Surroundings(
            states=self.context.config.catalog.parent / CHECKPOINTS,
            folder=partial(self._folder, entry),
            advance=doing.advance,
            note=self.context.reporter.note,
        )
        corpora = open_corpora(entry, self.context.reporter)
        found = adapt(entry, self._source(entry), corpora, around)
        doing.give([self._record(entry, each, doing.run_id) for each in found])
        return found

    def _record(self, entry: AdaptConfig, found: Adapted, run_id: str) -> TrainingRecord:
        facts = asdict(found)
        told = ("objective", "masking", "dtype", "loss_by", "step", "epochs", "health", "curve")
        settings = entry.model_dump(mode="json", exclude={"name", "model", "encoder"})
        return TrainingRecord(
            key=hashlib.sha256(f"{found.fingerprint} {found.step}".encode()).hexdigest(),
            run_id=run_id,
            stage="adapt",
            model=found.name,
            base=found.base,
            dataset=None,
            encoder=entry.encoder,
            seed=entry.seed,
            fold=None,
            trained_parameters=found.trained_parameters,
            total_parameters=found.total_parameters,
            seconds=found.seconds,
            device=found.device,
            peak_memory_bytes=found.peak_memory_bytes,
            steps=found.step,
            items=found.windows,
            tokens=found.tokens,
            folder=str(self._folder(entry, found.name)),
            fingerprint=found.weights,
            probes=(),
            settings=settings | {key: facts[key] for key in told},
            finished_at=datetime.now(UTC),
        )

    def received(self, task: AdaptTask, records: Sequence[Record]) -> Told:
        """Record what a training took."""
        return Told(records=records)

    def done(self, task: AdaptTask, result: Sequence[Adapted]) -> Told:
        """Count the steps."""
        return Told(done=result[-1].step, tokens=result[-1].tokens)

    def tidy(self, *, workers_ended: bool) -> None:
        """Take away half-written models and states."""
        catalog = self.context.config.catalog
        remove_stale(catalog.parent / CHECKPOINTS)
        folders: set[Path] = {entry.folder(entry.name, catalog).parent for entry in self._config.values()}
        for folder in folders:
            remove_stale(folder)

    def summary(self, done: int, known: int) -> str:
        """Steps; those of before are told where there are some."""
        there = f", {known:,} were done before" if known else ""
        return f"{done:,} steps of adaptation{there}"


def _share(entry: AdaptConfig, *, is_wanted: bool) -> Share:
    left = entry.steps if is_wanted else 0
    tokens = left * entry.accumulate * budget_of(entry)
    return Share(
        model=entry.name,
        dataset="",
        group=Group(KIND.stage, entry.name, ""),
        done=entry.steps - left,
        left=left,
        quantities=(
            Quantity(column="steps", amount=left),
            Quantity(column="tokens", amount=tokens, form="short"),
        ),
    )
