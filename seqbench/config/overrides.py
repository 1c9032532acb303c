"""Overrides of config keys from the command line: `--set probe.seeds=[1,2]`."""

import re
from collections.abc import Sequence
from typing import Any

from seqbench.config.problems import shown
from seqbench.config.yaml_file import KeyPath, read_value
from seqbench.errors import ConfigError

_INDEXED = re.compile(r"\[([0-9]+)\]")


def apply_overrides(data: dict[str, Any], overrides: Sequence[str]) -> tuple[KeyPath, ...]:
    """Set keys of a config, in place and in order; a later override wins.

    Args:
        data: A config in the form of the schema, not yet validated. Sections that it lacks are added.
        overrides: `key.key=value` each. A number is a position where the config has a list, as in
            `models.0.dtype=float32`; the value is read as YAML, so nothing after `=` is null.

    Returns:
        The keys that were set.

    Raises:
        ConfigError: No `=`, a value that isn't YAML, or a key that leads through a value without keys.
    """
    return tuple(_apply(data, override) for override in overrides)


def _apply(data: dict[str, Any], override: str) -> KeyPath:
    where = f"--set {shown(override)[1:-1]}"
    name, equals, text = override.partition("=")
    parts = name.strip().split(".")
    if not equals or not all(parts):
        raise ConfigError(f"{where}: expected key=value, such as --set probe.seeds=[1,2]")
    if (indexed := _INDEXED.sub(r".\1", name)) != name:
        raise ConfigError(f"{where}: an entry of a list is written with a dot: --set '{indexed}={text}'")
    value = read_value(text, where)
    holder: Any = data
    path: list[str | int] = []
    for part in parts[:-1]:
        key = _key(holder, part, path, where)
        if isinstance(holder, dict) and holder.get(part) is None:
            holder[part] = {}
        holder = holder[key]
        path.append(key)
    key = _key(holder, parts[-1], path, where)
    holder[key] = value
    return (*path, key)


def _key(holder: Any, part: str, path: Sequence[str | int], where: str) -> str | int:
    above = ".".join(map(str, path))
    if isinstance(holder, dict):
        return part
    if not isinstance(holder, list):
        raise ConfigError(f"{where}: {above} is {shown(holder)} and has no keys in it")
    if not part.isascii() or not part.isdigit() or len(part) > 9 or int(part) >= len(holder):
        raise ConfigError(f"{where}: {above} has entries 0 to {len(holder) - 1}, not {part}")
    return int(part)
