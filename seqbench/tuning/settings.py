"""How much of a model is trained, and by which means."""

from dataclasses import dataclass
from typing import Literal

Method = Literal["full", "lora"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoraSettings:
    """Low-rank adapters, as peft has them (Hu et al. 2021, https://arxiv.org/abs/2106.09685)."""

    rank: int = 8
    """Inner width of an adapter's two matrices."""
    alpha: float = 16.0
    """An adapter's product is multiplied with alpha / rank."""
    dropout: float = 0.0
    """Share of an adapter's inputs that is dropped in training."""
    targets: Literal["auto"] | tuple[str, ...] = "auto"
    """Linear maps that get one: all that the hidden states depend on, or those with these names (the last
    parts of their paths, such as `query` or `attention.self.query`)."""
    modules_to_save: tuple[str, ...] = ()
    """Modules, named in the same way, that are trained whole beside the adapters, such as norms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningSettings:
    """What of a model is trained."""

    method: Method
    lora: LoraSettings = LoraSettings()
    freeze_blocks: int = 0
    """First blocks that stay as they are, with all that runs before them, such as embeddings."""
    gradient_checkpointing: bool = False
    """Whether blocks are computed again in the backward pass instead of kept, which saves memory."""
    encoder_dropout: float | None = None
    """Probability of all dropout within the model; None: the checkpoint's own."""
