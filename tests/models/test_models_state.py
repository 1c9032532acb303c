"""What a model keeps from one forward pass to the next does not reach later ones."""

import copy
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from torch import Tensor, nn

from seqbench.errors import ModelError
from seqbench.models.base import SequenceFacts
from seqbench.models.preflight import Verdict, certify
from seqbench.models.state import FreshState
from tests.models.planted_models import Planted, behind_engine
from tests.tiny import COMMON, LETTERS

FACTS = SequenceFacts(name="d", alphabet="dna", min_length=12, max_length=100)
SEQUENCES = ["ACGT" * 3, "GATTACA" * 11, "ACGTT" * 20, "CCGTA" * 5, "ACGTT" * 20]
"""A BigBird of blocks of 4 attends to all up to 28 tokens, sparsely above."""


def big_bird() -> Any:
    torch.manual_seed(0)
    config = transformers.BigBirdConfig(
        **COMMON,
        vocab_size=30,
        block_size=4,
        num_random_blocks=1,
        max_position_embeddings=128,
        pad_token_id=0,
    )
    model = transformers.AutoModel.from_config(config).eval()
    for parameter in model.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    return model


def test_long_sequences_after_short_ones_are_those_of_a_freshly_loaded_model() -> None:
    """BigBird of transformers 5.23 gives up sparse attention for good at its first short input."""
    model = big_bird()
    embedder = behind_engine(copy.deepcopy(model), n_layers=4, width=32, max_length=128).embedder(FACTS)
    embedded = embedder.embed(SEQUENCES, range(4))
    for row, sequence in enumerate(SEQUENCES):
        ids = torch.tensor([[2, *(4 + LETTERS.index(letter) for letter in sequence), 3]])
        with torch.no_grad():
            output = copy.deepcopy(model)(input_ids=ids, output_hidden_states=True)
        for layer, hidden in enumerate([*output.hidden_states[:-1], output.last_hidden_state]):
            expected = hidden[0, : ids.shape[1]].mean(0)  # blocks are given padding up to a multiple of 4
            np.testing.assert_allclose(embedded.layers[layer][row], expected, atol=1e-5)


def test_a_model_that_switches_by_length_gets_batches_of_one_length_and_a_certificate() -> None:
    embedder = behind_engine(big_bird(), n_layers=4, width=32, max_length=128).embedder(FACTS)
    assert embedder.forward.equal_lengths
    (check,) = [check for check in certify(embedder, SEQUENCES).checks if check.name == "state"]
    assert check.verdict is Verdict.PASS
    assert "Passes change attention_type" in check.says


class Keeping(nn.Module):
    """Changes itself in one of the ways that code of models does."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way = way
        self.inner = nn.Linear(2, 2)
        self.seen = 0
        self.cache: dict[int, Tensor] = {}
        self.register_buffer("longest", torch.zeros(1))
        self.table = torch.zeros(2)

    def forward(self, x: Tensor) -> Tensor:
        if self.way == "number":
            self.seen += 1
        elif self.way == "container":
            self.cache[len(x)] = x
        elif self.way == "buffer in place":
            self.longest += len(x)
        elif self.way == "buffer":
            self.longest = torch.full((1,), float(len(x)))
        elif self.way == "tensor":
            self.table = x
        elif self.way == "new name":
            self.later = x
        else:
            self.inner = nn.Identity()
        return x


def content(model: Keeping) -> dict[str, str]:
    return {name: repr(value) for name, value in {**vars(model), **model._buffers, **model._modules}.items()}


@pytest.mark.parametrize(
    "way", ["number", "container", "buffer in place", "buffer", "tensor", "new name", "module"]
)
def test_whatever_a_pass_leaves_in_a_model_is_set_back(way: str) -> None:
    model = Keeping(way)
    state = FreshState(model)
    before = content(model)
    with torch.inference_mode():
        for _ in range(2):
            model(torch.ones(3))
            assert content(model) != before
            state.restore()
            assert content(model) == before
    assert len(state.changed) == 1
    assert state.switches is (way == "module")


class Outside(Planted):
    """Keeps the shortest input that it ever had where nothing of the model shows it."""

    def __init__(self) -> None:
        super().__init__()
        shortest = [10**6]

        def forward(input_ids: Tensor, attention_mask: Tensor | None = None, **rest: Any) -> Any:
            shortest[0] = min(shortest[0], input_ids.shape[1])
            output = Planted.forward(self, input_ids, attention_mask, **rest)
            output[0].mul_(shortest[0])
            return output

        self.forward = forward  # type: ignore[method-assign]


def test_state_that_cannot_be_set_back_is_refused() -> None:
    with pytest.raises(ModelError, match="50 tokens come out otherwise after 18"):
        behind_engine(Outside(), n_layers=4, width=16).embedder(FACTS)
