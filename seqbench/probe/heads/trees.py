"""scikit-learn's trees as plain arrays, and predicting with these.

Shape letters: M nodes of all trees, T trees, V leaves of all trees, N items, H features, K outputs.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_AT_ONCE = 1_000_000
"""Pairs of tree and item that go down together: enough that NumPy, not Python, takes the time."""

LeafValues = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""Turns scikit-learn's node values (V, outputs, classes) into what a leaf answers, (V, K)."""


def flatten_trees(trees: Sequence[Any], leaf_values: LeafValues) -> dict[str, NDArray[Any]]:
    """Put the nodes of fitted trees (`tree_` of an estimator) one after the other.

    Thresholds are rounded down to float32: features are float32, and for these `x <= t` does not change.

    Args:
        trees: scikit-learn's `Tree` objects.
        leaf_values: What a leaf answers.

    Returns:
        `root_T`, the first node of each tree; `feature_M`, -1 at a leaf; `threshold_M`; `left_M` and
        `right_M`, the nodes for values up to the threshold and above it, at a leaf `left_M` is its row in
        `values_VK`; and these, float32.
    """
    parts: dict[str, list[NDArray[Any]]] = {"root_T": [], "feature_M": [], "threshold_M": []}
    parts |= {"left_M": [], "right_M": [], "values_VK": []}
    n_nodes = n_leaves = 0
    for tree in trees:
        leaf_M = tree.children_left < 0
        values_VK = leaf_values(tree.value[leaf_M]).astype(np.float32)
        row_M = n_leaves + np.cumsum(leaf_M) - 1
        parts["root_T"].append(np.array([n_nodes], dtype=np.int32))
        parts["feature_M"].append(np.where(leaf_M, -1, tree.feature).astype(np.int32))
        parts["threshold_M"].append(_rounded_down(tree.threshold))
        parts["left_M"].append(np.where(leaf_M, row_M, n_nodes + tree.children_left).astype(np.int32))
        parts["right_M"].append(np.where(leaf_M, -1, n_nodes + tree.children_right).astype(np.int32))
        parts["values_VK"].append(values_VK)
        n_nodes, n_leaves = n_nodes + len(leaf_M), n_leaves + len(values_VK)
    return {name: np.concatenate(arrays) for name, arrays in parts.items()}


def predict_trees(
    tensors: Mapping[str, NDArray[Any]], features_NH: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Average the trees' answers, (N, K), in the trees' order.

    Args:
        tensors: From `flatten_trees`.
        features_NH: Finite features.
    """
    values_VK = tensors["values_VK"]
    answer_NK = np.zeros((len(features_NH), values_VK.shape[1]))
    trees, items = tensors["root_T"], max(1, min(len(features_NH), _AT_ONCE))
    for first in range(0, len(features_NH), items):
        rows = features_NH[first : first + items]
        for start in range(0, len(trees), max(1, _AT_ONCE // items)):
            roots = trees[start : start + max(1, _AT_ONCE // items)]
            for leaf_N in _leaves(tensors, roots, rows):
                answer_NK[first : first + items] += values_VK[leaf_N]
    return answer_NK / len(trees)


def _leaves(
    tensors: Mapping[str, NDArray[Any]], root_T: NDArray[np.int32], features_NH: NDArray[np.float32]
) -> NDArray[np.int32]:
    """Row in `values_VK` of the leaf that each item reaches in each tree, (T, N)."""
    feature_M, threshold_M = tensors["feature_M"], tensors["threshold_M"]
    left_M, right_M = tensors["left_M"], tensors["right_M"]
    n_items, width = features_NH.shape
    reached = np.empty(len(root_T) * n_items, dtype=np.int32)
    flat = features_NH.reshape(-1)
    place = np.arange(len(reached))
    row = np.tile(np.arange(n_items) * width, len(root_T))
    node = np.repeat(root_T, n_items)
    while len(place):
        feature = feature_M[node]
        inner = feature >= 0
        done = ~inner
        reached[place[done]] = left_M[node[done]]
        place, row, node = place[inner], row[inner], node[inner]
        goes_left = flat[row + feature[inner]] <= threshold_M[node]
        node = np.where(goes_left, left_M[node], right_M[node])
    return reached.reshape(len(root_T), n_items)


def _rounded_down(threshold_M: NDArray[np.float64]) -> NDArray[np.float32]:
    nearest = threshold_M.astype(np.float32)
    return np.where(nearest > threshold_M, np.nextafter(nearest, np.float32(-np.inf)), nearest)
