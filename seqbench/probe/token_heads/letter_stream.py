"""Letters as batches of sequences, read from the store in stretches; what is trained on are single letters.

Shape letters: Q sequences of a batch, T letters of a sequence, H width, L letters of a batch that have a
vector, B those of them that have a label, K outputs, N sequences of a part, M letters of it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from seqbench.probe.items import Part
from seqbench.probe.letter_vectors import LetterVectors
from seqbench.probe.token_heads.stream import TokenItems, TokensAtLayer
from seqbench.store import Ragged
from seqbench.store.tokens import offsets_of


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterBatch:
    """Some sequences, padded, and the labels of their letters."""

    x_QTH: Tensor
    mask_QT: Tensor
    chosen_B: Tensor
    """Numbers of the letters that have a label among the L real ones."""
    bounds: tuple[int, ...]
    """Where the labelled letters of each sequence begin in it, and where the last ones end."""
    targets_BK: Tensor

    def __len__(self) -> int:
        return len(self.x_QTH)

    def outputs(self, network: nn.Module) -> Tensor:
        """What a network says of the letters that have a label, (B, K)."""
        found_LK: Tensor = network(self.x_QTH, self.mask_QT)
        return found_LK[self.chosen_B]

    def halves(self) -> "list[LetterBatch]":
        """Cut in two between sequences; alone where there is one."""
        middle = len(self) // 2
        if not middle:
            return [self]
        before = int(self.mask_QT[:middle].sum())
        cut = self.bounds[middle]
        return [
            LetterBatch(
                x_QTH=self.x_QTH[:middle],
                mask_QT=self.mask_QT[:middle],
                chosen_B=self.chosen_B[:cut],
                bounds=self.bounds[: middle + 1],
                targets_BK=self.targets_BK[:cut],
            ),
            LetterBatch(
                x_QTH=self.x_QTH[middle:],
                mask_QT=self.mask_QT[middle:],
                chosen_B=self.chosen_B[cut:] - before,
                bounds=tuple(bound - cut for bound in self.bounds[middle:]),
                targets_BK=self.targets_BK[cut:],
            ),
        ]


class LetterItems(TokenItems):
    """The letters of a part at one layer."""

    def __init__(
        self,
        array: TokensAtLayer,
        letters: LetterVectors,
        part: Part,
        targets_MK: Tensor,
        *,
        batch_size: int,
        device: torch.device,
    ) -> None:
        """Read nothing yet.

        Args:
            array: The layer, its tokens being letters.
            letters: Of the stored split that the part is of.
            part: Letters of it.
            targets_MK: Theirs, as a matrix.
            batch_size: Sequences of a batch.
            device: Where batches go.
        """
        sequence_M = letters.places.sequence_M[part.rows_N]
        rows_N, starts = np.unique(sequence_M, return_index=True)
        super().__init__(array, rows_N, targets_MK, batch_size=batch_size, device=device)
        self._ranks_M = letters.ranks[part.rows_N]
        self._bounds = np.append(starts, len(sequence_M))

    @property
    def n_rows(self) -> int:
        """Letters of the part, M."""
        return int(self._bounds[-1])

    def labelled(
        self, ragged: Ragged, chosen: NDArray[np.int64], positions: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], LetterBatch]:
        """Pad some sequences of what was read.

        Returns:
            Numbers of their labelled letters in the part, and the batch on the device.
        """
        part = ragged.take(chosen)
        padded_QTH, mask_QT = part.padded()
        spans = zip(self._bounds[positions], self._bounds[positions + 1], strict=True)
        rows = [np.arange(start, stop) for start, stop in spans]
        own = zip(rows, part.offsets_Q[:-1], strict=True)
        chosen_B = np.concatenate([self._ranks_M[letters] + start for letters, start in own])
        rows_B = np.concatenate(rows)
        batch = LetterBatch(
            x_QTH=torch.from_numpy(padded_QTH).to(self._device).float(),
            mask_QT=torch.from_numpy(mask_QT).to(self._device),
            chosen_B=torch.from_numpy(chosen_B).to(self._device),
            bounds=tuple(offsets_of(np.array([len(letters) for letters in rows])).tolist()),
            targets_BK=self._targets_NK[torch.from_numpy(rows_B)].to(self._device),
        )
        return rows_B, batch

    def batch(  # type: ignore[override]
        self, ragged: Ragged, chosen: NDArray[np.int64], positions: NDArray[np.int64]
    ) -> LetterBatch:
        """See `TokenItems.batch`."""
        return self.labelled(ragged, chosen, positions)[1]

    def _in_order(self) -> Iterator[tuple[NDArray[np.int64], LetterBatch]]:  # type: ignore[override]
        for group in self.groups():
            ragged = self.read(group)
            order = np.argsort(self.longest_N[group], kind="stable")
            for first in range(0, len(order), self.batch_size):
                chosen = order[first : first + self.batch_size]
                yield self.labelled(ragged, chosen, group[chosen])
