"""What a data set is scored as: itself or its targets, with their labels and the groups of its items."""

from collections.abc import Iterable
from contextlib import suppress

from seqbench.datasets.spec import TargetSpec, base_of
from seqbench.errors import DataError
from seqbench.extract.describe import target_facts
from seqbench.stages.workspace import Workspace
from seqbench.store import Embeddings, Store


def views_of(workspace: Workspace, dataset: str) -> list[str]:
    """What a data set is scored as: under its own name, or each of its targets as `data set/target`."""
    return [view.name for view in workspace.spec(dataset).views]


def together(workspace: Workspace, dataset: str) -> dict[str, TargetSpec]:
    """The targets of a data set that one head can train together, by name; fewer than two are none.

    One whose labels are at fault is not among them: it ends its own probes alone.
    """
    spec = workspace.spec(base_of(dataset))
    found = {}
    for target, own in zip(spec.targets, spec.views, strict=False):
        with suppress(DataError):
            if workspace.has_files(own.name):
                workspace.dataset(own.name)
            found[target.name] = target
    return found if len(found) > 1 else {}


def probed(workspace: Workspace, entry: Embeddings) -> list[tuple[Embeddings, float]]:
    """The embeddings with the labels that probes under their name learn, and the weight of these.

    The name of a data set of several targets stands for what trains these together: of it one a target.
    """
    dataset = entry.dataset
    if dataset != base_of(dataset):
        return [(entry, 1.0)]
    return [
        (view(workspace, workspace.store, entry.model.name, f"{dataset}/{name}"), target.weight)
        for name, target in together(workspace, dataset).items()
    ] or [(entry, 1.0)]


def view(workspace: Workspace, store: Store, model: str, dataset: str) -> Embeddings:
    """The embeddings of a model on a data set, or on one of its targets.

    A target's labels, and the groups of items, are those of the files as they are now; where these are not at
    hand, the store's.

    Raises:
        StoreNotFoundError: They are not in the store.
        DataError: Something is wrong with the target's labels, or with the groups.
    """
    entry, target = store[f"{model}/{base_of(dataset)}"], dataset.partition("/")[2]
    group_key = workspace.spec(dataset).group_key
    if not target and group_key is None:
        return entry
    if not workspace.has_files(dataset):
        entry = entry.target(target) if target else entry
        return entry if group_key is None else entry.grouped(group_key)
    files = workspace.dataset(dataset)
    if target:
        labels = {split: files.splits[split].labels for split in entry.splits}
        entry = entry.as_target(target, target_facts(files), labels)
    groups = {split: own for split in entry.splits if (own := files.splits[split].groups) is not None}
    return entry if group_key is None else entry.with_groups(group_key, groups)


def keep_views(workspace: Workspace, entries: Iterable[Embeddings]) -> None:
    """Keep labels of targets, and groups, in the store too, where probes find them without the files."""
    for entry in entries:
        dataset, _, target = entry.dataset.partition("/")
        if not workspace.has_files(entry.dataset):
            continue
        stored = workspace.store[f"{entry.model.name}/{dataset}"]
        if target:
            files = workspace.dataset(entry.dataset)
            labels = {split: entry.labels(split) for split in entry.splits}
            stored.put_target(target, target_facts(files), labels)
        if entry.group_key is not None:
            groups = {split: own for split in entry.splits if (own := entry.groups(split)) is not None}
            stored.put_groups(entry.group_key, groups)
