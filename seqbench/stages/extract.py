"""The stage that fills the store: blocks of a data set, embedded by a model or copied from its files."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from seqbench.catalog import Catalog
from seqbench.catalog.records import Record
from seqbench.core.atomic import remove_stale
from seqbench.core.progress import Advance
from seqbench.core.types import SplitName, Strands
from seqbench.errors import ModelError
from seqbench.extract.room import check_room
from seqbench.extract.work import Work
from seqbench.models.base import Embedder, TokenEmbedder, told
from seqbench.schedule.context import Context
from seqbench.schedule.graph import Group, Kind, Node
from seqbench.schedule.plan import Plan, Quantity, Share
from seqbench.schedule.stage import Doing, Stage, Told
from seqbench.stages.descriptions import Descriptions
from seqbench.stages.inventory import pair_to_extract
from seqbench.stages.products import embeddings_product, model_product
from seqbench.stages.shards import ExtractTask, Pair, make_shards
from seqbench.stages.workspace import Workspace, tell_warnings, workspace_of
from seqbench.store import Block, Embeddings, TokenEmbeddings

if TYPE_CHECKING:
    from seqbench.extract.finish import Target, TokenTarget

KIND = Kind(stage="extract", unit="items", alike=True, power_key="schedule.extract_power")


@dataclass(frozen=True, slots=True, kw_only=True)
class LaterExtraction:
    """All of a data set with a model that a task of this run makes; its width is known when it is there."""

    model: str
    dataset: str


class ExtractStage(Stage):
    """Plans the blocks that the store lacks, fills them, and records what is complete."""

    kind = KIND
    doing = "extracting"
    when_skipped = "not extracted, as what makes the model failed"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._workspace = context.shared(workspace_of)
        self._pairs: list[Pair] = []

    def plan(self, plan: Plan) -> Iterator[Node]:
        """The missing blocks of every model on every data set; models that are made first come later."""
        self.context.shared(tell_warnings)
        workspace = self._workspace
        for model in workspace.entries.names:
            makers = plan.makers(model_product(workspace.entries.computed_by(model)))
            if not makers:
                self._survey(plan, [model], self._datasets(model))
            elif model == workspace.entries.computed_by(model):
                for dataset in self._datasets(model):
                    yield self._later(plan, model, dataset, makers)
        self._check_room(self._pairs)
        nodes = self._shards(self._pairs)
        plan.shares += [_share(pair, nodes) for pair in self._pairs]
        yield from nodes

    def unfold(self, task: LaterExtraction, plan: Plan) -> Iterator[Node]:
        """The blocks of a model that is there by now."""
        pairs = self._survey(plan, self._entries(task.model), [task.dataset])
        self._check_room(pairs)
        return iter(self._shards(pairs))

    def _check_room(self, pairs: Sequence[Pair]) -> None:
        """Refuse to begin what the disk can't hold; tell where the number of tokens is an estimate."""
        of_tokens = [pair for pair in pairs if pair.token_bytes]
        path = self.context.config.store.path
        needed = sum(round(pair.layer_bytes * pair.missing_share) * len(pair.layers) for pair in of_tokens)
        names = ", ".join(f"{pair.model}/{pair.dataset}" for pair in of_tokens)
        check_room(path if isinstance(path, Path) else None, needed, names)
        for pair in of_tokens:
            if pair.tokens_per_letter != 1 and pair.missing_share:
                self.context.reporter.note(
                    f"{pair.model} × {pair.dataset}: bytes are an estimate by {pair.tokens_per_letter:.3g} "
                    "tokens a letter, as in some items of train; known when all are tokenised"
                )

    def _datasets(self, model: str) -> list[str]:
        return [*self._workspace.dataset_names, *self._workspace.unlabelled_names(model)]

    def _entries(self, model: str) -> list[str]:
        return [
            name
            for name in self._workspace.entries.names
            if self._workspace.entries.computed_by(name) == model
        ]

    def _later(self, plan: Plan, model: str, dataset: str, makers: frozenset[str]) -> Node:
        group = Group(KIND.stage, model, dataset)
        for name in self._entries(model):
            quantities = tuple(
                Quantity(column=column, amount=None)
                for column in ("layers", "items", "to extract", "letters", "raw bytes")
            )
            share = Share(model=name, dataset=dataset, group=group, done=0, left=0, quantities=quantities)
            plan.shares.append(share)
        return Node(
            key=f"extract/{model}/{dataset}/all",
            kind=KIND,
            model=model,
            dataset=dataset,
            task=LaterExtraction(model=model, dataset=dataset),
            power=0,
            after=makers,
            makes=frozenset(embeddings_product(name, dataset) for name in self._entries(model)),
            unfolds=True,
        )

    def _survey(self, plan: Plan, models: Sequence[str], datasets: Sequence[str]) -> list[Pair]:
        """See what there is; what can't be worked on is listed."""
        store, found = self._workspace.present_store(), []
        for model in models:
            for dataset in datasets:
                if dataset not in self._datasets(model):  # of sequences without labels no tokens are kept
                    continue
                with plan.listing(model, dataset):
                    pair = pair_to_extract(self._workspace, store, model, dataset)
                    found.append(pair)
                    plan.promise(embeddings_product(model, dataset))
        self._pairs += found
        return found

    def _shards(self, pairs: Sequence[Pair]) -> list[Node]:
        schedule = self.context.config.schedule
        tasks = make_shards(pairs, schedule.shard_items)
        return [shard_node(task, schedule.extract_power) for task in tasks]

    def do(self, task: ExtractTask, doing: Doing) -> Work:
        """Fill the store with the blocks of a task; those that are there by now are left as they are."""
        workspace = self._workspace
        if workspace.entries.is_precomputed(task.model):
            from seqbench.extract.imported import import_split

            identity = workspace.identity(task.model)
            imported = workspace.imported(task.model, task.dataset)
            entry = workspace.store.require(identity, task.dataset, imported.facts)
            import_split(workspace.precomputed(task.model), imported, entry, task.split, doing.advance)
            return Work(items=task.items)
        if workspace.entries.is_by_id(task.model):
            facts = workspace.facts_by_id(task.model, task.dataset)
            entry = workspace.store.require(workspace.identity(task.model), task.dataset, facts)
            return workspace.joined(task.model, task.dataset).store(entry, task.split, doing.advance)
        with workspace.lent(task.model, task.dataset) as embedder:
            return _embed(task, workspace, embedder, doing.advance)

    def done(self, task: ExtractTask, result: Work) -> Told:
        """Count the shard."""
        return Told(done=result.items, tokens=result.tokens)

    def finished(self, group: Group, results: Sequence[tuple[Any, Any]], device: str) -> Told:
        """Record the embeddings of a data set, and say what they lack."""
        done: dict[SplitName, Work] = defaultdict(Work)
        entries: dict[str, None] = {}
        for task, work in results:
            done[task.split] += work
            entries |= dict.fromkeys(
                name for name in task.entries if not self._workspace.entries.is_of_tokens(name)
            )
        descriptions = self.context.shared(Descriptions)
        whole = sum(done.values(), Work())
        cut = (
            f"warning: {group.model} × {group.dataset}: {whole.truncated:,} sequences were cut to "
            "the model's limit (extract.overlong: window takes all of them)"
        )
        return Told(
            records=[
                record for name in entries for record in descriptions.of(name, group.dataset, done, device)
            ],
            notes=[cut] if whole.truncated else (),
            problems=[f"skipped: {place}" for place in whole.skipped],
        )

    def backfill(self, catalog: Catalog) -> Sequence[Record]:
        """What is complete in the store and not in the catalog."""
        complete = [
            pair
            for pair in self._pairs
            if not pair.token_bytes and not any(split.missing for split in pair.splits)
        ]
        wanted = [(pair.model, pair.dataset, tuple(split.name for split in pair.splits)) for pair in complete]
        return self.context.shared(Descriptions).lacking(catalog, wanted)

    def tidy(self, *, workers_ended: bool) -> None:
        """Opening the store takes away what killed runs left, but not what workers of this one left."""
        path = self.context.config.store.path
        if workers_ended and not isinstance(path, str):
            remove_stale(path, depth=2)

    def summary(self, done: int, known: int) -> str:
        """Items; those of before are not told."""
        return f"{done:,} items embedded"


