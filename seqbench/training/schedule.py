"""The learning rate's course over a training."""

import math
from dataclasses import dataclass

from seqbench.config.fields import Decay


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A warm-up on a line, then a decay.

    >>> warm = Schedule(warmup=0.5, decay="linear")
    >>> [warm.factor(step, 4) for step in range(4)]
    [0.5, 1.0, 1.0, 0.5]
    """

    warmup: float = 0.0
    """Share of all steps in which the rate rises; with `warmup_steps` it must be 0."""
    warmup_steps: int | None = None
    """Steps in which it rises, instead of a share; a training shorter than that only rises."""
    decay: Decay = "constant"
    """After the warm-up: stay, or fall to 0 after the last step on a line or as half a cosine."""

    def __post_init__(self) -> None:
        if self.warmup and self.warmup_steps is not None:
            raise ValueError("a warm-up has a share or a number of steps, not both")

    def factor(self, step: int, n_steps: int) -> float:
        """Share of the learning rate that a step takes.

        Rises on a line from 0 before the first step to 1 at the last of the warm-up, of
        ceil(warmup * n_steps) steps. Then stays, or falls on a line, or as half a cosine that reaches 0 after
        the last step (Loshchilov & Hutter 2017, https://arxiv.org/abs/1608.03983, without restarts).

        Args:
            step: From 0.
            n_steps: Of the whole training.
        """
        n_rising = self.n_rising(n_steps)
        if step < n_rising:
            return (step + 1) / n_rising
        if self.decay == "constant":
            return 1.0
        n_fallen, n_falling = step - n_rising, n_steps - n_rising
        if self.decay == "linear":
            return 1.0 - n_fallen / n_falling
        return 0.5 * (1 + math.cos(math.pi * n_fallen / n_falling))

    def n_rising(self, n_steps: int) -> int:
        """Steps of the warm-up."""
        return math.ceil(self.warmup * n_steps) if self.warmup_steps is None else self.warmup_steps
