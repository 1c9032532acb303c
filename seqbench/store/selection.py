"""Choosing entries and layers of a store by the names and numbers that a user gives."""

from collections.abc import Iterable, Sequence

from seqbench.errors import StoreNotFoundError
from seqbench.store.embeddings import Embeddings
from seqbench.store.store import Store


def chosen_keys(store: Store, models: Sequence[str], datasets: Sequence[str]) -> list[str]:
    """The entries of models and data sets, sorted; no name means all.

    Raises:
        StoreNotFoundError: A name is not in the store, or no entry has both.
    """
    keys = list(store.keys())
    pairs = [tuple(key.split("/", 1)) for key in keys]
    _check(store, "model", models, {model for model, _ in pairs})
    _check(store, "data set", datasets, {dataset for _, dataset in pairs})
    found = [
        key
        for key, (model, dataset) in zip(keys, pairs, strict=True)
        if (not models or model in models) and (not datasets or dataset in datasets)
    ]
    if not found:
        raise StoreNotFoundError(f"{store.path}: holds nothing of that kind (see `seqbench store list`)")
    return found


def _check(store: Store, what: str, wanted: Sequence[str], known: Iterable[str]) -> None:
    for name in wanted:
        if name not in known:
            listed = ", ".join(sorted(known)) or "nothing yet"
            raise StoreNotFoundError(f"{store.path}: has no {what} {name!r} (it has {listed})")


def chosen_layers(entry: Embeddings, wanted: Sequence[int]) -> tuple[int, ...]:
    """Those of the wanted layers that an entry has arrays of, ascending; none wanted means all.

    Negative numbers count from the model's last layer.
    """
    numbers = {layer + entry.model.n_layers if layer < 0 else layer for layer in wanted}
    return tuple(layer for layer in entry.layers if not wanted or layer in numbers)


def check_any_layer(store: Store, wanted: Sequence[int], entries: Sequence[Embeddings]) -> None:
    """See that each wanted layer is in at least one entry.

    Raises:
        StoreNotFoundError: One is in none.
    """
    for layer in wanted:
        if not any(chosen_layers(entry, [layer]) for entry in entries):
            has = sorted({number for entry in entries for number in entry.layers})
            raise StoreNotFoundError(f"{store.path}: has no layer {layer} there (it has {has})")
