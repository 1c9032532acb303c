"""What a file of cells holds, and what stands against it: too few cells, copies, cells of test among train.

Shape letters: N cells, B cells of a block.
"""

from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from seqbench.config.perturb import CellsConfig, SplitsConfig
from seqbench.core.progress import Reporter
from seqbench.core.types import SPLITS, SplitName
from seqbench.perturb.cells import Cells
from seqbench.perturb.effects import sets_by_pair
from seqbench.perturb.experiment import opened_cells, roles_of
from seqbench.perturb.expression import find_normalisation
from seqbench.perturb.splits import SetRoles, cells_of_pairs

FEW_CELLS = 20
"""Below so many cells the mean of a pair moves by a quarter of a cell's own deviation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CellsSplit:
    """A split of a file of cells."""

    name: SplitName
    perturbations: int
    contexts: int
    cells: int
    fewest: int
    """Cells of the pair of perturbation and context that has the fewest; 0 where the split is empty."""
    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CellsReport:
    """What was found in a file of cells."""

    name: str
    genes: int
    expression: str
    """Counts, or values as they are stored."""
    controls: tuple[tuple[str, int], ...]
    """Contexts and their control cells."""
    splits: tuple[CellsSplit, ...]
    warnings: tuple[str, ...]


def check_cells(settings: CellsConfig, splits: SplitsConfig, reporter: Reporter) -> CellsReport:
    """Read all cells of an entry of the config.

    Raises:
        DataError: The file can't be used: columns, controls of a context, or the split are missing.
        ConfigError: The split can't be drawn.
    """
    cells = opened_cells(settings)
    roles = roles_of(cells, settings, splits)
    counts = {pair: len(each.rows) for pair, each in sets_by_pair(cells).items()}
    with reporter.task(f"check {settings.name}", 2 * cells.n_cells, "cells") as advance:
        normalisation = find_normalisation(cells, settings.normalize, advance)
        hashes_N = np.zeros(cells.n_cells, np.uint64)
        for start, block_BG in cells.blocks():
            hashes_N[start : start + len(block_BG)] = _hashes(block_BG)
            advance(len(block_BG))
    return CellsReport(
        name=settings.name,
        genes=len(cells.genes),
        expression="counts" if normalisation.is_counts else "values as stored",
        controls=tuple((name, counts[cells.control, name]) for name in cells.context.names),
        splits=tuple(_split(roles, counts, name) for name in SPLITS),
        warnings=tuple(f"{settings.name}: {said}" for said in _warnings(cells, roles, hashes_N)),
    )


def _hashes(block_BG: NDArray[np.float32]) -> NDArray[np.uint64]:
    """64 bits of each cell's expression; 0 for a cell without any, which is like any other such."""
    found = [
        int.from_bytes(blake2b(row.data, digest_size=8).digest(), "little") | 1 if row.any() else 0
        for row in np.ascontiguousarray(block_BG)
    ]
    return np.array(found, np.uint64)


def _split(roles: SetRoles, counts: dict[tuple[str, str], int], name: SplitName) -> CellsSplit:
    pairs = roles.pairs(name)
    sizes = [counts[pair] for pair in pairs]
    return CellsSplit(
        name=name,
        perturbations=len({perturbation for perturbation, _ in pairs}),
        contexts=len({context for _, context in pairs}),
        cells=sum(sizes),
        fewest=min(sizes, default=0),
        most=max(sizes, default=0),
    )


def _warnings(cells: Cells, roles: SetRoles, hashes_N: NDArray[np.uint64]) -> list[str]:
    said = []
    names, times = np.unique(cells.barcodes(), return_counts=True)
    if (times > 1).any():
        first = str(names[times > 1][0])
        n_names = int((times > 1).sum())
        said.append(f"barcodes that are there more than once: {n_names:,}, the first {first!r}")
    if (empty := int((hashes_N == 0).sum())) > 0:
        said.append(f"cells without any expression: {empty:,}")
    train = np.unique(hashes_N[cells_of_pairs(cells, roles.pairs("train"))])
    for split in ("eval", "test"):
        held = hashes_N[cells_of_pairs(cells, roles.pairs(split))]
        copies = int(np.isin(held[held > 0], train).sum())
        if copies:
            said.append(f"cells of {split} with the same expression as one of train: {copies:,}")
    few = [
        pair
        for pair, each in sets_by_pair(cells).items()
        if len(each.rows) < FEW_CELLS and (pair in roles.by_pair or pair[0] == cells.control)
    ]
    if few:
        some = ", ".join(f"{perturbation} in {context}" for perturbation, context in few[:4])
        more = f" and {len(few) - 4} more" if len(few) > 4 else ""
        said.append(f"fewer than {FEW_CELLS} cells of {some}{more}: their means are rough")
    return said
