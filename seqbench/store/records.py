"""What the store records about the origin of its arrays, and what is handed over with a block.

Shape letters: N items, S sequences of an item, H hidden width.
"""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from seqbench.core.identity import Settings
from seqbench.core.json_records import read_record
from seqbench.core.types import SPLITS, Level, SplitName, StoreDtype, Task

REMAKE = "(delete that folder; `seqbench extract` makes it again)"
"""The way out where the record of a model or data set is damaged."""

LARGEST = 2**40
"""No number of items, sequences or units is larger; one that is comes from damage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitFacts:
    """One split as it was embedded."""

    n_items: int
    sha256: str
    """Of the split's file: the same hash means the same items in the same order."""
    block_rows: int
    """Rows of one block, which is also one file of each layer's array."""
    chunk_rows: int = 0
    """Rows of one chunk; by default a block is one chunk, as in stores written before there were shards."""
    token_file: int = 0
    """Tokens of one file, where rows are tokens; else 0."""
    token_chunk: int = 0
    """Tokens of one chunk."""

    def __post_init__(self) -> None:
        if not self.chunk_rows:
            object.__setattr__(self, "chunk_rows", self.block_rows)


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
    dtype: StoreDtype = "float32"
    """Type that the embeddings are stored in."""
    class_names: tuple[str, ...] = ()
    """Names of `classes`, or of labels or targets; empty where nothing names them. Never compared."""
    notes: dict[str, Any] = field(default_factory=dict)
    """What may be worth knowing later, ready for JSON: token budget, certificate; never compared."""

    has_targets: bool = False
    """Whether items have several labels, each scored by itself: then `task` and what else is said of labels
    are the first's when this was recorded, and are never compared."""

    unit: Literal["sequence", "token"] = "sequence"
    """What a row of a layer is the vector of."""

    level: Level = "item"
    """What labels are of. Those of letters are kept where vectors of tokens are; no item has one then."""

    @property
    def data_hash(self) -> str:
        """SHA-256 over names and hashes of the splits in the order train, eval, test; hexadecimal."""
        lines = [f"{name} {self.splits[name].sha256}\n" for name in SPLITS if name in self.splits]
        return sha256("".join(lines).encode()).hexdigest()

    def attrs(self) -> dict[str, Any]:
        """The attributes of the data set's group, ready for JSON."""
        lists = {"classes": list(self.classes), "class_names": list(self.class_names)}
        attrs = {**asdict(self), "task": self.task.value, **lists}
        # Older versions know no such keys.
        if not self.has_targets:
            del attrs["has_targets"]
        if self.level == "item":
            del attrs["level"]
        if self.unit == "sequence":
            del attrs["unit"]
            for split in attrs["splits"].values():
                del split["token_file"], split["token_chunk"]
        return attrs

    @classmethod
    def from_attrs(cls, attrs: dict[str, Any]) -> "EmbeddingFacts":
        """Read back what `attrs` wrote, now or before there were `dtype`, `notes` and `chunk_rows`.

        Raises:
            ValueError: A key is missing, unknown, of another type or out of range.
        """
        found = read_record(cls, attrs)
        sizes = {"n_seqs": found.n_seqs, "n_targets": found.n_targets, "hidden": found.hidden}
        for split, facts in found.splits.items():
            sizes |= {
                f"splits.{split}.n_items": facts.n_items,
                f"splits.{split}.block_rows": facts.block_rows,
                f"splits.{split}.chunk_rows": facts.chunk_rows,
            }
            if found.unit == "token":
                sizes |= {
                    f"splits.{split}.token_file": facts.token_file,
                    f"splits.{split}.token_chunk": facts.token_chunk,
                }
            for chunk, file in (
                (facts.chunk_rows, facts.block_rows),
                (facts.token_chunk, facts.token_file),
            ):
                if chunk > 0 and file % chunk:
                    raise ValueError(f"splits.{split}: chunks of {chunk} rows do not fill a block")
        for place, size in sizes.items():
            if not 0 < size <= LARGEST:
                raise ValueError(f"{place}: is {size}")
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetFacts:
    """What is recorded of one of several labels of a data set; fields as of `EmbeddingFacts`."""

    task: Task
    n_targets: int
    classes: tuple[int, ...]
    class_names: tuple[str, ...]
    label_key: str

    def of(self, facts: EmbeddingFacts) -> EmbeddingFacts:
        """The record of the embeddings, as if this were the only label."""
        return replace(
            facts,
            task=self.task,
            n_targets=self.n_targets,
            classes=self.classes,
            class_names=self.class_names,
            settings={**facts.settings, "label_key": self.label_key},
            ceiling=None,
            has_targets=False,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemFacts:
    """What happened to the items of a block; sequences in the item's order."""

    tokens_NS: NDArray[np.int64]
    """Tokens that went through the model, special tokens included."""
    windows_NS: NDArray[np.int32]
    """Windows that a sequence was cut into."""
    coverage_NS: NDArray[np.float32]
    """Share of a sequence's tokens that was seen: below 1 where it was truncated."""
    hash_N: NDArray[np.uint64]
    """First 64 bits of the BLAKE2b of the item's sequences: equal items have equal hashes."""

    def columns(self) -> dict[str, NDArray[Any]]:
        """Each by its name and in its dtype in the store; see `ITEM_FIELDS`."""
        values = (self.tokens_NS, self.windows_NS, self.coverage_NS, self.hash_N)
        return {
            name: np.asarray(column).astype(dtype, copy=False)
            for (name, dtype), column in zip(ITEM_FIELDS.items(), values, strict=True)
        }


ITEM_FIELDS = {"tokens": "int64", "windows": "int32", "coverage": "float32", "hash": "uint64"}
"""Names and dtypes of the arrays that `ItemFacts` become."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerRows:
    """One layer of a block."""

    layer: int
    rows_NSH: NDArray[np.float32]
    """Rows of items that were left out are NaN."""
    strand_cosine: float = float("nan")
    """Mean cosine of a sequence's embedding and its reverse complement's; NaN where it was not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerTokens:
    """One layer of a block, token by token."""

    layer: int
    parts: Iterable[NDArray[np.floating]]
    """Tokens of the block's sequences in order, (…, H) each, float32 or as the store keeps them; NaN of
    sequences that were left out. Of any sizes, that add up to the tokens of the block."""
    strand_cosine: Callable[[], float] = lambda: float("nan")
    """Asked after the last part: mean cosine of a token and the same one of the reverse complement."""
    rounding: float = 0.0
    """Largest relative rounding error of parts that come as the store keeps them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One damaged or inconsistent place of a store."""

    where: str
    what: str
    repaired: bool = False
    """Whether what it needs was marked missing, so that `seqbench extract` makes it again."""
