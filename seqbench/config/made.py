"""Models that a stage of the config makes: they are models of the config before their files are there."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from seqbench.config.model_kinds import Checkpoint, HuggingFaceModel, ModelConfig, RandomInitModel
from seqbench.config.schema import Config
from seqbench.errors import ModelNotFoundError


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


def tuned_folder(config: Config, model: ModelConfig) -> Path | None:
    """The folder of a model that lies below `finetune.out`, where trainings of the same config put theirs.

    Args:
        config: With absolute paths.
        model: Of it.
    """
    if config.finetune is None or not isinstance(model, HuggingFaceModel):
        return None
    folder = Path(model.path)
    return folder if config.finetune.out in folder.parents else None


def check_is_made(config: Config, model: ModelConfig) -> None:
    """See that a model is there, where a stage of the config makes it.

    Raises:
        ModelNotFoundError: It is not; says who makes it.
    """
    made, tuned = made_models(config).get(model.name), tuned_folder(config, model)
    if made is not None and not made.folder.is_dir():
        raise ModelNotFoundError(
            f"model {model.name!r} is not there yet: `seqbench {made.section}` makes it (in {made.folder}), "
            "and `seqbench run` all that the config asks for"
        )
    if tuned is not None and not tuned.is_dir():
        raise ModelNotFoundError(
            f"model {model.name!r} is not there yet: `seqbench finetune` makes {tuned}, if a training is "
            "called so (<model>-<data set>-<encoder>-<seed>), and `seqbench run` all that the config asks for"
        )


def with_made_models(config: Config) -> Config:
    """Add the models that the config's own stages make, behind its other models.

    Each is run as the model that it comes from: `dtype`, consent to code and the like are that entry's. What
    is there under such a name is put anew.

    Args:
        config: With absolute paths.
    """
    made = made_models(config)
    own = [model for model in config.models if model.name not in made]
    return config.model_copy(update={"models": (*own, *_adapted(config, own))}) if made else config


def shortened(config: Config, steps: int, folder: Path) -> Config:
    """A config whose adaptations are tried: few steps, no checkpoints, all files in a folder of their own.

    Args:
        config: With absolute paths.
        steps: Of each adaptation.
        folder: Of models and catalog.
    """
    entries = tuple(
        entry.model_copy(
            update={
                "model": entry.model.partition("@")[0] if entry.model in made_models(config) else entry.model,
                "steps": steps,
                "checkpoint_steps": None,
                "out": folder,
            }
        )
        for entry in config.adapt
    )
    own = tuple(model for model in config.models if model.name not in made_models(config))
    changed = {"models": own, "adapt": entries, "catalog": folder / config.catalog.name}
    return with_made_models(config.model_copy(update=changed))


def _adapted(config: Config, own: Sequence[ModelConfig]) -> Iterator[HuggingFaceModel]:
    found = {model.name: model for model in own if isinstance(model, HuggingFaceModel | RandomInitModel)}
    for entry in config.adapt:
        base = found[entry.model]
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
