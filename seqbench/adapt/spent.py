"""What an adaptation takes, over all parts of a training that was killed between."""

import resource
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from seqbench.adapt.objective import Example
from seqbench.training.network import NetworkTraining


@dataclass(slots=True)
class Spent:
    """What a training took, all resumed parts together."""

    windows: int = 0
    tokens: int = 0
    seconds: float = 0.0
    peak_memory_bytes: int = 0
    began: float = field(default_factory=time.perf_counter)

    def seconds_now(self) -> float:
        """With those of this part."""
        return self.seconds + time.perf_counter() - self.began


class CountedTraining(NetworkTraining[list[Example]]):
    """A network that also counts what it has seen."""

    spent: Spent

    def gradients(self, batches: Sequence[list[Example]], step: int) -> None:
        """As of any network, and counted."""
        super().gradients(batches, step)
        self.spent.windows += sum(map(len, batches))
        self.spent.tokens += sum(len(example) for batch in batches for example in batch)

    def state(self) -> dict[str, Any]:
        """With what was counted."""
        spent = self.spent
        seen = [spent.windows, spent.tokens, spent.seconds_now(), peak_memory(self.device, spent)]
        return {**super().state(), "spent": seen}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from there, what was counted included."""
        super().restore(state)
        windows, tokens, seconds, peak = state["spent"]
        self.spent = Spent(windows=windows, tokens=tokens, seconds=seconds, peak_memory_bytes=peak)


def peak_memory(device: torch.device, spent: Spent) -> int:
    """Greatest memory so far, in bytes: allocated on a GPU, else resident of this process."""
    now = (
        torch.cuda.max_memory_allocated(device)
        if device.type == "cuda"
        else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    )
    return max(spent.peak_memory_bytes, int(now))
