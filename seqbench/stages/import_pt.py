"""Import of the reference system's `.pt` files, as `extract` does it for a model of kind `precomputed`."""

from collections.abc import Callable, Sequence
from pathlib import Path

from seqbench.core.progress import Reporter
from seqbench.core.types import check_name
from seqbench.datasets.spec import DatasetSpec
from seqbench.errors import ModelError
from seqbench.extract.imported import describe_import, import_split
from seqbench.models.precomputed import Precomputed
from seqbench.store import create_store


def import_pt(
    store: str,
    folder: Path,
    model: str,
    datasets: Sequence[str],
    describe: Callable[[str], DatasetSpec],
    reporter: Reporter,
) -> list[str]:
    """Copy the files of a folder into a store, where a `precomputed` model of that name finds them.

    Args:
        store: Path or URL; made where there is none, once the files are found to be sound.
        folder: Holds `<dataset>-<layer>layer_<split>.pt`; every split of a data set the same layers.
        model: The name to store under.
        datasets: Which; all that the folder has if none.
        describe: What is known of a data set by its name: its task, where the files do not tell, and group.
        reporter: Shown bars in items.

    Returns:
        The keys that were filled, `model/dataset`.

    Raises:
        ModelError: A file is missing, can't be read, or does not fit the others; names it.
        StoreMismatchError: The store holds other embeddings of that name.
    """
    check_name(model, "model")
    folder = folder.absolute()
    files = Precomputed(name=model, path=folder, n_layers=0).files
    for name in datasets:
        if name not in files:
            raise ModelError(f"{folder}: has no files of data set {name!r} (it has {', '.join(files)})")
    last = max(layer for splits in files.values() for found in splits.values() for layer in found)
    source = Precomputed(name=model, path=folder, n_layers=last)
    described = {
        name: describe_import(source, describe(check_name(name, "data set")), _layers(source, name))
        for name in datasets or files
    }
    opened = create_store(store)
    keys = []
    for name, imported in described.items():
        entry = opened.require(source.identity(), name, imported.facts)
        items = sum(facts.n_items for facts in imported.facts.splits.values())
        with reporter.task(f"import {name}", items, "items") as advance:
            for split in imported.facts.splits:
                import_split(source, imported, entry, split, advance)
        keys.append(entry.name)
    return keys


def _layers(source: Precomputed, dataset: str) -> list[int]:
    """All that any split of a data set has."""
    return sorted({layer for files in source.splits(dataset).values() for layer in files})
