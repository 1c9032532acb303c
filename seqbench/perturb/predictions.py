"""Predicted cells of test as AnnData, for whoever scores them elsewhere.

Shape letters: B cells of a pair, G genes.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seqbench.core.atomic import atomic_write
from seqbench.errors import DataError
from seqbench.perturb.baselines import Response
from seqbench.perturb.experiment import Experiment
from seqbench.perturb.scores import MOST_CELLS
from seqbench.perturb.splits import Pair

if TYPE_CHECKING:
    from anndata import AnnData


def write_predictions(path: Path, experiment: Experiment, response: Response) -> None:
    """Write what a head predicts of every pair of test, and the real controls that it predicts from.

    `X` holds normalised expression of the chosen genes, `obs` perturbation and context of each cell; cells
    of the control are real. Pairs are written one after the other, so that memory does not grow with them.

    Args:
        path: Of the `.h5ad` file; it appears when it is whole.
        experiment: Cells.
        response: A trained head.

    Raises:
        DataError: The file can't be written.
    """
    import h5py

    effects = experiment.effects
    pairs = effects.pairs("test")
    controls = [(effects.control, context) for context in sorted({context for _, context in pairs})]
    rows = {pair: effects.sample((effects.control, pair[1]), MOST_CELLS, 0) for pair in [*pairs, *controls]}
    try:
        with atomic_write(path) as partial:
            _frame(experiment, rows, [*pairs, *controls]).write_h5ad(partial)
            with h5py.File(partial, "r+") as file:
                n_cells = sum(map(len, rows.values()))
                values = file.create_dataset("X", shape=(n_cells, len(effects.matrix.genes)), dtype="<f4")
                values.attrs.update({"encoding-type": "array", "encoding-version": "0.2.0"})
                start = 0
                for pair in [*pairs, *controls]:
                    chosen_B = rows[pair]
                    cells_BG = (
                        effects.matrix.rows(chosen_B) if pair in controls else response.cells(pair, chosen_B)
                    )
                    values[start : start + len(chosen_B)] = cells_BG
                    start += len(chosen_B)
    except OSError as error:
        raise DataError(f"{path}: predicted cells can't be written: {error}") from error


def _frame(experiment: Experiment, rows: Mapping[Pair, NDArray[Any]], order: Sequence[Pair]) -> "AnnData":
    """All but the cells, with the names that the user's own file has."""
    import anndata
    import pandas as pd

    settings = experiment.settings
    counts = [len(rows[pair]) for pair in order]
    obs = pd.DataFrame(
        {
            settings.perturbation: np.repeat([pair[0] for pair in order], counts),
            settings.context or "context": np.repeat([pair[1] for pair in order], counts),
        }
    ).astype("category")
    obs.index = pd.Index([f"predicted_{number}" for number in range(len(obs))])
    return anndata.AnnData(obs=obs, var=pd.DataFrame(index=pd.Index(experiment.effects.matrix.genes)))
