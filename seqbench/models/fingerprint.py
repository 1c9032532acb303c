"""Fingerprints of models: SHA-256 over what decides their embeddings."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

WEIGHTS = ("*.safetensors", "pytorch_model*.bin")
"""In order of preference: transformers loads the first kind that is there."""

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
    """The files that transformers would load weights from, sorted; empty if there are none."""
    for pattern in WEIGHTS:
        if found := sorted(folder.glob(pattern)):
            return found
    return []


def support_files(folder: Path) -> list[Path]:
    """Config, tokenizer and code files, sorted."""
    return sorted({path for pattern in SUPPORT for path in folder.glob(pattern) if path.is_file()})


def hash_files(paths: Iterable[Path], extra: dict[str, Any] | None = None) -> str:
    """SHA-256 over names and contents of files, and over further parameters; hexadecimal."""
    digest = hashlib.sha256(json.dumps(extra or {}, sort_keys=True).encode())
    for path in paths:
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(f"{path.name}\0{content}\0".encode())
    return digest.hexdigest()
