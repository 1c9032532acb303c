"""The loss of language modelling, computed where there are targets and nowhere else.

The head of a language model, its last and widest product, is applied to the hidden states of targets alone:
in masked language modelling one token in seven. No loss depends on the others' logits.

Shape letters: B windows, T tokens, M targets, H hidden width, V vocabulary.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from seqbench.adapt.masking import Ids
from seqbench.models.batches import pad
from seqbench.models.tap import FAULTS, last_state
from seqbench.tuning.trainable import TrainableModel

SAME_LOSS = 1e-5
"""Difference of the mean loss up to which a head on targets alone counts as the whole model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A window and what it is asked for."""

    inputs_T: Ids
    """What the model is given."""
    asked_T: NDArray[np.bool_]
    """Positions whose output is compared with a label."""
    labels_M: Ids
    """What it should be there, in the order of the positions."""

    def __len__(self) -> int:
        return len(self.inputs_T)


def causal_example(ids_T: Ids, may_T: NDArray[np.bool_]) -> Example:
    """Each token is asked for at the position before it, unless it may be no target.

    Args:
        ids_T: With its special tokens.
        may_T: Tokens that may be targets.
    """
    asked_T = np.zeros(len(ids_T), dtype=np.bool_)
    asked_T[:-1] = may_T[1:]
    return Example(inputs_T=ids_T, asked_T=asked_T, labels_M=ids_T[1:][may_T[1:]])


class LanguageObjective:
    """Cross-entropy of targets; see `training.network.Objective`. The mean is over all targets of a step."""

    is_linear = True

    def __init__(self, model: TrainableModel) -> None:
        """Find out whether the head can be applied to targets alone.

        Args:
            model: A language model, in evaluation mode.
        """
        self._states_of: nn.Module | None = None
        self._states_of = next((each for each in _candidates(model) if self._agrees(model, each)), None)

    @property
    def method(self) -> str:
        """For records: what logits are computed of."""
        return "all tokens" if self._states_of is None else "targets"

    def weights(self, batch: Sequence[Example]) -> Tensor:
        """Targets, (1,)."""
        return torch.tensor([float(sum(len(example.labels_M) for example in batch))])

    def sums(self, network: nn.Module, batch: Sequence[Example]) -> Tensor:
        """Losses in nats summed over targets, (1,)."""
        assert isinstance(network, TrainableModel)
        found = [self._losses(network, [batch[row] for row in rows]) for rows in _rows(network, batch)]
        return torch.stack([losses_M.sum() for losses_M in found]).sum().reshape(1)

    def mean(self, sums_M: Tensor, weights_M: Tensor) -> Tensor:
        """Nats a target; 0 where there is none."""
        return (sums_M / weights_M.clamp(min=1)).sum()

    def target_losses(self, network: TrainableModel, batch: Sequence[Example]) -> list[Tensor]:
        """Loss of each target of each window in nats, (M,) float32 each."""
        found: list[Tensor] = [torch.empty(0)] * len(batch)
        for rows in _rows(network, batch):
            losses = self._losses(network, [batch[row] for row in rows])
            each = torch.split(losses, [len(batch[row].labels_M) for row in rows])
            for row, losses_M in zip(rows, each, strict=True):
                found[row] = losses_M
        return found

    def _losses(self, network: TrainableModel, batch: Sequence[Example]) -> Tensor:
        inputs = network.inputs(*pad([example.inputs_T for example in batch], network.pad_id))
        device = network.device
        n_tokens = inputs["input_ids"].shape[1]
        asked = np.concatenate(
            [row * n_tokens + np.flatnonzero(example.asked_T) for row, example in enumerate(batch)]
        )
        labels_M = torch.from_numpy(
            np.concatenate([example.labels_M for example in batch]).astype(np.int64)
        ).to(device)
        places_M = torch.from_numpy(asked).to(device)
        logits_MV = self._logits(network, inputs, places_M)
        return nn.functional.cross_entropy(logits_MV.float(), labels_M, reduction="none")

    def _logits(self, network: TrainableModel, inputs: dict[str, Any], places_M: Tensor) -> Tensor:
        """Logits at some places of the flattened batch, (M, V)."""
        if self._states_of is None:
            logits: Tensor = network(inputs)
            return logits.flatten(0, 1)[places_M]
        with _states_at(self._states_of, places_M):
            found: Tensor = network.bare(**inputs).logits
        return found[0]

    def _agrees(self, network: TrainableModel, candidate: nn.Module) -> bool:
        """Whether losses are the same where a module gives the states of targets alone."""
        tokens = network.tokens(overlong="truncate", stride=None)
        windows = tokens.windows([tokens.example, 3 * tokens.example]).ids[:2]
        batch = [causal_example(ids_T, np.ones(len(ids_T), dtype=np.bool_)) for ids_T in windows]
        with torch.no_grad():
            whole = torch.cat(self.target_losses(network, batch))
            self._states_of = candidate
            try:
                found = torch.cat(self.target_losses(network, batch))
            except (*FAULTS, AttributeError):  # a head that looks at more than hidden states
                return False
            finally:
                self._states_of = None
        return whole.shape == found.shape and bool((whole - found).abs().max() <= SAME_LOSS)


def _candidates(network: TrainableModel) -> Iterator[nn.Module]:
    """Modules whose output the head may be given: the bare model, or what is in it."""
    yield network.encoder
    inner = getattr(network.encoder, "decoder", None)  # OPT's language model goes past its bare model
    if isinstance(inner, nn.Module):
        yield inner


def _rows(network: TrainableModel, batch: Sequence[Example]) -> Iterator[list[int]]:
    """Windows that share a pass: all, or those of one length where padding would change hidden states."""
    if not network.equal_lengths:
        yield list(range(len(batch)))
        return
    for length in sorted({len(example) for example in batch}):
        yield [row for row, example in enumerate(batch) if len(example) == length]


@contextmanager
def _states_at(encoder: nn.Module, places_M: Tensor) -> Iterator[None]:
    """Within the block the encoder gives the last hidden states of some places alone, as one window."""

    def pick(module: nn.Module, args: Any, output: Any) -> Any:
        chosen = last_state(output).flatten(0, 1)[places_M].unsqueeze(0)
        if isinstance(output, tuple):
            return (chosen, *output[1:])
        output["last_hidden_state"] = chosen
        return output

    handle = encoder.register_forward_hook(pick)
    try:
        yield
    finally:
        handle.remove()
