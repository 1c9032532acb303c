"""Kendall's rank correlation (tau-b) of weighted items.

Pairs out of order are counted level by level as in a merge sort (Knight 1966). Which items are compared with
which does not depend on weights, so that a level is a few sums along items for all resamples at once.

Shape letters: R resamples, N items.
"""

import numpy as np
from numpy.typing import NDArray

from seqbench.metrics.averages import Floats, ratio
from seqbench.metrics.ranking import run_ends
from seqbench.metrics.weighting import Weights, count_type, ordered_sums, running_sums, segments

Indices = NDArray[np.intp]


def kendall(targets_N: Floats, predicted_N: Floats, weights_NR: Weights) -> tuple[Floats, NDArray[np.bool_]]:
    """Kendall's tau-b; an item of weight w counts as w equal items, and one of weight 0 as none.

    Time grows with items × log2(items) × resamples.

    Returns:
        The correlation (R,), NaN where targets or predictions are constant, and whether targets vary (R,).
    """
    by_target = np.lexsort((predicted_N, targets_N))
    sorted_targets, sorted_predicted = targets_N[by_target], predicted_N[by_target]
    # Sums over groups of equal values of their squared weights: twice the tied pairs, and once the items.
    target_ties_R = _squared_groups(weights_NR, by_target, run_ends(sorted_targets))
    by_prediction = np.argsort(sorted_predicted, kind="stable")
    predicted_ties_R = _squared_groups(
        weights_NR, by_target[by_prediction], run_ends(sorted_predicted[by_prediction])
    )
    both_ties_R = _squared_groups(weights_NR, by_target, _joint_ends(sorted_targets, sorted_predicted))
    all_pairs_R = weights_NR.sum(axis=0, dtype=np.float64) ** 2
    discordant_R = _discordant(by_target, by_prediction, weights_NR)
    twice_R = all_pairs_R - target_ties_R - predicted_ties_R + both_ties_R - 4 * discordant_R
    spread_R = np.sqrt(all_pairs_R - target_ties_R) * np.sqrt(all_pairs_R - predicted_ties_R)
    return np.clip(ratio(twice_R, spread_R), -1, 1), target_ties_R < all_pairs_R


def _joint_ends(first_N: Floats, second_N: Floats) -> Indices | None:
    differs_N = (first_N[1:] != first_N[:-1]) | (second_N[1:] != second_N[:-1])
    return run_ends(np.append(0, np.cumsum(differs_N)))


def _squared_groups(weights_NR: Weights, order_N: Indices, ends: Indices | None) -> Floats:
    squares_R = np.zeros(weights_NR.shape[1])
    if ends is None:
        groups: Weights = weights_NR
    else:
        groups = np.diff(np.take(ordered_sums(weights_NR, order_N), np.append(0, ends), axis=0), axis=0)
    for part in segments(*groups.shape):
        group = groups[part].astype(np.float64)
        squares_R += np.einsum("nr,nr->r", group, group)
    return squares_R


def _discordant(by_target_N: Indices, by_prediction_N: Indices, weights_NR: Weights) -> Floats:
    """Pairs whose prediction falls where their target rises, (R,).

    Args:
        by_target_N: Items by target, those of equal targets by prediction.
        by_prediction_N: Places in `by_target_N` by prediction, those of equal predictions by place.
        weights_NR: Weights of items.
    """
    pairs_R = np.zeros(weights_NR.shape[1])
    blocks_BR: Weights = np.take(weights_NR, by_target_N, axis=0).astype(count_type(weights_NR))
    for level in range((len(by_target_N) - 1).bit_length()):
        # Blocks of 2^(level + 1) places, each sorted by prediction; what stood in the right half of its block
        # and now comes before something of the left half makes a pair out of order.
        block_N = by_prediction_N >> (level + 1)
        if len(by_target_N) >> (level + 1) < 1 << 16:
            block_N = block_N.astype(np.uint16)  # NumPy sorts these by radix, ten times as fast.
        places_N = by_prediction_N[np.argsort(block_N, kind="stable")]
        is_right_N = (places_N >> level & 1).astype(np.bool_)
        pairs_R += _right_before_left(by_target_N[places_N], is_right_N, weights_NR)
        # That counted what stands right in earlier blocks as well.
        if len(blocks_BR) % 2:
            blocks_BR = np.concatenate([blocks_BR, np.zeros_like(blocks_BR[:1])])
        left, right = blocks_BR[0::2], blocks_BR[1::2]
        pairs_R -= _products(left, running_sums(right, 0, count_type(weights_NR))[:-1])
        blocks_BR = left + right
    return pairs_R


def _right_before_left(items_N: Indices, is_right_N: NDArray[np.bool_], weights_NR: Weights) -> Floats:
    kind = count_type(weights_NR)
    before_R = np.zeros(weights_NR.shape[1], dtype=kind)
    pairs_R = np.zeros(weights_NR.shape[1])
    for part in segments(*weights_NR.shape):
        items, is_right = items_N[part], is_right_N[part]
        sums = running_sums(np.take(weights_NR, items[is_right], axis=0), before_R, kind)
        left = np.take(weights_NR, items[~is_right], axis=0)
        pairs_R += _products(left, np.take(sums, np.cumsum(is_right)[~is_right], axis=0))
        before_R = sums[-1]
    return pairs_R


def _products(first_NR: Weights, second_NR: Weights) -> Floats:
    product_R = np.zeros(first_NR.shape[1])
    for part in segments(*first_NR.shape):
        product_R += np.einsum(
            "nr,nr->r", first_NR[part].astype(np.float64), second_NR[part].astype(np.float64)
        )
    return product_R
