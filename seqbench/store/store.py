"""The store as a whole: opening, checking what belongs together, listing and verifying."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import zarr
from zarr.errors import GroupNotFoundError

from seqbench.errors import StoreError, StoreMismatchError, StoreNotFoundError
from seqbench.identity import ModelIdentity
from seqbench.store import arrays
from seqbench.store.embeddings import Embeddings
from seqbench.store.layout import FORMAT
from seqbench.store.records import EmbeddingFacts
from seqbench.vocabulary import SplitName, check_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One damaged or inconsistent place of a store."""

    where: str
    what: str


class Store:
    """An open store; `store["model/dataset"]` gives its embeddings."""

    def __init__(self, path: Path, root: zarr.Group) -> None:
        self.path = path
        self._root = root
        found = root.attrs.get("seqbench_format")
        if not isinstance(found, int):
            raise StoreError(
                f"{path}: a Zarr group, but no seqbench store (it lacks attribute seqbench_format)"
            )
        if found > FORMAT:
            raise StoreError(
                f"{path}: store format {found} is newer than this seqbench reads ({FORMAT}): upgrade it"
            )

    def __getitem__(self, key: str) -> Embeddings:
        """The embeddings of `model/dataset`.

        Raises:
            StoreNotFoundError: Nothing of that name is in the store.
        """
        model, _, dataset = key.partition("/")
        if not dataset or key not in self:
            known = ", ".join(self.keys()) or "nothing yet"
            raise StoreNotFoundError(f"{self.path}: has no {key!r} (it has {known})")
        return Embeddings(self._group(key), self.model(model), self.path)

    def __contains__(self, key: str) -> bool:
        found = arrays.get(self._root, key)
        return isinstance(found, zarr.Group) and "task" in found.attrs

    def keys(self) -> Iterator[str]:
        """Every `model/dataset` in the store, sorted."""
        for model in arrays.folders(self.path):
            for dataset in arrays.folders(self.path / model):
                key = f"{model}/{dataset}"
                try:
                    found = key in self
                except StoreError:
                    found = True  # damaged: opening or verifying it says how
                if found:
                    yield key

    def model(self, name: str) -> ModelIdentity:
        """What is recorded of a model.

        Raises:
            StoreNotFoundError: No model of that name is in the store.
        """
        group = arrays.get(self._root, name)
        if not isinstance(group, zarr.Group) or "identity" not in group.attrs:
            raise StoreNotFoundError(f"{self.path}: has no model {name!r}")
        try:
            return ModelIdentity.from_attrs(name, dict(group.attrs))
        except (ValueError, KeyError, TypeError) as error:
            raise StoreError(f"{self.path / name}: zarr.json is damaged: {error}") from error

    def require(self, model: ModelIdentity, dataset: str, facts: EmbeddingFacts) -> Embeddings:
        """Open the embeddings of a model on a data set for writing, making the groups if they are new.

        Raises:
            StoreMismatchError: The names are taken by other weights, data or settings; says which differs.
        """
        check_name(model.name, "model")
        check_name(dataset, "data set")
        self.check(model, dataset, facts)
        group = self._root.require_group(model.name)
        if "identity" not in group.attrs:
            group.attrs.put(model.attrs())
        key = f"{model.name}/{dataset}"
        if key not in self:
            self._root.require_group(key).attrs.put(facts.attrs())
            return self[key]
        present = self[key].facts
        splits = {**facts.splits, **present.splits}
        if splits.keys() != present.splits.keys():
            self._group(key).attrs.put(replace(present, splits=splits).attrs())
        return self[key]

    def check(self, model: ModelIdentity, dataset: str, facts: EmbeddingFacts) -> None:
        """See that what is stored under these names was made from the same weights, data and settings.

        Settings that `facts` does not name are not compared; names that are not taken pass.

        Raises:
            StoreMismatchError: Says what differs.
        """
        taken = arrays.get(self._root, model.name)
        if not isinstance(taken, zarr.Group) or "identity" not in taken.attrs:
            return
        present = self.model(model.name)
        for field in ("kind", "fingerprint", "n_layers"):
            old, new = getattr(present, field), getattr(model, field)
            if old != new:
                raise StoreMismatchError(
                    f"{self.path}: model {model.name!r} was stored with {field} {old}, now it is {new} "
                    f"(give the model another `name:`, or delete {self.path / model.name})"
                )
        key = f"{model.name}/{dataset}"
        if key in self:
            self._check_same(key, self[key].facts, facts)

    def _check_same(self, key: str, present: EmbeddingFacts, wanted: EmbeddingFacts) -> None:
        out = f"(use another store.path or model name, or delete {self.path / key})"
        for split in present.splits.keys() - wanted.splits.keys():
            raise StoreMismatchError(
                f"{self.path}: {key} has a split {split}, the data set has none any more {out}"
            )
        for split in present.splits.keys() & wanted.splits.keys():
            if present.splits[split].sha256 != wanted.splits[split].sha256:
                raise StoreMismatchError(
                    f"{self.path}: {key} was computed from another {split} split: the file has changed {out}"
                )
        for field in ("task", "n_seqs", "n_targets", "hidden", "classes"):
            old, new = getattr(present, field), getattr(wanted, field)
            if old != new:
                raise StoreMismatchError(f"{self.path}: {key} was stored with {field} {old}, now {new} {out}")
        for field, new in sorted(wanted.settings.items()):
            old = present.settings.get(field)
            if old != new:
                raise StoreMismatchError(
                    f"{self.path}: {key} was computed with {field}={old}, the config says {field}={new} {out}"
                )

    def verify(self, key: str) -> Iterator[Fault]:
        """Read every chunk of the complete layers, which checks their checksums, and yield what is wrong."""
        try:
            entry = self[key]
        except StoreError as error:
            yield Fault(where=key, what=str(error))
            return
        for split in entry.splits:
            try:
                yield from self._verify_split(entry, split)
            except StoreError as error:
                yield Fault(where=f"{key} {split}", what=str(error))

    def _verify_split(self, entry: Embeddings, split: SplitName) -> Iterator[Fault]:
        group = self._group(entry.name)
        paths = [f"{layer}/{split}" for layer in entry.complete_layers(split)]
        for path in (*paths, f"labels/{split}", *(f"items/{split}/{key}" for key in ("tokens", "hash"))):
            try:
                array = arrays.get(group, path)
            except StoreError as error:
                yield Fault(where=f"{entry.name}/{path}", what=str(error))
                continue
            if not isinstance(array, zarr.Array):
                yield Fault(where=f"{entry.name}/{path}", what="missing")
                continue
            if paths and not arrays.is_whole(array):
                yield Fault(where=f"{entry.name}/{path}", what="chunks that were written once are missing")
            yield from _damaged_chunks(f"{entry.name}/{path}", array)

    def _group(self, path: str) -> zarr.Group:
        group = arrays.get(self._root, path)
        if not isinstance(group, zarr.Group):
            raise StoreError(f"{self.path}: {path} is an array where a group should be")
        return group


