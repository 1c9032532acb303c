"""Embeddings that another tool extracted: the reference system's `.pt` files.

`<dataset>-<layer>layer_<split>.pt` holds `embeddings`, (N, H) or (N, S, H), and `labels`, (N,) or (N, T).

Shape letters: N items, S sequences of an item, H hidden width, T targets.
"""

import pickle
import re
import zipfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seqbench.core.identity import ModelIdentity
from seqbench.core.types import SPLITS, SplitName
from seqbench.errors import ModelError, ModelNotFoundError
from seqbench.models.fingerprint import hash_files

if TYPE_CHECKING:
    from torch import Tensor

_FILE = re.compile(r"(?P<dataset>.+)-(?P<layer>\d+)layer_(?P<split>train|eval|test)\.pt")


_SPARSEST = 1000
"""Numbers of a sparse tensor for each byte of its file, at most."""


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
    """Number of the last layer: files go from 0 to n_layers, or to one less where that file is missing."""

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
        """Layers including layer 0: one more than `n_layers` where files of layer `n_layers` exist."""
        layers = {layer for splits in self.files.values() for files in splits.values() for layer in files}
        return self.n_layers + (self.n_layers in layers)

    def check(self, dataset: str) -> None:
        """See that a data set has all its files.

        Raises:
            ModelNotFoundError: A file is missing; names it.
        """
        if dataset not in self.files:
            known = ", ".join(self.files)
            raise ModelNotFoundError(f"model {self.name!r}: {self.path} has no {dataset!r} (it has {known})")
        for split, files in self.files[dataset].items():
            for layer in range(self.count):
                if layer not in files:
                    raise ModelNotFoundError(
                        f"model {self.name!r}: {self.path / f'{dataset}-{layer}layer_{split}.pt'} is missing "
                        f"(n_layers is {self.n_layers})"
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

    def split_hash(self, dataset: str, split: SplitName) -> str:
        """SHA-256 over the files of a split, all layers."""
        return hash_files(path for _, path in sorted(self.files[dataset][split].items()))

    def read(self, dataset: str, split: SplitName, layer: int) -> PrecomputedSplit:
        """Read one layer of a split; see `read_file`."""
        return read_file(self.files[dataset][split][layer])


def read_file(path: Path) -> PrecomputedSplit:
    """Read one `.pt` file without unpickling anything but tensors.

    Raises:
        ModelError: It is no such file, holds anything but tensors, or has tensors of odd shapes or NaN.
    """
    import torch

    content = load_tensors(path)
    if not isinstance(content, dict) or not all(
        isinstance(content.get(key), torch.Tensor) for key in ("embeddings", "labels")
    ):
        raise ModelError(f"{path}: should hold {{'embeddings': tensor, 'labels': tensor}}")
    embeddings, labels = (
        plain(content["embeddings"], path).astype(np.float32, copy=False),
        plain(content["labels"], path),
    )
    if embeddings.ndim == 2:
        embeddings = embeddings[:, None]
    if embeddings.ndim != 3 or labels.ndim not in (1, 2) or len(labels) != len(embeddings):
        raise ModelError(
            f"{path}: embeddings {tuple(content['embeddings'].shape)} and labels {labels.shape} do not fit: "
            "(n, hidden) or (n, seqs, hidden) with (n,) or (n, targets)"
        )
    if embeddings.size == 0:
        raise ModelError(f"{path}: holds no embeddings, shape {embeddings.shape}")
    for what, values in (("embeddings", embeddings), ("labels", labels)):
        if not np.isfinite(values).all():
            raise ModelError(f"{path}: {what} hold NaN or infinity")
    kind = np.int64 if labels.dtype.kind in "iub" else np.float64
    return PrecomputedSplit(embeddings_NSH=embeddings, labels=labels.astype(kind))


def load_tensors(path: Path) -> Any:
    """Read what `torch.save` wrote: tensors, and dicts and lists of them; nothing else is unpickled.

    Raises:
        ModelError: It is no such file, is damaged, or holds anything else.
    """
    import torch

    try:
        # Files of before PyTorch 1.6 are no archives and can't be mapped.
        return torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except pickle.UnpicklingError as error:
        raise ModelError(f"{path}: holds more than tensors, which is not read for safety") from error
    # Torch's unpickler runs the file's instructions unchecked, so damaged ones end in any exception at all.
    except Exception as error:
        raise ModelError(f"{path}: can't be read as a PyTorch file (cut short? extract it again)") from error


def plain(tensor: "Tensor", path: Path) -> NDArray[Any]:
    """Any tensor as an array; NumPy knows neither bfloat16 nor sparse tensors.

    Raises:
        ModelError: It is damaged: it would take more memory than its file can stand for.
    """
    import torch

    most = path.stat().st_size * (_SPARSEST if tensor.is_sparse else 1)
    if tensor.layout not in (torch.strided, torch.sparse_coo) or tensor.is_complex() or tensor.numel() > most:
        raise ModelError(
            f"{path}: holds a tensor of shape {tuple(tensor.shape)}, {tensor.dtype}, {tensor.layout}, which "
            "does not fit the file (damaged? extract it again)"
        )
    dense = tensor.detach().to_dense() if tensor.is_sparse else tensor.detach()
    return np.asarray(
        dense.float().numpy() if dense.dtype.itemsize < 4 and dense.is_floating_point() else dense
    )
