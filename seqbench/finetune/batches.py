"""Batches of items for a fine-tuned network, and what they come to when nothing is trained.

Shape letters: N items, B items of a batch, O outputs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from seqbench.core.memory import is_out_of_memory
from seqbench.errors import TrainingError
from seqbench.finetune.items import Item
from seqbench.models.batches import batches
from seqbench.training.batches import halves_of
from seqbench.training.network import evaluating

WAY_OUT = "set extract.overlong: truncate with a smaller extract.max_tokens, or gradient_checkpointing: true"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Batch:
    """Some items and their scaled targets."""

    items: Sequence[Item]
    targets_BO: Tensor

    def halves(self) -> list["Batch"]:
        """Both halves, or itself where it has one item."""
        parts = halves_of(range(len(self.items)))
        return [
            Batch(
                items=self.items[part.start : part.stop], targets_BO=self.targets_BO[part.start : part.stop]
            )
            for part in parts
        ]


def outputs_of(
    network: nn.Module,
    items: Sequence[Item],
    *,
    tokens_per_batch: int,
    autocast: torch.dtype | None,
    device: torch.device,
) -> Tensor:
    """Run a network on items in evaluation mode, those of like length together.

    Args:
        network: Gives (B, O) of items.
        items: In any order.
        tokens_per_batch: Most tokens of a batch, padding included; halved where memory does not suffice.
        autocast: The type that it was trained in.
        device: Where it is.

    Returns:
        (N, O) float32 on the CPU, in the order of the items.

    Raises:
        TrainingError: A single item is too large for memory.
    """
    lengths = [sum(len(ids) for each in item for ids in each.windows) for item in items]
    found: list[tuple[list[int], Tensor]] = []
    waiting = list(batches(lengths, tokens_per_batch))[::-1]
    with evaluating(network):
        while waiting:
            rows = waiting.pop()
            try:
                with precision(device, autocast):
                    outputs_BO = network([items[row] for row in rows])
                found.append((rows, outputs_BO.float().cpu()))
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                if len(rows) == 1:
                    raise TrainingError(f"out of memory with a single item; {WAY_OUT}") from error
                waiting += halves_of(rows)[::-1]
    order = np.concatenate([np.asarray(rows) for rows, _ in found])
    return torch.cat([outputs for _, outputs in found])[torch.from_numpy(np.argsort(order))]


def precision(device: torch.device, autocast: torch.dtype | None) -> torch.autocast:
    """What lets a network compute in a type beside float32 weights; nothing where that is None."""
    return torch.autocast(device.type, autocast or torch.bfloat16, enabled=autocast is not None)
