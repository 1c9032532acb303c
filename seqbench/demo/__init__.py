"""The demo that ships: a config and a small model, and the planted data sets that they are for."""

from importlib import resources
from pathlib import Path

from seqbench.core.atomic import write_atomically
from seqbench.datasets.planted.rules import Sizes
from seqbench.datasets.planted.write import make_planted
from seqbench.errors import ConfigError

CONFIG = "demo.yaml"
SIZES = Sizes(min_length=60, max_length=60)
"""Short, so that the demo is done in two minutes, and of one length, so that one-hot applies everywhere."""


def write_demo(folder: Path, *, seed: int = 0) -> Path:
    """Write the demo into a folder.

    Args:
        folder: New or empty, or holding the same demo already.
        seed: Of the planted data sets.

    Returns:
        The config's path.

    Raises:
        ConfigError: The folder holds another config, or can't be written.
        DataError: The folder holds other data sets of these names.
    """
    shipped = resources.files("seqbench.demo")
    config = folder / CONFIG
    text = shipped.joinpath(CONFIG).read_text(encoding="utf-8")
    files = {file.name: file.read_bytes() for file in shipped.joinpath("model").iterdir()}
    if config.exists() and config.read_text(encoding="utf-8") != text:
        raise ConfigError(f"{config}: exists already and differs (choose another folder)")
    try:
        for name, content in files.items():
            write_atomically(folder / "demo-dna-4l" / name, content)
        write_atomically(config, text)
    except OSError as error:
        raise ConfigError(f"{folder}: can't be written: {error.strerror} (choose another folder)") from error
    make_planted(folder / "data", seed=seed, sizes=SIZES)
    return config
