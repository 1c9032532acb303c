"""Which probes a config asks for, and which of them are still to be trained."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from seqbench.probe.items import items_of
from seqbench.probe.spec import Design, probe_spec, spec_hash
from seqbench.probe.trainings import applicable
from seqbench.store import Embeddings


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One probe that may have to be trained."""

    layer: int
    design: Design
    fold: int | None
    """The fold held out; None for all folds of a cross-validation together, or where there is none."""
    spec: dict[str, Any]
    hash: str

    @property
    def has_head(self) -> bool:
        """Whether it is one trained head, which can be kept, rather than what several say together."""
        return self.fold is not None or self.design.folds is None


def wanted_probes(entry: Embeddings, layers: Sequence[int], designs: Sequence[Design]) -> list[Wanted]:
    """Every probe of a model on a data set: each design on each layer, of a cross-validation each fold.

    A subset that would be all of train is left out.

    Raises:
        ProbeError: There is a subset, and train can't be read or has too few items.
    """
    if any(design.subset for design in designs):
        designs = applicable(designs, items_of(entry))
    return list(_each(entry, layers, designs))


def _each(entry: Embeddings, layers: Sequence[int], designs: Sequence[Design]) -> Iterator[Wanted]:
    for design in designs:
        for fold in (*range(design.folds or 0), None):
            for layer in layers:
                spec = probe_spec(entry, layer, design, fold)
                yield Wanted(layer=layer, design=design, fold=fold, spec=spec, hash=spec_hash(spec))


def probes_a_layer(designs: Sequence[Design]) -> int:
    """Number of probes: one a design, or one a fold and one for all folds together."""
    return sum((design.folds or 0) + 1 for design in designs)


def missing_probes(
    wanted: Sequence[Wanted], known: Collection[str], is_kept: Callable[[Wanted], bool] | None = None
) -> list[Wanted]:
    """The probes that have to be trained.

    Args:
        wanted: All that are asked for.
        known: Hashes of probes whose results are there.
        is_kept: Tells whether a probe's trained head is there; None where heads need not be kept.
    """
    return [
        probe
        for probe in wanted
        if probe.hash not in known or (is_kept is not None and probe.has_head and not is_kept(probe))
    ]
