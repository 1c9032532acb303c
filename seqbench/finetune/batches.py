"""Batches of items for a fine-tuned network, and what they come to when nothing is trained.

Shape letters: N items, B items of a batch, O outputs, R rows of outputs: one an item, or where labels are of
letters one for each that has a token.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from seqbench.core.memory import is_out_of_memory
from seqbench.errors import TrainingError
from seqbench.finetune.items import Item, n_rows
from seqbench.finetune.letters import offsets_of, rows_of
from seqbench.models.batches import batches
from seqbench.training.batches import halves_of
from seqbench.training.network import evaluating

WAY_OUT = "set extract.overlong: truncate with a smaller extract.max_tokens, or gradient_checkpointing: true"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Batch:
    """Some items and the scaled targets of their rows."""

    items: Sequence[Item]
    targets_RO: Tensor

    @property
    def n_tokens(self) -> int:
        """Tokens that are computed, padding included."""
        return _computed([_windows(item) for item in self.items])

    def cut(self, most: int) -> list["Batch"]:
        """Parts of at most so many tokens, items of like length together; one that has more is alone."""
        windows = [_windows(item) for item in self.items]
        order = sorted(range(len(windows)), key=lambda row: -windows[row][1])
        parts: list[list[int]] = []
        for row in order:
            if not parts or _computed([windows[other] for other in (*parts[-1], row)]) > most:
                parts.append([])
            parts[-1].append(row)
        offsets = offsets_of([n_rows(item) for item in self.items])
        return [
            Batch(
                items=[self.items[item] for item in items],
                targets_RO=self.targets_RO[torch.from_numpy(rows_of(offsets, np.asarray(items)))],
            )
            for items in parts
        ]


def _windows(item: Item) -> tuple[int, int]:
    """How many windows an item has, and the tokens of the longest."""
    lengths = [len(ids) for each in item for ids in each.windows]
    return len(lengths), max(lengths)


def _computed(windows: Sequence[tuple[int, int]]) -> int:
    """Tokens of items that are computed together: every window is as long as the longest."""
    return sum(count for count, _ in windows) * max(longest for _, longest in windows)


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
        network: Gives (R, O) of items.
        items: In any order.
        tokens_per_batch: Most tokens of a batch, padding included; halved where memory does not suffice.
        autocast: The type that it was trained in.
        device: Where it is.

    Returns:
        (R, O) float32 on the CPU, in the order of the items.

    Raises:
        TrainingError: A single item is too large for memory.
    """
    lengths = [sum(len(ids) for each in item for ids in each.windows) for item in items]
    offsets = offsets_of([n_rows(item) for item in items])
    found: list[tuple[NDArray[np.int64], Tensor]] = []
    waiting = list(batches(lengths, tokens_per_batch))[::-1]
    with evaluating(network):
        while waiting:
            rows = waiting.pop()
            try:
                with precision(device, autocast):
                    outputs_RO = network([items[row] for row in rows])
                found.append((rows_of(offsets, np.asarray(rows)), outputs_RO.float().cpu()))
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                if len(rows) == 1:
                    raise TrainingError(f"out of memory with a single item; {WAY_OUT}") from error
                waiting += halves_of(rows)[::-1]
    order = np.concatenate([rows for rows, _ in found])
    return torch.cat([outputs for _, outputs in found])[torch.from_numpy(np.argsort(order))]


def precision(device: torch.device, autocast: torch.dtype | None) -> torch.autocast:
    """What lets a network compute in a type beside float32 weights; nothing where that is None."""
    return torch.autocast(device.type, autocast or torch.bfloat16, enabled=autocast is not None)
