"""Recording what is in the store and not in the catalog: a command may have been killed between the two."""

from collections.abc import Iterable

from seqbench.catalog import Catalog
from seqbench.catalog.records import Record
from seqbench.errors import CatalogNotFoundError
from seqbench.extract.blocks import Work
from seqbench.schedule import tasks
from seqbench.schedule.plan import Pair
from seqbench.schedule.workspace import Workspace

RECORDED_SPLITS = "SELECT model, dataset, split FROM embeddings"


def recorded_splits(catalog: Catalog) -> set[tuple[object, ...]]:
    """Model, data set and split of every embedding in the catalog; none where there is no catalog yet."""
    try:
        return set(catalog.query(RECORDED_SPLITS).rows)
    except CatalogNotFoundError:
        return set()


def catch_up(workspace: Workspace, catalog: Catalog, pairs: Iterable[Pair]) -> None:
    """Record models, data sets and embeddings that are complete in the store and that the catalog lacks.

    How long they took to compute is not known any more.

    Raises:
        CatalogError: The catalog can't be written.
        StoreError: The store can't be read.
    """
    store = workspace.present_store()
    if store is None:
        return
    recorded = recorded_splits(catalog)
    records: list[Record] = []
    for pair in pairs:
        if any(split.missing for split in pair.splits):
            continue  # it is recorded when the rest of it is extracted
        names = [split.name for split in pair.splits]
        lacking = [name for name in names if (pair.model, pair.dataset, name) not in recorded]
        if lacking:
            entry = store[f"{pair.model}/{pair.dataset}"]
            records.append(tasks.model_record(entry, workspace.parameters(pair.model)))
            records.append(tasks.dataset_record(entry, workspace))
            records += [tasks.embedding_record(entry, name, Work(), "cpu") for name in lacking]
    if records:
        catalog.append(records)
