"""What the catalog keeps of embeddings: model, data set, and the splits that are complete in the store."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np

from seqbench.catalog import Catalog
from seqbench.catalog.records import DatasetRecord, EmbeddingRecord, LayerRecord, ModelRecord, Record
from seqbench.core.types import SPLITS, SplitName, Task
from seqbench.datasets.spec import base_of
from seqbench.errors import CatalogNotFoundError, DataError
from seqbench.extract.work import Work
from seqbench.schedule.context import Context
from seqbench.stages.contents import same_files, split_contents
from seqbench.stages.targets import keep_views, view, views_of
from seqbench.stages.workspace import Workspace, workspace_of
from seqbench.store import Embeddings, Store

ON_CPU = ("kmer", "onehot", "position", "precomputed", "by-id")
"""Kinds of models that no device computes."""

SETTINGS = ("k", "canonical", "window", "seed")
"""Of a model's entry, what the catalog keeps."""

RECORDED_SPLITS = "SELECT model, dataset, split FROM embeddings"


class Descriptions:
    """Makes the records that a run's results refer to, each once."""

    def __init__(self, context: Context) -> None:
        self._workspace = context.shared(workspace_of)
        self._catalog = Catalog(context.config.catalog)
        self._described: set[tuple[str, str]] = set()

    def of(
        self,
        model: str,
        dataset: str,
        done: Mapping[SplitName, Work] = MappingProxyType({}),
        device: str = "cpu",
    ) -> list[Record]:
        """Model, data set and embeddings: what was just extracted, and what the catalog lacks.

        Args:
            model: Its name in the store.
            dataset: On which.
            done: What was just computed, by split.
            device: On what.

        Returns:
            None where this was asked before, and nothing is new.
        """
        if not done and (model, dataset) in self._described:
            return []
        names = views_of(self._workspace, dataset)
        self._described |= {(model, dataset), *((model, name) for name in names)}
        entries = list(self._views(self._workspace.store, model, names))
        keep_views(self._workspace, entries)
        pairs = [record for entry in entries for record in self._of_pair(entry)]
        return [*pairs, *(self._of_splits(entries[0], done, device) if entries else ())]

    def _views(self, store: Store, model: str, names: Iterable[str]) -> Iterator[Embeddings]:
        """What can be described; a target whose labels are at fault ends nothing but its own probes."""
        for name in names:
            with suppress(*([DataError] if name != base_of(name) else [])):
                yield view(self._workspace, store, model, name)

    def _of_splits(
        self, entry: Embeddings, done: Mapping[SplitName, Work], device: str
    ) -> list[EmbeddingRecord]:
        """The embeddings, which all targets of a data set share."""
        model, dataset = entry.model.name, base_of(entry.dataset)
        where = "cpu" if entry.model.kind in ON_CPU else device
        splits = [
            split
            for split in entry.splits
            if (split in done or (model, dataset, split) not in self._recorded_splits)
            and entry.complete_layers(split)  # not where a shard of it was given up
        ]
        return [embedding_record(entry, split, done.get(split, Work()), where) for split in splits]

    def _of_pair(self, entry: Embeddings) -> list[Record]:
        return [
            model_record(entry, self._workspace.entries.parameters(entry.model.name)),
            dataset_record(entry, self._workspace),
        ]

    def lacking(
        self, catalog: Catalog, wanted: Iterable[tuple[str, str, tuple[SplitName, ...]]]
    ) -> list[Record]:
        """Records of what is complete in the store and not in the catalog.

        A command may have been killed between the two; how long it took to compute is not known any more.

        Args:
            catalog: Which.
            wanted: Models, data sets and their splits, all complete.

        Raises:
            StoreError: The store can't be read.
        """
        store, recorded = self._workspace.present_store(), recorded_splits(catalog)
        records: list[Record] = []
        for model, dataset, names in wanted if store is not None else ():
            lacking = [name for name in names if (model, dataset, name) not in recorded]
            if not lacking or store is None:
                continue
            entries = list(self._views(store, model, views_of(self._workspace, dataset)))
            keep_views(self._workspace, entries)
            records += [record for entry in entries for record in self._of_pair(entry)]
            records += [
                embedding_record(entry, name, Work(), "cpu") for entry in entries[:1] for name in lacking
            ]
        return records

    @cached_property
    def _recorded_splits(self) -> set[tuple[object, ...]]:
        """Model, data set and split of every embedding that the catalog knew when this was first asked."""
        return recorded_splits(self._catalog)


def recorded_splits(catalog: Catalog) -> set[tuple[object, ...]]:
    """Model, data set and split of every embedding in the catalog; none where there is no catalog yet."""
    try:
        return set(catalog.query(RECORDED_SPLITS).rows)
    except CatalogNotFoundError:
        return set()


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
        settings={key: parameters[key] for key in SETTINGS if parameters.get(key) is not None},
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
        dataset=base_of(entry.dataset),
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
