"""Whether the tensors of a checkpoint are those of the model that its config describes."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from seqbench.errors import ModelError
from seqbench.models.adapter import NOT_RUN
from seqbench.models.limits import text_config

WRAPPERS = {"module.": "DistributedDataParallel", "_orig_mod.": "torch.compile"}
"""What puts a prefix before the names of a model's tensors when its wrapper is saved instead of the model."""

NAMED_KEYS = 3
"""More keys of a config than this that hold a number tell nothing of which is wrong."""


def check_weights(
    where: str, model: Any, bare: Any, info: dict[str, Any], *, blocks: int, config: Any
) -> None:
    """See that no tensor is made up, cut, or left out that hidden states depend on.

    Args:
        where: The model and its folder, for messages.
        model: As it was loaded.
        bare: The part of it without a head.
        info: What transformers says of the loading, with tensors of another shape left as they were drawn.
        blocks: How many the config tells of.
        config: The model's.

    Raises:
        ModelError: A tensor has another shape than the model, is missing, or belongs to a block that the
            config does not tell of.
    """
    start = "" if bare is model else f"{model.base_model_prefix}."
    _check_shapes(where, info.get("mismatched_keys", ()), start, config)
    lacking = sorted(_of_bare(info["missing_keys"], start, config))
    extra = _run(info["unexpected_keys"], config)
    if lacking:
        raise ModelError(
            f"{where} {_why_missing(lacking, extra, model.base_model_prefix, type(bare).__name__)}"
        )
    if beyond := [key for key in extra if _block(key) >= blocks]:
        raise ModelError(
            f"{where} hold more than the {blocks} blocks that its config.json tells of "
            f"(first: {min(beyond)}; correct num_hidden_layers)"
        )


def _check_shapes(where: str, mismatched: Iterable[tuple[str, Any, Any]], start: str, config: Any) -> None:
    """Of each the name, the shape in the file and that of the model, as transformers gives them."""
    shapes = {key: (tuple(in_file), tuple(by_config)) for key, in_file, by_config in mismatched}
    wrong = sorted(key for key in shapes if _of_bare([key], start, config))
    if not wrong:
        return
    # A tensor that differs in one number tells best which key of the config is wrong.
    key = min(wrong, key=lambda each: (_differing(*shapes[each]), each))
    in_file, by_config = shapes[key]
    more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
    raise ModelError(
        f"{where} do not fit its config.json: {key} is {_shape(in_file)}, by the config {_shape(by_config)}"
        f"{more} ({_advice(in_file, by_config, config)})"
    )


def _differing(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    return sum(a != b for a, b in zip(one, other, strict=False)) + 9 * abs(len(one) - len(other))


def _shape(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape))


def _advice(in_file: tuple[int, ...], by_config: tuple[int, ...], config: Any) -> str:
    numbers = {
        name: value
        for part in (config, text_config(config))
        for name, value in part.to_dict().items()
        if isinstance(value, int) and not isinstance(value, bool)
    }
    for found, said in zip(in_file, by_config, strict=False):
        keys = sorted(name for name, value in numbers.items() if value == said)
        if found != said and 0 < len(keys) <= NAMED_KEYS:
            return f"correct {' or '.join(keys)}: {said} where the weights have {found}"
    return "take weights and config.json of one model"


def _why_missing(lacking: list[str], extra: list[str], base: str, kind: str) -> str:
    """Tell tensors that lie under another name from such as are not there."""
    names, prefixes = frozenset(lacking), Counter[str]()
    for key in extra:
        parts = key.split(".")
        for at in range(1, len(parts)):
            if ".".join(parts[at:]) in names:
                prefixes[".".join(parts[:at]) + "."] += 1
                break
    if prefixes:
        ((prefix, _),) = prefixes.most_common(1)
        prefix = prefix.removesuffix(f"{base}.") or prefix
        count = sum(key.startswith(prefix) for key in extra)
        by = f", as {WRAPPERS[prefix]} names them" if prefix in WRAPPERS else ""
        return (
            f"have other names than a {kind}: {count} tensors lie under `{prefix}`{by} (save the model "
            f"itself, or take `{prefix}` from the start of every name)"
        )
    if nested := next((key for key in extra if key in ("state_dict", "model", "model_state_dict")), None):
        return (
            f"lie under the key {nested!r} of a training's checkpoint (load it with torch, and save that "
            "part by the model's save_pretrained)"
        )
    return f"lack {len(lacking)} tensors of a {kind} (first: {lacking[0]}), which would be random numbers"


def _of_bare(keys: Iterable[str], start: str, config: Any) -> list[str]:
    """Names within the bare model of what hidden states pass through."""
    bare = (key.removeprefix(start) for key in _run(keys, config) if key.startswith(start))
    return [key for key in bare if not key.startswith(NOT_RUN)]


def _run(keys: Iterable[str], config: Any) -> list[str]:
    """The names of tensors without those of a decoder that does not run."""
    return [key for key in keys if not (config.is_encoder_decoder and key.startswith("decoder."))]


def _block(key: str) -> int:
    """The number of the block that a tensor is of; -1 where its name holds none."""
    return next((int(part) for part in key.split(".")[1:-1] if part.isdecimal()), -1)
