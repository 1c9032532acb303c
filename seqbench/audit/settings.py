"""What an audit looks for, and from where on a finding is yellow or red, with the reasons."""

from dataclasses import dataclass
from typing import Final

from seqbench.errors import ConfigError

METHOD: Final = 1
"""Raised when an audit of the same data finds other things than before; recorded ones are then made anew."""

SIGNATURE: Final = 128
"""Numbers of a sequence's MinHash signature."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSettings:
    """What is compared how; everything here changes results and is recorded with them."""

    near: float = 0.9
    """Least identity of near-duplicates: 1 - edit distance / letters of the longer. 0.9 is the level at which
    CD-HIT and UniRef90 call sequences redundant. 1 leaves near-duplicates out."""
    k: int | None = None
    """Letters of the k-mers by which candidates are found; None: by length and alphabet."""
    stretch: int | None = None
    """Letters of an exact stretch that two items share. None: 30 nucleotides, 12 amino acids."""
    controls: bool = True
    """Train the shortcut controls."""
    control_items: int = 20_000
    """Items of a split that controls are trained, chosen or scored on at most, drawn by seed."""
    resamples: int = 1000
    """Of the bootstrap that gives the controls' intervals."""
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0.5 <= self.near <= 1:
            raise ConfigError(f"--near: must be from 0.5 to 1, got {self.near} (1 looks for copies only)")
        if self.k is not None and not 2 <= self.k <= 12:
            raise ConfigError(f"--k: must be from 2 to 12, got {self.k}")
        if self.stretch is not None and not 6 <= self.stretch <= 31:
            raise ConfigError(f"--stretch: must be from 6 to 31 letters, got {self.stretch}")
        if self.control_items < 20:
            raise ConfigError(f"--control-items: must be 20 or more, got {self.control_items}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """From which share on a finding is yellow, and red; None: never red."""

    yellow: float
    red: float | None
    why: str


THRESHOLDS: Final[dict[str, Threshold]] = {
    "copies": Threshold(
        yellow=0.0,
        red=0.05,
        why="each copy can be answered by memory; at 5 % of the test items the score can move by 5 points, "
        "more than what usually separates two models",
    ),
    "copies of a class": Threshold(
        yellow=0.05,
        red=0.25,
        why="where a quarter of a class is memory, its recall says little, however few of all items it is",
    ),
    "near-duplicates": Threshold(
        yellow=0.01,
        red=0.10,
        why="a near-duplicate mostly has its partner's label, but need not; so twice the share of copies",
    ),
    "shared stretches": Threshold(
        yellow=0.05,
        red=0.30,
        why="overlapping windows hold the same motif; families and repeats share stretches without any fault",
    ),
    "conflicting labels": Threshold(
        yellow=0.0,
        red=0.01,
        why="of equal sequences with different labels at most one can be right, so no model can be; 1 point "
        "is what leaderboards rank by",
    ),
    "repeats within test": Threshold(
        yellow=0.01,
        red=0.20,
        why="an item that is there twice counts twice, and intervals that take it for two are too narrow",
    ),
    "sequences seen": Threshold(
        yellow=0.25,
        red=None,
        why="items of known sequences in new combinations measure another thing than new sequences (Park & "
        "Marcotte 2012); that may be meant",
    ),
    "overlapping intervals": Threshold(
        yellow=0.01,
        red=0.05,
        why="as copies: the same bases stand in train",
    ),
    "unknown letters": Threshold(
        yellow=0.01,
        red=None,
        why="tokenizers map them all to one token, or break on them",
    ),
    "lower case": Threshold(
        yellow=0.001,
        red=None,
        why="most tokenizers tell a from A; lower case often marks repeats, which is a hint to the label",
    ),
    "label balance": Threshold(
        yellow=0.10,
        red=None,
        why="where shares of classes differ between splits, a threshold chosen on eval does not fit test",
    ),
    "length alone": Threshold(
        yellow=0.20,
        red=0.60,
        why="counting letters is not biology; from AUROC 0.8 (rank correlation 0.6) on, the set measures it",
    ),
    "case and unknown letters alone": Threshold(
        yellow=0.10,
        red=0.40,
        why="how a sequence is written is an accident of how the set was made",
    ),
    "composition alone": Threshold(
        yellow=0.50,
        red=0.90,
        why="composition is a real signal, so only a set that it solves (AUROC 0.95) is without value",
    ),
    "sequence identity alone": Threshold(
        yellow=0.30,
        red=0.60,
        why="knowing how often each sequence was positive in train is not knowing what makes it so",
    ),
    "k-mers alone": Threshold(
        yellow=0.96,
        red=None,
        why="where counting solves a set (AUROC 0.98) it leaves nothing to tell models apart by",
    ),
    "shuffled labels": Threshold(
        yellow=0.10,
        red=0.30,
        why="a head that learned noise must score as chance; more means that test is not independent",
    ),
}
"""Shares of test items; of the controls, the part of the way from chance to a perfect score (see `judge`)."""

OF_KMERS: Final = 0.8
"""Length alone that does so much of what k-mer counts do, and is itself past yellow, is red: what the set
measures beyond length is then a fifth."""

FEWEST: Final = 5
"""Fewer test items than this are never red."""
