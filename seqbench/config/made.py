"""Models that a stage of the config makes: they are models of the config before their files are there."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from seqbench.config.model_kinds import Checkpoint, HuggingFaceModel, RandomInitModel
from seqbench.config.problems import Source
from seqbench.config.schema import Config


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeModel:
    """A model that comes of a section of the config."""

    name: str
    section: str
    """Stage that makes it."""
    folder: Path
    """Where its files will be; of LoRA the adapter's."""


def made_models(config: Config) -> dict[str, MadeModel]:
    """The models that stages of a config make, by name; paths are absolute as far as the config's are."""
    return {
        checkpoint.name: MadeModel(
            name=checkpoint.name, section="adapt", folder=entry.folder(checkpoint.name, config.catalog)
        )
        for entry in config.adapt
        for checkpoint in entry.checkpoints
    }


def with_made_models(config: Config, source: Source) -> Config:
    """Add the models that the config's own stages make, behind its other models.

    Each is run as the model that it comes from: `dtype`, consent to code and the like are that entry's.

    Args:
        config: With absolute paths.
        source: Where the keys are, for error lines.

    Raises:
        ConfigError: LoRA is asked for on a model that is itself a base and an adapter.
    """
    known = {
        model.name: model for model in config.models if isinstance(model, HuggingFaceModel | RandomInitModel)
    }
    added = [model for model in _adapted(config, known, source) if model.name not in known]
    return config.model_copy(update={"models": (*config.models, *added)}) if added else config


def _adapted(
    config: Config, known: Mapping[str, HuggingFaceModel | RandomInitModel], source: Source
) -> Iterator[HuggingFaceModel]:
    found = dict(known)
    for index, entry in enumerate(config.adapt):
        base = found[entry.model]
        if entry.encoder == "lora" and (not isinstance(base, HuggingFaceModel) or base.adapter is not None):
            raise source.error(
                ("adapt", index, "encoder"),
                f"lora needs a trained checkpoint that is no adapter itself, which {base.name} is not (set "
                "encoder: full)",
            )
        for checkpoint in entry.checkpoints:
            folder = entry.folder(checkpoint.name, config.catalog)
            made = _made_of(base, checkpoint.name, folder, is_adapter=entry.encoder == "lora")
            found[made.name] = made
            yield made


def _made_of(
    base: HuggingFaceModel | RandomInitModel, name: str, folder: Path, *, is_adapter: bool
) -> HuggingFaceModel:
    """The entry of a model that was trained from another; its revision is the base's alone."""
    alike = {key: getattr(base, key) for key in Checkpoint.model_fields if key not in ("path", "revision")}
    if is_adapter:
        return HuggingFaceModel(name=name, path=base.path, revision=base.revision, adapter=folder, **alike)
    return HuggingFaceModel(name=name, path=str(folder), **alike)
