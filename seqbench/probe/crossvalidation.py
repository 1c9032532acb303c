"""The folds of a cross-validation put together: out-of-fold predictions, and the folds' mean on what is left.

Shape letters: N items, K outputs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from seqbench.core.types import SplitName
from seqbench.metrics.letters import LetterPlaces
from seqbench.probe.heads.base import FittedHead
from seqbench.probe.items import Part
from seqbench.probe.outcome import Trained
from seqbench.probe.trainings import Training


@dataclass(slots=True, kw_only=True)
class FoldsTogether:
    """Collects the folds of a cross-validation of one layer, and says what they predict together."""

    folds: int
    _given: dict[int, Trained] = field(default_factory=dict)

    def add(self, training: Training, trained: Trained) -> Trained | None:
        """Take in a fold.

        Returns:
            With the last of them: each item of train predicted by the training that did not have it, under
            the split that a fold is scored as, and the folds' mean prediction of every other split; where a
            fold failed, its error. None until then.
        """
        if training.fold is not None:
            self._given[training.fold] = trained
        if len(self._given) < self.folds:
            return None
        every = [self._given.pop(fold) for fold in range(self.folds)]
        out_of_fold: SplitName = "eval" if training.held_out is None else "train"
        rows_N = np.concatenate([one.parts[out_of_fold].rows_N for one in every])
        order = np.argsort(rows_N)
        whole = Part(
            source=every[0].parts[out_of_fold].source,
            rows_N=rows_N[order],
            targets=np.concatenate([one.parts[out_of_fold].targets for one in every])[order],
            places=_places([one.parts[out_of_fold].places for one in every], order),
        )
        return Trained(
            fitted=_together([one.fitted for one in every], training, out_of_fold, order),
            parts={**training.scored, out_of_fold: whole},
            n_train=len(whole),
            device=trained.device,
        )


def _places(each: Sequence[LetterPlaces | None], order: NDArray[np.int64]) -> LetterPlaces | None:
    """Where letters stand, of all folds in the order of their split."""
    known = [places for places in each if places is not None]
    if not known:
        return None
    whole = LetterPlaces(
        sequence_M=np.concatenate([places.sequence_M for places in known]),
        place_M=np.concatenate([places.place_M for places in known]),
    )
    return whole.take(order)


def _together(
    every: Sequence[FittedHead], training: Training, out_of_fold: SplitName, order: NDArray[np.int64]
) -> FittedHead:
    seconds = sum(fitted.seconds for fitted in every)
    failed = [f"fold {fold}: {fitted.error}" for fold, fitted in enumerate(every) if fitted.error]
    if failed:
        more = f" (and {len(failed) - 1} more folds failed)" if len(failed) > 1 else ""
        return FittedHead(layer_index=0, seconds=seconds, error=failed[0] + more)
    predictions: dict[SplitName, NDArray[np.float32]] = {}
    for split in training.scored:
        said = [fitted.predictions[split] for fitted in every]
        if split == out_of_fold:
            predictions[split] = np.concatenate(said)[order]
        else:
            predictions[split] = np.asarray(np.mean(said, axis=0, dtype=np.float64), dtype=np.float32)
    return FittedHead(layer_index=0, seconds=seconds, predictions=predictions)
