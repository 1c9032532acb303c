"""Random numbers that are the same on every platform and with every version of NumPy.

NumPy promises stability for the raw output of its bit generators and for `SeedSequence`, not for the methods
of `Generator` (NEP 19); everything here is derived from raw output.
"""

import numpy as np
from numpy.typing import NDArray


class PlantedDraws:
    """A stream of random numbers that depends only on the keys it is made with."""

    def __init__(self, seed: int, *keys: str) -> None:
        words = [int.from_bytes(key.encode(), "little") for key in keys]
        self._bits = np.random.PCG64(np.random.SeedSequence([seed, *words]))

    def uniform(self, *shape: int) -> NDArray[np.float64]:
        """Numbers from [0, 1), on a grid of 2⁻⁵³."""
        raw = self._bits.random_raw(int(np.prod(shape)))
        grid = (np.asarray(raw, dtype=np.uint64) >> np.uint64(11)).reshape(shape)
        return grid.astype(np.float64) * 2.0**-53

    def integers(self, below: int | NDArray[np.int64], *shape: int) -> NDArray[np.int64]:
        """Whole numbers from 0 to `below` - 1, which broadcasts against `shape`."""
        return (self.uniform(*shape) * below).astype(np.int64)

    def normal(self, *shape: int) -> NDArray[np.float64]:
        """Standard normal numbers, by the inverse of the normal distribution function."""
        from scipy.special import ndtri

        return np.asarray(ndtri(self.uniform(*shape) + 2.0**-54))

    def orders(self, rows: int, width: int) -> NDArray[np.int64]:
        """A (rows, width) array whose every row is a permutation of 0 to `width` - 1."""
        return np.argsort(self.uniform(rows, width), axis=1, kind="stable")

    def classes(self, items: int, count: int) -> NDArray[np.int64]:
        """A shuffled (items,) array of 0 to `count` - 1, each as often as the others, give or take one."""
        classes: NDArray[np.int64] = self.orders(1, items)[0] % count
        return classes
