"""The knn head: what the nearest items of train have, by cosine similarity; exact.

Shape letters: N items of train, Q items asked for, J neighbours, H features, K outputs.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from seqbench.config.heads import KnnConfig
from seqbench.core.missing import known
from seqbench.core.types import Task
from seqbench.probe.heads.base import FittedHead, HeadData, HeadState, Problem
from seqbench.probe.heads.each_layer import Layer, LayerwiseHead
from seqbench.probe.heads.known_items import known_together, mean_error
from seqbench.probe.heads.outputs import check_width, in_order
from seqbench.probe.heads.scaling import Scaling

_BLOCK_VALUES = 16_000_000
"""Similarities held at a time (64 MB). A constant: the last digit of a product depends on its shape."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnnHead(LayerwiseHead):
    """Shares of classes or labels among the k nearest items of train, or their mean values.

    Of several k the one of the lowest squared error on eval is taken, the smallest where some are equal: of
    shares that is the Brier score, which unlike log loss is finite where no neighbour has the true class; of
    values each target counts in units of its deviation in train. Nothing in it is random.
    """

    section: ClassVar[type[KnnConfig]] = KnnConfig
    settings: KnnConfig
    """Its k is cut to the items of train. Among equally near ones the first in train's order count."""

    def threads(self, problem: Problem, train: HeadData, available: int) -> int:
        """One: threads change a product's last digit, and with it which of two near items is the nearer."""
        return 1

    def fit_layer(self, layer: Layer) -> FittedHead:
        """See `LayerwiseHead.fit_layer`."""
        train, targets = layer.features["train"], layer.targets["train"]
        k = self.settings.k
        asked = [k] if isinstance(k, int) else k
        tried = sorted({min(k, len(train)) for k in asked})
        answers = _answers(layer.problem, train, np.asarray(targets), layer.features["eval"], tried[-1])
        lowest, chosen, answer_QK = np.inf, tried[0], np.empty((0, 0))
        for k, candidate_QK in enumerate(answers, 1):
            if k in tried:
                error = _squared_error(layer.problem, candidate_QK, layer.targets["eval"], targets)
                if error < lowest:
                    lowest, chosen, answer_QK = error, k, candidate_QK
        state = HeadState(
            kind="knn",
            # As given, not divided by its length: a view takes no memory beside the features.
            tensors={"features_NH": train, "targets": targets},
            facts={"k": chosen, "task": layer.problem.task.value, "n_outputs": layer.problem.n_outputs},
        )
        return FittedHead(
            layer_index=0,
            predictions={
                "eval": answer_QK.astype(np.float32),
                "test": KnnHead.predict(state, layer.features["test"]),
            },
            hyperparameters={"k": chosen},
            state=state,
        )

    @staticmethod
    def predict(state: HeadState, features_NH: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `registry.predict`."""
        train, facts = state.tensors["features_NH"], state.facts
        check_width(features_NH, train.shape[1])
        problem = Problem(task=Task(facts["task"]), n_outputs=facts["n_outputs"])
        for answer_QK in _answers(problem, train, state.tensors["targets"], features_NH, facts["k"]):
            last = answer_QK
        return last.astype(np.float32)


def neighbours(train_NH: NDArray[np.float32], asked_QH: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """Find the k items of train with the largest cosine similarity to each asked one, the nearest first.

    Equally similar ones come in train's order. A vector of zeros is similar to nothing (0).

    Args:
        train_NH: Finite features.
        asked_QH: Finite features.
        k: At most N.

    Returns:
        Positions in train, (Q, k).
    """
    unit_NH = _unit(train_NH)
    found_QJ = np.empty((len(asked_QH), k), dtype=np.int64)
    n_rows = max(1, _BLOCK_VALUES // len(train_NH))
    for start in range(0, len(asked_QH), n_rows):
        rows = slice(start, start + n_rows)
        found_QJ[rows] = _largest(_unit(asked_QH[rows]) @ unit_NH.T, k)
    return found_QJ


def _largest(similarity_QN: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """Columns of each row's k largest values, in falling order, equal ones in rising order of column."""
    n_rows, n_items = similarity_QN.shape
    bound_Q1 = np.partition(similarity_QN, n_items - k, axis=1)[:, n_items - k, None]
    row, column = np.nonzero(similarity_QN >= bound_Q1)
    order = np.lexsort((column, -similarity_QN[row, column], row))
    # More than k of a row reach its bound where several are equal to it; they come last.
    first_Q = np.searchsorted(row, np.arange(n_rows))
    found_QJ: NDArray[np.int64] = column[order][first_Q[:, None] + np.arange(k)]
    return found_QJ


def _unit(values_NH: NDArray[np.float32]) -> NDArray[np.float32]:
    # Squares of large and small float32 values leave float32's range.
    square_N: NDArray[np.float64] = np.einsum("nh,nh->n", values_NH, values_NH, dtype=np.float64)
    length_N = np.where(square_N > 0, np.sqrt(square_N), 1.0).astype(np.float32)
    return values_NH / length_N[:, None]


def _answers(
    problem: Problem,
    train_NH: NDArray[np.float32],
    targets: NDArray[Any],
    asked_QH: NDArray[np.float32],
    most: int,
) -> Iterator[NDArray[np.float64]]:
    """What the first 1, 2, ... `most` neighbours answer, (Q, K) each.

    Neighbours of a label or target are items where it is known; where these are fewer, all of them.
    """
    if problem.task is Task.CLASSIFICATION:
        yield from _answers_of(problem, targets, neighbours(train_NH, asked_QH, most))
        return
    groups = known_together(targets)
    answers = []
    for group in groups:
        k = min(most, int(group.rows.sum()))
        near_QJ = neighbours(group.of(train_NH), asked_QH, k)
        of_group = _answers_of(problem, group.of(targets)[:, group.columns], near_QJ)
        answers.append(_prolonged(of_group, most))
    columns = [group.columns.tolist() for group in groups]
    for found in zip(*answers, strict=True):
        yield in_order(found, columns).astype(np.float64, copy=False)


def _prolonged(answers: Iterator[NDArray[np.float64]], n: int) -> Iterator[NDArray[np.float64]]:
    """So many answers, the last one again and again where there are fewer."""
    last = next(answers)
    yield last
    for _ in range(n - 1):
        last = next(answers, last)
        yield last


def _answers_of(
    problem: Problem, targets: NDArray[Any], near_QJ: NDArray[np.int64]
) -> Iterator[NDArray[np.float64]]:
    n_outputs = problem.n_outputs if problem.task is Task.CLASSIFICATION else targets.shape[1]
    total_QK = np.zeros((len(near_QJ), n_outputs))
    rows = np.arange(len(near_QJ))
    for k, near_Q in enumerate(near_QJ.T, 1):
        if problem.task is Task.CLASSIFICATION:
            total_QK[rows, targets[near_Q]] += 1.0
        else:
            total_QK += targets[near_Q]
        yield total_QK / k


def _squared_error(
    problem: Problem, answer_QK: NDArray[np.float64], truth: NDArray[Any], train: NDArray[Any]
) -> float:
    """Mean squared error, of classes against one-hot truth, of values in units of train's deviation."""
    if problem.task is Task.CLASSIFICATION:
        true_Q = np.take_along_axis(answer_QK, truth[:, None].astype(np.int64), axis=1)
        # Of the true class (1 - p)² stands in place of p².
        return float((np.square(answer_QK).sum(axis=1, keepdims=True) - 2 * true_Q + 1).mean())
    sd_K = Scaling.fit(np.asarray(train, np.float64)).sd_H if problem.task is Task.REGRESSION else 1.0
    return mean_error(np.square((answer_QK - np.where(known(truth), truth, np.nan)) / sd_K))
