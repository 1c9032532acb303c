"""The stage that trains heads on cells: each layer of each model is a contender, beside baselines."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from seqbench.catalog import Catalog
from seqbench.catalog.records import ModelRecord, ProbeRecord, Record
from seqbench.config.perturb import CellsConfig, FileFeatures, GeneVectors, ModelFeatures, PerturbConfig
from seqbench.core.atomic import remove_stale
from seqbench.core.redaction import redact
from seqbench.errors import ConfigError
from seqbench.perturb.cells import Cells, genes_of
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
from seqbench.perturb.features import GeneFeatures
from seqbench.perturb.splits import SetRoles
from seqbench.probe.spec import spec_hash
from seqbench.schedule.context import Context
from seqbench.schedule.graph import Group, Kind, Node
from seqbench.schedule.plan import Plan, PlanProblem, Quantity, Share
from seqbench.schedule.stage import Doing, Stage, Told
from seqbench.stages.lending import Once
from seqbench.stages.probe import CHECKPOINTS
from seqbench.stages.vectors import Vectors, product_of
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
    """Heads on vectors of a model that a task of this run makes; its layers are known when it is there."""

    dataset: str
    places: tuple[int | None, ...]
    """Of features in the config; None for the heads that take none. All of them wait where the cells are
    embedded by such a model."""


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

    @cached_property
    def _vectors(self) -> Vectors:
        return Vectors(self._config, self._workspace)

    @property
    def _config(self) -> PerturbConfig:
        if self.context.config.perturb is None:
            raise ConfigError("the config has no section `perturb`, which says what is to be done")
        return self.context.config.perturb

    def plan(self, plan: Plan) -> Iterator[Node]:
        """The missing heads of every contender on every file of cells, after what they read is extracted."""
        self.context.shared(tell_warnings)
        self._known = Catalog(self.context.config.catalog).known_spec_hashes()
        places = [None, *range(len(self._config.features))]
        for settings in self._config.data:
            with plan.listing("perturb", settings.name):
                if self._is_open(plan, settings.embedding):
                    yield self._later(plan, settings, places)
                    continue
                later = [place for place in places if self._is_open(plan, self._feature(place))]
                there = [place for place in places if place not in later]
                yield from self._plan_cells(plan, settings, there)
                for place in later:
                    yield self._later(plan, settings, [place])

    def unfold(self, task: LaterHeads, plan: Plan) -> Iterator[Node]:
        """The heads on a model that is there by now; its layers were not known before."""
        settings = next(each for each in self._config.data if each.name == task.dataset)
        yield from self._plan_cells(plan, settings, task.places)

    def _feature(self, place: int | None) -> object:
        return None if place is None else self._config.features[place]

    def _is_open(self, plan: Plan, source: object) -> bool:
        """Whether vectors are of a model that a task of this run makes."""
        return isinstance(source, ModelFeatures | GeneVectors) and plan.is_open(product_of(source))

    def _later(self, plan: Plan, settings: CellsConfig, places: Sequence[int | None]) -> Node:
        sources = [settings.embedding, *map(self._feature, places)]
        models = [each for each in sources if isinstance(each, ModelFeatures | GeneVectors)]
        model = next(each.model for each in models if self._is_open(plan, each))
        group = Group(KIND.stage, model, settings.name)
        unknown = tuple(Quantity(column=column, amount=None) for column in ("heads", "to train"))
        plan.shares.append(
            Share(model=model, dataset=settings.name, group=group, done=0, left=0, quantities=unknown)
        )
        return Node(
            key=f"perturb/{settings.name}/{model}/later-{'-'.join(map(str, places))}",
            kind=KIND,
            model=model,
            dataset=settings.name,
            task=LaterHeads(dataset=settings.name, places=tuple(places)),
            power=0,
            after=frozenset().union(*(plan.makers(product_of(each)) or frozenset() for each in models)),
            unfolds=True,
        )

    def _plan_cells(self, plan: Plan, settings: CellsConfig, places: Sequence[int | None]) -> list[Node]:
        cells = opened_cells(settings)
        roles = roles_of(cells, settings, self._config.splits)
        left_out = self._left_out(cells, roles)
        tell = None in places  # once, however many features come later
        if left_out and tell:
            self.context.reporter.note(
                f"warning: {settings.name}: {len(left_out)} perturbations have no vector and are left "
                "out of train "
                f"and test for every contender: {', '.join(left_out)} (perturb.missing: skip)"
            )
        embedding = self._vectors.identity_of_cells(settings)
        digest = digest_of(settings, without(roles, left_out), embedding)
        has_combinations = any(len(genes_of(name)) > 1 for name in roles.perturbations("test"))
        if "additive" in self._config.heads and not has_combinations and tell:
            reason = "additive needs combinations of genes in test, such as A+B; there are none"
            plan.not_applicable.append(PlanProblem(model="additive", dataset=settings.name, reason=reason))
        nodes = []
        for contender in self._contenders(places):
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

    def _contenders(self, places: Sequence[int | None]) -> Iterator[Contender]:
        for place in places:
            yield from [Contender()] if place is None else self._vectors.contenders(place)

    def _node(
        self, plan: Plan, settings: CellsConfig, contender: Contender, missing: tuple[ResponseDesign, ...]
    ) -> Node:
        after: frozenset[str] = frozenset()
        near = None
        for source in (settings.embedding, self._feature(contender.place)):
            if isinstance(source, ModelFeatures | GeneVectors):
                near = product_of(source)
                after |= plan.makers(near) or frozenset()
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

    def _left_out(self, cells: Cells, roles: SetRoles) -> tuple[str, ...]:
        """Perturbations without a vector from some contender.

        Raises:
            DataError: There are some, and the config does not say to skip them.
        """
        genes = self._vectors.genes_by_contender()
        return missing_genes(cells, roles, genes, skip=self._config.missing == "skip")

    def do(self, task: PerturbTask, doing: Doing) -> None:
        """Train the heads of a task on cells that are read once a process."""
        experiment = self._experiments[task.dataset, task.designs[0].left_out]
        features = self._vectors.of_perturbations(task.contender, experiment)
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
            settings,
            roles,
            left_out,
            scratch=scratch,
            reporter=self.context.reporter,
            vectors=self._vectors.of_cells(settings),
            identity=self._vectors.identity_of_cells(settings),
        )
        self.context.reporter.note(
            f"{name}: {experiment.normalisation.text}; {len(experiment.effects.matrix.genes)} genes; "
            f"{experiment.effects.roles.what}"
        )
        return experiment

    def _descriptions(
        self, task: PerturbTask, experiment: Experiment, features: GeneFeatures | None
    ) -> list[Record]:
        """The data set once a process, and models that no extraction describes."""
        records: list[Record] = []
        if (task.dataset, "") not in self._described:
            self._described.add((task.dataset, ""))
            records.append(dataset_record(experiment))
        contender = task.contender
        if (task.dataset, contender.model) not in self._described:
            self._described.add((task.dataset, contender.model))
            feature = self._feature(contender.place)
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


def _model_record(contender: Contender, features: GeneFeatures | None, feature: object) -> ModelRecord:
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
