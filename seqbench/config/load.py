"""Loading a config file: read, convert a flat one, override, validate, make paths absolute, add models."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from seqbench.config.controls import with_controls
from seqbench.config.legacy import FlatConfig, from_flat, is_flat
from seqbench.config.made import with_made_models
from seqbench.config.overrides import apply_overrides
from seqbench.config.paths import hub_id_warnings, resolve_paths
from seqbench.config.problems import ConfigSource
from seqbench.config.schema import Config
from seqbench.config.yaml_file import read_yaml
from seqbench.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedConfig:
    """A valid config and what is to be known about its file."""

    config: Config
    """All paths absolute, but for models that are hub ids."""
    path: Path
    """The file, absolute."""
    legacy: bool
    """Whether it is a flat file of the reference system."""
    warnings: tuple[str, ...]
    """One line each, to be shown to the user."""
    controls: tuple[str, ...]
    """One line each on what the switch `controls` added, and what it could not; empty where it is off."""


def load_config(path: Path, overrides: Sequence[str] = ()) -> LoadedConfig:
    """Load a config file in seqbench's form or in the reference system's flat one.

    Args:
        path: The YAML file. Relative paths in it, and in overrides, start at its directory.
        overrides: `key.key=value` each, in seqbench's keys whichever form the file has.

    Raises:
        ConfigError: The file can't be read, or a key or override is wrong: one line with file, line and key.
    """
    document = read_yaml(path, "config file", duplicates="last")
    if not isinstance(document.value, dict):
        raise ConfigError(f"{path}: the top level must be keys and values, such as `models:`")
    source = ConfigSource(file=str(path), lines=document.lines)
    flat = from_flat(document.value, source) if is_flat(document.value) else None
    if flat is None:
        document.refuse_duplicates(path)
    data = document.value if flat is None else flat.data
    changed = apply_overrides(data, overrides)
    source = ConfigSource(
        file=str(path), lines=document.lines, flat={} if flat is None else flat.origin, overrides=changed
    )
    try:
        config = Config.model_validate(data)
    except ValidationError as error:
        raise source.first_problem(error) from None
    absolute = path.absolute()
    config = resolve_paths(config, absolute.parent, source)
    warnings = hub_id_warnings(config, source)
    config, added = with_controls(config, source)
    config = with_made_models(config)
    return LoadedConfig(
        config=config,
        path=absolute,
        legacy=flat is not None,
        warnings=(*document.duplicates_warning(path), *_unused(path, flat), *warnings),
        controls=added,
    )


def _unused(path: Path, flat: FlatConfig | None) -> tuple[str, ...]:
    if flat is None or not flat.unused:
        return ()
    return (f"{path}: these keys have no effect in this version: {', '.join(flat.unused)}",)
