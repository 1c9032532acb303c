"""Doing one task: what a worker runs. Results come back as records; the catalog is not opened here."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from seqbench.catalog.records import (
    DatasetRecord,
    EmbeddingRecord,
    LayerRecord,
    ModelRecord,
    ProbeRecord,
)
from seqbench.core.progress import Advance
from seqbench.core.types import SPLITS, SplitName, Task
from seqbench.errors import ModelError
from seqbench.extract.blocks import Extraction, Work
from seqbench.extract.finish import Target
from seqbench.extract.imported import import_split
from seqbench.extract.ready import get_ready
from seqbench.models.base import Embedder
from seqbench.models.left_out import told
from seqbench.probe.run import run_probes
from seqbench.probe.saving import keeper
from seqbench.probe.spec import Design
from seqbench.probe.wanted import wanted_probes
from seqbench.schedule.contents import same_files, split_contents
from seqbench.schedule.designs import designs, kept_heads
from seqbench.schedule.plan import ExtractTask, ProbeTask
from seqbench.schedule.workspace import Workspace
from seqbench.store import Block, Embeddings

CHECKPOINTS = ".seqbench-checkpoints"
"""Folder beside the catalog for the states of trainings that are under way."""


def extract(task: ExtractTask, workspace: Workspace, advance: Advance) -> Work:
    """Fill the store with the blocks of a task; those that are there by now are left as they are.

    Raises:
        SeqbenchError: The model, the data or the store is at fault.
    """
    if workspace.is_precomputed(task.model):
        identity = workspace.identity(task.model)
        imported = workspace.imported(task.model, task.dataset)
        entry = workspace.store.require(identity, task.dataset, imported.facts)
        import_split(workspace.precomputed(task.model), imported, entry, task.split, advance)
        return Work(items=task.items)
    with workspace.lent(task.model, task.dataset) as embedder:
        return _extract(task, workspace, embedder, advance)


def _extract(task: ExtractTask, workspace: Workspace, embedder: Embedder, advance: Advance) -> Work:
    dataset = workspace.dataset(task.dataset)
    entries = [_entry(name, task.dataset, workspace, embedder) for name in task.entries]
    get_ready(embedder, dataset, entries, workspace.reporter.note)
    layers = entries[0].poolable(task.layers)
    if not layers:
        raise ModelError(
            f"model {task.model!r}: none of extract.layers can be pooled ({told(entries[0].left_out)})"
        )
    targets = [
        Target(entry=entry, pooling=workspace.pooling(name), layers=layers)
        for name, entry in zip(task.entries, entries, strict=True)
    ]
    extraction = Extraction(
        embedder,
        dataset,
        task.split,
        targets,
        strands=workspace.strands(task.model, dataset),
        repeats=workspace.repeats(task.dataset),
    )
    blocks = [block for block in task.blocks if _is_missing(targets, task.split, block)]
    there = task.items - sum(block.stop - block.start for block in blocks)
    advance(there)
    return Work(items=there) + extraction.run(blocks, advance, workspace.reporter.note)


def _entry(name: str, dataset: str, workspace: Workspace, embedder: Embedder) -> Embeddings:
    """Where a model's embeddings go, with the width that they have."""
    facts = workspace.facts(name, workspace.dataset(dataset), embedder.hidden, embedder.settings)
    identity = workspace.identity(name)
    if identity.hidden is not None:  # what its config says
        identity = replace(identity, hidden=embedder.hidden)
    return workspace.store.require(identity, dataset, facts)


def _is_missing(targets: Sequence[Target], split: SplitName, block: Block) -> bool:
    """Whether anything of a block is to be computed; a worker that died may have done part of its shard."""
    return any(target.entry.missing_layers(split, block, target.layers) for target in targets)


def probe(
    task: ProbeTask, workspace: Workspace, known: Collection[str], run_id: str, advance: Advance
) -> Iterator[list[ProbeRecord]]:
    """Train the probes of a task that are not known, and yield their records as they come.

    Raises:
        SeqbenchError: The embeddings or the data set can't be used.
    """
    entry = workspace.store[f"{task.model}/{task.dataset}"]
    wanted = wanted_designs(task, workspace)
    config = workspace.config
    root = config.probe.save_heads
    yield from run_probes(
        entry,
        entry.poolable(task.layers),
        wanted,
        known=known,
        run_id=run_id,
        advance=advance,
        memory_bytes=int(config.probe.memory * 2**30),
        checkpoints=config.catalog.parent / CHECKPOINTS,
        save=None if root is None else keeper(root, entry, workspace.parameters(task.model)),
        is_kept=kept_heads(config, entry),
    )


