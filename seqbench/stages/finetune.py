"""The stage that trains checkpoints on data sets: one task a model, data set, encoder and seed."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from threading import Lock
from typing import TYPE_CHECKING

from seqbench.catalog import Catalog
from seqbench.catalog.records import DatasetRecord, ModelRecord, ProbeRecord, Record
from seqbench.catalog.training_records import Encoder
from seqbench.catalog.trial_records import TrialRecord
from seqbench.core.atomic import remove_stale
from seqbench.core.types import SPLITS, Task
from seqbench.datasets.dataset import Dataset
from seqbench.errors import TrainingError
from seqbench.finetune.asked import judged_by
from seqbench.finetune.design import FinetuneDesign, shared_spec
from seqbench.schedule.context import Context
from seqbench.schedule.graph import Group, Kind, Node
from seqbench.schedule.plan import Plan, Quantity, Share
from seqbench.schedule.stage import Doing, Stage, Told
from seqbench.stages.contents import file_contents
from seqbench.stages.probe import CHECKPOINTS
from seqbench.stages.products import model_product
from seqbench.stages.searching import LaterTrials, Searches, SearchPlan, TrialTask, study_name
from seqbench.stages.trainable import check_parts, trainable_names
from seqbench.stages.trainings import Trainings
from seqbench.stages.workspace import tell_warnings, workspace_of

if TYPE_CHECKING:
    from seqbench.finetune.job import Job

KIND = Kind(stage="finetune", unit="trainings")
_ONE_AT_A_TIME = Lock()
"""Dropout draws from torch's streams, which all threads of a process share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaterTrainings:
    """The trainings of a model that a task of this run makes; its weights are not known before."""

    model: str
    dataset: str


