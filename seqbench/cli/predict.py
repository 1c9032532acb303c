"""`seqbench probe predict`: scores of new sequences or embeddings by a trained head."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqbench.cli.options import Overrides, load, reporter
from seqbench.errors import ConfigError, ModelNotFoundError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seqbench.config import ModelConfig
    from seqbench.core.progress import Reporter
    from seqbench.predict import SavedHead


def predict(
    head: Annotated[
        Path,
        typer.Argument(
            metavar="HEAD",
            help="A trained head that probe.save_heads left (.safetensors), or the folder of a "
            "fine-tuned model.",
        ),
    ],
    given: Annotated[
        str,
        typer.Argument(
            metavar="INPUT",
            help="Sequences (.jsonl, .fasta), embeddings (.npy, .pt, .parquet), or a split in a store "
            "(STORE/model/dataset/test).",
        ),
    ],
    out: Annotated[Path, typer.Option(help="File to write: .tsv, .jsonl, .parquet or .npy.")],
    model: Annotated[
        str | None, typer.Option(metavar="PATH", help="Where the head's model is now: a directory or hub id.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(metavar="CONFIG", help="A config that says where the head's model is.")
    ] = None,
    revision: Annotated[str | None, typer.Option(help="Commit, tag or branch of a hub id.")] = None,
    adapter: Annotated[Path | None, typer.Option(help="Where the model's LoRA adapter is now.")] = None,
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="Run Python code shipped with the model.")
    ] = False,
    requires: Annotated[
        str | None, typer.Option(metavar="PACKAGE", help="Package that adds the model to transformers.")
    ] = None,
    attention: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also write the weight that each letter got, as .tsv."),
    ] = None,
    set_: Overrides = None,
) -> None:
    """Score new sequences or embeddings with a trained head or a fine-tuned model.

    Sequences are embedded as those were that it was trained on, by the same weights.
    """
    from seqbench.predict import check_format, needs_model
    from seqbench.predict import load as load_head
    from seqbench.predict import predict as score

    check_format(out)
    told = reporter()
    if head.is_dir():
        others = {"--model": model, "--config": config, "--revision": revision, "--adapter": adapter,
                  "--requires": requires, "--set": set_}  # fmt: skip
        if given_too := next((name for name, value in others.items() if value), None):
            raise ConfigError(f"{head}: {given_too} does not go with a fine-tuned model, which knows its own")
        _with_finetuned(head, given, out, told, trust_remote_code=trust_remote_code)
        return
    saved = load_head(head)
    options = {
        "path": model,
        "revision": revision,
        "adapter": adapter and str(adapter.absolute()),
        "trust_remote_code": trust_remote_code or None,
        "requires": requires,
    }
    changed = {key: value for key, value in options.items() if value is not None}
    entry: ModelConfig | None = None
    if config is not None:
        entry = _from_config(saved, head, config, set_, changed, told)
    elif set_:
        raise ConfigError("--set goes with --config")
    elif needs_model(given):
        entry = _as_recorded(saved, head, changed)
    count = score(saved, head, given, out, entry, told, attention=attention)
    told.note(f"{count:,} items scored: {out}")


def _with_finetuned(
    folder: Path, given: str, out: Path, told: "Reporter", *, trust_remote_code: bool
) -> None:
    from seqbench.predict.finetuned import predict_finetuned

    count, files = predict_finetuned(folder, given, out, told, trust_remote_code=trust_remote_code)
    told.note(f"{count:,} items scored: {', '.join(map(str, files))}")


def _as_recorded(saved: "SavedHead", head: Path, changed: dict[str, Any]) -> "ModelConfig | None":
    """The model's entry as the head has it, with what the command line says instead."""
    from seqbench.cli.one_model import config_of
    from seqbench.config.model_kinds import FROM_FILES

    origin = saved.origin
    identity = origin.model
    if identity.kind in FROM_FILES:
        return None
    entry: dict[str, Any] = {"kind": identity.kind, "name": identity.name, **origin.parameters}
    if identity.path is not None:
        entry |= {"path": identity.path, "dtype": origin.embedding.get("dtype", "float32")}
        if "path" not in changed:
            entry["revision"] = identity.revision
            _check_there(identity.path, head)
        entry |= changed
    elif changed:
        raise ConfigError(f"{head}: was trained on {identity.name}, which has no files: leave out --model")
    return config_of(entry, str(head)).models[0]


def _check_there(path: str, head: Path) -> None:
    if Path(path).is_absolute() and not Path(path).is_dir():
        raise ModelNotFoundError(
            f"{head}: its model was in {path}, which is gone (say with --model where it is)"
        )


def _from_config(
    saved: "SavedHead",
    head: Path,
    config: Path,
    overrides: "Sequence[str] | None",
    changed: dict[str, Any],
    told: "Reporter",
) -> "ModelConfig":
    """The entry of the head's model in a config; further poolings have their model's name before an @."""
    if changed:
        option = f"--{next(iter(changed)).replace('path', 'model').replace('_', '-')}"
        raise ConfigError(
            f"{config}: {option} does not go with --config (a config says it itself, or use --set)"
        )
    models = {model.name: model for model in load(config, overrides, told).models}
    name = saved.origin.model.name
    pooling = f"@{saved.origin.embedding.get('pooling')}"
    found = models.get(name) or models.get(name.removesuffix(pooling))
    if found is None:
        raise ConfigError(
            f"{config}: has no model {name!r}, on which {head} was trained (it has {', '.join(models)})"
        )
    return found
