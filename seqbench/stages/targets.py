"""Targets of a data set, each scored as a data set of its own: what they are called, and their labels."""

from collections.abc import Iterable

from seqbench.datasets.spec import base_of
from seqbench.extract.describe import target_facts
from seqbench.stages.workspace import Workspace
from seqbench.store import Embeddings, Store


def views_of(workspace: Workspace, dataset: str) -> list[str]:
    """What a data set is scored as: under its own name, or each of its targets as `data set/target`."""
    return [view.name for view in workspace.spec(dataset).views]


def view(workspace: Workspace, store: Store, model: str, dataset: str) -> Embeddings:
    """The embeddings of a model on a data set, or on one of its targets.

    A target's labels are those of the files as they are now; where these are not at hand, the store's.

    Raises:
        StoreNotFoundError: They are not in the store.
        DataError: Something is wrong with the target's labels.
    """
    entry, target = store[f"{model}/{base_of(dataset)}"], dataset.partition("/")[2]
    if not target:
        return entry
    if not workspace.has_files(dataset):
        return entry.target(target)
    files = workspace.dataset(dataset)
    labels = {split: files.splits[split].labels for split in entry.splits}
    return entry.as_target(target, target_facts(files), labels)


def keep_targets(workspace: Workspace, entries: Iterable[Embeddings]) -> None:
    """Keep labels of targets in the store too, where probes find them when files are not at hand."""
    for entry in entries:
        dataset, _, target = entry.dataset.partition("/")
        if target and workspace.has_files(entry.dataset):
            files = workspace.dataset(entry.dataset)
            labels = {split: entry.labels(split) for split in entry.splits}
            workspace.store[f"{entry.model.name}/{dataset}"].put_target(target, target_facts(files), labels)
