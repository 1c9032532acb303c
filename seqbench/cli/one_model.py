"""A config of one model that is named on the command line, held to the same rules as one in a file."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seqbench.config import Config


def one_model(path: str, options: dict[str, Any]) -> "Config":
    """Make the config.

    Args:
        path: Directory, from here, or hub id.
        options: Further keys of a model.

    Raises:
        ConfigError: There is no such directory and it is no hub id, or an option is wrong.
    """
    # The name is only shown here, so a folder's name need not be fit for a store.
    name = re.sub(r"[^A-Za-z0-9_.+=@-]+", "-", Path(path).absolute().name).lstrip(".-")[:100] or "model"
    return config_of({"path": path, "name": name, **options}, "models check")


def config_of(model: dict[str, Any], where: str) -> "Config":
    """A config of a model's entry; relative paths start here.

    Args:
        model: The entry, as in a config file.
        where: What error lines begin with.

    Raises:
        ConfigError: The entry is wrong, or its directory is not there.
    """
    from pydantic import ValidationError

    from seqbench.config import Config
    from seqbench.config.paths import resolve_paths
    from seqbench.config.problems import ConfigSource

    source = ConfigSource(file=where, lines={})
    try:
        config = Config.model_validate({"models": [model], "datasets": {"root": "."}})
    except ValidationError as error:
        raise source.first_problem(error) from None
    return resolve_paths(config, Path.cwd(), source)
