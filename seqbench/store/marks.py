"""Which blocks are complete, read without zarr: some bytes a block, which every command asks for."""

import json
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqbench.store.location import LocalFolder, Location

_HEADER = struct.Struct("<BBBBIII")
"""Blosc's: versions of it and its codec, flags, bytes a number; bytes of the content, a block, the whole."""
_VERSIONS = (2, 1)
_AS_IT_IS = 0b10
"""The flag that the content stands behind the header uncompressed, as all that is shorter than 128 bytes."""


def plain_marks(folder: Location, n_blocks: int, n_layers: int) -> NDArray[np.bool_] | None:
    """Marks of a split's blocks, (B, L); None where zarr has to read them.

    Read is what `arrays.create` writes and whose checksum is right. What is described in other words, is
    compressed, damaged or lies on an object store is left to zarr, which reads it or says what is wrong.

    Args:
        folder: Of the array.
        n_blocks: Blocks of the split.
        n_layers: Layers of the model.
    """
    if not isinstance(folder, LocalFolder):
        return None
    try:
        from google_crc32c import value as crc32c

        described = json.loads((folder.path / "zarr.json").read_bytes())
        if not isinstance(described, dict) or not _is_known(described, n_blocks, n_layers):
            return None
        marks = np.zeros((n_blocks, n_layers), dtype=np.uint8)
        for number in range(n_blocks):
            content = _file(folder, f"c.{number}.0")
            if content is None:  # nothing was written
                continue
            if len(content) != _HEADER.size + n_layers + 4:
                return None
            checked, crc = content[:-4], int.from_bytes(content[-4:], "little")
            *versions, flags, size, n, _, whole = _HEADER.unpack_from(checked)
            is_plain = tuple(versions) == _VERSIONS and flags & _AS_IT_IS and size == 1
            if not is_plain or (n, whole) != (n_layers, len(checked)) or crc32c(checked) != crc:
                return None
            marks[number] = np.frombuffer(checked, dtype=np.uint8, offset=_HEADER.size)
    except (OSError, ValueError, ImportError):
        return None
    return marks.astype(np.bool_)


def _file(folder: LocalFolder, name: str) -> bytes | None:
    try:
        return (folder.path / name).read_bytes()
    except FileNotFoundError:
        return None


def _is_known(described: dict[str, Any], n_blocks: int, n_layers: int) -> bool:
    """Whether a zarr.json is, but for names and attributes, that of marks as `arrays.create` makes them."""
    expected = {
        "zarr_format": 3,
        "node_type": "array",
        "shape": [n_blocks, n_layers],
        "data_type": "uint8",
        "fill_value": 0,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [1, n_layers]}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "."}},
        "storage_transformers": [],
    }
    codecs = described.get("codecs")
    names = [codec.get("name") for codec in codecs] if isinstance(codecs, list) else []
    return names == ["bytes", "blosc", "crc32c"] and {key: described.get(key) for key in expected} == expected
