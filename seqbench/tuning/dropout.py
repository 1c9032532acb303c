"""The dropout within a model, set to one probability wherever its code looks for it."""

from typing import Any

from torch import nn

from seqbench.errors import ModelError

_NOT_OF_VALUES = ("layer", "classifier", "head", "summary", "token")
"""Parts of names that stand for something else: whole layers that are dropped, heads, masked tokens."""


def set_dropout(model: nn.Module, probability: float, name: str) -> None:
    """Set every dropout module, and every attribute that a functional dropout reads.

    The checkpoint's config keeps its own numbers, so a saved model has the dropout that it came with.

    Args:
        model: Whose modules are changed.
        probability: From 0 to below 1.
        name: For messages.

    Raises:
        ModelError: The model has no dropout, and one above 0 is asked for.
    """
    n_found = 0
    for module in model.modules():
        if isinstance(module, nn.modules.dropout._DropoutNd):
            module.p, n_found = probability, n_found + 1
            continue
        for attribute, value in vars(module).items():
            if _is_dropout(attribute, value):
                setattr(module, attribute, probability)
                n_found += 1
    if not n_found and probability:
        raise ModelError(f"model {name!r}: has no dropout that encoder_dropout could set (set it to null)")


def _is_dropout(attribute: str, value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    named = "dropout" in attribute and not any(part in attribute for part in _NOT_OF_VALUES)
    return is_number and named
