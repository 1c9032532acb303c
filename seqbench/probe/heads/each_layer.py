"""Training one layer after the other, where a layer's failure leaves the others as they are."""

import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seqbench.probe.heads.base import FittedHead, HeadData, Problem, check_splits, nonfinite_error
from seqbench.progress import Advance
from seqbench.vocabulary import SplitName


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One layer of all splits; N items, H features, targets as in `HeadData`."""

    problem: Problem
    features: dict[SplitName, NDArray[np.float32]]
    """Per split, (N, H)."""
    targets: dict[SplitName, NDArray[np.generic]]
    seed: int


class LayerwiseHead(ABC):
    """A head on the CPU that trains one layer after the other: a subclass says how one is trained."""

    __slots__ = ()

    @property
    def device(self) -> str:
        """Always `cpu`."""
        return "cpu"

    @abstractmethod
    def fit_layer(self, layer: Layer) -> FittedHead:
        """Train on one layer, predict eval and test; `layer_index` and `seconds` are filled in later."""

    def fit(
        self,
        problem: Problem,
        train: HeadData,
        evaluation: HeadData,
        test: HeadData,
        *,
        seed: int,
        advance: Advance,
    ) -> list[FittedHead]:
        """See `Head.fit`.

        What a library refuses of the data (ValueError, which XGBoostError and LinAlgError are) or can't hold
        in memory fails that layer alone; anything else is a bug and is raised.
        """
        splits: dict[SplitName, HeadData] = {"train": train, "eval": evaluation, "test": test}
        check_splits(problem, splits)
        outcomes = []
        for index in range(train.features_LNH.shape[0]):
            began = time.perf_counter()
            error = nonfinite_error(splits, index)
            if error is None:
                layer = Layer(
                    problem=problem,
                    features={name: data.features_LNH[index] for name, data in splits.items()},
                    targets={name: data.targets for name, data in splits.items()},
                    seed=seed,
                )
                try:
                    fitted = self.fit_layer(layer)
                except (ValueError, MemoryError) as fault:
                    # XGBoost's messages go on with a stack trace of its C++.
                    error = f"{type(fault).__name__}: {str(fault).strip().partition(chr(10))[0]}"
            if error is not None:
                fitted = FittedHead(layer_index=index, error=error)
            outcomes.append(replace(fitted, layer_index=index, seconds=time.perf_counter() - began))
            advance(1.0)
        return outcomes
