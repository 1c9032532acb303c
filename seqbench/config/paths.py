"""Paths of a config: relative ones start at its directory; a model's may be a hub id, the store's a URL."""

import os
import re
from collections.abc import Callable
from pathlib import Path

from seqbench.config.adapt import AdaptConfig, CorpusConfig
from seqbench.config.model_kinds import ByIdModel, Checkpoint, ModelConfig, PrecomputedModel
from seqbench.config.perturb import CellsConfig, FileFeatures, GeneVectors, ModelFeatures, PerturbConfig
from seqbench.config.problems import ConfigSource
from seqbench.config.schedule import TlsConfig
from seqbench.config.schema import Config
from seqbench.config.yaml_file import KeyPath

_COMMIT = re.compile(r"[0-9a-f]{40}")
"""A branch or tag can be moved to other code; a commit can't."""

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(/[\w][\w.-]{0,95})?", re.ASCII)


def resolve_paths(config: Config, base: Path, source: ConfigSource) -> Config:
    """Make every path of a config absolute.

    Args:
        config: A validated config.
        base: Absolute directory that relative paths start at; `..` is taken off the text, whatever is a link.
        source: Where the keys are, for error lines.

    Returns:
        The config with absolute paths. A model's `path` that is no existing directory, nor one below
        `finetune.out` that is still to be made, stays: it is a hub id. So does the store's where it is a URL.

    Raises:
        ConfigError: A model's path is neither a directory nor a possible hub id, or a hub id would run remote
            code without a pinned revision.
    """
    tuned = None if config.finetune is None else _absolute(base, str(config.finetune.out))

    def resolve_model(index: int, model: Checkpoint) -> str:
        return _model_path(model, base, ("models", index), source, tuned)

    return _map_paths(config, lambda path: _absolute(base, str(path)), resolve_model)


def relative_paths(config: Config, base: Path) -> Config:
    """Undo `resolve_paths` for a file in the absolute directory `base`; paths not below it stay absolute."""

    def shorten(path: Path) -> Path:
        return path.relative_to(base) if path.is_relative_to(base) else path

    def shorten_model(index: int, model: Checkpoint) -> str:
        path = Path(model.path)
        # "./" keeps a directory a directory: without it, a directory that has gone would read as a hub id.
        return f"./{path.relative_to(base)}" if path.is_relative_to(base) else model.path

    return _map_paths(config, shorten, shorten_model)


def hub_id_warnings(config: Config, source: ConfigSource) -> tuple[str, ...]:
    """Warn of each hub id that is also a directory below the current one, which may be what was meant."""
    return tuple(
        f"{source.locate(('models', index, 'path'))}: {model.path} is taken as a hub id; there is such a "
        "directory in the current one, but paths start at the config file's"
        for index, model in enumerate(config.models)
        if isinstance(model, Checkpoint) and not os.path.isabs(model.path) and os.path.isdir(model.path)
    )


def _map_paths(
    config: Config, change: Callable[[Path], Path], change_model: Callable[[int, Checkpoint], str]
) -> Config:
    def model(index: int, old: ModelConfig) -> ModelConfig:
        if isinstance(old, Checkpoint):
            adapter = getattr(old, "adapter", None)
            moved = {} if adapter is None else {"adapter": change(adapter)}
            return old.model_copy(update={"path": change_model(index, old), **moved})
        if isinstance(old, PrecomputedModel | ByIdModel):
            return old.model_copy(update={"path": change(old.path)})
        return old

    datasets, store, probe, board = config.datasets, config.store, config.probe, config.tensorboard
    return config.model_copy(
        update={
            "models": tuple(model(index, old) for index, old in enumerate(config.models)),
            "datasets": datasets.model_copy(
                update={
                    "root": None if datasets.root is None else change(datasets.root),
                    "info": None if datasets.info is None else change(datasets.info),
                }
            ),
            "store": store
            if isinstance(store.path, str)
            else store.model_copy(update={"path": change(store.path)}),
            "catalog": change(config.catalog),
            "adapt": tuple(_map_adapt(each, change) for each in config.adapt),
            "likelihood": None
            if config.likelihood is None
            else config.likelihood.model_copy(
                update={"watch": _map_corpora(config.likelihood.watch, change)}
            ),
            "finetune": None
            if config.finetune is None
            else config.finetune.model_copy(update={"out": change(config.finetune.out)}),
            "perturb": None if config.perturb is None else _map_perturb(config.perturb, change),
            "report": config.report.model_copy(update={"out": change(config.report.out)}),
            "probe": probe.model_copy(
                update={"save_heads": None if probe.save_heads is None else change(probe.save_heads)}
            ),
            "wandb": config.wandb.model_copy(update={"dir": change(config.wandb.dir)}),
            "schedule": config.schedule.model_copy(update={"tls": _map_tls(config.schedule.tls, change)}),
            "tensorboard": board.model_copy(update={"dir": None if board.dir is None else change(board.dir)}),
        }
    )


