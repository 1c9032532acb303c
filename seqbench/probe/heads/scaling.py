"""Standardisation: mean 0 and standard deviation 1 on train, the same shift and scale elsewhere.

Shape letters: N items, H columns (features or targets).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_BLOCK_ROWS = 4096
_CONSTANT = 1e-12
"""Deviations below this share of the mean are rounding: a float32 column that varies has 6e-8 / sqrt(N)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """A shift and a scale a column, float64."""

    mean_H: NDArray[np.float64]
    sd_H: NDArray[np.float64]
    """Population standard deviation; 1 where the column is constant."""

    @classmethod
    def fit(cls, values_NH: NDArray[np.floating]) -> "Scaling":
        """Measure the columns, in float64 by blocks of rows so that no float64 copy is made.

        Of columns with NaN, which are targets that are not known, what is known is measured.
        """
        if np.isnan(values_NH).any():
            mean_H, sd_H = np.nanmean(values_NH, axis=0), np.nanstd(values_NH, axis=0)
            return cls(mean_H=mean_H, sd_H=np.where(sd_H <= _CONSTANT * np.abs(mean_H), 1.0, sd_H))
        n_rows = len(values_NH)
        blocks = [values_NH[start : start + _BLOCK_ROWS] for start in range(0, n_rows, _BLOCK_ROWS)]
        mean_H = sum((block.sum(axis=0, dtype=np.float64) for block in blocks), np.zeros(())) / n_rows
        squares = (np.square(block - mean_H).sum(axis=0) for block in blocks)
        sd_H = np.sqrt(sum(squares, np.zeros(())) / n_rows)
        return cls(mean_H=mean_H, sd_H=np.where(sd_H <= _CONSTANT * np.abs(mean_H), 1.0, sd_H))

    def apply(self, values_NH: NDArray[np.floating]) -> NDArray[np.float32]:
        """Standardise, to float32; columns that were constant on train are only shifted."""
        scaled = np.empty(values_NH.shape, dtype=np.float32)
        for start in range(0, len(values_NH), _BLOCK_ROWS):
            rows = slice(start, start + _BLOCK_ROWS)
            scaled[rows] = (values_NH[rows] - self.mean_H) / self.sd_H
        return scaled

    def undo(self, values_NH: NDArray[np.floating]) -> NDArray[np.float64]:
        """Turn standardised values back into the original units."""
        return values_NH * self.sd_H + self.mean_H
