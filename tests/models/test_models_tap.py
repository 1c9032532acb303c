"""Taking layers by hooks, and falling back where hooks would be wrong."""

import torch
from torch import Tensor, nn

from seqbench.models.tap import LayerTap, find_blocks


class Output(tuple):
    """What a model returns: the last hidden state first, and all of them by name."""

    hidden_states: tuple[Tensor, ...]


class Odd(nn.Module):
    """A model whose blocks return a change that the model adds, so that hooks see no hidden states."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(10, 4)
        self.blocks = nn.ModuleList([nn.Linear(4, 4) for _ in range(2)])

    def forward(self, input_ids: Tensor, output_hidden_states: bool = False) -> Output:
        states = [self.embed(input_ids)]
        for block in self.blocks:
            states.append(states[-1] + block(states[-1]))
        output = Output((states[-1],))
        output.hidden_states = tuple(states)
        return output


def test_hooks_that_disagree_with_the_model_are_given_up() -> None:
    model, inputs = Odd(), {"input_ids": torch.tensor([[1, 2, 3]])}
    tap = LayerTap(model, n_layers=3)
    assert tap.method == "hooks"
    tap.check(inputs)
    assert tap.method == "output_hidden_states"
    taken = tap.run(inputs, [1, 2], lambda hidden: hidden)
    truth = model(**inputs, output_hidden_states=True).hidden_states
    assert all(torch.equal(taken[layer], truth[layer]) for layer in (1, 2))


def test_blocks_that_cannot_be_told_apart_are_not_guessed() -> None:
    model = Odd()
    model.more = nn.ModuleList([nn.Linear(4, 4) for _ in range(2)])
    assert find_blocks(model, 2) is None
    assert LayerTap(model, n_layers=3).method == "output_hidden_states"
