"""What is wanted and what is there of embeddings: the facts that plans are made from."""

from dataclasses import replace

import numpy as np

from seqbench.core.types import SplitName
from seqbench.datasets.spec import base_of
from seqbench.errors import SeqbenchError
from seqbench.metrics.names import describe_task
from seqbench.models.base import told
from seqbench.models.registry import CONTROLS
from seqbench.stages.shards import Pair, SplitState
from seqbench.stages.targets import view
from seqbench.stages.workspace import Workspace
from seqbench.store import EmbeddingFacts, Embeddings, Store
from seqbench.store.layout import blocks


def pair_to_extract(workspace: Workspace, store: Store | None, model: str, dataset: str) -> Pair:
    """A model on a data set that models are going to run on: both are opened and checked.

    Raises:
        SeqbenchError: The model or the data can't be used, or the store holds something else under this name.
    """
    identity = workspace.identity(model)
    entry = present_entry(store, model, dataset)
    facts, letters = _described(workspace, entry, model, dataset)
    layers = poolable_layers(entry, workspace.layers(model, dataset))
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
    return Pair(
        model=model,
        dataset=dataset,
        layers=layers,
        row_bytes=4 * facts.n_seqs * facts.hidden,
        token_bytes=np.dtype(facts.dtype).itemsize * facts.hidden if facts.unit == "token" else 0,
        tokens_per_letter=workspace.tokens_per_letter(model, dataset) if facts.unit == "token" else 1.0,
        splits=tuple(splits),
        labels=describe_task(facts.task, len(facts.classes) or facts.n_targets),
        is_import=workspace.entries.is_precomputed(model) or workspace.entries.is_by_id(model),
        source=workspace.entries.computed_by(model),
    )


def _described(
    workspace: Workspace, entry: Embeddings | None, model: str, dataset: str
) -> tuple[EmbeddingFacts, dict[SplitName, int]]:
    """What is going to be recorded, as far as it is known before the model is loaded; letters by split."""
    if workspace.entries.is_precomputed(model):
        facts = workspace.imported(model, dataset).facts
        return facts, dict.fromkeys(facts.splits, 0)
    content = workspace.dataset(dataset)
    if workspace.entries.is_by_id(model):
        return workspace.facts_by_id(model, dataset), dict.fromkeys(content.splits, 0)
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


def stored_entry(workspace: Workspace, store: Store | None, model: str, dataset: str) -> Embeddings:
    """The complete embeddings of a model on a data set, where no model is going to run.

    The store alone says what there is, and neither torch nor transformers is loaded.

    Raises:
        SeqbenchError: They are not in the store, not all of them, or not those that the config asks for.
    """
    entry = present_entry(store, model, base_of(dataset))
    if entry is None or store is None:
        if workspace.entries.kind(model) in CONTROLS - {"random-init"}:
            workspace.hidden(model, dataset)  # says so where it is not applicable
        raise SeqbenchError(
            f"{model}/{dataset} is not in {workspace.config.store.path} (run `seqbench extract` first)"
        )
    _check_unchanged(workspace, store, entry)
    layers = stored_layers(workspace, entry)
    for split in entry.splits:
        if missing := entry.missing_blocks(split, layers):
            raise SeqbenchError(
                f"{entry.name}/{split} misses {len(missing)} blocks (run `seqbench extract` again)"
            )
    return view(workspace, store, model, dataset)


def _check_unchanged(workspace: Workspace, store: Store, entry: Embeddings) -> None:
    """See that the config still asks for what is stored, as far as that can be told without loading models.

    Where sequences or a model's files are not at hand, which probes can do without, the store stands.

    Raises:
        StoreMismatchError: Data, settings or a control's parameters differ.
    """
    model, dataset = entry.model.name, entry.dataset
    if workspace.entries.is_precomputed(model):
        imported = workspace.imported(model, dataset) if workspace.precomputed(model).path.is_dir() else None
        if imported is not None:
            store.check(entry.model, dataset, imported.facts)
        return
    if workspace.entries.is_by_id(model):
        if workspace.id_file(model).path.is_file():
            store.check(workspace.identity(model), dataset, workspace.facts_by_id(model, dataset))
        return
    source = workspace.source(model)
    kind = workspace.entries.kind(model)
    identity = replace(entry.model, kind=kind)
    if kind in CONTROLS - {"random-init"}:
        identity = replace(identity, fingerprint=source.fingerprint)
    settings = workspace.entries.recorded(model, source.declared())
    facts = replace(entry.facts, settings=settings, dtype=workspace.entries.stored_as(model))
    if workspace.has_files(dataset):
        content = workspace.dataset(dataset)
        facts = workspace.facts(model, content, _stored_width(entry), source.declared())
    store.check(identity, dataset, facts)
    for split in facts.splits.keys() - entry.facts.splits.keys():
        raise SeqbenchError(f"{entry.name} was extracted before there was a split {split} (extract again)")


def present_entry(store: Store | None, model: str, dataset: str) -> Embeddings | None:
    """What the store holds of a model on a data set, complete or not; None where there is nothing."""
    key = f"{model}/{dataset}"
    return store[key] if store is not None and key in store else None


def stored_layers(workspace: Workspace, entry: Embeddings) -> tuple[int, ...]:
    """The layers that the config asks for of what is stored, but for those that can't be pooled.

    Raises:
        SeqbenchError: There is none of them.
    """
    return poolable_layers(entry, _asked_layers(workspace, entry))


def _asked_layers(workspace: Workspace, entry: Embeddings) -> tuple[int, ...]:
    """The layers that the config asks for; where files are not at hand, all are those that are stored."""
    model = entry.model.name
    if not workspace.entries.is_precomputed(model):
        return workspace.asked_layers(model, entry.model.n_layers)
    if workspace.precomputed(model).path.is_dir():
        return workspace.layers(model, base_of(entry.dataset))
    wants_all = workspace.config.extract.layers == "all"
    return entry.layers if wants_all else workspace.asked_layers(model, entry.model.n_layers)


def poolable_layers(entry: Embeddings | None, layers: tuple[int, ...]) -> tuple[int, ...]:
    """The wanted layers, but for those of which an extraction found that they can't be pooled.

    Raises:
        SeqbenchError: None is left.
    """
    if entry is None:
        return layers
    if not (poolable := entry.poolable(layers)):
        raise SeqbenchError(f"{entry.name}: none of extract.layers can be pooled ({told(entry.left_out)})")
    return poolable
