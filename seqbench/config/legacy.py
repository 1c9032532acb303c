"""The reference system's flat config files, turned into the form of the schema.

Where a key is absent, seqbench's default holds. Two things keep the reference's numbers: the MLP of a flat
config trains on embeddings as they are (no standardisation), and the last epoch is kept; whether its model is
saved as well is what `save_last_epoch_model` says.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from seqbench.config.flat_keys import FLAT_KEYS, RESPELT
from seqbench.config.problems import ConfigSource, close_match, either, shown
from seqbench.config.schema import Config
from seqbench.config.yaml_file import KeyPath

_HEADS = {"MLP": "mlp", "XGB": "xgb", "RF": "forest"}


@dataclass(frozen=True, slots=True, kw_only=True)
class FlatConfig:
    """A flat config in the form of the schema."""

    data: dict[str, Any]
    """What the schema validates."""
    origin: dict[KeyPath, str]
    """The flat key behind each key of the schema."""
    unused: tuple[str, ...]
    """Keys it holds that have no effect, in the file's order."""


def is_flat(data: Mapping[str, Any]) -> bool:
    """Tell whether a config is the reference system's: at least one of its keys, and no key of the schema."""
    return any(key in FLAT_KEYS for key in data) and not any(key in Config.model_fields for key in data)


def from_flat(data: Mapping[str, Any], source: ConfigSource) -> FlatConfig:
    """Turn a flat config into the form of the schema.

    Args:
        data: The flat config. A key that is null counts as absent; numbers may be given as text.
        source: Where its keys are, for error lines.

    Raises:
        ConfigError: An unknown key, no model, or a value that has no counterpart.
    """
    _refuse_unknown([key for key in data if key not in FLAT_KEYS], source)
    given = {key: value for key, value in data.items() if value is not None}
    for right, wrong in RESPELT.items():
        if right in given and given.get(wrong, given[right]) != given[right]:
            raise source.error((right,), f"and {wrong} differ; keep one of them")
    model, origin = _model(given, source)
    result: dict[str, Any] = {"models": [model]}
    origin |= {
        target: key
        for key, target in FLAT_KEYS.items()
        if target is not None and key in _USED and (key in given or key not in RESPELT)
    }
    for key, convert in _CONVERTED.items():
        target = FLAT_KEYS[key]
        if target is not None and key in given:
            _put(result, target, _converted(convert, key, given[key], source))
    if "eval_result_path" in given:
        origin["catalog",] = "eval_result_path"
        result["catalog"] = _inside(given["eval_result_path"], "catalog.duckdb")
    results = given.get("eval_result_path", "report")
    if _converted(_switch, "save_last_epoch_model", given.get("save_last_epoch_model", False), source):
        _put(result, ("probe", "save_heads"), _inside(results, "heads"))
    _put(result, ("probe", "mlp", "standardize"), False)
    _put(result, ("probe", "choose_epoch"), "last")
    used = {*_USED, *(flat for path, flat in origin.items() if path[0] == "models")}
    return FlatConfig(data=result, origin=origin, unused=tuple(key for key in given if key not in used))


def _refuse_unknown(keys: list[str], source: ConfigSource) -> None:
    if keys:
        near = close_match(keys[0], FLAT_KEYS)
        means = f"did you mean {near}?" if near else f"known here: {', '.join(FLAT_KEYS)}"
        more = f" (and {len(keys) - 1} more)" if len(keys) > 1 else ""
        raise source.error((keys[0],), f"unknown key; {means}{more}")


def _model(given: Mapping[str, Any], source: ConfigSource) -> tuple[dict[str, Any], dict[KeyPath, str]]:
    if "model_path" in given:
        return {"kind": "huggingface", "path": given["model_path"]}, {("models", 0): "model_path"}
    if "model_name" not in given:
        raise source.error(
            ("model_path",), "is missing (or model_name and num_layers for embeddings from files)"
        )
    for key in ("num_layers", "embedding_output_dir"):
        if key not in given:
            raise source.error(
                (key,), "is missing: with model_name and no model_path, embeddings come from files"
            )
    model = {
        "kind": "precomputed",
        "path": _inside(given["embedding_output_dir"], str(given["model_name"])),
        "n_layers": _number(given["num_layers"]),
        "name": given["model_name"],
    }
    return model, {
        ("models", 0): "model_name",
        ("models", 0, "path"): "embedding_output_dir",
        ("models", 0, "n_layers"): "num_layers",
    }


def _put(result: dict[str, Any], path: KeyPath, value: Any) -> None:
    section = result
    for part in path[:-1]:
        section = section.setdefault(str(part), {})
    section[str(path[-1])] = value


def _converted(convert: Callable[[Any], Any], key: str, value: Any, source: ConfigSource) -> Any:
    try:
        return convert(value)
    except ValueError as error:
        raise source.error((key,), str(error)) from None


def _as_is(value: Any) -> Any:
    return value


def _number(value: Any) -> Any:
    """A number given as text becomes one; what is none is left to the schema to refuse."""
    if not isinstance(value, str):
        return value
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    return value


def _listed(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def _layers(value: Any) -> Any:
    return "all" if value == "all" else [_number(layer) for layer in _listed(value)]


def _gpus(value: Any) -> Any:
    return "all" if value == "all" else [_number(gpu) for gpu in _listed(value)]


def _heads(value: Any) -> list[str]:
    if str(value).upper() not in _HEADS:
        raise ValueError(f"must be {either(_HEADS)}, got {shown(value)}")
    return [_HEADS[str(value).upper()]]


def _combine(value: Any) -> str:
    choice = {1: "concat", 0: "mean"}.get(_number(value)) if isinstance(value, int | str) else None
    if choice is None:
        raise ValueError(f"must be 1 (concatenate) or 0 (average), got {shown(value)}")
    return choice


def _switch(value: Any) -> bool:
    """A switch given as text is one too."""
    known = {"true": True, "false": False}
    found = known.get(str(value).lower()) if isinstance(value, bool | str) else None
    if found is None:
        raise ValueError(f"must be true or false, got {shown(value)}")
    return found


def _inside(directory: Any, name: str) -> Any:
    return f"{directory.rstrip('/')}/{name}" if isinstance(directory, str) and directory else directory


_CONVERTED: dict[str, Callable[[Any], Any]] = {
    "dataset_path": _as_is,
    "datasets_feature_path": _as_is,
    "eval_datasets": _listed,
    "gpu_list": _gpus,
    "layer_to_eval": _layers,
    "process_power_per_gpu": _number,
    "embedding_process_power": _number,
    "eval_process_power": _number,
    "embedding_extract_split": _number,
    "embedding_output_dir": lambda directory: _inside(directory, "embeddings.zarr"),
    "classifer_type": _heads,
    "classifier_type": _heads,
    "mlp_dropout": _number,
    "mlp_lr": _number,
    "mlp_epochs": _number,
    "rf_n_estimators": _number,
    "xgb_n_estimators": _number,
    "xgb_eval_metric": _as_is,
    "xgb_learning_rate": _number,
    "xgb_max_depth": _number,
    "pooled_embeddings_cat_dim": _combine,
    "eval_result_path": _as_is,
    "target_best_table": _listed,
    "target_layer_line_figure": _listed,
    "wandb_report": _switch,
    "wandb_project": _as_is,
    "wandb_entity": _as_is,
    "wandb_online": lambda online: "online" if _switch(online) else "offline",
    "seed": lambda seed: [_number(seed)],
}
_USED = {*_CONVERTED, "save_last_epoch_model"}
"""Keys that have an effect; a head's file lies beside the results, so its key needs theirs."""
