"""A trained head as it is kept: what it predicts, and what it was trained on.

Shape letters: N items, S sequences of an item, H hidden width.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from seqbench.core.combining import n_vectors
from seqbench.core.identity import ModelIdentity
from seqbench.core.types import Task
from seqbench.probe.head_check import HeadCheck
from seqbench.probe.heads.base import HeadState
from seqbench.store import Embeddings

MADE_BY = ("k", "canonical", "window", "seed", "adapter", "attn_implementation")
"""Keys of a model's entry in the config that its path alone does not tell; none lets code run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What a head was trained on: how to make features for it."""

    model: ModelIdentity
    parameters: Mapping[str, Any]
    """Of the model's entry in the config, those of `MADE_BY` that it has."""
    dataset: str
    layer: int
    embedding: Mapping[str, Any]
    """The settings of the embeddings, as the store records them."""
    stored: str
    """Type in which they were stored: float32 or float16."""
    combine: str
    """How the sequences of an item became one row, one of `core.combining.Combine`."""
    alphabet: str | None
    """dna, rna or protein; None where no sequences were seen."""
    n_seqs: int
    """Sequences of an item."""
    hidden: int
    """Width of a sequence's embedding."""

    @property
    def width(self) -> int:
        """Features of an item."""
        return self.hidden * n_vectors(self.combine, self.n_seqs)


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedHead:
    """A trained head, what it predicts, and what it was trained on."""

    state: HeadState
    task: Task
    n_outputs: int
    classes: tuple[int, ...]
    """Classification: the label that each output stands for; else empty."""
    class_names: tuple[str, ...]
    """Names of the outputs in their order; empty where they have none."""
    thresholds: tuple[float, ...] | None
    """From where on a probability is a yes: one for two classes, one a label; None for 0.5."""
    origin: Origin
    head: str
    """Its name in the config."""
    seed: int
    fold: int | None
    spec_hash: str
    spec: Mapping[str, Any]
    """Everything that the probe's result depends on."""
    writer: Mapping[str, str] = field(default_factory=dict)
    """Versions of the packages that it was written with."""
    check: HeadCheck | None = None
    """Some of its predictions; None in files of before these were kept."""

    @property
    def outputs(self) -> Sequence[str | int]:
        """What each output stands for: its name, else the class's number, or the label's or target's."""
        return self.class_names or self.classes or range(self.n_outputs)


def origin_of(entry: Embeddings, layer: int, combine: str, parameters: Mapping[str, Any]) -> Origin:
    """What a head on a layer of stored embeddings is trained on; `parameters` is the model's config entry."""
    facts = entry.facts
    return Origin(
        model=entry.model,
        parameters={key: parameters[key] for key in MADE_BY if parameters.get(key) is not None},
        dataset=entry.dataset,
        layer=layer,
        embedding=dict(facts.settings),
        stored=facts.dtype,
        combine=combine,
        alphabet=facts.alphabet,
        n_seqs=facts.n_seqs,
        hidden=facts.hidden,
    )
