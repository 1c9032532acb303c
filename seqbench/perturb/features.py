"""Vectors of perturbations: one-hot, from a model's layers in the store, or from a file of named vectors.

Shape letters: F features of a vector, P perturbations.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seqbench.errors import ConfigError, DataError, said
from seqbench.perturb.cells import genes_of
from seqbench.perturb.expected import ONE_HOT

MOST_NAMED = 20


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GeneFeatures:
    """A contender: one vector a gene, from one layer of one model."""

    model: str
    """What the catalog and the report call it."""
    layer: int
    n_layers: int
    by_gene: Mapping[str, NDArray[np.float32]]
    fingerprint: str
    """Of the weights or the file that they come from."""

    @property
    def width(self) -> int:
        """F."""
        return len(next(iter(self.by_gene.values())))

    def missing(self, perturbations: Sequence[str]) -> list[str]:
        """Perturbations of which a gene has no vector, in order."""
        return [name for name in perturbations if any(gene not in self.by_gene for gene in genes_of(name))]

    def of(self, perturbations: Sequence[str]) -> NDArray[np.float32]:
        """The vectors of perturbations, (P, F); of several genes at once their sum.

        Raises:
            DataError: Names every perturbation without a vector: none is made up, as zero or as the control.
        """
        if missing := self.missing(perturbations):
            raise DataError(without_vectors(self.model, missing))
        rows = [sum_of(self.by_gene, name) for name in perturbations]
        return np.stack(rows) if rows else np.empty((0, self.width), np.float32)


def without_vectors(model: str, missing: Sequence[str]) -> str:
    """Says which perturbations have no vector, and the way out."""
    named = ", ".join(missing[:MOST_NAMED])
    more = f" and {len(missing) - MOST_NAMED} more" if len(missing) > MOST_NAMED else ""
    return (
        f"{model} has no vector for {len(missing)} perturbation{'s' * (len(missing) > 1)}: {named}{more} "
        "(add their sequences, or set perturb.missing: skip to leave them out)"
    )


def sum_of(by_gene: Mapping[str, NDArray[np.float32]], perturbation: str) -> NDArray[np.float32]:
    """The sum of the vectors of a perturbation's genes."""
    total: NDArray[np.float32] = np.sum(
        [by_gene[gene] for gene in genes_of(perturbation)], axis=0, dtype=np.float32
    )
    return total


def one_hot(perturbations: Sequence[str]) -> GeneFeatures:
    """One column a gene: knows which perturbation it is, and nothing of what genes have in common."""
    genes = sorted({gene for name in perturbations for gene in genes_of(name)})
    rows = np.eye(len(genes), dtype=np.float32)
    return GeneFeatures(
        model=ONE_HOT,
        layer=0,
        n_layers=1,
        by_gene=dict(zip(genes, rows, strict=True)),
        fingerprint="one-hot",
    )


def read_vectors(path: Path) -> GeneFeatures:
    """Read a `.pt` file of `{name: vector}`, as the community shares them.

    The file is read without unpickling anything but tensors.

    Raises:
        ConfigError: There is no such file.
        DataError: It is no such file, its vectors are of unequal widths, or one holds NaN or infinity.
    """
    import torch

    if not path.is_file():
        raise ConfigError(f"{path}: there is no such file (perturb.features)")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch, zipfile and pickle raise what they like
        raise DataError(f"{path}: can't be read as a file of tensors: {said(error)}") from error
    if not isinstance(content, dict) or not content:
        raise DataError(f"{path}: must hold a dictionary of vectors by name")
    by_gene = {}
    for name, vector in content.items():
        if not isinstance(name, str) or not isinstance(vector, torch.Tensor) or vector.squeeze().ndim != 1:
            raise DataError(f"{path}: {str(name)[:40]!r} must be a name with one vector")
        by_gene[name] = vector.squeeze().to(torch.float32).numpy()
    widths = {len(vector) for vector in by_gene.values()}
    if len(widths) > 1:
        raise DataError(f"{path}: vectors are of unequal widths: {', '.join(map(str, sorted(widths)))}")
    for name, vector_F in by_gene.items():
        if not np.isfinite(vector_F).all():
            raise DataError(f"{path}: the vector of {name} holds NaN or infinity")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return GeneFeatures(model=path.stem, layer=0, n_layers=1, by_gene=by_gene, fingerprint=digest)
