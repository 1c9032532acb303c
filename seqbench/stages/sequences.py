"""Which sets of sequences without labels a config has embedded, and by which models."""

from dataclasses import dataclass, replace
from pathlib import Path

from seqbench.config import Config
from seqbench.config.perturb import ModelFeatures
from seqbench.core.types import check_name
from seqbench.errors import ConfigError

SEQUENCES = ".seqbench-sequences"
"""Folder beside the catalog for sequences without labels, as data sets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceFile:
    """A file of sequences without labels, and the models that embed it."""

    path: Path
    models: frozenset[str]


def sequences_name(path: Path) -> str:
    """The name in the store of a file of sequences without labels."""
    return check_name(f"{path.stem}@sequences", "data set")


def sequence_files(config: Config) -> dict[str, SequenceFile]:
    """The files of sequences that `perturb.features` names, by their name in the store."""
    found: dict[str, SequenceFile] = {}
    for feature in config.perturb.features if config.perturb is not None else ():
        if isinstance(feature, ModelFeatures):
            name = sequences_name(feature.sequences)
            known = found.get(name, SequenceFile(path=feature.sequences, models=frozenset()))
            if known.path != feature.sequences:
                raise ConfigError(
                    f"perturb.features: {known.path} and {feature.sequences} would be stored under one name "
                    "(rename one of the files)"
                )
            found[name] = replace(known, models=known.models | {feature.model})
    return found
