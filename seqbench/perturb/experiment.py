"""One file of cells made ready: normalised, split, measured; what all heads train and are scored on."""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seqbench.config.perturb import CellsConfig, SplitsConfig
from seqbench.core.atomic import partial_of
from seqbench.core.progress import Reporter
from seqbench.errors import ConfigError, DataError
from seqbench.perturb.cells import CellColumns, Cells, genes_of, open_cells
from seqbench.perturb.effects import Effects, measure, sets_by_pair
from seqbench.perturb.evaluation import Evaluation
from seqbench.perturb.expression import (
    CellMatrix,
    Normalisation,
    choose_genes,
    find_normalisation,
    lay_out,
    lay_out_embedding,
    lay_out_gene_means,
)
from seqbench.perturb.features import GeneFeatures, without_vectors
from seqbench.perturb.splits import (
    SetRoles,
    cells_of_pairs,
    check_roles,
    hold_out,
    split_of_column,
    split_of_toml,
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Experiment:
    """Cells with everything that heads need of them."""

    settings: CellsConfig
    cells: Cells
    normalisation: Normalisation
    effects: Effects
    embedding: CellMatrix | None
    """Of every cell, where the config names one."""
    evaluation: Evaluation
    left_out: tuple[str, ...]
    """Perturbations without vectors, which `missing: skip` left out of all splits."""
    digest: str
    """Hash of the file, its columns, normalisation, genes and split."""

    def close(self) -> None:
        """Give the scratch files back."""
        self.effects.matrix.close()
        if self.embedding is not None:
            self.embedding.close()


def opened_cells(settings: CellsConfig) -> Cells:
    """Open the file that an entry of the config describes.

    Raises:
        DataError: It can't be read, or does not fit the entry.
    """
    columns = CellColumns(
        perturbation=settings.perturbation,
        control=settings.control,
        context=settings.context,
        batch=settings.batch,
    )
    cells = open_cells(settings.file, columns, settings.expression)
    if isinstance(settings.embedding, str):
        cells.check_embedding(settings.embedding)
    return cells


def roles_of(cells: Cells, settings: CellsConfig, splits: SplitsConfig) -> SetRoles:
    """The split that the config asks for.

    Raises:
        ConfigError: It can't be drawn, or its file can't be used.
        DataError: Its column can't be used, or train or test is empty.
    """
    if splits.column is not None:
        roles = split_of_column(cells, splits.column)
    elif splits.toml is not None:
        roles = split_of_toml(cells, splits.toml, settings.name)
    elif splits.hold_out is not None:
        roles = hold_out(cells, splits.hold_out, share=splits.share, few=splits.few, seed=splits.seed)
    else:
        raise ConfigError("perturb.splits takes one of hold_out, column and toml")
    check_roles(cells, roles)
    return roles


def without(roles: SetRoles, left_out: Collection[str]) -> SetRoles:
    """A split without some perturbations, which says so."""
    if not left_out:
        return roles
    kept = {pair: split for pair, split in roles.by_pair.items() if pair[0] not in left_out}
    return SetRoles(by_pair=kept, what=f"{roles.what}, without {', '.join(sorted(left_out))}")


def missing_genes(
    cells: Cells, roles: SetRoles, genes: Mapping[str, Collection[str]], *, skip: bool
) -> tuple[str, ...]:
    """The perturbations that some contender has no vector for; sorted.

    They are left out for all contenders, so that all are compared on the same ones.

    Args:
        cells: The file, for messages.
        roles: Perturbations that are used.
        genes: For each contender the names that it has a vector for.
        skip: Whether to leave them out.

    Raises:
        DataError: There are some, and they are not to be left out; names them.
    """
    used = sorted({perturbation for perturbation, _ in roles.by_pair})
    lacking: set[str] = set()
    for model, names in genes.items():
        missing = [name for name in used if not set(genes_of(name)) <= set(names)]
        if missing and not skip:
            raise DataError(f"{cells.path}: {without_vectors(model, missing)}")
        lacking |= set(missing)
    return tuple(sorted(lacking))


def make_experiment(
    settings: CellsConfig,
    roles: SetRoles,
    left_out: tuple[str, ...],
    *,
    scratch: Path,
    reporter: Reporter,
    vectors: GeneFeatures | None = None,
    identity: str | None = None,
) -> Experiment:
    """Normalise, choose genes on train and controls, lay out and measure.

    Args:
        settings: Of the cells.
        roles: As of `roles_of`.
        left_out: As of `missing_vectors`.
        scratch: Folder for the expression of the chosen genes: 4 bytes a cell and gene.
        reporter: Shows progress.
        vectors: Of genes, whose mean embeds a cell, where the config says so.
        identity: Names what cells are embedded by.

    Raises:
        DataError: Cells of test are among those of train, or values can't be used.
    """
    cells = opened_cells(settings)
    roles = without(roles, left_out)
    check_roles(cells, roles)
    with reporter.task(f"read {settings.name}", 4 * cells.n_cells, "cells") as advance:
        normalisation = find_normalisation(cells, settings.normalize, advance)
        seen_N = cells.is_control_N.copy()
        seen_N[cells_of_pairs(cells, roles.pairs("train"))] = True
        genes_K = choose_genes(cells, normalisation, seen_N, settings.genes, advance)
        sets = sets_by_pair(cells)
        order_N = np.concatenate([each.rows for each in sets.values()])
        place = partial_of(scratch / "cells")
        matrix = lay_out(cells, normalisation, genes_K, order_N, place, advance)
        effects = measure(cells, roles, matrix, sets, advance)
    _check_leaks(cells, roles)
    embedding = None
    if vectors is not None:
        known = sum(gene in vectors.by_gene for gene in cells.genes)
        reporter.note(
            f"{settings.name}: cells are embedded by {vectors.model} (layer {vectors.layer}), which has "
            f"vectors of {known:,} of {len(cells.genes):,} genes; the others have no weight"
        )
        place = partial_of(scratch / "embedding")
        embedding = lay_out_gene_means(cells, normalisation, vectors, order_N, place)
    elif isinstance(settings.embedding, str):
        embedding = lay_out_embedding(cells, settings.embedding, order_N, partial_of(scratch / "embedding"))
    return Experiment(
        settings=settings,
        cells=cells,
        normalisation=normalisation,
        effects=effects,
        embedding=embedding,
        evaluation=Evaluation(effects=effects),
        left_out=left_out,
        digest=digest_of(settings, roles, identity),
    )


def digest_of(settings: CellsConfig, roles: SetRoles, embedding: str | None) -> str:
    """Name the cells, how they are read, and what is held out.

    Args:
        settings: Of the cells; their path does not count.
        roles: The split.
        embedding: Names what cells are embedded by: a key of obsm, or vectors; None where by nothing.
    """
    with settings.file.open("rb") as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    read: dict[str, Any] = settings.model_dump(mode="json", exclude={"file", "name", "embedding"})
    read["embedding"] = embedding
    split = sorted([*pair, role] for pair, role in roles.by_pair.items())
    return hashlib.sha256(json.dumps([content, read, split], sort_keys=True).encode()).hexdigest()


def _check_leaks(cells: Cells, roles: SetRoles) -> None:
    """See that no barcode of a held-out cell is in train under another name of its perturbation."""
    hashes_N = cells.barcode_hashes()
    train_T = cells_of_pairs(cells, roles.pairs("train"))
    for split in ("eval", "test"):
        held_H = cells_of_pairs(cells, roles.pairs(split))
        if not np.isin(hashes_N[held_H], hashes_N[train_T]).any():
            continue
        barcodes = cells.barcodes()
        shared = np.intersect1d(barcodes[train_T], barcodes[held_H])
        if len(shared):
            raise DataError(
                f"{cells.path}: {len(shared)} cells of {split} are in train, the first {str(shared[0])!r} "
                "(duplicated barcodes; remove them, or make barcodes unique if the cells differ)"
            )