class FinetuneStage(Stage):
    """Plans the trainings that the catalog lacks, does them, and records what they scored and took."""

    kind = KIND
    doing = "fine-tuning"
    when_skipped = "not fine-tuned, as its model was not made"
    has_curves = True
    is_reported = True
    keeps_memory = True

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._workspace = context.shared(workspace_of)
        self._known: set[str] = set()
        self._told: set[str] = set()
        self._checked: set[str] = set()
        self._searches = Searches(Catalog(context.config.catalog))
        self._wanted = Trainings(context)

    def plan(self, plan: Plan) -> Iterator[Node]:
        """The missing trainings of every checkpoint on every data set."""
        self.context.shared(tell_warnings)
        self._known = Catalog(self.context.config.catalog).known_spec_hashes()
        for model in trainable_names(self.context.config):
            for dataset in self._workspace.dataset_names:
                nodes: list[Node] = []
                if plan.makers(model_product(model)):
                    nodes = [self._later(plan, model, dataset)]
                else:
                    with plan.listing(model, dataset):
                        nodes = list(self._trainings(plan, model, dataset, tell=True))
                if nodes:  # a place that can't be written to hinders nobody who trains nothing
                    self._wanted.check_out()
                yield from nodes

    def unfold(self, task: LaterTrainings | LaterTrials, plan: Plan) -> Iterator[Node]:
        """The trainings of a model that is there by now, or what follows from trials."""
        if isinstance(task, LaterTrials):
            yield from self._after_trials(task)
            return
        yield from self._trainings(plan, task.model, task.dataset, tell=False)

    def _trainings(self, plan: Plan, model: str, dataset: str, *, tell: bool) -> Iterator[Node]:
        """The missing trainings; where settings are searched for, trials before them."""
        self._wanted.check(dataset)
        nodes: list[Node] = []
        n_all = n_left = 0
        for encoder in self._wanted.config.encoder:
            study = self._study(model, dataset, encoder)
            n_trials = 0 if study is None else self._searches.n_left(study)
            n_all += 0 if study is None else study.search.n_trials
            values = () if study is None or n_trials else tuple(self._searches.chosen(study).items())
            designs = self._wanted.designs(model, dataset, encoder, values)
            n_all += _n_trainings(designs)
            if study is not None and n_trials:
                n_left += n_trials + _n_trainings(designs)
                nodes += self._round(study, model, dataset, encoder)
                continue
            missing = self._missing(designs)
            n_left += _n_trainings(missing)
            nodes += self._nodes(missing)
        if nodes and model not in self._checked:
            check_parts(self._wanted.source(model), self._wanted.config)
            self._checked.add(model)
        if tell:
            columns = (("trainings", n_all), ("trainings left", n_left))
            plan.shares.append(
                Share(
                    model=model,
                    dataset=dataset,
                    group=Group(KIND.stage, model, dataset),
                    done=n_all - n_left,
                    left=n_left,
                    quantities=tuple(Quantity(column=name, amount=amount) for name, amount in columns),
                )
            )
        yield from nodes

    def _missing(self, designs: Sequence[FinetuneDesign]) -> list[FinetuneDesign]:
        """What is to be done; folds are also put together anew where one of them is trained anew."""
        missing = [design for design in designs if not self._wanted.is_done(design, self._known)]
        again = {design.folds and replace(design, fold=None) for design in missing}
        return [design for design in designs if design in missing or design in again]

    def _nodes(self, designs: Sequence[FinetuneDesign]) -> Iterator[Node]:
        """Trainings as tasks, and what puts their folds together after them."""
        keys = {design: f"finetune/{design.folder}" for design in designs}
        schedule = self.context.config.schedule
        for design in designs:
            yield Node(
                key=keys[design],
                kind=KIND,
                model=design.model,
                dataset=design.dataset,
                task=design,
                amount=0 if design.is_pooled else 1,
                power=schedule.probe_power if design.is_pooled else schedule.power_per_gpu,
                after=frozenset(keys[fold] for fold in design.each_fold() if fold in keys)
                if design.is_pooled
                else frozenset(),
                makes=frozenset(map(model_product, self._wanted.named(design))),
            )

    def _study(self, model: str, dataset: str, encoder: Encoder) -> SearchPlan | None:
        """What is searched for, None where nothing is."""
        config = self._wanted.config
        search = config.searched(encoder)
        if search is None:
            return None
        tasks = [one.task for one in self._wanted.datasets(dataset)]
        metric, higher_is_better = judged_by(config.choose_by, tasks)
        spec = shared_spec(self._wanted.specs(self._wanted.tried(model, dataset, encoder))[0])
        name = study_name(spec, search)
        return SearchPlan(name=name, search=search, metric=metric, higher_is_better=higher_is_better)

    def _round(self, study: SearchPlan, model: str, dataset: str, encoder: Encoder) -> Iterator[Node]:
        """The next trials of a search, and a node for what follows from them."""
        designs = self._wanted.designs(model, dataset, encoder)
        products = frozenset(model_product(name) for one in designs for name in self._wanted.named(one))
        power = self.context.config.schedule.power_per_gpu
        tried = self._wanted.tried(model, dataset, encoder)
        yield from self._searches.nodes(study, tried, KIND, power=power, makes=products)

    def _after_trials(self, task: LaterTrials) -> Iterator[Node]:
        """The next round of a search, or the trainings with what it chose."""
        study = self._study(task.model, task.dataset, task.encoder)
        assert study is not None
        if self._searches.n_left(study):
            yield from self._round(study, task.model, task.dataset, task.encoder)
            return
        values = tuple(self._searches.chosen(study).items())
        designs = self._wanted.designs(task.model, task.dataset, task.encoder, values)
        yield from self._nodes(self._missing(designs))

    def _products(self, model: str, dataset: str) -> Iterator[str]:
        """Models of the config that trainings of a model on a data set make."""
        for encoder in self._wanted.config.encoder:
            for design in self._wanted.designs(model, dataset, encoder):
                yield from map(model_product, self._wanted.named(design))

    def _later(self, plan: Plan, model: str, dataset: str) -> Node:
        quantities = tuple(Quantity(column=column, amount=None) for column in ("trainings", "trainings left"))
        group = Group(KIND.stage, model, dataset)
        plan.shares.append(
            Share(model=model, dataset=dataset, group=group, done=0, left=0, quantities=quantities)
        )
        return Node(
            key=f"finetune/{model}/{dataset}/later",
            kind=KIND,
            model=model,
            dataset=dataset,
            task=LaterTrainings(model=model, dataset=dataset),
            power=0,
            after=plan.makers(model_product(model)) or frozenset(),
            makes=frozenset(self._products(model, dataset)),
            unfolds=True,
        )

    def do(self, task: FinetuneDesign | TrialTask, doing: Doing) -> TrialRecord | None:
        """Train, one training of a process at a time; or put folds together."""
        from seqbench.finetune.records import failed_records
        from seqbench.finetune.trial import try_settings

        note = self._note_once
        with _ONE_AT_A_TIME:
            if isinstance(task, TrialTask):
                job = self._wanted.job(task.design, doing.run_id)
                return try_settings(job, task.asked, advance=doing.advance, note=note)
            job = self._wanted.job(task, doing.run_id)
            try:
                doing.give(self._done(job, doing.advance))
            except TrainingError as error:  # such as too little memory, which another encoder may not need
                n_layers = self._workspace.identity(task.model).n_layers
                doing.give(
                    failed_records(task, job.specs, str(error), n_layers=n_layers, run_id=doing.run_id)
                )
        return None

    def _done(self, job: "Job", advance: Callable[[float], None]) -> list[Record]:
        """What a training, or all folds together, scored and took."""
        from seqbench.finetune.ensemble import pool
        from seqbench.finetune.run import finetune

        if job.design.is_pooled:
            return [*pool(job, self._wanted.fold_keys(job.design))]
        records, training = finetune(job, advance=advance, note=self._note_once)
        return [*records, training]

    def _note_once(self, text: str) -> None:
        """Tell the user; what every trial finds alike, once."""
        if text not in self._told:
            self._told.add(text)
            self.context.reporter.note(text)

    def done(self, task: FinetuneDesign | TrialTask, result: TrialRecord | None) -> Told:
        """Record a trial; what a training made came while it ran."""
        if result is None:
            return Told()
        self._searches.add(result)
        return Told(records=[result], done=1)

    def received(self, task: FinetuneDesign, records: Sequence[Record]) -> Told:
        """Record what was scored and what it took, and before that of which model and data."""
        probes = [record for record in records if isinstance(record, ProbeRecord)]
        self._known.update(record.spec_hash for record in probes if record.status == "ok")
        return Told(
            records=[*self._descriptions(task), *records],
            done=0 if task.is_pooled else 1,
            problems=[f"{_called(record)}: {record.error}" for record in probes if record.status == "failed"],
            curves=probes,
        )

    def _descriptions(self, task: FinetuneDesign) -> list[Record]:
        """Model and data sets, as extraction records them; a later record of a name takes its place."""
        identity, source = self._workspace.identity(task.model), self._wanted.source(task.model)
        parameters = self._workspace.entries.parameters(task.model)
        model = ModelRecord(
            model=identity.name,
            kind=identity.kind,
            path=identity.path,
            revision=identity.revision,
            fingerprint=identity.fingerprint,
            n_layers=identity.n_layers,
            hidden=identity.hidden,
            dtype=source.dtype,
            settings={key: parameters[key] for key in ("seed",) if key in parameters},
        )
        return [model, *(described(dataset) for dataset in self._wanted.datasets(task.dataset))]

    def tidy(self, *, workers_ended: bool) -> None:
        """Take away half-written states and folders."""
        remove_stale(self.context.config.catalog.parent / CHECKPOINTS)
        remove_stale(self._wanted.config.out)

    def summary(self, done: int, known: int) -> str:
        """Trainings done, and those that were there."""
        there = f", {known:,} were there already" if known else ""
        return f"{done:,} trainings of models done{there}"