def wanted_designs(task: ProbeTask, workspace: Workspace) -> list[Design]:
    """What is trained on each layer: all that the config asks for, or one head of it."""
    wanted = designs(workspace.config.probe, workspace.spec(task.dataset).head)
    return [design for design in wanted if task.head in (None, design.head)]


def known_probes(task: ProbeTask, workspace: Workspace, known: Collection[str]) -> frozenset[str]:
    """Those of the known probes that a task would train otherwise; few, so that they can be sent with it.

    Raises:
        SeqbenchError: The embeddings or the data set can't be used.
    """
    if not known:
        return frozenset()
    entry = workspace.store[f"{task.model}/{task.dataset}"]
    found = wanted_probes(entry, entry.poolable(task.layers), wanted_designs(task, workspace))
    return frozenset(probe.hash for probe in found if probe.hash in known)


def model_record(entry: Embeddings, parameters: dict[str, Any]) -> ModelRecord:
    """What the catalog keeps of a model, as the store holds it; `parameters` are its entry in the config."""
    identity = entry.model
    return ModelRecord(
        model=identity.name,
        kind=identity.kind,
        path=identity.path,
        revision=identity.revision,
        fingerprint=identity.fingerprint,
        n_layers=identity.n_layers,
        hidden=identity.hidden,
        dtype=str(entry.facts.settings.get("dtype", "float32")),
        settings={key: parameters[key] for key in ("k", "canonical", "seed") if key in parameters},
    )


def dataset_record(entry: Embeddings, workspace: Workspace) -> DatasetRecord:
    """What the catalog keeps of a data set, as the store holds it."""
    facts = entry.facts
    classification = facts.task is Task.CLASSIFICATION
    files = same_files(entry, workspace)
    indexes = {} if files is None else {name: split.index for name, split in files.splits.items()}
    return DatasetRecord(
        dataset=entry.dataset,
        sha256=facts.data_hash,
        task=facts.task,
        n_seqs=facts.n_seqs,
        n_classes=len(facts.classes) if classification else None,
        n_targets=None if classification else facts.n_targets,
        n_items={split: facts.splits[split].n_items for split in SPLITS if split in facts.splits},
        alphabet=facts.alphabet,
        task_group=facts.group,
        ceiling=facts.ceiling,
        splits=split_contents(entry, files),
        class_names=(facts.class_names if files is None else files.class_names) or None,
        ids={split: index.ids for split, index in indexes.items() if index.ids is not None},
    )


def embedding_record(entry: Embeddings, split: SplitName, work: Work, device: str) -> EmbeddingRecord:
    """What the catalog keeps of a split that is complete in the store.

    Where only some blocks were computed this time, seconds are scaled up to the whole split by tokens.
    """
    items = entry.items(split)
    # Where nothing was measured, asking for it costs a millisecond a layer.
    both_strands = entry.facts.settings.get("strands", "none") != "none"
    rounded = entry.facts.dtype != "float32"
    tokens = int(items.tokens_NS.sum())
    coverage = items.coverage_NS[~np.isnan(items.coverage_NS)]
    return EmbeddingRecord(
        model=entry.model.name,
        dataset=entry.dataset,
        split=split,
        n_items=entry.facts.splits[split].n_items,
        tokens=tokens,
        seconds=work.seconds * tokens / work.tokens if work.tokens else 0.0,
        bytes=entry.stored_bytes(split),
        coverage_mean=float(coverage.mean()) if len(coverage) else None,
        coverage_min=float(coverage.min()) if len(coverage) else None,
        device=device,
        dtype=str(entry.facts.settings.get("dtype", "float32")),
        settings={**entry.facts.settings, "token_budget": entry.facts.notes.get("token_budget")},
        layers=tuple(
            LayerRecord(
                layer=layer,
                strand_consistency=entry.strand_cosine(split, layer) if both_strands else None,
                rounding_error=entry.rounding_error(split, layer) if rounded else None,
            )
            for layer in entry.complete_layers(split)
        ),
    )