def shard_node(task: ExtractTask, power: float) -> Node:
    """The node of a shard."""
    pair = f"{task.model}/{task.dataset}"
    return Node(
        key=f"extract/{pair}/{task.split}/{task.blocks[0].index}-{task.blocks[-1].index}",
        kind=KIND,
        model=task.model,
        dataset=task.dataset,
        task=task,
        amount=task.items,
        power=power,
        makes=frozenset(embeddings_product(name, task.dataset) for name in task.entries),
        holds=task.model,
    )


def _share(pair: Pair, nodes: Sequence[Node]) -> Share:
    items = sum(split.n_items for split in pair.splits)
    missing = sum(block.stop - block.start for split in pair.splits for block in split.missing)
    # What several poolings share is shown with the model's own name.
    own = [node.task for node in nodes if (node.model, node.dataset) == (pair.model, pair.dataset)]
    return Share(
        model=pair.model,
        dataset=pair.dataset,
        group=Group(KIND.stage, pair.computed_by, pair.dataset),
        done=items - missing,
        left=missing,
        labels=pair.labels,
        quantities=(
            Quantity(column="layers", amount=len(pair.layers)),
            Quantity(column="items", amount=items),
            Quantity(column="to extract", amount=sum(task.items for task in own)),
            Quantity(column="letters", amount=sum(task.letters for task in own), form="short"),
            Quantity(column="raw bytes", amount=pair.layer_bytes * len(pair.layers), form="bytes"),
        ),
    )


