"""LoRA adapters saved by peft: found a place in a bare model, merged into its weights.

Adapters are mostly trained on a task model, whose names start with the attribute that holds the bare model
(`bert.encoder…`, `model.layers…`), and come with parts of its head. Hidden states need the bare model alone.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from seqbench.errors import ModelError, ModelNotFoundError, said

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"

PEFT_PREFIX = "base_model.model."
"""What peft puts before every name."""

NOT_RUN = ("pooler.", "contact_head.", "lm_head.")
"""Parts of bare models that hidden states do not pass through; task models often lack them."""

HEADS = ("lm_head", "classifier", "score", "qa_outputs", "classification_head")
"""What task models of transformers call their heads, where the bare model has no attribute of its own."""

WITHOUT_EFFECT = ("base_model_name_or_path", "revision", "inference_mode", "task_type", "peft_version")
"""Keys of an adapter's config that change no embedding."""


def check_adapter(folder: Path) -> None:
    """See that a folder is a LoRA adapter in safetensors.

    Raises:
        ModelNotFoundError: Files are missing.
        ModelError: It is another kind of adapter, or its weights are a pickle.
    """
    if not (folder / CONFIG).is_file():
        raise ModelNotFoundError(f"adapter {folder}: no {CONFIG} there (is it a folder saved by peft?)")
    if not (folder / WEIGHTS).is_file():
        if (folder / "adapter_model.bin").is_file():
            raise ModelError(
                f"adapter {folder}: adapter_model.bin is a pickle, which could run code: save it again with "
                "safe_serialization=True"
            )
        raise ModelNotFoundError(f"adapter {folder}: no {WEIGHTS} there")
    try:
        kind = json.loads((folder / CONFIG).read_text(encoding="utf-8"))["peft_type"]
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"adapter {folder}: {CONFIG} is no config of an adapter") from error
    if kind != "LORA":
        raise ModelError(f"adapter {folder}: it is of type {kind}, only LORA can be merged")


def base_of_adapter(folder: Path) -> tuple[str, str | None]:
    """The checkpoint that an adapter stands on, a folder or a hub repository, and its revision.

    Raises:
        ModelError: Its config names none, or it is no LoRA adapter in safetensors.
        ModelNotFoundError: Files are missing.
    """
    check_adapter(folder)
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        base, revision = config["base_model_name_or_path"], config.get("revision")
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise ModelError(f"adapter {folder}: {CONFIG} can't be read: {said(error)}") from error
    if not isinstance(base, str) or not base or not isinstance(revision, str | None):
        raise ModelError(f"adapter {folder}: its base_model_name_or_path names no base model (set it)")
    inside = folder / base
    return (str(inside.resolve()) if inside.is_dir() else base), revision


def adapter_settings(folder: Path) -> dict[str, Any]:
    """What an adapter's config says that matters; where its base lay when it was trained does not."""
    settings: dict[str, Any] = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    return {key: value for key, value in settings.items() if key not in WITHOUT_EFFECT}


def merge_adapter(model: Any, folder: Path) -> Any:
    """Merge an adapter into a model.

    Args:
        model: The bare model, in float32: an update is often smaller than the last digit of a bfloat16
            weight, so it must be added before weights are rounded.
        folder: As saved by peft, see `check_adapter`.

    Returns:
        The model, its weights changed in place.

    Raises:
        ModelError: peft is missing, or tensors of the adapter find no place in the model, or places that the
            adapter's config names get no tensor.
    """
    try:
        from peft import PeftConfig, PeftModel, set_peft_model_state_dict
    except ImportError as error:
        raise ModelError(f"adapter {folder}: this needs peft (pip install seqbench[lora])") from error
    from safetensors.torch import load_file

    config = PeftConfig.from_pretrained(str(folder))
    if getattr(config, "layer_replication", None):
        raise ModelError(f"adapter {folder}: it repeats layers of its base model, which can't be merged")
    tensors = {key.removeprefix(PEFT_PREFIX): value for key, value in load_file(folder / WEIGHTS).items()}
    prefix = _prefix(model, tensors, folder)
    inside = _inside(model, tensors, prefix, tuple(config.modules_to_save or ()))
    inside = _copy_whole(model, inside, prefix, folder)
    config.modules_to_save = None  # those of the bare model are copied by now
    holder = _hold(model, prefix)
    tuned = PeftModel(holder, config)
    result = set_peft_model_state_dict(tuned, {PEFT_PREFIX + key: value for key, value in inside.items()})
    _check_placed(result, prefix, folder)
    tuned.merge_and_unload(safe_merge=True)
    return model


