"""Embeddings that another tool extracted: the reference system's `.pt` files.

`<dataset>-<layer>layer_<split>.pt` holds `embeddings`, (N, H) or (N, S, H), and `labels`, (N,) or (N, T):
tensors, NumPy arrays or lists. Only the layers that are asked for need to be there.

Shape letters: N items, S sequences of an item, H hidden width, T targets.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqbench.core.identity import ModelIdentity
from seqbench.core.types import SPLITS, SplitName
from seqbench.errors import ModelError, ModelNotFoundError
from seqbench.models.fingerprint import file_hash, hash_files, join_hashes
from seqbench.models.tensor_files import as_array, load_tensors

_FILE = re.compile(r"(?P<dataset>.+)-(?P<layer>\d+)layer_(?P<split>train|eval|test)\.pt")


@dataclass(frozen=True, slots=True, kw_only=True)
class PrecomputedSplit:
    """One layer of one split, read from its file."""

    embeddings_NSH: NDArray[np.float32]
    labels: NDArray[Any]
    """(N,) int64, or (N, T) int64 or float64."""


@dataclass(frozen=True, kw_only=True)
class Precomputed:
    """A folder of such files as the config describes it."""

    name: str
    path: Path
    n_layers: int
    """Number of the last layer; or one more, where files go from 0 to one less and none is missing."""

    @cached_property
    def files(self) -> dict[str, dict[SplitName, dict[int, Path]]]:
        """Every file, by data set, split and layer.

        Raises:
            ModelNotFoundError: The folder does not exist or holds none.
        """
        found: dict[str, dict[SplitName, dict[int, Path]]] = {}
        if not self.path.is_dir():
            raise ModelNotFoundError(f"model {self.name!r}: no folder {self.path}")
        for path in sorted(self.path.iterdir()):
            if match := _FILE.fullmatch(path.name):
                split = next(known for known in SPLITS if known == match["split"])
                found.setdefault(match["dataset"], {}).setdefault(split, {})[int(match["layer"])] = path
        if not found:
            raise ModelNotFoundError(
                f"model {self.name!r}: {self.path} holds no <dataset>-<layer>layer_<split>.pt"
            )
        return found

    @cached_property
    def count(self) -> int:
        """Layers of the model, layer 0 included, whether or not there are files of all."""
        layers = {layer for splits in self.files.values() for files in splits.values() for layer in files}
        return self.n_layers + (layers != set(range(self.n_layers)))

    def splits(self, dataset: str) -> Mapping[SplitName, Mapping[int, Path]]:
        """The files of a data set, by split and layer.

        Raises:
            ModelNotFoundError: It has none, or none of train or of test.
        """
        if dataset not in self.files:
            known = ", ".join(self.files)
            raise ModelNotFoundError(f"model {self.name!r}: {self.path} has no {dataset!r} (it has {known})")
        found = self.files[dataset]
        for needed in ("train", "test"):
            if needed not in found:
                raise ModelNotFoundError(
                    f"model {self.name!r}: {self.path} has no {needed} files of {dataset!r}"
                )
        return found

    def layers(self, dataset: str) -> tuple[int, ...]:
        """What all layers of a data set are: 0 to the last, or 1 to the last where no split has layer 0.

        Raises:
            ModelNotFoundError: As for `splits`.
        """
        has_first = any(0 in files for files in self.splits(dataset).values())
        return tuple(range(0 if has_first else 1, self.count))

    def check(self, dataset: str, layers: Sequence[int]) -> None:
        """See that each split of a data set has files of some layers.

        Raises:
            ModelNotFoundError: A file is missing; names it. Or as for `splits`.
        """
        for split, files in self.splits(dataset).items():
            for layer in layers:
                if layer not in files:
                    there = ", ".join(map(str, sorted(files)))
                    path = self.path / f"{dataset}-{layer}layer_{split}.pt"
                    raise ModelNotFoundError(
                        f"model {self.name!r}: {path} is missing (n_layers is {self.n_layers}; {split} has "
                        f"layers {there}, which extract.layers can name)"
                    )

    def identity(self) -> ModelIdentity:
        """Hash of the name alone: the files are hashed data set by data set, see `split_hash`."""
        return ModelIdentity(
            name=self.name,
            kind="precomputed",
            path=str(self.path),
            revision=None,
            fingerprint=hash_files([], {"kind": "precomputed", "name": self.name}),
            n_layers=self.count,
            hidden=None,
        )

    def split_hash(self, dataset: str, split: SplitName, layers: Sequence[int] | None = None) -> str:
        """SHA-256 over the files of some layers of a split; of all that there are if none is named."""
        files = self.files[dataset][split]
        wanted = sorted(files if layers is None else layers)
        hashes = self.file_hashes(dataset, split, wanted)
        return join_hashes({files[layer].name: hashes[layer] for layer in wanted})

    def file_hashes(self, dataset: str, split: SplitName, layers: Iterable[int]) -> dict[int, str]:
        """SHA-256 of the file of each layer; a file is read once."""
        return {layer: self._hashed[self.files[dataset][split][layer]] for layer in layers}

    @cached_property
    def _hashed(self) -> "_FileHashes":
        return _FileHashes()

    def read(self, dataset: str, split: SplitName, layer: int) -> PrecomputedSplit:
        """Read one layer of a split; see `read_file`."""
        return read_file(self.files[dataset][split][layer])


class _FileHashes(dict[Path, str]):
    """SHA-256 of files by their path, each found when it is first asked for."""

    def __missing__(self, path: Path) -> str:
        self[path] = file_hash(path)
        return self[path]


def read_file(path: Path) -> PrecomputedSplit:
    """Read one `.pt` file without unpickling anything but tensors, NumPy arrays and numbers.

    Raises:
        ModelError: It is no such file, holds anything else, or has arrays of odd shapes or NaN.
    """
    content = load_tensors(path)
    if not isinstance(content, dict) or not {"embeddings", "labels"} <= content.keys():
        raise ModelError(f"{path}: should hold {{'embeddings': tensor, 'labels': tensor}}")
    given = as_array(content["embeddings"], path, "embeddings")
    embeddings = (given[:, None] if given.ndim == 2 else given).astype(np.float32, copy=False)
    labels = as_array(content["labels"], path, "labels")
    if embeddings.ndim != 3 or labels.ndim not in (1, 2) or len(labels) != len(embeddings):
        raise ModelError(
            f"{path}: embeddings {given.shape} and labels {labels.shape} do not fit: "
            "(n, hidden) or (n, seqs, hidden) with (n,) or (n, targets)"
        )
    if embeddings.size == 0:
        raise ModelError(f"{path}: holds no embeddings, shape {embeddings.shape}")
    for what, values in (("embeddings", embeddings), ("labels", labels)):
        if not np.isfinite(values).all():
            raise ModelError(f"{path}: {what} hold NaN or infinity")
    kind = np.int64 if labels.dtype.kind in "iub" else np.float64
    return PrecomputedSplit(embeddings_NSH=embeddings, labels=labels.astype(kind))
