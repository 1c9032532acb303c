"""Which sets of sequences without labels a config has embedded, and by which models."""

from dataclasses import dataclass, replace
from pathlib import Path

from seqbench.config import Config
from seqbench.config.perturb import GeneVectors, ModelFeatures, PerturbConfig
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
    """The files of sequences that the section `perturb` names, by their name in the store."""
    found: dict[str, SequenceFile] = {}
    for feature in _sources(config.perturb):
        if isinstance(feature, ModelFeatures | GeneVectors):
            name = sequences_name(feature.sequences)
            known = found.get(name, SequenceFile(path=feature.sequences, models=frozenset()))
            if known.path != feature.sequences:
                raise ConfigError(
                    f"perturb: {known.path} and {feature.sequences} would be stored under one name "
                    "(rename one of the files)"
                )
            found[name] = replace(known, models=known.models | {feature.model})
    return found


def _sources(perturb: PerturbConfig | None) -> list[object]:
    """All that may come from sequences: features of perturbations, and what embeds cells."""
    if perturb is None:
        return []
    return [*perturb.features, *(each.embedding for each in perturb.data)]
