"""What is wanted and what is there: the facts that a plan is made from."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from seqbench.core.types import SplitName
from seqbench.errors import NotApplicableError, SeqbenchError
from seqbench.metrics.names import describe_task
from seqbench.models.left_out import told
from seqbench.models.registry import CONTROLS
from seqbench.probe.items import Items, items_of_targets
from seqbench.probe.trainings import applicable
from seqbench.probe.wanted import missing_probes, probes_a_layer, wanted_probes
from seqbench.schedule.designs import designs, kept_heads
from seqbench.schedule.plan import Pair, SplitState
from seqbench.schedule.workspace import Workspace
from seqbench.store import EmbeddingFacts, Embeddings, Store
from seqbench.store.layout import blocks


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A model on a data set that can't be worked on."""

    model: str
    dataset: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What was found."""

    pairs: tuple[Pair, ...]
    not_applicable: tuple[Problem, ...]
    """Pairs that make no sense by the model's nature; no failure."""
    failed: tuple[Problem, ...]
    """Pairs whose model or data can't be used."""


def survey(workspace: Workspace, known: Collection[str], *, extracting: bool) -> Survey:
    """Look at every model and data set of the config.

    Args:
        workspace: Models, data sets and store.
        known: Hashes of the probes that the catalog holds.
        extracting: Whether models will run: then they and the data sets are opened and checked. Otherwise
            the store alone says what there is, and neither torch nor transformers is loaded.
    """
    pairs: list[Pair] = []
    not_applicable: list[Problem] = []
    failed: list[Problem] = []
    store = workspace.present_store()
    for model in workspace.model_names:
        for dataset in workspace.dataset_names:
            try:
                find = _pair_to_extract if extracting else _pair_in_store
                pairs.append(find(workspace, store, known, model, dataset))
            except NotApplicableError as error:
                not_applicable.append(Problem(model=model, dataset=dataset, reason=str(error)))
            except SeqbenchError as error:
                failed.append(Problem(model=model, dataset=dataset, reason=str(error)))
    return Survey(pairs=tuple(pairs), not_applicable=tuple(not_applicable), failed=tuple(failed))


def _pair_to_extract(
    workspace: Workspace, store: Store | None, known: Collection[str], model: str, dataset: str
) -> Pair:
    identity = workspace.identity(model)
    entry = None if store is None else _entry(store, model, dataset)
    facts, letters = _described(workspace, entry, model, dataset)
    layers = _poolable(entry, workspace.layers(model, dataset))
    if store is not None:
        store.check(identity, dataset, facts)
    splits = [
        SplitState(
            name=name,
            n_items=split.n_items,
            letters=letters[name],
            missing=tuple(entry.missing_blocks(name, layers))
            if entry is not None and name in entry.splits
            else tuple(blocks(split.n_items, split.block_rows)),
        )
        for name, split in facts.splits.items()
    ]
    return _pair(workspace, known, model, dataset, layers, facts, splits, entry)


def _described(
    workspace: Workspace, entry: Embeddings | None, model: str, dataset: str
) -> tuple[EmbeddingFacts, dict[SplitName, int]]:
    """What is going to be recorded, as far as it is known before the model is loaded; letters by split."""
    if workspace.is_precomputed(model):
        facts = workspace.imported(model, dataset).facts
        return facts, dict.fromkeys(facts.splits, 0)
    content = workspace.dataset(dataset)
    hidden = workspace.identity(model).hidden
    if hidden is None:
        hidden = workspace.hidden(model, dataset)
    elif entry is not None:
        hidden = _stored_width(entry)
    facts = workspace.facts(model, content, hidden, workspace.source(model).declared())
    return facts, {name: int(split.lengths.sum()) for name, split in content.splits.items()}


def _stored_width(entry: Embeddings) -> int:
    """Width of one strand as it came out; a config may say less, as of models of both strands at once."""
    return entry.facts.hidden // (2 if entry.facts.settings.get("strands") == "concat" else 1)


def _pair_in_store(
    workspace: Workspace, store: Store | None, known: Collection[str], model: str, dataset: str
) -> Pair:
    entry = _entry(store, model, dataset)
    if entry is None or store is None:
        if workspace.kind(model) in CONTROLS - {"random-init"}:
            workspace.hidden(model, dataset)  # says so where it is not applicable
        raise SeqbenchError(
            f"{model}/{dataset} is not in {workspace.config.store.path} (run `seqbench extract` first)"
        )
    _check_unchanged(workspace, store, entry)
    layers = _poolable(entry, _stored_layers(workspace, entry))
    for split in entry.splits:
        if missing := entry.missing_blocks(split, layers):
            raise SeqbenchError(
                f"{entry.name}/{split} misses {len(missing)} blocks (run `seqbench extract` again)"
            )
    return _pair(workspace, known, model, dataset, layers, entry.facts, [], entry)


