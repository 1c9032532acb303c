"""Removal of models, data sets or layers from a store.

Marks go before the data they stand for, so a removal that is cut short leaves nothing that counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from seqbench.core.progress import Reporter
from seqbench.errors import StoreError
from seqbench.store.layout import blocks
from seqbench.store.selection import check_any_layer, chosen_keys, chosen_layers
from seqbench.store.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """What is to go of one model on one data set."""

    key: str
    layers: tuple[int, ...] | None
    """None for all of it, with labels and records."""
    bytes: int


def plan_removal(
    store: Store, models: Sequence[str], datasets: Sequence[str], layers: Sequence[int]
) -> list[Removal]:
    """What pruning would remove; changes nothing.

    Args:
        store: The open store.
        models: Names; all if none.
        datasets: Names; all if none.
        layers: Only these layers, in all splits; negative numbers count from the last. None: everything.

    Raises:
        StoreError: Nothing at all is named.
        StoreNotFoundError: A name or layer is not in the store.
    """
    if not (models or datasets or layers):
        raise StoreError(
            f"{store.path}: name what to remove with --model, --dataset or --layer "
            "(to remove all, delete the folder)"
        )
    keys = chosen_keys(store, models, datasets)
    if not layers:
        sizes = {key: sum((store.path / key).sizes().values()) for key in keys}
        return [Removal(key=key, layers=None, bytes=size) for key, size in sizes.items()]
    entries = [store[key] for key in keys]
    check_any_layer(store, layers, entries)
    found = []
    for entry in entries:
        if numbers := chosen_layers(entry, layers):
            size = sum(sum((entry.location / str(layer)).sizes().values()) for layer in numbers)
            found.append(Removal(key=entry.name, layers=numbers, bytes=size))
    return found


def remove(store: Store, removals: Sequence[Removal], reporter: Reporter) -> None:
    """Remove what was planned. A model none of whose data sets are left goes too, so that its name is free.

    Args:
        store: Open for writing; no extraction into what is removed may be running.
        removals: From `plan_removal`.
        reporter: Shown a bar in bytes.

    Raises:
        StoreError: The store can't be written.
    """
    with reporter.task("prune", sum(removal.bytes for removal in removals), "B") as advance:
        for removal in removals:
            if removal.layers is None:
                _remove_entry(store, removal.key)
            else:
                _remove_layers(store, removal.key, removal.layers)
            advance(removal.bytes)


def _remove_entry(store: Store, key: str) -> None:
    place = store.path / key
    (place / "blocks").remove()
    place.remove()
    model = store.path / key.partition("/")[0]
    if not model.folders():
        model.remove()


def _remove_layers(store: Store, key: str, layers: Sequence[int]) -> None:
    entry = store[key]
    for split in entry.splits:
        facts = entry.facts.splits[split]
        missing = {layer: entry.missing_blocks(split, [layer]) for layer in layers}
        for block in blocks(facts.n_items, facts.block_rows):
            if marked := [layer for layer in layers if block not in missing[layer]]:
                entry.clear_block(split, block, marked)
    for layer in layers:
        (entry.location / str(layer)).remove()
