"""How many tokens a model takes at once: what its tables of positions allow, and what it was made for."""

import re
from collections.abc import Iterator
from typing import Any, Literal

from seqbench.errors import ModelError

HUGE = 10**7
"""transformers writes 1e30 for 'no limit'; nothing real comes near this."""

MADE_FOR = ("max_position_embeddings", "n_positions", "max_seq_len", "max_sequence_length")
"""Keys of a config that say for how many tokens a model was made."""

_POSITIONS = re.compile(r"(wpe|pe|([a-z]+_)?pos(ition(al|s)?)?(_[a-z]+)?)", re.ASCII)
"""What tables of positions are called: position_embeddings, wpe, embed_positions, pos_embedding, pe, …"""

_NO_TABLE = re.compile(r"rel|bias|rotary|rope|_ids?|_type|mask")
"""Relative positions are clamped to their table, rotary ones are computed: neither ends."""


def token_limit(tokenizer: Any, config: Any, model: Any, asked: int | Literal["auto", "whole"]) -> int | None:
    """Find the most tokens of one window, special tokens included; None where nothing limits it.

    Args:
        tokenizer: Its `model_max_length` says what the model was made for.
        config: Of transformers, or of custom code; so does this.
        model: What will run (of an encoder-decoder, the encoder); its tables of positions can't be exceeded.
        asked: `auto` takes the smallest of all that is known; `whole` only heeds tables; a number may exceed
            what the model was made for, but no table.

    Raises:
        ModelError: More was asked for than a table of positions holds.
    """
    table = position_limit(model)
    if asked == "whole":
        return table
    if asked == "auto":
        known = [*made_for(tokenizer, config), *([] if table is None else [table])]
        return min(known, default=None)
    if table is not None and asked > table:
        raise ModelError(
            f"the model takes {table} tokens at most, extract.max_tokens is {asked} (lower it, or set auto)"
        )
    return asked


def made_for(tokenizer: Any, config: Any) -> list[int]:
    """The lengths in tokens that tokenizer and config state."""
    text = text_config(config)
    stated = [getattr(tokenizer, "model_max_length", None)]
    stated += [getattr(part, key, None) for part in (config, text) for key in MADE_FOR]
    # Some write infinity, which no int holds; some write -1 for none.
    return [int(limit) for limit in stated if isinstance(limit, int | float) and 0 < limit < HUGE]


def text_config(config: Any) -> Any:
    """The part of a composite config that tells of what runs; of an encoder-decoder, the encoder's.

    transformers' `get_text_config` gives T5Gemma's decoder, which may be deeper or wider.
    """
    is_of_encoder = getattr(config, "is_encoder_decoder", False) or any(
        name.endswith("EncoderModel") for name in getattr(config, "architectures", None) or ()
    )
    if is_of_encoder and hasattr(getattr(config, "encoder", None), "get_text_config"):
        config = config.encoder
    return config.get_text_config() if hasattr(config, "get_text_config") else config


def position_limit(model: Any) -> int | None:
    """Tokens that the shortest of a model's tables of absolute positions has room for; None without one."""
    return min((limit for limit in _tables(model)), default=None)


def _tables(model: Any) -> Iterator[int]:
    import torch

    for path, module in model.named_modules():
        if isinstance(module, torch.nn.Embedding) and _is_positions(path):
            parent = model.get_submodule(path.rpartition(".")[0])
            yield _embedding_limit(module, getattr(parent, "position_ids", None))
    tensors = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    for path, tensor in tensors.items():
        if _is_positions(path) and tensor.squeeze().ndim == 2:
            yield int(tensor.squeeze().shape[0])


def _is_positions(path: str) -> bool:
    name = path.rpartition(".")[2]
    return bool(_POSITIONS.fullmatch(name)) and not _NO_TABLE.search(name)


def _embedding_limit(table: Any, positions: Any) -> int:
    """Rows of a table that are for positions of tokens.

    RoBERTa and its kin count from padding_idx + 1; OPT and BART keep `offset` rows free; Nystromformer shows
    by its `position_ids` alone that it uses fewer.
    """
    first = 0 if table.padding_idx is None else table.padding_idx + 1
    limit = int(table.num_embeddings) - max(first, int(getattr(table, "offset", 0)))
    return limit if positions is None else min(limit, int(positions.shape[-1]))
