"""How the embeddings of an item's sequences become one row.

Shape letters: N items, S sequences of an item, H width of a sequence, D width of the row.
"""

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

Combine = Literal["concat", "mean", "ref_delta", "symmetric"]
COMBINES: tuple[str, ...] = get_args(Combine)


def n_vectors(combine: str, n_seqs: int) -> int:
    """Of how many vectors of one sequence's width the row is made."""
    return 1 if combine == "mean" else n_seqs


def combined(rows_NSH: NDArray[np.float32], combine: str) -> NDArray[np.float32]:
    """Make one row of each item, (N, D).

    `concat` puts the sequences side by side, `mean` averages them. `ref_delta` puts the first one beside what
    each other one differs from it by, `[a, b - a]`: a reference and its variant, whose difference is small
    beside what both have in common. `symmetric` is `[a + b, |a - b|]`, the same whichever of two is first.
    One sequence stays as it is.

    Raises:
        ValueError: `symmetric` of more than two sequences.
    """
    n_items, n_seqs, _ = rows_NSH.shape
    if combine == "mean":
        return np.asarray(rows_NSH.mean(axis=1), dtype=np.float32)
    if n_seqs > 1 and combine == "ref_delta":
        first_N1H = rows_NSH[:, :1]
        rows_NSH = np.concatenate([first_N1H, rows_NSH[:, 1:] - first_N1H], axis=1)
    elif n_seqs > 1 and combine == "symmetric":
        if n_seqs != 2:
            raise ValueError(f"symmetric combines two sequences, items have {n_seqs}")
        a_NH, b_NH = rows_NSH[:, 0], rows_NSH[:, 1]
        rows_NSH = np.stack([a_NH + b_NH, np.abs(a_NH - b_NH)], axis=1)
    return rows_NSH.reshape(n_items, -1)
