"""What the store records about the origin of its arrays."""

from dataclasses import asdict, dataclass, field
from hashlib import sha256
from typing import Any

from seqbench.identity import Settings
from seqbench.vocabulary import SPLITS, SplitName, Task


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitFacts:
    """One split as it was embedded."""

    n_items: int
    sha256: str
    """Of the split's file: the same hash means the same items in the same order."""
    block_rows: int
    """Rows of one block, which is also one chunk of each layer's array."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingFacts:
    """All that is recorded of one model on one data set."""

    task: Task
    n_seqs: int
    """Sequences of an item."""
    n_targets: int
    """Labels or targets of an item; 1 for classification."""
    hidden: int
    classes: tuple[int, ...]
    """Classification: the label each class index stands for; else empty."""
    alphabet: str | None
    """dna, rna or protein; None where no sequences were seen."""
    ceiling: dict[str, float] | None
    """Best attainable score by metric, known for planted data sets only."""
    group: str | None
    """The benchmark that the data set belongs to."""
    settings: Settings
    versions: dict[str, str]
    """Package versions and device at the time of the first block; informative, never compared."""
    splits: dict[SplitName, SplitFacts] = field(default_factory=dict)

    @property
    def data_hash(self) -> str:
        """SHA-256 over names and hashes of the splits in the order train, eval, test; hexadecimal."""
        lines = [f"{name} {self.splits[name].sha256}\n" for name in SPLITS if name in self.splits]
        return sha256("".join(lines).encode()).hexdigest()

    def attrs(self) -> dict[str, Any]:
        """The attributes of the data set's group, ready for JSON."""
        return {**asdict(self), "task": self.task.value, "classes": list(self.classes)}

    @classmethod
    def from_attrs(cls, attrs: dict[str, Any]) -> "EmbeddingFacts":
        """Read back what `attrs` wrote."""
        splits = {name: SplitFacts(**facts) for name, facts in attrs["splits"].items()}
        known = {**attrs, "task": Task(attrs["task"]), "classes": tuple(attrs["classes"]), "splits": splits}
        return cls(**known)
