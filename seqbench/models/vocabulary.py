"""The table in which a model looks up its token ids: how many it has."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from seqbench.errors import ModelError
from seqbench.models.tap import FAULTS, Inputs


def embedded_ids(model: nn.Module, inputs: Inputs) -> int | None:
    """How many ids a model's input embedding has rows for.

    Where the model does not say which module it is, as Caduceus's base class, it is the one that is given the
    ids: the model is run once on ids of 0 and 1, which any table holds.

    Args:
        model: On its device.
        inputs: Arguments of its forward; their ids give shape and device.

    Returns:
        None where ids are looked up in no table, as CANINE's code points, which are hashed.
    """
    rows = _declared_rows(model)
    return _looked_up_rows(model, inputs) if rows is None else rows


def check_ids(ids: NDArray[np.integer[Any]], vocabulary: int | None, name: str) -> None:
    """See that an embedding has every id of some tokens.

    Args:
        ids: At least one, of any shape.
        vocabulary: How many the embedding has; None where it looks ids up in no table.
        name: The model's, for the message.

    Raises:
        ModelError: It lacks one: the tokenizer is another model's.
    """
    if vocabulary is not None and ids.max() >= vocabulary:
        raise ModelError(
            f"model {name!r}: its tokenizer makes id {ids.max()}, its embedding has only {vocabulary} "
            "(are tokenizer and model of one kind?)"
        )


def _declared_rows(model: Any) -> int | None:
    try:
        embedding = model.get_input_embeddings()
    except (NotImplementedError, AttributeError, KeyError, TypeError):
        return None
    rows = getattr(embedding, "num_embeddings", None)
    if rows is None:
        weight = getattr(embedding, "weight", None)
        rows = weight.shape[0] if isinstance(weight, Tensor) and weight.ndim == 2 else None
    return None if rows is None else int(rows)


def _looked_up_rows(model: nn.Module, inputs: Inputs) -> int | None:
    shape = inputs["input_ids"].shape
    ids_BT = torch.arange(shape[0] * shape[1], device=inputs["input_ids"].device).reshape(shape) ** 2 // 3 % 2
    found: list[int] = []

    def note(module: nn.Module, args: tuple[Any, ...]) -> None:
        if (
            args
            and isinstance(args[0], Tensor)
            and args[0].shape == shape
            and bool((args[0] == ids_BT).all())
        ):
            found.append(int(module.num_embeddings))  # type: ignore[arg-type]

    tables = [module for module in model.modules() if isinstance(module, nn.Embedding)]
    handles = [table.register_forward_pre_hook(note) for table in tables]
    try:
        model(**{**inputs, "input_ids": ids_BT})
    except FAULTS:
        pass
    finally:
        for handle in handles:
            handle.remove()
    return min(found, default=None)
