"""Labels or targets that are known of the same items: what heads that take no gaps train together.

Shape letters: N items, K outputs, C outputs of a group.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqbench.core.missing import known


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KnownTogether:
    """Some outputs, and the items that they are known of."""

    columns: NDArray[np.int64]
    """(C,) ascending."""
    rows: NDArray[np.bool_]
    """(N,) of train; the same for all of the outputs."""

    def of(self, values: NDArray[Any]) -> NDArray[Any]:
        """Features or targets of these items; a copy only where some are left out."""
        return values if self.rows.all() else values[self.rows]


def known_together(targets_NK: NDArray[Any], *others: NDArray[Any]) -> list[KnownTogether]:
    """Group outputs by the items of train that they are known of, in the order of their first output.

    Where nothing is missing that is one group of all.

    Args:
        targets_NK: Of train, what is not known marked as in `core.missing`.
        others: Targets of other splits, where these too have to be known together.
    """
    patterns_KN = np.vstack([known(values) for values in (targets_NK, *others)]).T
    by_pattern: dict[bytes, list[int]] = {}
    for output, pattern in enumerate(patterns_KN):
        by_pattern.setdefault(pattern.tobytes(), []).append(output)
    return [
        KnownTogether(columns=np.array(outputs), rows=patterns_KN[outputs[0], : len(targets_NK)])
        for outputs in by_pattern.values()
    ]


def mean_error(errors_NK: NDArray[np.floating[Any]]) -> float:
    """The mean over outputs of the mean over items, NaN standing for what is not known."""
    if not np.isnan(errors_NK).any():
        return float(errors_NK.mean())
    some_K = ~np.isnan(errors_NK).all(axis=0)
    return float(np.nanmean(errors_NK[:, some_K], axis=0).mean())