def _check_unchanged(workspace: Workspace, store: Store, entry: Embeddings) -> None:
    """See that the config still asks for what is stored, as far as that can be told without loading models.

    Where sequences or a model's files are not at hand, which probes can do without, the store stands.

    Raises:
        StoreMismatchError: Data, settings or a control's parameters differ.
    """
    model, dataset = entry.model.name, entry.dataset
    if workspace.is_precomputed(model):
        imported = workspace.imported(model, dataset) if workspace.precomputed(model).path.is_dir() else None
        if imported is not None:
            store.check(entry.model, dataset, imported.facts)
        return
    source = workspace.source(model)
    kind = workspace.kind(model)
    identity = replace(entry.model, kind=kind)
    if kind in ("kmer", "onehot"):
        identity = replace(identity, fingerprint=source.fingerprint)
    settings = source.declared() | workspace.pooling_setting(model)
    facts = replace(entry.facts, settings=settings, dtype=workspace.config.store.dtype)
    if workspace.has_files(dataset):
        content = workspace.dataset(dataset)
        facts = workspace.facts(model, content, _stored_width(entry), source.declared())
    store.check(identity, dataset, facts)
    for split in facts.splits.keys() - entry.facts.splits.keys():
        raise SeqbenchError(f"{entry.name} was extracted before there was a split {split} (extract again)")


def _entry(store: Store | None, model: str, dataset: str) -> Embeddings | None:
    key = f"{model}/{dataset}"
    return store[key] if store is not None and key in store else None


def _stored_layers(workspace: Workspace, entry: Embeddings) -> tuple[int, ...]:
    """The layers that the config asks for; where files are not at hand, all are those that are stored."""
    model = entry.model.name
    if not workspace.is_precomputed(model):
        return workspace.asked_layers(entry.model.n_layers)
    if workspace.precomputed(model).path.is_dir():
        return workspace.layers(model, entry.dataset)
    wants_all = workspace.config.extract.layers == "all"
    return entry.layers if wants_all else workspace.asked_layers(entry.model.n_layers)


def _poolable(entry: Embeddings | None, layers: tuple[int, ...]) -> tuple[int, ...]:
    """The wanted layers, but for those of which an extraction found that they can't be pooled."""
    if entry is None:
        return layers
    if not (poolable := entry.poolable(layers)):
        raise SeqbenchError(f"{entry.name}: none of extract.layers can be pooled ({told(entry.left_out)})")
    return poolable


def _pair(
    workspace: Workspace,
    known: Collection[str],
    model: str,
    dataset: str,
    layers: tuple[int, ...],
    facts: EmbeddingFacts,
    splits: Sequence[SplitState],
    entry: Embeddings | None,
) -> Pair:
    wanted = designs(workspace.config.probe, workspace.spec(dataset).head)
    if entry is None:
        missing: Counter[str] = Counter()
        for design in applicable(wanted, _items(workspace, model, dataset)):
            missing[design.head] += len(layers) * probes_a_layer([design])
        probes = missing.total()
    else:
        found = wanted_probes(entry, layers, wanted)
        lacking = missing_probes(found, known, kept_heads(workspace.config, entry))
        probes, missing = len(found), Counter(probe.design.head for probe in lacking)
    return Pair(
        model=model,
        dataset=dataset,
        layers=layers,
        row_bytes=4 * facts.n_seqs * facts.hidden,
        labels=describe_task(facts.task, len(facts.classes) or facts.n_targets),
        splits=tuple(splits),
        probes=probes,
        probes_known=probes - missing.total(),
        missing_by_head=tuple(missing.items()),
        is_import=workspace.is_precomputed(model),
        source=workspace.computed_by(model),
    )


def _items(workspace: Workspace, model: str, dataset: str) -> Items:
    """The items of a data set that is not in the store yet."""
    if workspace.is_precomputed(model):
        imported = workspace.imported(model, dataset)
        return items_of_targets(imported.facts.task, imported.labels)
    content = workspace.dataset(dataset)
    targets = {name: split.targets for name, split in content.splits.items()}
    return items_of_targets(content.task, targets)
