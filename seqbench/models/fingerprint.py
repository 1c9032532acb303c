"""Fingerprints of models: SHA-256 over what decides their embeddings."""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from seqbench.core.kept import is_settled, keep, recall, stamp
from seqbench.errors import ModelError, ModelNotFoundError

SMALLEST_BYTES = 1_000_000
"""Of smaller files the hash is not kept: hashing 1 MB takes a millisecond, as finding what was kept does."""

WEIGHTS = ("model.safetensors", "pytorch_model.bin")
"""In order of preference, as transformers has it; each may be an index (`….index.json`) of several shards."""

SUPPORT = (
    "config.json",
    "*token*.json",
    "vocab*",
    "merges.txt",
    "*.model",
    "special_tokens_map.json",
    "*.py",
)
"""Files beside the weights that change what a model computes; notes and training logs do not."""


def weight_files(folder: Path) -> list[Path]:
    """The files that transformers would load weights from, sorted; empty if there are none.

    Raises:
        ModelNotFoundError: An index names shards that are not there, or is damaged.
        ModelError: An index names a file that is not beside it.
    """
    for name in WEIGHTS:
        if (folder / name).is_file():
            return [folder / name]
        if (index := folder / f"{name}.index.json").is_file():
            return _shards(index)
    return []


def _shards(index: Path) -> list[Path]:
    try:
        names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
        away = next((name for name in names if Path(name).name != name or "\0" in name), None)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelNotFoundError(f"{index} is damaged: it maps no weights to files") from error
    if away is not None:
        raise ModelError(f"{index}: names the file {away!r}, which is not in its folder (download it again)")
    paths = [index.parent / name for name in names]
    if gone := [path.name for path in paths if not path.is_file()]:
        raise ModelNotFoundError(
            f"{index.parent} lacks {len(gone)} of the {len(paths)} weight files that {index.name} names "
            f"(first: {gone[0]}; copy it again)"
        )
    return paths


def support_files(folder: Path) -> list[Path]:
    """Config, tokenizer and code files, sorted."""
    return sorted({path for pattern in SUPPORT for path in folder.glob(pattern) if path.is_file()})


def hash_files(paths: Iterable[Path], extra: dict[str, Any] | None = None) -> str:
    """SHA-256 over names and contents of files, and over further parameters; hexadecimal."""
    return join_hashes({path.name: file_hash(path) for path in paths}, extra)


def file_hash(path: Path) -> str:
    """SHA-256 of a file's content; hexadecimal.

    Of a big file it is kept, and taken again as long as the file's stamp stays as it was.
    """
    before = stamp(path)
    if before[0] < SMALLEST_BYTES:
        return _hash(path)
    place = os.path.realpath(path)
    match recall("hashes", place):
        case {"stamp": stamped, "sha256": str(known)} if stamped == before:
            return known
    found = _hash(path)
    if stamp(path) == before and is_settled(before):
        keep("hashes", place, {"stamp": before, "sha256": found})
    return found


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def join_hashes(hashes: Mapping[str, str], extra: dict[str, Any] | None = None) -> str:
    """SHA-256 over names and hashes of files, in their order, and over further parameters; hexadecimal."""
    digest = hashlib.sha256(json.dumps(extra or {}, sort_keys=True).encode())
    for name, content in hashes.items():
        digest.update(f"{name}\0{content}\0".encode())
    return digest.hexdigest()
