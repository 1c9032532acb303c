"""The state of an unfinished training in a file, so that it can go on after a crash."""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from glob import escape
from hashlib import blake2b
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seqbench.core.atomic import partial_of
from seqbench.errors import ProbeError, disk_error
from seqbench.probe.heads.base import Fit

_FORMAT = "seqbench mlp training 1"
_PART = ".part-"
_SAMPLED_ROWS = 256
_UNREADABLE = (OSError, EOFError, RuntimeError, UnpicklingError, ValueError, LookupError, TypeError)
"""What `torch.load` raises of files that are damaged or something else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A file for the state of one training."""

    path: Path
    fingerprint: str
    """Names the training, so that no other goes on from its state."""

    def as_part(self) -> "Checkpoint":
        """A file of its own for one of several trainings that share the path."""
        return replace(self, path=self.path.with_name(f"{self.path.name}{_PART}{self.fingerprint[:16]}"))

    def save(self, state: Mapping[str, Any]) -> None:
        """Write the state; the file is the old one or the new one, never a part.

        Args:
            state: Tensors and plain values, in dicts, lists and tuples.

        Raises:
            ProbeError: The file can't be written.
        """
        content = {
            "format": _FORMAT,
            "fingerprint": self.fingerprint,
            "sum": _sum(state),
            "state": dict(state),
        }
        partial = partial_of(self.path)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with partial.open("wb") as file:
                torch.save(content, file)
            partial.replace(self.path)
        except (OSError, RuntimeError) as error:
            if (known := disk_error(error)) is None:
                raise
            raise ProbeError(
                f"{self.path}: the state of the training can't be written ({known.strerror}); make room "
                "there, or set probe.mlp.checkpoint_steps to null"
            ) from error
        finally:
            with suppress(OSError):
                partial.unlink(missing_ok=True)

    def load(self, device: torch.device) -> dict[str, Any] | None:
        """Read the state; None where there is none, or what is there is damaged or of another training."""
        try:
            content = torch.load(self.path, map_location=device, weights_only=True)
            if (content["format"], content["fingerprint"]) != (_FORMAT, self.fingerprint):
                return None
            state: dict[str, Any] = content["state"]
            return state if _sum(state) == content["sum"] else None
        except _UNREADABLE:
            return None


def remove_all(path: Path) -> None:
    """Remove the file and its parts."""
    for found in (path, *path.parent.glob(f"{escape(path.name)}{_PART}*")):
        found.unlink(missing_ok=True)


def fingerprint(settings: str, fits: Sequence[Fit]) -> str:
    """Hash what a training's numbers depend on; hexadecimal.

    Args:
        settings: Everything but the data, as text.
        fits: Seeds and data. Of features some rows are read, enough to tell data sets and splits apart.
    """
    digest = blake2b(f"{_FORMAT} {torch.__version__} {settings}".encode(), digest_size=16)
    for fit in fits:
        digest.update(f"{fit.seed}".encode())
        for data in (fit.train, fit.evaluation):
            digest.update(f"{data.features_LNH.shape} {data.targets.dtype}".encode())
            digest.update(np.ascontiguousarray(data.targets).data)
            some = slice(None, None, max(1, data.n_items // _SAMPLED_ROWS))
            digest.update(np.ascontiguousarray(data.features_LNH[:, some]).data)
    return digest.hexdigest()


def _sum(state: Mapping[str, Any]) -> int:
    """CRC-32 of all tensors; torch's reader checks none itself."""
    total = 0
    for tensor in _tensors(state):
        flat = tensor.detach().cpu().contiguous().reshape(-1)
        total = zlib.crc32(flat.view(torch.uint8).numpy().data, total)
    return total


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _tensors(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _tensors(part)
