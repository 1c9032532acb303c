"""One file's content, damaged in the way of its form."""

import json
import struct
from collections.abc import Sequence
from typing import Any

import yaml

from tests.fuzz.mutations import Edit, as_json, damage, distort


def damaged(content: bytes, form: str, edits: Sequence[Edit], *, structured: bool) -> bytes:
    """Apply edits to what a file says, or to its bytes.

    Args:
        content: Of a valid file.
        form: jsonl, json, yaml, head, text or bytes; the last two have no other structure than bytes.
        edits: Applied one after the other.
        structured: Whether values are to be exchanged rather than bytes, where the form has values.
    """
    if form == "head":
        return _head(content, edits)
    if not structured or form in ("text", "bytes"):
        return damage(content, edits)
    if form == "jsonl":
        items = [json.loads(line) for line in content.splitlines()]
        changed = distort(items, edits)
        return b"\n".join(map(as_json, changed if isinstance(changed, list) else [changed])) + b"\n"
    if form == "yaml":
        return _as_yaml(distort(yaml.safe_load(content), edits))
    return as_json(distort(json.loads(content), edits))


def _as_yaml(value: Any) -> bytes:
    return yaml.safe_dump(value, sort_keys=False).encode("utf-8", "surrogatepass")


def _head(content: bytes, edits: Sequence[Edit]) -> bytes:
    """Exchange values of a head's record, under a hash that fits it."""
    from safetensors.numpy import load, save

    from seqbench.probe.saving import HASH_KEY, KEY, _digest

    (length,) = struct.unpack("<Q", content[:8])
    record = json.loads(json.loads(content[8 : 8 + length])["__metadata__"][KEY])
    text = json.dumps(distort(record, edits), allow_nan=True)
    tensors = load(content)
    return save(tensors, {KEY: text, HASH_KEY: _digest(text, tensors)})
