"""The trackers that a config asks for."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from seqbench.config import Config
from seqbench.errors import ConfigError
from seqbench.tracking.base import Labels, Tracker


def make_trackers(config: Config, note: Callable[[str], None]) -> list[Tracker]:
    """Make what a config asks for, and see that it can work before anything is trained.

    Args:
        config: With absolute paths.
        note: Told where tracking fails later; a run goes on without it.

    Raises:
        ConfigError: A package is not installed, a folder can't be written, or W&B lacks a login.
    """
    labels = Labels(heads=len(config.probe.heads) > 1, seeds=len(config.probe.seeds) > 1)
    trackers: list[Tracker] = []
    if config.wandb.enabled:
        _need("wandb", "wandb.enabled")
        _make_folder(config.wandb.dir, "wandb.dir")
        from seqbench.tracking.wandb_runs import WandbTracker

        trackers.append(WandbTracker(config.wandb, labels, note))
    if config.tensorboard.dir is not None:
        _need("tensorboard", "tensorboard.dir")
        _make_folder(config.tensorboard.dir, "tensorboard.dir")
        from seqbench.tracking.event_files import TensorboardTracker

        trackers.append(TensorboardTracker(config.tensorboard.dir, labels, note))
    return trackers


def _need(package: str, key: str) -> None:
    try:
        found = find_spec(package) is not None
    except ValueError:  # a module without a spec stands in its place
        found = False
    if not found:
        raise ConfigError(f"{key}: needs the package {package} (pip install 'seqbench[{package}]')")


def _make_folder(path: Path, key: str) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{key}: {path} can't be made: {error.strerror or error}") from error
