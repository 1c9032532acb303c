"""A sample of a data set's sequences, spread evenly over its splits, cheap at any size."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Final

from seqbench.datasets.dataset import Dataset, Split
from seqbench.models.base import SequenceFacts

SEQUENCES: Final = 3000
"""Sequences of a sample: a share of one in a thousand shows."""

LETTERS: Final = 3_000_000
"""Letters after which a sample is enough, so that long sequences are read by the dozen."""

STRETCHES: Final = 32
STRETCH: Final = 16
"""Places of a split that are read at least, and items read together at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What a preflight is told of a data set."""

    facts: SequenceFacts
    sequences: tuple[str, ...]


def draw(dataset: Dataset, facts: SequenceFacts, *, sequences: int = SEQUENCES) -> Sample:
    """Read evenly spaced stretches of every split; the same data set gives the same sample.

    Args:
        dataset: Opened.
        facts: Its name, alphabet and sizes.
        sequences: How many at most; fewer where they are long.

    Raises:
        DataError: A file was changed since it was indexed.
    """
    items = sum(len(split) for split in dataset.splits.values())
    typical = max(1, facts.letters // max(1, items))
    wanted = max(1, min(items, sequences // dataset.n_seqs, LETTERS // typical))
    found: list[str] = []
    for split in dataset.splits.values():
        found += chain.from_iterable(_spread(split, max(1, wanted * len(split) // items)))
    return Sample(facts=facts, sequences=tuple(found))


def _spread(split: Split, wanted: int) -> Iterator[tuple[str, ...]]:
    stretch = min(STRETCH, -(-wanted // STRETCHES))
    count = wanted // stretch
    for number in range(count):
        start = number * (len(split) - stretch) // max(1, count - 1)
        yield from split.sequences(start, start + stretch)
