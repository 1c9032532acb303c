"""What is made of the embeddings of both strands of a nucleic acid.

Shape letters: N sequences, H hidden width.
"""

import numpy as np
from numpy.typing import NDArray

from seqbench.core.types import Strands


def join_strands(
    forward_NH: NDArray[np.float32], reverse_NH: NDArray[np.float32], strands: Strands
) -> tuple[NDArray[np.float32], float]:
    """Average both strands, or put them side by side.

    Returns:
        Shape (N, H) or (N, 2H), and the mean cosine between the strands: 1 for a model that does not care
        which strand it reads. NaN where no row is finite.
    """
    if strands == "mean":
        joined = (forward_NH + reverse_NH) / 2
    else:
        joined = np.concatenate([forward_NH, reverse_NH], axis=1)
    dots = np.einsum("nh,nh->n", forward_NH, reverse_NH, dtype=np.float64)
    norms = np.linalg.norm(forward_NH, axis=1).astype(np.float64) * np.linalg.norm(reverse_NH, axis=1)
    cosines = dots[norms > 0] / norms[norms > 0]
    return joined.astype(np.float32, copy=False), float(cosines.mean()) if len(cosines) else float("nan")
