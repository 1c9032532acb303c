"""LoRA adapters, put into a model by peft."""

import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from torch import nn

from seqbench.errors import ModelError
from seqbench.training.randomness import seeded
from seqbench.tuning.reach import Reach, pattern_of, patterns_of
from seqbench.tuning.settings import LoraSettings

STATE_SPACE = frozenset({"falcon_h1", "mamba", "mamba2", "falcon_mamba", "nemotron_h"})
REFUSED = frozenset({"out_proj", "conv1d"})
"""Kinds of models, and their modules, that peft gives no adapters (0.21, `_check_lora_target_modules_mamba`):
the fused kernels of state-space models use these weights directly."""


def add_adapters(
    model: Any, settings: LoraSettings, reach: Reach, name: str, *, seed: int, note: Callable[[str], None]
) -> Any:
    """Put adapters into a model, whose own weights are not trained any more.

    Args:
        model: The bare model.
        settings: Which adapters.
        reach: What is worth training; weights of early blocks are taken out.
        name: For messages.
        seed: Of the adapters' first weights.
        note: Told which modules got one, and which did not and why.

    Returns:
        The `peft.PeftModel`.

    Raises:
        ModelError: peft is missing, or a name fits no module that training reaches.
    """
    try:
        from peft import LoraConfig, get_peft_model
    except ImportError as error:
        raise ModelError(f"model {name!r}: LoRA needs peft (pip install seqbench[lora])") from error
    named = dict(model.named_modules())
    targets = _targets(model, settings, reach, name, note)
    saved = _named(settings.modules_to_save, list(named), f"model {name!r}: lora.modules_to_save")
    config = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,  # type: ignore[arg-type]  # any number will do
        lora_dropout=settings.dropout,
        target_modules=targets,
        modules_to_save=saved or None,
        fan_in_fan_out=any(not isinstance(named[target], nn.Linear) for target in targets),
    )
    with seeded(next(model.parameters()).device, seed), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft asks by a name that transformers gives up
        return get_peft_model(model, config)


def _targets(
    model: Any, settings: LoraSettings, reach: Reach, name: str, note: Callable[[str], None]
) -> list[str]:
    """The linear maps that get adapters."""
    refused = REFUSED if getattr(model.config, "model_type", None) in STATE_SPACE else frozenset()
    able = [each for each in reach.linear if each.rpartition(".")[2] not in refused]
    late = [each for each in able if f"{each}.weight" not in reach.early]
    if settings.targets == "auto":
        found = late
    else:
        found = _named(settings.targets, late, f"model {name!r}: lora.targets")
    if not found:
        raise ModelError(f"model {name!r}: there is no linear map that LoRA could train (set encoder: full)")
    note(f"{name}: LoRA of rank {settings.rank} on {patterns_of(found)}")
    reasons = {
        "peft has none for them in state-space models": [each for each in reach.linear if each not in able],
        "the last hidden states get no gradient through them": list(reach.other_linear),
        "the config keeps their blocks as they are": [each for each in able if each not in late],
    }
    for reason, names in reasons.items():
        if names and settings.targets == "auto":
            note(f"{name}: no adapter on {patterns_of(names)}: {reason}")
    return found


def _named(wanted: Sequence[str], names: Sequence[str], key: str) -> list[str]:
    """The names that end with one of those wanted.

    Raises:
        ModelError: One fits none.
    """
    found: dict[str, None] = {}
    for want in wanted:
        fitting = called_so(want, names)
        if not fitting:
            raise ModelError(f"{key}: {want!r} names no part that is trained (there are {ends_of(names)})")
        found |= dict.fromkeys(fitting)
    return list(found)


def called_so(want: str, names: Iterable[str]) -> list[str]:
    """The modules whose path is, or ends with, a name."""
    return [name for name in names if name == want or name.endswith(f".{want}")]


def ends_of(names: Iterable[str]) -> str:
    """What modules may be named by, for messages: the ends of their paths behind any number, each once."""
    return ", ".join(sorted({pattern_of(name).rpartition("*.")[2] for name in names if name}))
