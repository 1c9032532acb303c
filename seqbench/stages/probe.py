"""The stage that trains heads on what is in the store, and scores them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqbench.catalog import Catalog
from seqbench.catalog.records import ProbeRecord
from seqbench.config.tokens import TOKEN_HEADS
from seqbench.core.atomic import remove_stale
from seqbench.datasets.spec import base_of
from seqbench.probe.wanted import wanted_probes
from seqbench.schedule.context import Context
from seqbench.schedule.graph import Group, Kind, Node
from seqbench.schedule.plan import Plan, Quantity, Share
from seqbench.schedule.stage import Doing, Stage, Told
from seqbench.stages.descriptions import Descriptions
from seqbench.stages.designs import kept_heads
from seqbench.stages.products import embeddings_product
from seqbench.stages.targets import probed, view
from seqbench.stages.wanted_probes import LETTER_HEADS, ProbeCounts, WantedProbes
from seqbench.stages.workspace import tell_warnings, workspace_of
from seqbench.store import TOKENS, Embeddings, Store, TokenEmbeddings

if TYPE_CHECKING:
    from seqbench.probe.outcome import Keep

KIND = Kind(stage="probe", unit="probes", one_bar=True, counts_records=True, power_key="schedule.probe_power")
CHECKPOINTS = ".seqbench-checkpoints"
"""Folder beside the catalog for the states of trainings that are under way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeTask:
    """Train the missing probes of one model on one data set, all layers together."""

    model: str
    dataset: str
    layers: tuple[int, ...]
    head: str | None = None
    """The one head that is trained; None for all of the config's."""
    known: frozenset[str] | None = None
    """Hashes of those of its probes that need no training; None where the process that planned it does it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaterProbes:
    """The probes of embeddings that come from a model which a task of this run makes."""

    model: str
    dataset: str


class ProbeStage(Stage):
    """Plans the probes that the catalog lacks, trains them, and hands on their records as they come."""

    kind = KIND
    doing = "probing"
    when_skipped = "not probed, as not all of it was extracted"
    has_curves = True
    is_reported = True
    keeps_memory = True  # half the time of scoring a small split went into page faults

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._workspace = context.shared(workspace_of)
        self._wanted = WantedProbes(self._workspace)

    def plan(self, plan: Plan) -> Iterator[Node]:
        """The missing probes of every pair: of what this run extracts, or else of what the store holds."""
        self.context.shared(tell_warnings)
        self._wanted.known = Catalog(self.context.config.catalog).known_spec_hashes()
        store = self._workspace.present_store()
        self._tell_of_letters()
        for model in self._workspace.entries.names:
            for dataset in self._workspace.dataset_names:
                if not plan.is_out(model, dataset) and self._wanted.can_probe(model, dataset):
                    for name in self._wanted.names(model, dataset):
                        yield from self._plan_pair(plan, store, model, name)

    def _tell_of_letters(self) -> None:
        """Say what is not probed of data sets whose labels are of letters."""
        workspace, config = self._workspace, self.context.config
        told: dict[str, list[str]] = {}
        for name in workspace.dataset_names:
            spec = workspace.spec(name)
            heads = config.probe.heads if spec.head is None else (spec.head,)
            other = [head for head in heads if head not in LETTER_HEADS]
            if spec.level != "token":
                continue
            if config.extract.tokens is None:
                why = (
                    "not probed, as labels are of letters (level: token) and no vectors of these are kept "
                    "(set extract.tokens)"
                )
            elif other:
                why = (
                    f"not probed by {', '.join(other)}, as labels are of letters (level: token), which "
                    f"{', '.join(LETTER_HEADS)} answer for"
                )
            else:
                continue
            told.setdefault(why, []).append(name)
        for why, names in told.items():
            self.context.reporter.note(f"warning: {', '.join(names)}: {why}")

    def _plan_pair(self, plan: Plan, store: Store | None, model: str, dataset: str) -> list[Node]:
        product = embeddings_product(model, base_of(dataset))
        after = plan.makers(product)
        if plan.is_open(product):
            return [self._later(plan, model, dataset, after or frozenset())]
        nodes: list[Node] = []
        with plan.listing(model, dataset):
            if after is None:
                found = self._wanted.of_store(store, model, dataset)
            else:
                found = self._wanted.of_plan(store, model, dataset)
            plan.shares.append(_share(found))
            nodes += probe_nodes(
                found,
                after or frozenset(),
                by_head=plan.shared,
                power=self.context.config.schedule.probe_power,
            )
        return nodes

    def _later(self, plan: Plan, model: str, dataset: str, after: frozenset[str]) -> Node:
        quantities = tuple(Quantity(column=column, amount=None) for column in ("probes", "to train"))
        group = Group(KIND.stage, model, dataset)
        plan.shares.append(
            Share(model=model, dataset=dataset, group=group, done=0, left=0, quantities=quantities)
        )
        return Node(
            key=f"probe/{model}/{dataset}/later",
            kind=KIND,
            model=model,
            dataset=dataset,
            task=LaterProbes(model=model, dataset=dataset),
            power=0,
            after=after,
            unfolds=True,
        )

    def unfold(self, task: LaterProbes, plan: Plan) -> Iterator[Node]:
        """The probes of what is in the store by now."""
        if plan.is_out(task.model, base_of(task.dataset)):
            return
        store = self._workspace.present_store()
        found = self._wanted.of_store(store, task.model, task.dataset)
        yield from probe_nodes(
            found, frozenset(), by_head=plan.shared, power=self.context.config.schedule.probe_power
        )

    def to_send(self, task: ProbeTask) -> ProbeTask:
        """Add which of its probes are trained already; few, so that they can be sent with it."""
        return replace(task, known=self._known_of(task))

    def _known_of(self, task: ProbeTask) -> frozenset[str]:
        if not self._wanted.known:
            return frozenset()
        whole = view(self._workspace, self._workspace.store, task.model, task.dataset)
        found = [
            probe
            for entry in self._wanted.probed(whole)
            for probe in wanted_probes(
                entry, entry.poolable(task.layers), self._wanted.designs(task.model, task.dataset, task.head)
            )
        ]
        return frozenset(probe.hash for probe in found if probe.hash in self._wanted.known)

    def do(self, task: ProbeTask, doing: Doing) -> None:
        """Train the probes of a task that are not known."""
        entry = view(self._workspace, self._workspace.store, task.model, task.dataset)
        if isinstance(entry, TokenEmbeddings):
            self._do_tokens(task, entry, doing)
            return
        from seqbench.probe.together import TargetTogether, run_targets

        config = self.context.config
        targets = [
            TargetTogether(
                entry=own, share=share, save=self._keeper(task.model, own), is_kept=kept_heads(config, own)
            )
            for own, share in probed(self._workspace, entry)
        ]
        for records in run_targets(
            targets,
            entry.poolable(task.layers),
            self._wanted.designs(task.model, task.dataset, task.head),
            known=self._wanted.known if task.known is None else task.known,
            run_id=doing.run_id,
            advance=doing.advance,
            memory_bytes=int(config.probe.memory * 2**30),
            checkpoints=self._checkpoints,
        ):
            doing.give(records)

    def _do_tokens(self, task: ProbeTask, entry: TokenEmbeddings, doing: Doing) -> None:
        from seqbench.probe.run import run_probes
        from seqbench.probe.token_heads.run import run_token_probes

        named = entry.renamed(entry.model.name.removesuffix(TOKENS))
        layers = named.poolable(task.layers)
        wanted = self._wanted.designs(task.model, task.dataset, task.head)
        streaming = [design for design in wanted if design.head in TOKEN_HEADS]
        held = [design for design in wanted if design.head not in TOKEN_HEADS]  # of labels of letters
        shared: dict[str, Any] = {
            "known": self._wanted.known if task.known is None else task.known,
            "run_id": doing.run_id,
            "advance": doing.advance,
            "checkpoints": self._checkpoints,
            "save": self._keeper(task.model, named),
            "is_kept": kept_heads(self.context.config, named),
        }
        memory_bytes = int(self.context.config.probe.memory * 2**30)
        for records in run_probes(named, layers, held, memory_bytes=memory_bytes, **shared):
            doing.give(records)
        for records in run_token_probes(named, layers, streaming, **shared):
            doing.give(records)

    def _keeper(self, model: str, entry: Embeddings) -> "Keep | None":
        root = self.context.config.probe.save_heads
        if root is None:
            return None
        from seqbench.probe.saving import keeper

        return keeper(root, entry, self._workspace.entries.parameters(model))

    @property
    def _checkpoints(self) -> Path:
        return self.context.config.catalog.parent / CHECKPOINTS

    def received(self, task: ProbeTask, records: Sequence[ProbeRecord]) -> Told:
        """Record probes, and before the first of a pair what they are probes of."""
        self._wanted.known.update(record.spec_hash for record in records if record.status == "ok")
        entries = self._workspace.entries
        name = entries.computed_by(task.model) if entries.is_of_tokens(task.model) else task.model
        return Told(
            records=[*self.context.shared(Descriptions).of(name, task.dataset), *records],
            done=len(records),
            problems=[_why(record) for record in records if record.status == "failed"],
            curves=records,
        )

    def tidy(self, *, workers_ended: bool) -> None:
        """Take away half-written states of trainings and heads."""
        remove_stale(self._checkpoints)
        if (root := self.context.config.probe.save_heads) is not None:
            remove_stale(root, depth=4)  # <model>/<data set>/<target>/<layer>

    def summary(self, done: int, known: int) -> str:
        """Probes trained, and those that were there."""
        there = f", {known:,} were there already" if known else ""
        return f"{done:,} probes trained{there}"


def probe_nodes(found: ProbeCounts, after: frozenset[str], *, by_head: bool, power: float) -> Iterator[Node]:
    """What is to be trained on a pair; also where all is known but the embeddings are made anew.

    Args:
        found: What is missing.
        after: The tasks that make the embeddings.
        by_head: Make a task of each head, so that several workers share them. Each reads the embeddings,
            which one task for all heads does once.
        power: Units that a task takes.
    """
    heads: Sequence[tuple[str | None, int]] = found.missing_by_head if by_head else ()
    for head, probes in heads or [(None, found.missing)]:
        if probes or (after and not found.missing):
            yield Node(
                key=f"probe/{found.model}/{found.dataset}/{head or 'all'}",
                kind=KIND,
                model=found.model,
                dataset=found.dataset,
                task=ProbeTask(model=found.model, dataset=found.dataset, layers=found.layers, head=head),
                amount=probes,
                power=power,
                after=after,
                near=embeddings_product(found.model, base_of(found.dataset)),
            )


def _share(found: ProbeCounts) -> Share:
    return Share(
        model=found.model,
        dataset=found.dataset,
        group=Group(KIND.stage, found.model, found.dataset),
        done=found.wanted - found.missing,
        left=found.missing,
        quantities=(
            Quantity(column="probes", amount=found.wanted),
            Quantity(column="to train", amount=found.missing),
        ),
    )


def _why(record: ProbeRecord) -> str:
    """Which probe failed, and why."""
    of_design = {
        "fold": record.fold,
        "subset": record.subset and f"{record.subset} (draw {record.repeat})",
        "control": record.control,
    }
    more = "".join(f", {name} {value}" for name, value in of_design.items() if value is not None)
    return f"{record.head} on layer {record.layer}, seed {record.seed}{more}: {record.error}"
