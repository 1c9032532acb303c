"""Training layers apart from each other, as many at a time as there are cores and memory.

A layer's failure leaves the others as they are.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from seqbench.core.progress import Advance
from seqbench.core.types import SplitName
from seqbench.probe.heads.base import (
    Fit,
    FittedHead,
    HeadData,
    HeadState,
    Problem,
    Resources,
    check_splits,
    nonfinite_error,
)
from seqbench.probe.heads.threads import available_threads, blas_threads

SMALL = 500_000
"""Values of a layer below which layers are trained in turn: Python's own share of the work is then such that
threads mostly wait for each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One layer of all splits; N items, H features, targets as in `HeadData`."""

    problem: Problem
    features: dict[SplitName, NDArray[np.float32]]
    """Per split, (N, H)."""
    targets: dict[SplitName, NDArray[np.generic]]
    seed: int
    threads: int
    """How many the training may use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """One layer of one fit."""

    problem: Problem
    fit: Fit
    layer_index: int
    threads: int
    twins: tuple[int, ...]
    """Positions among the fits that have this outcome: more than one where only seeds differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerwiseHead(ABC):
    """A head that trains each layer on its own: a subclass says how one is trained."""

    resources: Resources = field(default_factory=Resources)
    copies: ClassVar[int] = 3
    """Memory that a layer's training takes, in multiples of its features. Measured on 36,000 items × 512:
    ridge 2.9, knn 2.8, logistic regression 2.5, forest 0.2."""
    uses_seed: ClassVar[bool] = False
    """Whether the seed has a say; without, fits of the same data are trained once."""

    @property
    def device(self) -> str:
        """Where it trains: `cpu`, unless a subclass says otherwise."""
        return "cpu"

    @abstractmethod
    def fit_layer(self, layer: Layer) -> FittedHead:
        """Train on one layer, predict eval and test; `layer_index` and `seconds` are filled in later."""

    @abstractmethod
    def threads(self, problem: Problem, train: HeadData, available: int) -> int:
        """How many threads one layer is worth, at most `available`.

        It may depend on the problem and the size of a layer, not on what is trained beside it, for libraries
        sum in an order that the number of threads decides.
        """

    @staticmethod
    @abstractmethod
    def predict(state: HeadState, features_NH: NDArray[np.float32]) -> NDArray[np.float32]:
        """Predict with a trained head, (N, K); see `registry.predict`."""

    def fit(self, problem: Problem, fits: Sequence[Fit], *, advance: Advance) -> list[list[FittedHead]]:
        """See `Head.fit`.

        What a library refuses of the data (ValueError, which XGBoostError and LinAlgError are) or can't hold
        in memory fails that layer alone; anything else is a bug and is raised.
        """
        for one in fits:
            check_splits(problem, one.splits)
        available = available_threads()
        outcomes: list[dict[int, FittedHead]] = [{} for _ in fits]
        jobs = sorted(self._jobs(problem, fits, available), key=lambda job: job.threads)
        for threads, alike in groupby(jobs, key=lambda job: job.threads):
            with blas_threads(threads):
                for job, fitted in self._train_all(list(alike), available // threads):
                    for position in job.twins:
                        outcomes[position][job.layer_index] = fitted
                    advance(float(len(job.twins)))
        return [[found[index] for index in sorted(found)] for found in outcomes]

    def _jobs(self, problem: Problem, fits: Sequence[Fit], available: int) -> Iterator[_Job]:
        for twins in [(position,) for position in range(len(fits))] if self.uses_seed else _twins(fits):
            one = fits[twins[0]]
            threads = self.threads(problem, one.train, available)
            for index in range(one.train.features_LNH.shape[0]):
                yield _Job(problem=problem, fit=one, layer_index=index, threads=threads, twins=twins)

    def _train_all(self, jobs: Sequence[_Job], threads: int) -> Iterator[tuple[_Job, FittedHead]]:
        """Train as many at a time as pays, and yield each when it is done."""
        largest = max(_values(job.fit) for job in jobs)
        affordable = self.resources.memory_bytes // (4 * self.copies * largest)
        workers = max(1, min(threads, affordable, len(jobs)))
        if workers == 1 or largest < SMALL or self.device != "cpu":
            yield from ((job, self._train(job, 1)) for job in jobs)
            return
        with ThreadPoolExecutor(workers) as pool:
            futures = {pool.submit(self._train, job, workers): job for job in jobs}
            try:
                for done in as_completed(futures):
                    yield futures[done], done.result()
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def _train(self, job: _Job, workers: int) -> FittedHead:
        began = time.perf_counter()
        splits = job.fit.splits
        error = nonfinite_error(splits, job.layer_index)
        if error is None:
            layer = Layer(
                problem=job.problem,
                features={name: data.features_LNH[job.layer_index] for name, data in splits.items()},
                targets={name: data.targets for name, data in splits.items()},
                seed=job.fit.seed,
                threads=job.threads,
            )
            try:
                fitted = self.fit_layer(layer)
            except (ValueError, MemoryError) as fault:
                # XGBoost's messages go on with a stack trace of its C++.
                error = f"{type(fault).__name__}: {str(fault).strip().partition(chr(10))[0]}"
        if error is not None:
            fitted = FittedHead(layer_index=job.layer_index, error=error)
        seconds = (time.perf_counter() - began) / (workers * len(job.twins))
        return replace(fitted, layer_index=job.layer_index, seconds=seconds)


def _twins(fits: Sequence[Fit]) -> list[tuple[int, ...]]:
    """Positions of fits on the same data, together."""
    groups: list[list[int]] = []
    for position, one in enumerate(fits):
        for group in groups:
            other = fits[group[0]]
            if all(_same(data, other.splits[name]) for name, data in one.splits.items()):
                group.append(position)
                break
        else:
            groups.append([position])
    return [tuple(group) for group in groups]


def _same(one: HeadData, other: HeadData) -> bool:
    """Whether two splits hold the same; layer by layer, so that comparing takes little memory."""
    return one is other or (
        np.array_equal(one.targets, other.targets)
        and all(
            mine is theirs or np.array_equal(mine, theirs)
            for mine, theirs in zip(one.features_LNH, other.features_LNH, strict=True)
        )
    )


def _values(fit: Fit) -> int:
    """Values of one layer of all splits."""
    return sum(data.n_items * data.features_LNH.shape[2] for data in fit.splits.values())
