"""Training one layer after the other, where a layer's failure leaves the others as they are."""

import time
from collections.abc import Callable
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


def fit_each_layer(
    fit_layer: Callable[[Layer], FittedHead],
    problem: Problem,
    splits: dict[SplitName, HeadData],
    seed: int,
    advance: Advance,
) -> list[FittedHead]:
    """Call `fit_layer` on every layer, time it, and turn failures into outcomes.

    What a library refuses of the data (ValueError, which XGBoostError and LinAlgError are) or can't hold in
    memory fails that layer alone; anything else is a bug and is raised.
    """
    check_splits(problem, splits)
    outcomes = []
    for index in range(splits["train"].features_LNH.shape[0]):
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
                fitted = fit_layer(layer)
            except (ValueError, MemoryError) as fault:
                # XGBoost's messages go on with a stack trace of its C++.
                error = f"{type(fault).__name__}: {str(fault).strip().partition(chr(10))[0]}"
        if error is not None:
            fitted = FittedHead(layer_index=index, error=error)
        outcomes.append(replace(fitted, layer_index=index, seconds=time.perf_counter() - began))
        advance(1.0)
    return outcomes
