"""Which split an item goes to: as the source says, by chromosome, or drawn in proportion, by seed.

Drawing needs one pass and a few numbers a stratum: each item is taken with the chance of its split's open
places among the open places of its stratum (selection sampling, Knuth, TAOCP 2, 3.4.2, algorithm S), which
gives exact counts and every choice the same probability.
"""

import random
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Final

from seqbench.core.types import SPLITS, SplitName
from seqbench.datasets.importing.record import Place, Record, shorten
from seqbench.errors import DataError

_NAMES: Final[Mapping[str, SplitName]] = {
    "train": "train", "training": "train", "eval": "eval", "valid": "eval", "validation": "eval",
    "val": "eval", "dev": "eval", "evaluation": "eval", "test": "test", "testing": "test",
}  # fmt: skip

HOW: Final = (
    "give --split 0.8/0.1/0.1, --test-chromosomes, or files by --train and --test; "
    "`seqbench datasets split` makes leak-free splits of the result"
)


def split_named(text: str, place: object, validation: str = "") -> SplitName:
    """The split that a word means: train, eval or test, or what others call them.

    Args:
        text: The word.
        place: Where it was found, for messages.
        validation: What FLIP (Dallago et al. 2021) keeps beside `set`: true for those of train that are its
            validation set.

    Raises:
        DataError: The word means none.
    """
    try:
        split = _NAMES[text.strip().lower()]
        return "eval" if split == "train" and validation.strip().lower() in ("true", "1", "1.0") else split
    except KeyError:
        raise DataError(
            f"{place}: split {shorten(text)} is none of train, eval (or valid, val, dev) and test"
        ) from None


def unprefixed(name: str) -> str:
    """A chromosome's name without `chr`: chr1 → 1, chrM → M."""
    return name[3:] if name[:3].lower() == "chr" and len(name) > 3 else name


def plain_chromosome(name: str) -> str:
    """A chromosome's name without `chr`, for comparing: chr1 → 1, chrM and MT → M."""
    short = unprefixed(name)
    return "M" if short == "MT" else short


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitRule:
    """The user's wish; both None: the source says."""

    fractions: tuple[float, float, float] | None = None
    """Of train, eval and test."""
    chromosomes: Mapping[str, SplitName] | None = None
    """Chromosomes of eval and test, by their plain names; all others are train."""

    def of(self, record: Record) -> SplitName | None:
        """The split of an item as far as it is known before all items are counted.

        Raises:
            DataError: Splits go by chromosome, and the item lies on none.
        """
        if self.chromosomes is None:
            return record.split
        if record.region is None:
            raise DataError(
                f"{record.place}: is on no known chromosome, so --test-chromosomes can't place it "
                "(headers like chr1:100-200, a --chromosome column, or another way to split)"
            )
        return self.chromosomes.get(plain_chromosome(record.region.chrom), "train")


def fractions_of(text: str) -> tuple[float, float, float]:
    """Read shares of train, eval and test, such as `0.8/0.1/0.1` or `80/10/10`; two are train and test.

    Raises:
        DataError: They are no two or three numbers with a positive train and test.
    """
    fault = DataError(f"--split {shorten(text)} must be shares of train/eval/test such as 0.8/0.1/0.1")
    try:
        parts = [float(part) for part in text.split("/")]
    except ValueError:
        raise fault from None
    if len(parts) == 2:
        parts.insert(1, 0.0)
    if len(parts) != 3 or not all(0 <= part < float("inf") for part in parts) or not parts[0] * parts[2]:
        raise fault
    total = sum(parts)
    return parts[0] / total, parts[1] / total, parts[2] / total


def check_known(given: Mapping[SplitName | None, int], rule: SplitRule, unsplit: Place | None) -> bool:
    """Tell whether splits are to be drawn.

    Args:
        given: Items by the split that the source or the chromosomes say.
        rule: The wish.
        unsplit: The first item of unknown split.

    Raises:
        DataError: No way to split is known, or there are two.
    """
    said = sorted(split for split in given if split is not None)
    if rule.fractions is not None:
        if len(said) > 1 or (said and None in given):
            raise DataError(f"the input says itself which items are {' and '.join(said)}: leave out --split")
        return True
    if said == ["train"] and None not in given and rule.chromosomes is None:
        raise DataError(f"the input says that all items are train, and test is needed too: {HOW}")
    if None in given:
        start = f"{unsplit}: is in no split" if said else "no split is known"
        raise DataError(f"{start}: {HOW}")
    return False


def sample_sizes(counts: Mapping[Hashable, int], limit: int) -> dict[Hashable, int]:
    """How many items of each stratum to keep so that `limit` remain: one each, the rest in proportion.

    With more strata than places, the largest get one each.
    """
    if sum(counts.values()) <= limit:
        return dict(counts)
    # Sorting is stable, so that equal strata keep the order in which they were found.
    order = sorted(counts, key=lambda key: -counts[key])
    kept = {key: int(place < limit) for place, key in enumerate(order)}
    left = limit - sum(kept.values())
    rest = {key: counts[key] - kept[key] for key in order}
    total = sum(rest.values())
    shares = {key: rest[key] * left / total for key in order}
    for key in order:
        kept[key] += int(shares[key])
    missing = limit - sum(kept.values())
    for key in sorted(order, key=lambda key: int(shares[key]) - shares[key])[:missing]:
        kept[key] += 1
    return kept


def split_sizes(
    kept: Mapping[Hashable, int], fractions: tuple[float, float, float], *, all_in_train: bool
) -> dict[Hashable, list[int]]:
    """How many items of each stratum go to train, eval and test.

    A stratum gets the whole part of its share; what is left over goes where most is missing over all strata,
    so that totals are right within a few items however small the strata are.

    Args:
        kept: Items of each stratum.
        fractions: Of train, eval and test.
        all_in_train: Each stratum has at least one item in train, as classes need.
    """
    totals = [0.0, 0.0, 0.0]
    sizes: dict[Hashable, list[int]] = {}
    for key, count in sorted(kept.items(), key=lambda pair: -pair[1]):
        places = [int(count * share + 1e-9) for share in fractions]
        if all_in_train and count and not places[0]:
            places[0] = 1
        missing = [
            totals[k] + count * share - places[k] if share else float("-inf")
            for k, share in enumerate(fractions)
        ]
        for _ in range(count - sum(places)):
            neediest = max(range(3), key=lambda k: missing[k])
            places[neediest] += 1
            missing[neediest] -= 1
        totals = [totals[k] + count * share - places[k] for k, share in enumerate(fractions)]
        sizes[key] = places
    return sizes


class Drawer:
    """Decides item by item, in file order; the same seed and items give the same choice."""

    def __init__(
        self,
        counts: Mapping[Hashable, int],
        kept: Mapping[Hashable, int],
        sizes: Mapping[Hashable, list[int]] | None,
        seed: int,
    ) -> None:
        # Open places of a stratum: left out, train, eval, test; without sizes: left out, kept.
        self._open = {
            key: [count - kept[key], *(sizes[key] if sizes is not None else [kept[key]])]
            for key, count in counts.items()
        }
        self._random = random.Random(seed)

    def draw(self, stratum: Hashable, known: SplitName | None) -> SplitName | None:
        """The split of the next item of a stratum, or None to leave it out."""
        places = self._open[stratum]
        total = sum(places)
        mark = min(int(self._random.random() * total), total - 1)
        chosen = 0
        while mark >= places[chosen]:
            mark -= places[chosen]
            chosen += 1
        places[chosen] -= 1
        if chosen == 0:
            return None
        return known if len(places) == 2 else SPLITS[chosen - 1]
