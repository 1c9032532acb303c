"""A small transformer by hand, sound as it stands, in which faults can be planted one at a time."""

from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from seqbench.core.identity import ModelIdentity
from seqbench.models.base import EmbedOptions
from seqbench.models.transformer import Transformer
from tests.tiny import LETTERS, SPECIALS, letter_tokenizer

WIDTH = 16


class Block(nn.Module):
    """Adds to each token the mean of all real tokens, through a linear layer."""

    def __init__(self, fault: str) -> None:
        super().__init__()
        self.mix = nn.Linear(WIDTH, WIDTH)
        self.fault = fault

    def forward(self, hidden_states: Tensor, mask_BT: Tensor) -> Tensor:
        weights = torch.ones_like(mask_BT) if self.fault == "padding leaks" else mask_BT
        mean_B1H = (hidden_states * weights[..., None]).sum(1, keepdim=True) / weights.sum(1)[:, None, None]
        if self.fault == "batch leaks":
            mean_B1H = mean_B1H.mean(0, keepdim=True)
        change = self.mix(hidden_states + mean_B1H)
        if self.fault == "dropout":
            change = functional.dropout(change, 0.1, training=True)
        return change if self.fault == "blocks return changes" else hidden_states + change


class Planted(nn.Module):
    """Three blocks; `fault` names what is wrong with them."""

    def __init__(self, fault: str = "") -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embed = nn.Embedding(len(SPECIALS) + len(LETTERS), WIDTH)
        self.places = nn.Embedding(56 if fault == "short table" else 128, WIDTH)
        self.blocks = nn.ModuleList([Block(fault) for _ in range(3)])
        self.fault = fault
        if fault == "NaN weights":
            self.blocks[1].mix.weight.data[0, 0] = torch.nan

    def get_input_embeddings(self) -> nn.Embedding:
        return self.embed

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, output_hidden_states: bool = False
    ) -> Any:
        places = self.places(torch.arange(input_ids.shape[1]))
        mask_BT = (torch.ones_like(input_ids) if attention_mask is None else attention_mask).to(
            self.embed.weight
        )
        states = [self.embed(input_ids) + places]
        for block in self.blocks:
            output = block(states[-1], mask_BT)
            states.append(states[-1] + output if self.fault == "blocks return changes" else output)
        return Output(states)


class Output(tuple[Tensor, ...]):
    """The last hidden state by place, all of them by name."""

    hidden_states: tuple[Tensor, ...]

    def __new__(cls, states: list[Tensor]) -> "Output":
        made = super().__new__(cls, (states[-1],))
        made.hidden_states = tuple(states)
        return made


def planted(fault: str = "", *, width: int = WIDTH, tokenizer: Any = None, **options: Any) -> Transformer:
    """The model behind the engine, as loading it would give."""
    return behind_engine(Planted(fault), n_layers=4, width=width, tokenizer=tokenizer, **options)


def behind_engine(
    model: nn.Module,
    *,
    n_layers: int,
    width: int,
    tokenizer: Any = None,
    max_length: int = 64,
    dtype: str = "float32",
    **options: Any,
) -> Transformer:
    """Any model as loading it would give, with a tokenizer of letters."""
    identity = ModelIdentity(
        name="planted",
        kind="huggingface",
        path=None,
        revision=None,
        fingerprint="f",
        n_layers=n_layers,
        hidden=width,
    )
    return Transformer(
        model=model.eval(),
        tokenizer=tokenizer or letter_tokenizer(specials_around=True, max_length=max_length),
        config=getattr(model, "config", SimpleNamespace()),
        identity=identity,
        options=EmbedOptions(**options),
        dtype=dtype,
    )
