"""Saying what of a model is trained: all of it, its later blocks, or adapters beside its weights.

model = open_encoder(source, "dna")
prepare(model, TuningSettings(method="lora"), seed=1, note=print)
"""

from collections.abc import Callable
from typing import Any

from torch import nn

from seqbench.errors import ModelError
from seqbench.models.batches import pad
from seqbench.models.tap import last_state
from seqbench.tuning.dropout import set_dropout
from seqbench.tuning.lora import add_adapters
from seqbench.tuning.reach import Reach, find_reach, patterns_of
from seqbench.tuning.settings import TuningSettings
from seqbench.tuning.trainable import TrainableModel


def prepare(
    model: TrainableModel, settings: TuningSettings, *, seed: int, note: Callable[[str], None]
) -> TrainableModel:
    """Get a model ready to be trained, once.

    Of a language model the head is trained with `full`; with `lora` it stays as it is, unless
    `modules_to_save` names it.

    Args:
        model: As it was opened.
        settings: What is trained.
        seed: Of the adapters' first weights.
        note: Told what is trained, and what is not and why.

    Returns:
        The same model; weights that are not trained ask for no gradient.

    Raises:
        ModelError: It can't be trained as the settings say.
    """
    reach = _reach(model, settings)
    name = model.identity.name
    if settings.encoder_dropout is not None:
        set_dropout(model.encoder, settings.encoder_dropout, name)
    if settings.gradient_checkpointing:
        _checkpoint_blocks(model.encoder, name)
    if settings.method == "lora":
        model.whole = add_adapters(model.whole, settings.lora, reach, name, seed=seed, note=note)
    else:
        _train_all(model, reach, note)
    if model.tried.state.switches:
        model.tried.state.note()
    return model


def _reach(model: TrainableModel, settings: TuningSettings) -> Reach:
    blocks, name = model.tried.tap.blocks or (), model.identity.name
    if settings.freeze_blocks > len(blocks):
        there = f"the model has {len(blocks)} blocks" if blocks else "the model's blocks can't be told"
        raise ModelError(f"model {name!r}: freeze_blocks is {settings.freeze_blocks}, but {there} (lower it)")
    tokens = model.tokens(overlong="truncate", stride=None)
    inputs = model.inputs(*pad(tokens.windows([tokens.example]).ids[:1], model.pad_id))
    return find_reach(
        model.whole, lambda: last_state(model.encoder(**inputs)), blocks, settings.freeze_blocks
    )


def _train_all(model: TrainableModel, reach: Reach, note: Callable[[str], None]) -> None:
    """Train every weight that is reached, and of a language model its head."""
    name = model.identity.name
    bare: nn.Module = model.bare.base_model if model.is_language_model else model.whole
    base = {id(weight) for weight in bare.parameters()}
    still = []
    for path, weight in model.whole.named_parameters():
        is_reached = path in reach.weights or id(weight) not in base
        weight.requires_grad_(is_reached and path not in reach.early)
        if not is_reached:
            still.append(path)
    if still:
        note(f"{name}: not trained, as the last hidden states do not depend on them: {patterns_of(still)}")
    if not model.n_trained:
        raise ModelError(f"model {name!r}: no weight would be trained (lower freeze_blocks)")


def _checkpoint_blocks(encoder: Any, name: str) -> None:
    if not getattr(encoder, "supports_gradient_checkpointing", False):
        raise ModelError(
            f"model {name!r}: its code can't compute blocks again (set gradient_checkpointing: false)"
        )
    enable = getattr(encoder, "activation_checkpointing_enable", None)
    if enable is None:  # as older versions of transformers call it; newer ones warn of it
        enable = encoder.gradient_checkpointing_enable
    enable({"use_reentrant": False})