def _prefix(model: Any, tensors: dict[str, Any], folder: Path) -> str:
    """What the names of the model's parts start with in the adapter; empty if nothing."""
    names = dict(model.named_modules())
    found: Counter[str] = Counter()
    paths = {key.split(".lora_")[0].removesuffix(".base_layer") for key in tensors if ".lora_" in key}
    for path in paths:
        parts = path.split(".")
        starts = [at for at in range(len(parts)) if ".".join(parts[at:]) in names]
        if starts:
            found[".".join(parts[: starts[0]])] += 1
    if not found:
        raise ModelError(
            f"adapter {folder}: none of its {len(tensors)} tensors has a place in {type(model).__name__} "
            f"(first: {min(tensors, default='-')}; was it trained on another model?)"
        )
    return found.most_common(1)[0][0]


def _inside(model: Any, tensors: dict[str, Any], prefix: str, saved: tuple[str, ...]) -> dict[str, Any]:
    """The tensors of the bare model. The rest belongs to a head or decoder above it, which does not run."""
    names = {name for name, _ in model.named_modules()}
    start = f"{prefix}." if prefix else ""
    inside = {}
    for key, tensor in tensors.items():
        top = key.removeprefix(start).split(".")[0]
        above = not key.startswith(start) or (not prefix and top in {*HEADS, *saved})
        if (above or top == "decoder") and top not in names:
            continue
        if key.startswith(start):
            inside[key] = tensor
    return inside


def _copy_whole(model: Any, tensors: dict[str, Any], prefix: str, folder: Path) -> dict[str, Any]:
    """Put tensors that are saved whole (biases, norms, embeddings) into the model; return the others."""
    import torch

    start = f"{prefix}." if prefix else ""
    own = dict(model.named_parameters(remove_duplicate=False))
    rest = {}
    for key, tensor in tensors.items():
        place = own.get(key.removeprefix(start))
        if place is None:
            rest[key] = tensor
        elif place.shape != tensor.shape:
            raise ModelError(
                f"adapter {folder}: {key} has shape {tuple(tensor.shape)}, the model's {tuple(place.shape)} "
                "(was its vocabulary extended? save the base model with it)"
            )
        else:
            with torch.no_grad():
                place.copy_(tensor)
    return rest


def _hold(model: Any, prefix: str) -> Any:
    """The model under the names that it had in training, which patterns in the adapter's config go by."""
    from torch import nn

    holder: Any = model
    for part in reversed(prefix.split(".") if prefix else []):
        outer: Any = nn.Module()
        outer.add_module(part, holder)
        holder = outer
    if prefix:  # peft asks for these when it translates tensors of older versions of transformers
        holder.config, holder.base_model_prefix = model.config, prefix
    return holder


def _check_placed(result: Any, prefix: str, folder: Path) -> None:
    start = PEFT_PREFIX + (f"{prefix}." if prefix else "")
    missing = [key for key in result.missing_keys if "lora_" in key]
    missing = [key for key in missing if not key.removeprefix(start).startswith(NOT_RUN)]
    for keys, what in ((result.unexpected_keys, "without a place in the model"), (missing, "too few")):
        if keys:
            first = min(keys).removeprefix(PEFT_PREFIX)
            raise ModelError(
                f"adapter {folder}: {len(keys)} tensors {what} (first: {first}; was it trained on another "
                "model?)"
            )
