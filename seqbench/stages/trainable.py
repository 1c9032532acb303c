"""Which models of a config are fine-tuned, and whether they have what it names of them."""

from contextlib import suppress

from seqbench.config import Config
from seqbench.config.finetune import FinetuneConfig
from seqbench.config.lora import LoraConfig
from seqbench.config.made import tuned_folder
from seqbench.errors import ConfigError, ModelError
from seqbench.models.checkpoint import Checkpoint
from seqbench.models.registry import WITH_OPTIONS


def trainable_names(config: Config) -> list[str]:
    """Models that are checkpoints and no result of fine-tuning, or those that the config names.

    Raises:
        ConfigError: One that it names has no weights to train, or none of all models has.
    """
    section = config.finetune
    if section is None:
        return []
    models = {model.name: model for model in config.models}
    able = [name for name, model in models.items() if model.kind in WITH_OPTIONS]
    for name in section.models or ():
        if name not in able:
            raise ConfigError(
                f"finetune.models: {name} is of kind {models[name].kind}, which has no weights to train"
            )
    if not able:
        raise ConfigError("finetune: no model of `models:` has weights to train (add a checkpoint)")
    if section.models is not None:
        return [name for name in able if name in section.models]
    return [name for name in able if tuned_folder(config, models[name]) is None]


def check_parts(source: Checkpoint, section: FinetuneConfig) -> None:
    """See that a model has the parts that the config names, before any of it is trained.

    Raises:
        ConfigError: All of its blocks are to stay as they are, or a name of `lora` fits none of its parts.
        ModelError: It can't be read.
    """
    n_blocks = source.identity().n_layers - 1
    if section.freeze_blocks >= n_blocks:
        raise ConfigError(
            f"finetune.freeze_blocks: {section.freeze_blocks} leaves nothing of {source.name} to train, "
            f"which has {n_blocks} blocks (set at most {n_blocks - 1})"
        )
    if "lora" in section.encoder:
        check_lora(source, section.lora, "finetune", section.lora.modules_to_save or ())


def check_lora(
    source: Checkpoint, lora: LoraConfig, section: str, modules_to_save: tuple[str, ...] = ()
) -> None:
    """See that a model has the parts that adapters are named for, before any of it is trained.

    Args:
        source: The model.
        lora: Of the config.
        section: Of the config, for messages.
        modules_to_save: Parts that are to be trained whole.

    Raises:
        ConfigError: A name fits none of its parts.
    """
    named = {"targets": () if lora.targets == "auto" else lora.targets}
    named["modules_to_save"] = modules_to_save
    if any(named.values()):
        with suppress(ModelError):  # code that can't be run without weights is asked when it is trained
            _check_names(source, named, section)


def _check_names(source: Checkpoint, named: dict[str, tuple[str, ...]], section: str) -> None:
    from seqbench.models.huggingface import skeleton
    from seqbench.tuning.lora import called_so, ends_of
    from seqbench.tuning.reach import is_linear

    modules = dict(skeleton(source).named_modules())
    parts = {
        "targets": [path for path, each in modules.items() if is_linear(each)],
        "modules_to_save": [*modules],
    }
    for key, names in named.items():
        for name in names:
            if not called_so(name, parts[key]):
                what = "linear map" if key == "targets" else "part"
                raise ConfigError(
                    f"{section}.lora.{key}: {name!r} is no {what} of {source.name} (there are "
                    f"{ends_of(parts[key])})"
                )
