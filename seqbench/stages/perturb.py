"""The stage that trains heads on cells: each layer of each model is a contender, beside baselines."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from seqbench.catalog import Catalog
from seqbench.catalog.records import ModelRecord, ProbeRecord, Record
from seqbench.config.perturb import CellsConfig, FileFeatures, ModelFeatures, PerturbConfig
from seqbench.core.atomic import remove_stale
from seqbench.core.redaction import redact
from seqbench.datasets.sequences import read_named_sequences
from seqbench.errors import ConfigError
from seqbench.perturb.cells import Cells
from seqbench.perturb.combinations import genes_of
from seqbench.perturb.contenders import (
    Contender,
    ResponseDesign,
    Surroundings,
    dataset_record,
    heads_of,
    run_design,
)
from seqbench.perturb.expected import ONE_HOT, WITHOUT_FEATURES
from seqbench.perturb.experiment import (
    Experiment,
    digest_of,
    make_experiment,
    missing_genes,
    opened_cells,
    roles_of,
    without,
)
from seqbench.perturb.features import Features, one_hot, read_vectors
from seqbench.perturb.splits import SetRoles
from seqbench.probe.spec import spec_hash
from seqbench.schedule.context import Context
from seqbench.schedule.graph import Group, Kind, Node
from seqbench.schedule.plan import Plan, Problem, Quantity, Share
from seqbench.schedule.stage import Doing, Stage, Told
from seqbench.stages.once import Once
from seqbench.stages.probe import CHECKPOINTS
from seqbench.stages.products import embeddings_product
from seqbench.stages.sequences import sequences_name
from seqbench.stages.shards import resolve_layers
from seqbench.stages.workspace import tell_warnings, workspace_of

KIND = Kind(stage="perturb", unit="heads", counts_records=True, power_key="schedule.probe_power")


@dataclass(frozen=True, slots=True, kw_only=True)
class PerturbTask:
    """Train the missing heads of one contender on one file of cells."""

    dataset: str
    contender: Contender
    designs: tuple[ResponseDesign, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LaterHeads:
    """The heads on a feature whose model a task of this run makes; its layers are known when it is there."""

    dataset: str
    place: int
    """Of the feature in the config."""


class PerturbStage(Stage):
    """Plans the heads that the catalog lacks, trains them, and records what they score."""

    kind = KIND
    doing = "perturbing"
    when_skipped = "not trained, as the vectors of its perturbations were not extracted"
    has_curves = True
    is_reported = True
    keeps_memory = True

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._workspace = context.shared(workspace_of)
        self._experiments: Once[tuple[str, tuple[str, ...]], Experiment] = Once(self._make)
        self._described: set[tuple[str, str]] = set()
        self._known: set[str] = set()

    @property
    def _config(self) -> PerturbConfig:
        if self.context.config.perturb is None:
            raise ConfigError("the config has no section `perturb`, which says what is to be done")
        return self.context.config.perturb

    def plan(self, plan: Plan) -> Iterator[Node]:
        """The missing heads of every contender on every file of cells, after what they read is extracted."""
        self.context.shared(tell_warnings)
        self._known = Catalog(self.context.config.catalog).known_spec_hashes()
        for settings in self._config.data:
            with plan.listing("perturb", settings.name):
                there = [
                    contender
                    for place in range(len(self._config.features))
                    if not self._is_later(plan, place)
                    for contender in self._contenders(place)
                ]
                yield from self._plan_cells(plan, settings, [Contender(), *there], tell=True)
                for place in range(len(self._config.features)):
                    if self._is_later(plan, place):
                        yield self._later(plan, settings, place)

    def unfold(self, task: LaterHeads, plan: Plan) -> Iterator[Node]:
        """The heads on a model that is there by now; its layers were not known before."""
        settings = next(each for each in self._config.data if each.name == task.dataset)
        yield from self._plan_cells(plan, settings, list(self._contenders(task.place)), tell=False)

    def _is_later(self, plan: Plan, place: int) -> bool:
        """Whether a feature is of a model that a task of this run makes."""
        feature = self._config.features[place]
        return isinstance(feature, ModelFeatures) and plan.is_open(_source(feature))

    def _later(self, plan: Plan, settings: CellsConfig, place: int) -> Node:
        feature = self._config.features[place]
        assert isinstance(feature, ModelFeatures)
        group = Group(KIND.stage, feature.model, settings.name)
        unknown = tuple(Quantity(column=column, amount=None) for column in ("heads", "to train"))
        plan.shares.append(
            Share(model=feature.model, dataset=settings.name, group=group, done=0, left=0, quantities=unknown)
        )
        return Node(
            key=f"perturb/{settings.name}/{feature.model}/later-{place}",
            kind=KIND,
            model=feature.model,
            dataset=settings.name,
            task=LaterHeads(dataset=settings.name, place=place),
            power=0,
            after=plan.makers(_source(feature)) or frozenset(),
            unfolds=True,
        )

    def _plan_cells(
        self, plan: Plan, settings: CellsConfig, contenders: Sequence[Contender], *, tell: bool
    ) -> list[Node]:
        cells = opened_cells(settings)
        roles = roles_of(cells, settings, self._config.splits)
        left_out = self._left_out(cells, roles)
        if left_out and tell:
            self.context.reporter.note(
                f"warning: {settings.name}: {len(left_out)} perturbations have no vector and are left "
                "out of train "
                f"and test for every contender: {', '.join(left_out)} (perturb.missing: skip)"
            )
        digest = digest_of(settings, without(roles, left_out))
        has_combinations = any(len(genes_of(name)) > 1 for name in roles.perturbations("test"))
        if "additive" in self._config.heads and not has_combinations and tell:
            reason = "additive needs combinations of genes in test, such as A+B; there are none"
            plan.not_applicable.append(Problem(model="additive", dataset=settings.name, reason=reason))
        nodes = []
        for contender in contenders:
            designs = [
                ResponseDesign(
                    dataset=settings.name,
                    digest=digest,
                    left_out=left_out,
                    contender=contender,
                    head=head,
                    seed=seed,
                    settings=self._st_settings if head == "st" else {},
                )
                for head, seed in heads_of(self._config, contender)
                if head != "additive" or has_combinations
            ]
            missing = tuple(each for each in designs if spec_hash(each.spec) not in self._known)
            node = self._node(plan, settings, contender, missing)
            plan.shares.append(_share(node, len(designs), len(missing)))
            nodes += [node] if missing else []
        return nodes

    def _node(
        self, plan: Plan, settings: CellsConfig, contender: Contender, missing: tuple[ResponseDesign, ...]
    ) -> Node:
        after: frozenset[str] = frozenset()
        near = None
        feature = None if contender.place is None else self._config.features[contender.place]
        if isinstance(feature, ModelFeatures):
            near = _source(feature)
            after = plan.makers(near) or frozenset()
        return Node(
            key=f"perturb/{settings.name}/{contender.model}/{contender.layer}",
            kind=KIND,
            model=contender.model,
            dataset=settings.name,
            task=PerturbTask(dataset=settings.name, contender=contender, designs=missing),
            amount=len(missing),
            power=self.context.config.schedule.probe_power,
            after=after,
            near=near,
        )

    @cached_property
    def _st_settings(self) -> dict[str, Any]:
        return self._config.st.model_dump(mode="json", exclude={"checkpoint_steps"})

    def _contenders(self, place: int) -> Iterator[Contender]:
        """Those that a feature gives: of a model, one a layer."""
        feature = self._config.features[place]
        if feature == "onehot":
            yield Contender(model=ONE_HOT, fingerprint=ONE_HOT, place=place)
        elif isinstance(feature, FileFeatures):
            found = self._vectors[place]
            yield Contender(model=found.model, fingerprint=found.fingerprint, place=place)
        elif isinstance(feature, ModelFeatures):
            identity = self._workspace.identity(feature.model)
            layers = self._layers(feature, identity.n_layers)
            pooling = self._workspace.entries.pooling(feature.model)
            sequences = self._workspace.dataset(sequences_name(feature.sequences))
            for layer in layers:
                yield Contender(
                    model=feature.model,
                    fingerprint=f"{identity.fingerprint} {pooling} {sequences.sha256}",
                    layer=layer,
                    n_layers=identity.n_layers,
                    place=place,
                )

    def _layers(self, feature: ModelFeatures, n_layers: int) -> tuple[int, ...]:
        extracted = self._workspace.asked_layers(n_layers)
        wanted = extracted if feature.layers == "all" else resolve_layers(feature.layers, n_layers)
        if not wanted or not set(wanted) <= set(extracted):
            raise ConfigError(
                f"perturb.features: layers {feature.layers} of {feature.model} are not all extracted; "
                f"extract.layers gives {', '.join(map(str, extracted))}"
            )
        return tuple(wanted)

    @cached_property
    def _vectors(self) -> dict[int, Features]:
        """Files of vectors, by their place in the config."""
        return {
            place: read_vectors(feature.file)
            for place, feature in enumerate(self._config.features)
            if isinstance(feature, FileFeatures)
        }

    def _left_out(self, cells: Cells, roles: SetRoles) -> tuple[str, ...]:
        """Perturbations without a vector from some contender.

        Raises:
            DataError: There are some, and the config does not say to skip them.
        """
        genes = {
            self._name(place): self._genes(place)
            for place, feature in enumerate(self._config.features)
            if feature != "onehot"
        }
        return missing_genes(cells, roles, genes, skip=self._config.missing == "skip")

    def _name(self, place: int) -> str:
        feature = self._config.features[place]
        return feature.model if isinstance(feature, ModelFeatures) else self._vectors[place].model

    def _genes(self, place: int) -> set[str]:
        feature = self._config.features[place]
        if isinstance(feature, ModelFeatures):
            return {each.name for each in read_named_sequences(feature.sequences)}
        return set(self._vectors[place].by_gene)

    def do(self, task: PerturbTask, doing: Doing) -> None:
        """Train the heads of a task on cells that are read once a process."""
        experiment = self._experiments[task.dataset, task.designs[0].left_out]
        features = self._features(task.contender, experiment)
        around = Surroundings(
            run_id=doing.run_id,
            checkpoints=self.context.config.catalog.parent / CHECKPOINTS,
            advance=doing.advance,
            note=self.context.reporter.note,
        )
        for design in task.designs:
            record = run_design(experiment, self._config, design, features, around)
            doing.give([*self._descriptions(task, experiment, features), record])

    def _make(self, key: tuple[str, tuple[str, ...]]) -> Experiment:
        name, left_out = key
        settings = next(each for each in self._config.data if each.name == name)
        roles = roles_of(opened_cells(settings), settings, self._config.splits)
        scratch = self.context.config.catalog.parent
        scratch.mkdir(parents=True, exist_ok=True)
        experiment = make_experiment(
            settings, roles, left_out, scratch=scratch, reporter=self.context.reporter
        )
        self.context.reporter.note(
            f"{name}: {experiment.normalisation.text}; {len(experiment.effects.matrix.genes)} genes; "
            f"{experiment.effects.roles.what}"
        )
        return experiment

    def _features(self, contender: Contender, experiment: Experiment) -> Features | None:
        if contender.place is None:
            return None
        feature = self._config.features[contender.place]
        if feature == "onehot":
            return one_hot(experiment.cells.perturbations)
        if isinstance(feature, FileFeatures):
            return self._vectors[contender.place]
        assert isinstance(feature, ModelFeatures)
        return self._stored(feature, contender)

    def _stored(self, feature: ModelFeatures, contender: Contender) -> Features:
        """A layer of a model, from the store, by the names of its sequences."""
        name = sequences_name(feature.sequences)
        entry = self._workspace.store[f"{feature.model}/{name}"]
        rows_NSH = entry.load(contender.layer, "train")
        vectors = rows_NSH.reshape(len(rows_NSH), -1).astype(np.float32)
        names = [each.name for each in read_named_sequences(feature.sequences)]
        return Features(
            model=feature.model,
            layer=contender.layer,
            n_layers=contender.n_layers,
            by_gene=dict(zip(names, vectors, strict=True)),
            fingerprint=contender.fingerprint or "",
        )

    def _descriptions(
        self, task: PerturbTask, experiment: Experiment, features: Features | None
    ) -> list[Record]:
        """The data set once a process, and models that no extraction describes."""
        records: list[Record] = []
        if (task.dataset, "") not in self._described:
            self._described.add((task.dataset, ""))
            records.append(dataset_record(experiment))
        contender = task.contender
        if (task.dataset, contender.model) not in self._described:
            self._described.add((task.dataset, contender.model))
            feature = None if contender.place is None else self._config.features[contender.place]
            if not isinstance(feature, ModelFeatures):
                records.append(_model_record(contender, features, feature))
        return records

    def received(self, task: PerturbTask, records: Sequence[Record]) -> Told:
        """Record heads, and before the first of them what they are of."""
        probes = [record for record in records if isinstance(record, ProbeRecord)]
        return Told(
            records=records,
            done=len(probes),
            problems=[
                redact(f"{record.head} on layer {record.layer}, seed {record.seed}: {record.error}")
                for record in probes
                if record.status == "failed"
            ],
            curves=probes,
        )

    def tidy(self, *, workers_ended: bool) -> None:
        """Take away half-written states of trainings."""
        remove_stale(self.context.config.catalog.parent / CHECKPOINTS)
        if self._config.out is not None:
            remove_stale(self._config.out)

    def summary(self, done: int, known: int) -> str:
        """Heads trained, and those that were there."""
        there = f", {known:,} were there already" if known else ""
        return f"{done:,} response heads trained{there}"


def _source(feature: ModelFeatures) -> str:
    """What an extraction gives of it."""
    return embeddings_product(feature.model, sequences_name(feature.sequences))


def _share(node: Node, wanted: int, missing: int) -> Share:
    return Share(
        model=node.model,
        dataset=node.dataset,
        group=Group(KIND.stage, node.model, node.dataset),
        done=wanted - missing,
        left=missing,
        quantities=(
            Quantity(column="heads", amount=wanted),
            Quantity(column="to train", amount=missing),
        ),
    )


def _model_record(contender: Contender, features: Features | None, feature: object) -> ModelRecord:
    return ModelRecord(
        model=contender.model,
        kind="baseline" if contender.model in (WITHOUT_FEATURES, ONE_HOT) else "vectors",
        path=str(feature.file) if isinstance(feature, FileFeatures) else None,
        revision=None,
        fingerprint=contender.fingerprint or "",
        n_layers=contender.n_layers,
        hidden=None if features is None else features.width,
        dtype="float32",
        settings={},
    )
