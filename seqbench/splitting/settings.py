"""What kind of split is wanted."""

import math
from dataclasses import dataclass
from typing import Final, Literal

from seqbench.core.types import SPLITS, Level, SplitName, Task
from seqbench.errors import ConfigError

By = Literal["random", "cluster", "group"]
Clusterer = Literal["auto", "builtin", "mmseqs", "cd-hit"]

EVEN: Final = 1e-6
"""By how much fractions may miss a sum of 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitSettings:
    """Everything that a split depends on beside the input's bytes."""

    by: By = "random"
    """What must stay together: copies only, clusters of similar items, or items of equal `group_key`."""
    group_key: str | None = None
    """Key of the lines, for `group`."""
    fractions: tuple[float, float, float] = (0.8, 0.1, 0.1)
    """Of train, eval and test; eval may be 0."""
    folds: int | None = None
    """So many splits, each item in the test of one; eval is drawn from the rest."""
    held_out: tuple[str, ...] = ()
    """Groups that are test, for `group`; the fractions then share out the rest between train and eval."""
    seed: int = 0
    identity: float = 0.9
    """Items that are so alike stay together, for `cluster`."""
    clusterer: Clusterer = "auto"
    """Who clusters: auto takes MMseqs2 or CD-HIT where one is installed."""
    task: Task | None = None
    seq_keys: tuple[str, ...] | None = None
    label_key: str = "label"
    level: Level | None = None
    """Whether labels are of items, or of letters; None, which manifests leave out: of items."""
    other_label_keys: tuple[str, ...] | None = None
    """Keys of further labels of an item that are kept in proportion as well; None: there are none."""

    def __post_init__(self) -> None:
        total = math.fsum(self.fractions)
        if min(self.fractions) < 0 or abs(total - 1) > EVEN or not self.fractions[0] or not self.fractions[2]:
            raise ConfigError(
                f"--fractions: must be three shares that add up to 1, train and test above 0, got "
                f"{', '.join(f'{each:g}' for each in self.fractions)}"
            )
        if self.folds is not None and not 2 <= self.folds <= 100:
            raise ConfigError(f"--folds: must be from 2 to 100, got {self.folds}")
        if not 0.5 <= self.identity <= 1:
            raise ConfigError(f"--identity: must be from 0.5 to 1, got {self.identity}")
        if self.seed < 0:
            raise ConfigError(f"--seed: must be 0 or more, got {self.seed}")
        if self.other_label_keys and self.task is not None:
            raise ConfigError("--task goes with one --label-key: what several labels are is told by the file")
        if self.other_label_keys and self.level == "token":
            raise ConfigError("--level token goes with one --label-key, whose labels are of letters")
        if self.held_out and (self.by != "group" or self.folds is not None):
            raise ConfigError(
                "--test-groups goes with groups (--by group:KEY or chromosome), without --folds"
            )

    def share(self, split: SplitName) -> float:
        """Of the items."""
        return self.fractions[SPLITS.index(split)]


def parse_by(text: str) -> tuple[By, str | None]:
    """`random`, `cluster`, `chromosome` (the key `chrom`) or `group:KEY`.

    Raises:
        ConfigError: It is none of these.
    """
    if text in ("random", "cluster"):
        return ("random", None) if text == "random" else ("cluster", None)
    if text == "chromosome":
        return "group", "chrom"
    kind, _, key = text.partition(":")
    if kind == "group" and key:
        return "group", key
    raise ConfigError(f"--by: must be random, cluster, chromosome or group:KEY, got {text!r}")
