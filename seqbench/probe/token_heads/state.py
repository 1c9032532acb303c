"""A trained head on tokens as plain arrays, predicting with it, and the weight that each token got.

Shape letters: N items, S sequences of an item, Q = N·S sequences, T tokens, H width, K outputs.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from seqbench.config.tokens import TOKEN_HEADS, TokenHeadConfig
from seqbench.core.types import Task
from seqbench.errors import ProbeError
from seqbench.probe.heads.base import HeadState
from seqbench.probe.heads.scaling import Scaling
from seqbench.probe.token_heads.letter_network import LetterNetwork
from seqbench.probe.token_heads.network import TokenNetwork
from seqbench.store import Ragged
from seqbench.training.losses import TaskLoss

SETTING = "settings"
TOKENS_AT_ONCE = 1 << 16
"""Tokens of a batch that is predicted, padding included; an item that is longer is one alone."""


def reads_tokens(kind: str) -> bool:
    """Whether a head of that name reads single tokens."""
    return kind in TOKEN_HEADS


def settings_of(kind: str, settings: dict[str, Any]) -> TokenHeadConfig:
    """The settings of a head, checked.

    Raises:
        ValueError: A setting is unknown or can't be.
    """
    return TOKEN_HEADS[kind](**settings)


def head_state(
    kind: str,
    settings: TokenHeadConfig,
    network: TokenNetwork | LetterNetwork,
    facts: dict[str, Any],
    targets: Scaling | None,
) -> HeadState:
    """Copy a network and its scalings.

    Args:
        kind: The head's name.
        settings: Of the head.
        network: Trained.
        facts: `task`, `width`, `n_seqs`, `combine`, `n_outputs`: what the network is made of.
        targets: Standardisation of values; None where there is none.
    """
    tensors: dict[str, NDArray[Any]] = {
        name: values.detach().cpu().numpy().copy() for name, values in network.state_dict().items()
    }
    if targets is not None:
        tensors |= {"target_mean": targets.mean_H, "target_sd": targets.sd_H}
    return HeadState(kind=kind, tensors=tensors, facts={**facts, SETTING: settings.model_dump(mode="json")})


def network_of(settings: TokenHeadConfig, facts: Mapping[str, Any]) -> TokenNetwork | LetterNetwork:
    """Make a network, drawing weights from torch's generator.

    Args:
        settings: Of the head.
        facts: As of `head_state`; `level` token where labels are of letters.

    Raises:
        ValueError: The head gives no answer for each letter.
    """
    if facts.get("level") == "token":
        return LetterNetwork(settings, width=int(facts["width"]), n_outputs=int(facts["n_outputs"]))
    return TokenNetwork(
        settings,
        width=int(facts["width"]),
        n_seqs=int(facts["n_seqs"]),
        combine=facts["combine"],
        n_outputs=int(facts["n_outputs"]),
    )


class TokenPredictor:
    """A trained head, ready to predict on the CPU."""

    def __init__(self, state: HeadState) -> None:
        """Put the network together.

        Raises:
            ValueError: Its tensors and facts do not go together.
        """
        facts, scaled = state.facts, ("target_mean", "target_sd")
        self.n_seqs, self._width = int(facts["n_seqs"]), int(facts["width"])
        self._loss = TaskLoss(task=Task(facts["task"]))
        self._n_outputs = int(facts["n_outputs"])
        self._targets = (
            Scaling(mean_H=state.tensors[scaled[0]], sd_H=state.tensors[scaled[1]])
            if scaled[0] in state.tensors
            else None
        )
        with torch.random.fork_rng(devices=[]):
            self.network = network_of(settings_of(state.kind, dict(facts[SETTING])), facts)
        own = {name: torch.from_numpy(np.array(values)) for name, values in state.tensors.items()}
        try:
            self.network.load_state_dict({name: own[name] for name in own.keys() - set(scaled)})
        except RuntimeError as error:
            raise ValueError(str(error)) from error
        self.network.eval()

    @torch.no_grad()
    def predict(self, ragged: Ragged) -> NDArray[np.float32]:
        """Predict, as `FittedHead.predictions` are.

        Args:
            ragged: The tokens of N items.

        Returns:
            Shape (N, K), float32; where labels are of letters a row a letter, item by item.

        Raises:
            ProbeError: Items have other numbers of sequences, or tokens another width, than those of train.
        """
        self._check(ragged)
        is_of_letters = isinstance(self.network, LetterNetwork)
        n_rows = int(ragged.offsets_Q[-1]) if is_of_letters else len(ragged)
        found_NK = np.empty((n_rows, self._n_outputs), dtype=np.float32)
        for items in _cuts(ragged):
            padded_QTH, mask_QT = ragged.take(items).padded()
            outputs = self.network(torch.from_numpy(padded_QTH).float(), torch.from_numpy(mask_QT))
            own = [np.arange(*ragged.offsets_Q[item : item + 2]) for item in items.tolist()]
            rows = np.concatenate(own) if is_of_letters else items
            found_NK[rows] = self._loss.predictions(outputs.float()).numpy()
        return in_own_units(found_NK, self._targets)

    @torch.no_grad()
    def weights(self, ragged: Ragged) -> list[NDArray[np.float32]]:
        """What each token of each sequence counts, (T,) each, 1 in sum.

        Raises:
            ProbeError: The head does not weigh tokens, or see `predict`.
        """
        self._check(ragged)
        if isinstance(self.network, LetterNetwork):
            raise ProbeError(
                "the head answers for each letter and weighs none (attention and light_attention do)"
            )
        found: list[NDArray[np.float32]] = [np.zeros(0, dtype=np.float32)] * (len(ragged) * self.n_seqs)
        for items in _cuts(ragged):
            part = ragged.take(items)
            padded_QTH, mask_QT = part.padded()
            weights = self.network.weights(torch.from_numpy(padded_QTH).float(), torch.from_numpy(mask_QT))
            if weights is None:
                raise ProbeError("the head does not weigh tokens (attention and light_attention do)")
            for at, length in enumerate(part.lengths_Q.tolist()):
                item, seq = divmod(at, self.n_seqs)
                found[int(items[item]) * self.n_seqs + seq] = weights[at, :length].numpy()
        return found

    def _check(self, ragged: Ragged) -> None:
        if (ragged.n_seqs, ragged.values_RH.shape[1]) != (self.n_seqs, self._width):
            raise ProbeError(
                f"the items have {ragged.n_seqs} sequences of tokens {ragged.values_RH.shape[1]} wide, but "
                f"the head was trained on {self.n_seqs} of {self._width}; take the model and layer that it "
                "was trained on"
            )


def in_own_units(values_NK: NDArray[np.float32], scaling: Scaling | None) -> NDArray[np.float32]:
    """Predictions with the targets' standardisation undone."""
    return values_NK if scaling is None else scaling.undo(values_NK).astype(np.float32)


def _cuts(ragged: Ragged) -> Iterator[NDArray[np.int64]]:
    """Items of like length, as many as are predicted together."""
    longest_N = ragged.lengths_Q.reshape(-1, ragged.n_seqs).max(axis=1, initial=0)
    order = np.argsort(longest_N, kind="stable")
    first = 0
    while first < len(order):
        last = first + 1
        while (
            last < len(order)
            and (last + 1 - first) * ragged.n_seqs * max(1, longest_N[order[last]]) <= TOKENS_AT_ONCE
        ):
            last += 1
        yield order[first:last]
        first = last
