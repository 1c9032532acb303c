"""The store as a whole: checking what belongs together, listing and verifying."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from seqbench.core.identity import SETTING_DEFAULTS, ModelIdentity
from seqbench.core.types import check_name
from seqbench.errors import StoreError, StoreMismatchError, StoreNotFoundError, quoted, said
from seqbench.store import arrays
from seqbench.store.embeddings import Embeddings
from seqbench.store.groups import StoreGroup
from seqbench.store.layout import FORMAT
from seqbench.store.location import Location, exclusive
from seqbench.store.records import REMAKE, EmbeddingFacts, Fault
from seqbench.store.token_entry import TokenEmbeddings
from seqbench.store.verify import verify_entry


class Store:
    """An open store; `store["model/dataset"]` gives its embeddings."""

    def __init__(self, path: Location, root: StoreGroup) -> None:
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
        group = self._group(key)
        kind = TokenEmbeddings if group.attrs.get("unit") == "token" else Embeddings
        return kind(group, self.model(model), self.path, self.__getitem__)

    def __contains__(self, key: str) -> bool:
        found = arrays.get_group(self._root, key)
        return found is not None and "task" in found.attrs

    def keys(self) -> Iterator[str]:
        """Every `model/dataset` in the store, sorted."""
        for model in self.path.folders():
            for dataset in (self.path / model).folders():
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
        group = arrays.get_group(self._root, name)
        if group is None or "identity" not in group.attrs:
            raise StoreNotFoundError(f"{self.path}: has no model {name!r}")
        try:
            return ModelIdentity.from_attrs(name, dict(group.attrs))
        except (ValueError, KeyError, TypeError) as error:
            raise StoreError(f"{self.path / name}: zarr.json is damaged: {said(error)} {REMAKE}") from error

    def require(self, model: ModelIdentity, dataset: str, facts: EmbeddingFacts) -> Embeddings:
        """Open the embeddings of a model on a data set for writing, making the groups if they are new.

        Of processes that do so at once one makes them; the others get the same, or are refused if theirs
        differ. Records are made in one step, on object stores too. Only where two processes add different
        splits to one entry on an object store at once, one of the splits may be lost, and comes back when
        extraction is run again.

        Raises:
            StoreMismatchError: The names are taken by other weights, data or settings; says which differs.
        """
        check_name(model.name, "model")
        check_name(dataset, "data set")
        key = f"{model.name}/{dataset}"
        with exclusive(self.path):
            self.check(model, dataset, facts)
            if not self._has_model(model.name):
                self._claim(model.name, model.attrs(), "identity")
                self.check(model, dataset, facts)  # without locks another process may have been faster
            if key not in self:
                self._claim(key, facts.attrs(), "task")
            present = self[key].facts
            if facts.splits.keys() - present.splits.keys():
                splits = {**facts.splits, **present.splits}
                arrays.put_attrs(self._group(key), replace(present, splits=splits).attrs())
            self.check(model, dataset, facts)
            return self[key]

    def _has_model(self, name: str) -> bool:
        group = arrays.get_group(self._root, name)
        return group is not None and "identity" in group.attrs

    def check(self, model: ModelIdentity, dataset: str, facts: EmbeddingFacts) -> None:
        """See that what is stored under these names was made from the same weights, data and settings.

        Settings that `facts` does not name are not compared; names that are not taken pass.

        Raises:
            StoreMismatchError: Says what differs.
        """
        if not self._has_model(model.name):
            return
        present = self.model(model.name)
        for field in ("kind", "fingerprint", "n_layers"):
            old, new = getattr(present, field), getattr(model, field)
            if old != new:
                raise StoreMismatchError(
                    f"{self.path}: model {model.name!r} was stored with {field} {quoted(old)}, now it is "
                    f"{new} (give the model another `name:`, or delete {self.path / model.name})"
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
        of_labels = () if wanted.has_targets else ("task", "n_targets", "classes", "level")
        for field in (*of_labels, "n_seqs", "hidden", "dtype", "unit"):
            old, new = getattr(present, field), getattr(wanted, field)
            if old != new:
                raise StoreMismatchError(
                    f"{self.path}: {key} was stored with {field} {quoted(old)}, now {new} {out}"
                )
        for field, new in sorted(wanted.settings.items()):
            if field == "label_key" and wanted.has_targets:
                continue
            old = present.settings.get(field, SETTING_DEFAULTS.get(field))
            if old != new:
                raise StoreMismatchError(
                    f"{self.path}: {key} was computed with {field}={quoted(old)}, the config says "
                    f"{field}={new} {out}"
                )

    def verify(self, key: str, *, repair: bool = False) -> Iterator[Fault]:
        """Read all that is complete of an entry, which checks its checksums, and yield what is wrong.

        Args:
            key: `model/dataset`.
            repair: Mark missing what is damaged, so that `seqbench extract` makes just that again. Needs a
                store that was opened for writing. Damaged records of a model or data set can't be repaired
                so.
        """
        try:
            entry = self[key]
            group = self._group(key)
        except StoreError as error:
            yield Fault(where=key, what=str(error))
            return
        yield from verify_entry(group, entry, repair=repair)

    def _claim(self, path: str, attrs: dict[str, Any], marker: str) -> None:
        """Make a group with its attributes in one step; where another process was faster, its group stays."""
        content = {"attributes": attrs, "zarr_format": 3, "node_type": "group"}
        (self.path / path).create("zarr.json", json.dumps(content, indent=2).encode())
        group = self._group(path)
        if marker not in group.attrs:  # killed between two steps of an older version
            arrays.put_attrs(group, attrs)

    def _group(self, path: str) -> StoreGroup:
        group = arrays.get_group(self._root, path)
        if group is None:
            raise StoreError(f"{self.path}: {path} is an array where a group should be")
        return group
