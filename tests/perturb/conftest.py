"""One file of planted cells, opened and measured once."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("anndata")

from seqbench.perturb.cells import CellColumns, Cells, open_cells
from seqbench.perturb.effects import Effects, measure, sets_by_pair
from seqbench.perturb.expression import find_normalisation, lay_out
from seqbench.perturb.splits import SetRoles, hold_out
from tests.perturb.planted_cells import write_cells

COLUMNS = CellColumns(perturbation="gene", control="none", context="line")


def ignore(amount: float) -> None:
    """Progress that nobody watches."""


def effects_of(cells: Cells, roles: SetRoles, scratch: Path) -> Effects:
    """Everything up to the means, all genes kept."""
    sets = sets_by_pair(cells)
    order = np.concatenate([each.rows for each in sets.values()])
    normalisation = find_normalisation(cells, "auto", ignore)
    matrix = lay_out(cells, normalisation, np.arange(len(cells.genes)), order, scratch, ignore)
    return measure(cells, roles, matrix, sets, ignore)


@pytest.fixture(scope="session")
def planted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Cells, dict[str, np.ndarray], Effects]:
    """Cells, their true vectors, and what was measured; a fifth is test, a fifth eval."""
    folder = tmp_path_factory.mktemp("cells")
    vectors = write_cells(folder / "cells.h5ad")
    cells = open_cells(folder / "cells.h5ad", COLUMNS)
    roles = hold_out(cells, "perturbations", share=0.2, few=1, seed=0)
    return cells, vectors, effects_of(cells, roles, folder / "scratch")
