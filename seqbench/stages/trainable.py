"""Which models of a config are fine-tuned."""

from seqbench.config import Config
from seqbench.config.made import tuned_folder
from seqbench.errors import ConfigError
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
