"""The weights of several good points of one training, beside those of the best.

They lie in memory, on the CPU, and go into the state of the training with it.
"""

from typing import Any

import torch
from torch import Tensor, nn


class KeptPoints:
    """The best points so far by the measure that chooses; of equal ones the earlier is the better."""

    def __init__(self, network: nn.Module, most: int, *, higher_is_better: bool) -> None:
        """Keep none yet.

        Args:
            network: Whose trained weights, and running means, are kept.
            most: Points that are kept; of one alone nothing is, as the loop has it.
            higher_is_better: Of the measure.
        """
        buffers = dict(network.named_buffers())
        self._values: dict[str, Tensor] = {
            **{name: weight for name, weight in network.named_parameters() if weight.requires_grad},
            **{name: buffers[name] for name in network.state_dict().keys() & buffers.keys()},
        }
        self._most, self._sign = most, 1 if higher_is_better else -1
        self._found: list[tuple[int, float, dict[str, Tensor]]] = []

    def offer(self, number: int, measure: float) -> None:
        """Keep the network as it is, where its point is among the best.

        Args:
            number: Of the point, from 1.
            measure: Finite.
        """
        if self._most == 1:
            return
        better = sum(self._sign * kept >= self._sign * measure for _, kept, _ in self._found)
        if better < self._most:
            copies = {name: value.detach().cpu().clone() for name, value in self._values.items()}
            self._found.insert(better, (number, measure, copies))
            del self._found[self._most :]

    def numbers(self) -> tuple[int, ...]:
        """The points, the best first."""
        return tuple(number for number, _, _ in self._found)

    @torch.no_grad()
    def take(self, number: int) -> None:
        """Give the network the weights of a point that is kept."""
        (values,) = (copies for kept, _, copies in self._found if kept == number)
        for name, value in self._values.items():
            value.copy_(values[name])

    def state(self) -> list[Any]:
        """All of it, as `training.checkpoint.Checkpoint` keeps it."""
        return [[number, measure, copies] for number, measure, copies in self._found]

    def restore(self, state: list[Any]) -> None:
        """Go on from what `state` gave."""
        self._found = [
            (number, measure, {name: value.cpu() for name, value in copies.items()})
            for number, measure, copies in state
        ]