def _map_adapt(adapt: AdaptConfig, change: Callable[[Path], Path]) -> AdaptConfig:
    out = None if adapt.out is None else change(adapt.out)
    return adapt.model_copy(update={"corpora": _map_corpora(adapt.corpora, change), "out": out})


def _map_corpora(
    corpora: tuple[CorpusConfig, ...], change: Callable[[Path], Path]
) -> tuple[CorpusConfig, ...]:
    return tuple(
        each.model_copy(
            update={"path": change(each.path), "eval": None if each.eval is None else change(each.eval)}
        )
        for each in corpora
    )


def _map_perturb(perturb: PerturbConfig, change: Callable[[Path], Path]) -> PerturbConfig:
    def feature(old: str | ModelFeatures | FileFeatures) -> str | ModelFeatures | FileFeatures:
        if isinstance(old, ModelFeatures):
            return old.model_copy(update={"sequences": change(old.sequences)})
        return old.model_copy(update={"file": change(old.file)}) if isinstance(old, FileFeatures) else old

    def cells(old: CellsConfig) -> CellsConfig:
        vectors = old.embedding
        if isinstance(vectors, GeneVectors):
            vectors = vectors.model_copy(update={"sequences": change(vectors.sequences)})
        elif isinstance(vectors, FileFeatures):
            vectors = vectors.model_copy(update={"file": change(vectors.file)})
        return old.model_copy(update={"file": change(old.file), "embedding": vectors})

    toml = perturb.splits.toml
    return perturb.model_copy(
        update={
            "data": tuple(cells(each) for each in perturb.data),
            "features": tuple(feature(each) for each in perturb.features),
            "splits": perturb.splits.model_copy(update={"toml": None if toml is None else change(toml)}),
            "out": None if perturb.out is None else change(perturb.out),
        }
    )


def _map_tls(tls: TlsConfig, change: Callable[[Path], Path]) -> TlsConfig:
    files = {"ca": tls.ca, "cert": tls.cert, "key": tls.key}
    return tls.model_copy(update={key: change(path) for key, path in files.items() if path is not None})


def _absolute(base: Path, text: str) -> Path:
    return Path(os.path.normpath(base / os.path.expanduser(text)))


def _model_path(model: Checkpoint, base: Path, key: KeyPath, source: ConfigSource, tuned: Path | None) -> str:
    directory = _absolute(base, model.path)
    if directory.is_dir() or tuned in directory.parents:
        return str(directory)
    if model.path.startswith(("./", "../", "/", "~")) or model.path in (".", ".."):
        raise source.error((*key, "path"), f"no such model directory: {directory}")
    if not _HUB_ID.fullmatch(model.path):
        raise source.error(
            (*key, "path"),
            f"no such model directory: {directory} (and no hub id: those are organisation/model)",
        )
    if model.trust_remote_code and not _COMMIT.fullmatch(model.revision or ""):
        raise source.error(
            (*key, "trust_remote_code"),
            f"code of {model.path} runs only at a pinned revision: set `revision:` to a 40-digit hash",
        )
    return model.path