def _n_trainings(designs: Sequence[FinetuneDesign]) -> int:
    return sum(not design.is_pooled for design in designs)


def _called(record: ProbeRecord) -> str:
    """`lora, seed 1, fold 2`."""
    parts = [record.head, f"seed {record.seed}"]
    if record.folds is not None:
        parts.append("all folds" if record.fold is None else f"fold {record.fold}")
    if record.subset is not None:
        parts.append(f"{record.subset}, draw {record.repeat}")
    return ", ".join(parts)


def described(dataset: Dataset) -> DatasetRecord:
    """What the catalog keeps of a data set, from its files."""
    classification = dataset.task is Task.CLASSIFICATION
    indexes = {name: split.index for name, split in dataset.splits.items()}
    return DatasetRecord(
        dataset=dataset.spec.name,
        sha256=dataset.sha256,
        task=dataset.task,
        n_seqs=dataset.n_seqs,
        n_classes=len(dataset.classes) if classification else None,
        n_targets=None if classification else dataset.n_targets,
        n_items={name: len(dataset.splits[name]) for name in SPLITS if name in dataset.splits},
        alphabet=dataset.alphabet,
        task_group=dataset.spec.group,
        ceiling=dict(dataset.ceiling) if dataset.ceiling is not None else None,
        splits=file_contents(dataset),
        class_names=dataset.class_names or None,
        ids={name: index.ids for name, index in indexes.items() if index.ids is not None},
    )
