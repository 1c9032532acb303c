"""The state of an unfinished training in a file, from which it goes on as if nothing had happened.

A file is safetensors: the tensors of the state, and in the metadata as JSON all that is not a tensor. Nothing
is pickled, and a CRC-32 tells damage, which safetensors itself does not; a hash takes as long as writing.
"""

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from glob import escape
from hashlib import blake2b
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from seqbench.core.atomic import atomic_write
from seqbench.errors import TrainingError, disk_error, said

_FORMAT = "seqbench training 4"
_PART = ".part-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A file for the state of one training."""

    path: Path
    fingerprint: str
    """Names what the training's numbers depend on, so that no other goes on from its state."""
    way_out: str = "make room there, or choose another folder"
    """What the message says where the file can't be written."""

    def as_part(self) -> "Checkpoint":
        """A file of its own for one of several trainings that share the path."""
        return replace(self, path=self.path.with_name(f"{self.path.name}{_PART}{self.fingerprint[:16]}"))

    def save(self, state: Mapping[str, Any]) -> None:
        """Write the state; the file is the old one or the new one, never a part.

        Args:
            state: Tensors, numbers, texts, truth values and None, in mappings, lists and tuples.

        Raises:
            TrainingError: The file can't be written.
        """
        from safetensors import SafetensorError
        from safetensors.torch import save_file

        packing = _Packing()
        facts = json.dumps({"fingerprint": self.fingerprint, "state": packing.pack(state)})
        metadata = {"format": _FORMAT, "facts": facts, "sum": _sum(facts, packing.tensors)}
        try:
            with atomic_write(self.path) as partial:
                save_file(packing.tensors, partial, metadata)
        except (OSError, RuntimeError, SafetensorError) as error:
            known = disk_error(error)
            if known is None and not isinstance(error, SafetensorError):
                raise
            why = known.strerror if known is not None else said(error)
            raise TrainingError(
                f"{self.path}: the state of the training can't be written ({why}); {self.way_out}"
            ) from error

    def load(self, device: torch.device) -> dict[str, Any] | None:
        """Read the state, tensors on the device; None where there is none, or a damaged or another one."""
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(self.path, framework="pt", device="cpu") as file:
                metadata = file.metadata() or {}
                if metadata.get("format") != _FORMAT:
                    return None
                facts = json.loads(metadata["facts"])
                if facts["fingerprint"] != self.fingerprint:
                    return None
                tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118 -- no mapping
            if _sum(metadata["facts"], tensors) != metadata["sum"]:
                return None
            state: dict[str, Any] = _unpacked(
                facts["state"], {name: tensor.to(device) for name, tensor in tensors.items()}
            )
            return state
        except (OSError, SafetensorError, ValueError, LookupError, TypeError):
            return None

    def remove(self) -> None:
        """Remove the file and its parts."""
        for found in (self.path, *self.path.parent.glob(f"{escape(self.path.name)}{_PART}*")):
            found.unlink(missing_ok=True)


class _Packing:
    """Turns a state into JSON, `[kind, content]` where a value is no plain one, and puts tensors aside."""

    def __init__(self) -> None:
        self.tensors: dict[str, Tensor] = {}
        self._names: dict[tuple[Any, ...], str] = {}
        self._storages: set[int] = set()

    def pack(self, value: Any) -> Any:
        """A value as JSON."""
        if value is None or isinstance(value, bool | int | float | str):
            return value
        if isinstance(value, Tensor):
            return ["tensor", self._put_aside(value.detach())]
        if isinstance(value, Mapping):
            return ["dict", [[key, self.pack(inner)] for key, inner in value.items()]]
        if isinstance(value, list | tuple):
            return ["list" if isinstance(value, list) else "tuple", [self.pack(inner) for inner in value]]
        raise TypeError(f"the state of a training can't hold a {type(value).__name__}")

    def _put_aside(self, tensor: Tensor) -> str:
        """A tensor's name; the same one twice is written once, and parts of one storage are copied."""
        storage = tensor.untyped_storage().data_ptr()
        key = (storage, tensor.storage_offset(), tensor.shape, tensor.stride(), tensor.dtype, tensor.device)
        if key not in self._names or not tensor.numel():
            name = self._names[key] = str(len(self.tensors))
            shared = storage in self._storages or not tensor.is_contiguous()
            self.tensors[name] = tensor.clone(memory_format=torch.contiguous_format) if shared else tensor
            self._storages.add(storage)
        return self._names[key]


def _unpacked(packed: Any, tensors: Mapping[str, Tensor]) -> Any:
    if not isinstance(packed, list):
        return packed
    kind, content = packed
    if kind == "tensor":
        return tensors[content]
    if kind == "dict":
        return {key: _unpacked(inner, tensors) for key, inner in content}
    values = [_unpacked(inner, tensors) for inner in content]
    return values if kind == "list" else tuple(values)


def _sum(facts: str, tensors: Mapping[str, Tensor]) -> str:
    total = zlib.crc32(facts.encode())
    for name in sorted(tensors):
        flat = tensors[name].cpu().reshape(-1)
        total = zlib.crc32(flat.view(torch.uint8).numpy().data, total)
    return f"{total:08x}"


def fingerprint(*parts: str | bytes | Sequence[str]) -> str:
    """Hash what a training's numbers depend on, with this format and torch's version; hexadecimal."""
    digest = blake2b(f"{_FORMAT} {torch.__version__}".encode(), digest_size=16)
    for part in parts:
        content = part if isinstance(part, bytes) else repr(part).encode()
        digest.update(len(content).to_bytes(8, "little") + content)
    return digest.hexdigest()
