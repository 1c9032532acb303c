"""Per-residue HDF5: a data set a sequence, (T, H), named or told by `original_id`; out of a store.

    0 (350, 1280) original_id="P69905"

Shape letters: T tokens of a sequence, H hidden width.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from seqbench.core.progress import Reporter
from seqbench.core.types import SplitName, check_name
from seqbench.errors import StoreError
from seqbench.store.exchange.export import Chosen
from seqbench.store.exchange.names import layer_file, whole_file
from seqbench.store.exchange.vectors import ORIGINAL_ID
from seqbench.store.readers import need
from seqbench.store.selection import check_any_layer, chosen_keys, chosen_layers
from seqbench.store.store import Store
from seqbench.store.token_entry import TokenEmbeddings

Ids = Callable[[TokenEmbeddings, SplitName], Sequence[str]]
"""The id of each sequence of a split, item by item."""

ITEMS_AT_ONCE = 64
"""Items that are read together."""


def export_residues(
    store: Store, out: Path, chosen: Chosen, ids: Ids | None, reporter: Reporter, *, force: bool = False
) -> list[Path]:
    """Write `out/<model>/<data set>-<layer>layer_<split>.h5` of every entry of tokens that was chosen.

    Args:
        store: The open store.
        out: A folder, made where there is none.
        chosen: What to export. All of it must be complete.
        ids: What `original_id` says; None for numbers: the item's, of several sequences `item_sequence`.
        reporter: Shown a bar in items.
        force: Overwrite files that are there.

    Returns:
        The files written.

    Raises:
        StoreError: Nothing that was chosen holds tokens, something is incomplete or damaged, a file is there
            already or can't be written, or h5py is missing.
        StoreNotFoundError: A name, layer or split is not in the store.
    """
    need("export", "h5py")
    found = [store[key] for key in chosen_keys(store, chosen.models, chosen.datasets)]
    entries = [entry for entry in found if isinstance(entry, TokenEmbeddings)]
    if not entries:
        raise StoreError(f"{store.path}: what was chosen has no tokens (extract.tokens keeps them)")
    check_any_layer(store, chosen.layers, entries)
    jobs = [
        (entry, layer, split, _path(out, entry, layer, split))
        for entry in entries
        for split in entry.splits
        if not chosen.splits or split in chosen.splits
        for layer in sorted(set(chosen_layers(entry, chosen.layers)) & set(entry.split_layers(split)))
    ]
    for entry, layer, split, path in jobs:
        entry.tokens(layer, split)  # complete, before any file is written
        if path.exists() and not force:
            raise StoreError(f"{path}: is there already (--force overwrites)")
    with reporter.task("export", sum(len(job[0].labels(job[2])) for job in jobs), "items") as advance:
        for entry, layer, split, path in jobs:
            _write(entry, layer, split, path, None if ids is None else ids(entry, split), advance)
    return [path for *_, path in jobs]


def _path(out: Path, entry: TokenEmbeddings, layer: int, split: SplitName) -> Path:
    check_name(entry.model.name, "model")
    check_name(entry.dataset, "data set")
    return layer_file(out / entry.model.name, entry.dataset, layer, split, ".h5")


def _write(
    entry: TokenEmbeddings,
    layer: int,
    split: SplitName,
    path: Path,
    ids: Sequence[str] | None,
    advance: Callable[[float], None],
) -> None:
    import h5py

    array, labels = entry.tokens(layer, split), entry.labels(split)
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as partial, h5py.File(partial, "w") as file:
        file.attrs["model"], file.attrs["layer"] = entry.model.name, layer
        for start in range(0, len(array), ITEMS_AT_ONCE):
            stop = min(start + ITEMS_AT_ONCE, len(array))
            ragged = array.read(np.arange(start, stop), as_stored=True)
            for at in range((stop - start) * array.n_seqs):
                number = start * array.n_seqs + at
                item, seq = divmod(number, array.n_seqs)
                made = file.create_dataset(str(number), data=ragged.sequence(at))
                plain = str(item) if array.n_seqs == 1 else f"{item}_{seq}"
                made.attrs[ORIGINAL_ID] = plain if ids is None else ids[number]
                made.attrs["label"] = labels[item]
            advance(stop - start)
