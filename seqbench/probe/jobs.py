"""Trainings that are still to be done, each with its layers and the probes that it is for."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from seqbench.probe.crossvalidation import FoldsTogether
from seqbench.probe.items import Items
from seqbench.probe.spec import Design, spec_hash
from seqbench.probe.trainings import Training, trainings_of
from seqbench.probe.wanted import Wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """All folds of a layer together: the probe, and what collects the folds."""

    probe: Wanted
    folds: FoldsTogether


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One training on some layers."""

    training: Training
    layers: tuple[int, ...]
    """Ascending. A fold whose own probe is known is trained again where all folds together lack it."""
    probes: Mapping[int, Wanted]
    """By layer, the probes that are missing."""
    wholes: Mapping[int, Whole]
    """By layer, what this fold is a part of."""

    @property
    def design(self) -> Design:
        """What is trained."""
        return self.training.design

    def only(self, layers: Sequence[int]) -> "Job":
        """The part of it that is on some layers."""
        kept = tuple(layer for layer in self.layers if layer in layers)
        return Job(training=self.training, layers=kept, probes=self.probes, wholes=self.wholes)

    def progress(self, layer: int) -> float:
        """How many probes are done with a layer of it; all folds together count in parts."""
        return (layer in self.probes) + (1 / (self.design.folds or 1) if layer in self.wholes else 0)

    @property
    def head(self) -> str:
        """What must be equal for jobs to be trained together."""
        return spec_hash({"head": self.design.head, "settings": dict(self.design.settings)})


def jobs_of(missing: Sequence[Wanted], items: Items) -> Iterator[Job]:
    """Turn missing probes, those of a design in a row, into trainings.

    Raises:
        ProbeError: Train has too few items to hold any out for eval.
    """
    for _, group in groupby(missing, key=lambda probe: id(probe.design)):
        probes = list(group)
        design = probes[0].design
        wholes = {
            probe.layer: Whole(probe=probe, folds=FoldsTogether(folds=design.folds))
            for probe in probes
            if design.folds is not None and probe.fold is None
        }
        for training in trainings_of(design, items):
            own = {
                probe.layer: probe
                for probe in probes
                if probe.fold == training.fold and (design.folds is None or probe.fold is not None)
            }
            layers = tuple(sorted(own.keys() | wholes.keys()))
            if layers:
                yield Job(training=training, layers=layers, probes=own, wholes=wholes)