def _embed(task: ExtractTask, workspace: Workspace, embedder: Embedder, advance: Advance) -> Work:
    from seqbench.extract.blocks import Extraction
    from seqbench.extract.finish import Target
    from seqbench.extract.ready import get_ready

    dataset = workspace.dataset(task.dataset)
    names = [name for name in task.entries if not workspace.entries.is_of_tokens(name)]
    entries = [_entry(name, task.dataset, workspace, embedder) for name in task.entries]
    every = sorted({layer for name in task.entries for layer in workspace.layers(name, task.dataset)})
    get_ready(embedder, dataset, entries, every, workspace.reporter.note)
    layers = entries[0].poolable(workspace.layers(names[0], task.dataset))
    if not layers:
        raise ModelError(
            f"model {task.model!r}: none of extract.layers can be pooled ({told(entries[0].left_out)})"
        )
    targets = [
        Target(entry=entry, pooling=workspace.entries.pooling(name), layers=layers)
        for name, entry in zip(names, entries, strict=False)
    ]
    strands = workspace.entries.strands(task.model, dataset)
    tokens = None
    if isinstance(entry := entries[-1], TokenEmbeddings):
        tokens = _tokens(task, workspace, embedder, entry, strands)
    extraction = Extraction(
        embedder,
        dataset,
        task.split,
        targets,
        strands=strands,
        repeats=workspace.repeats(task.dataset),
        tokens=tokens,
    )
    every_target: list[Target | TokenTarget] = [*targets, *([tokens[1]] if tokens else [])]
    blocks = [block for block in task.blocks if _is_missing(every_target, task.split, block)]
    there = task.items - sum(block.stop - block.start for block in blocks)
    advance(there)
    return Work(items=there) + extraction.run(blocks, advance, workspace.reporter.note)


def _tokens(
    task: ExtractTask, workspace: Workspace, embedder: Embedder, entry: TokenEmbeddings, strands: Strands
) -> "tuple[TokenEmbedder, TokenTarget] | None":
    """What gives single tokens and where they go; their numbers are settled first."""
    from seqbench.extract.finish import TokenTarget
    from seqbench.extract.token_lengths import settle_lengths

    layers = entry.poolable(workspace.layers(entry.model.name, task.dataset))
    if not layers:
        raise ModelError(
            f"model {task.model!r}: none of extract.tokens.layers can be kept ({told(entry.left_out)})"
        )
    giving = cast(TokenEmbedder, embedder)  # the kinds of models that have such an entry are transformers
    settle_lengths(giving, workspace.dataset(task.dataset), entry, layers, strands)
    return giving, TokenTarget(entry=entry, layers=layers)


def _entry(name: str, dataset: str, workspace: Workspace, embedder: Embedder) -> Embeddings:
    """Where a model's embeddings go, with the width that they have."""
    facts = workspace.facts(name, workspace.dataset(dataset), embedder.hidden, embedder.settings)
    identity = workspace.identity(name)
    if identity.hidden is not None:  # what its config says
        identity = replace(identity, hidden=embedder.hidden)
    return workspace.store.require(identity, dataset, facts)


def _is_missing(targets: "Iterable[Target | TokenTarget]", split: SplitName, block: Block) -> bool:
    """Whether anything of a block is to be computed; a worker that died may have done part of its shard."""
    return any(target.entry.missing_layers(split, block, target.layers) for target in targets)
