"""How the vectors of an item's sequences become one, as `core.combining` does it with arrays.

Shape letters: B items, S sequences of an item, F width of a vector.
"""

import torch
from torch import Tensor


def combined(vectors_BSF: Tensor, how: str) -> Tensor:
    """One vector an item: side by side, the mean, `ref_delta` (or `difference`), `symmetric`.

    Raises:
        ValueError: `symmetric` of more than two sequences.
    """
    n_seqs = vectors_BSF.shape[1]
    if how == "mean":
        return vectors_BSF.mean(1)
    if n_seqs > 1 and how in ("difference", "ref_delta"):
        first_B1F = vectors_BSF[:, :1]
        vectors_BSF = torch.cat([first_B1F, vectors_BSF[:, 1:] - first_B1F], 1)
    elif n_seqs > 1 and how == "symmetric":
        if n_seqs != 2:
            raise ValueError(f"symmetric combines two sequences, items have {n_seqs}")
        a_BF, b_BF = vectors_BSF.unbind(1)
        return torch.cat([a_BF + b_BF, (a_BF - b_BF).abs()], 1)
    return vectors_BSF.flatten(1)
