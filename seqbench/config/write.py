"""Writing a config as YAML in seqbench's own form, as short as it can be."""

from pathlib import Path
from typing import Any

from seqbench.config.made import made_models
from seqbench.config.model_kinds import ModelConfig
from seqbench.config.paths import relative_paths
from seqbench.config.schema import Config
from seqbench.config.yaml_file import dump_yaml


def to_yaml(config: Config, relative_to: Path) -> str:
    """Write a config as YAML: what must be there and what differs from the defaults.

    Args:
        config: A config with absolute paths, as `load_config` gives it.
        relative_to: Directory that the file will be in; paths below it are written relative to it.

    Returns:
        YAML which `load_config` reads back, from a file in that directory, as an equal config.
    """
    made = made_models(config)
    written = [model for model in config.models if model.name not in made]
    config = config.model_copy(update={"models": tuple(written)})
    portable = relative_paths(config, relative_to.absolute())
    data: dict[str, Any] = portable.model_dump(mode="json", exclude_defaults=True)
    pairs = zip(portable.models, data["models"], strict=True)
    data["models"] = [_model(model, written) for model, written in pairs]
    if config.controls and not config.probe.shuffled_labels:
        # A default, but here it says that the switch is not to change it.
        data.setdefault("probe", {})["shuffled_labels"] = False
    return dump_yaml(data)


def _model(model: ModelConfig, written: dict[str, Any]) -> dict[str, Any]:
    """Put the kind first, and leave out a name that would be the same without it."""
    name = type(model).model_fields["name"]
    default = name.get_default(call_default_factory=True, validated_data=dict(model))
    order = sorted(written, key=lambda key: key != "kind")
    return {key: written[key] for key in order if key != "name" or written[key] != default}
