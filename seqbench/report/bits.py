"""Bits a letter of adapted models and of what they began with, as a report shows them."""

from collections.abc import Sequence
from dataclasses import dataclass

from seqbench.catalog.likelihood_records import Objective, Symbol


@dataclass(frozen=True, slots=True, kw_only=True)
class BitsGain:
    """How many bits a letter fewer a model needs than the one it was adapted from, on the same documents."""

    difference: float
    """Positive where it needs fewer."""
    low: float | None
    """Lower end of the paired 95 % interval over documents; None where they are too few for one."""
    high: float | None
    p: float
    """Two-sided, not corrected."""

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves out no difference."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusBits:
    """A model on the held-out documents of a corpus."""

    model: str
    base: str | None
    """What it was adapted from; None for a model that began elsewhere."""
    step: int | None
    """Steps of the adaptation."""
    corpus: str
    is_watched: bool
    """Whether no adaptation was trained on the corpus."""
    symbol: Symbol
    objective: Objective
    n_documents: int
    n_letters: int
    bits: float
    low: float | None
    high: float | None
    token_perplexity: float
    gain: BitsGain | None
    """Over the base; None without one, or where other letters were asked of it."""

    @property
    def family(self) -> str:
        """The adaptation that it is a checkpoint of; its own name where it is none."""
        return self.model if self.step is None else self.model.partition("@")[0]


def models_of(bits: Sequence[CorpusBits]) -> list[str]:
    """Models in the order in which they stand."""
    return list(dict.fromkeys(one.model for one in bits))


def corpora_of(bits: Sequence[CorpusBits]) -> list[str]:
    """Corpora that were trained on, then those that are watched."""
    return list(dict.fromkeys(one.corpus for one in sorted(bits, key=lambda one: one.is_watched)))


def final_models(bits: Sequence[CorpusBits]) -> list[str]:
    """What adaptations end with: of each family the model of most steps."""
    last: dict[str, CorpusBits] = {}
    for one in bits:
        if one.step is not None and one.step >= (last[one.family].step or 0 if one.family in last else 0):
            last[one.family] = one
    return [one.model for one in last.values()]


def curves_of(bits: Sequence[CorpusBits], family: str) -> list[tuple[int, str]]:
    """Steps and models of an adaptation, from what it began with on; none where there is only one."""
    found = {one.step or 0: one.model for one in bits if one.step is not None and one.family == family}
    base = next((one.base for one in bits if one.family == family and one.base is not None), None)
    if base is not None and any(one.model == base for one in bits):
        found[0] = base
    return sorted(found.items()) if len(found) > 1 else []