def _damaged_chunks(where: str, array: zarr.Array[Any]) -> Iterator[Fault]:
    for start in range(0, array.shape[0], array.chunks[0]):
        try:
            arrays.read(array, slice(start, start + array.chunks[0]))
        except StoreError as error:
            yield Fault(where=f"{where} rows {start}+", what=str(error.__cause__))


def open_store(path: str | Path) -> Store:
    """Open a store for reading.

    Raises:
        StoreNotFoundError: There is nothing at `path`.
        StoreError: It is no store, is damaged, or is of a newer format.
    """
    return Store(Path(path), _open_root(Path(path), "r"))


def create_store(path: Path) -> Store:
    """Open a store for writing, making it where there is none.

    Raises:
        StoreError: Something else lies at `path`.
    """
    try:
        _check_place(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        root = zarr.open_group(path, mode="a")
    except OSError as error:
        raise StoreError(f"{path}: can't be made: {error.strerror or error} (set store.path)") from error
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{path}: zarr.json can't be read: {error}") from error
    if "seqbench_format" not in root.attrs and not any(root.members()):
        root.attrs["seqbench_format"] = FORMAT
    return Store(path, root)


def _check_place(path: Path) -> None:
    if path.exists() and not path.is_dir():
        raise StoreError(f"{path}: is a file, not a store (set store.path to another place)")
    if not (path / "zarr.json").exists() and path.is_dir() and any(path.iterdir()):
        raise StoreError(f"{path}: is a folder that holds other things (set store.path to a new one)")


def _open_root(path: Path, mode: Any) -> zarr.Group:
    _check_place(path)
    try:
        return zarr.open_group(path, mode=mode)
    except (FileNotFoundError, GroupNotFoundError) as error:
        raise StoreNotFoundError(
            f"{path}: no embedding store there (`seqbench extract` makes one)"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{path}: zarr.json can't be read: {error}") from error
