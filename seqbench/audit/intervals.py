"""Overlap of the genomic intervals that items come from, where their lines say so.

The keys are `chrom`, `start`, `end`, as in BED: from 0, the end exclusive. A `strand` is allowed and makes no
difference, for both strands are the same bases.

Shape letters: N items of a split, I intervals.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from seqbench.audit.letters import stretches_of
from seqbench.core.types import SplitName
from seqbench.datasets.dataset import Dataset, Split
from seqbench.errors import DataError

KEYS: Final = ("chrom", "start", "end")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Intervals:
    """Where the items of a split lie."""

    chrom_N: NDArray[Any]
    """Names, as objects."""
    start_N: NDArray[np.int64]
    end_N: NDArray[np.int64]


def has_intervals(dataset: Dataset) -> bool:
    """Whether the first item of each split has coordinates."""
    return all(all(key in split.objects(0, 1)[0] for key in KEYS) for split in dataset.splits.values())


def overlaps(dataset: Dataset) -> dict[SplitName, NDArray[np.float64]]:
    """The share of each item's bases, outside train, that lie in any interval of train.

    Raises:
        DataError: A line lacks a coordinate or has a wrong one (named as `path:line`).
    """
    train = read_intervals(dataset.splits["train"])
    return {
        name: covered(read_intervals(split), train)
        for name, split in dataset.splits.items()
        if name != "train"
    }


def read_intervals(split: Split) -> Intervals:
    """Read the coordinates of all items.

    Raises:
        DataError: A line lacks one or has a wrong one (named as `path:line`).
    """
    chrom_N = np.empty(len(split), dtype=object)
    start_N, end_N = np.empty(len(split), np.int64), np.empty(len(split), np.int64)
    for first, stop in stretches_of(split):
        for row, item in enumerate(split.objects(first, stop), start=first):
            fault = _fault(item)
            if fault:
                raise DataError(f"{split.index.path}:{split.line(row)}: {fault}")
            chrom_N[row], start_N[row], end_N[row] = str(item["chrom"]), item["start"], item["end"]
    return Intervals(chrom_N=chrom_N, start_N=start_N, end_N=end_N)


def covered(these: Intervals, others: Intervals) -> NDArray[np.float64]:
    """The share of each interval that lies in any of the others, (N,)."""
    share_N = np.zeros(len(these.start_N))
    for chrom in np.unique(these.chrom_N).tolist():
        mine, theirs = these.chrom_N == chrom, others.chrom_N == chrom
        if theirs.any():
            starts, ends = _merged(others.start_N[theirs], others.end_N[theirs])
            sums = np.concatenate([[0], np.cumsum(ends - starts)])
            start, end = these.start_N[mine], these.end_N[mine]
            bases = _bases_before(end, starts, ends, sums) - _bases_before(start, starts, ends, sums)
            share_N[mine] = bases / (end - start)
    return share_N


def _fault(item: dict[str, Any]) -> str | None:
    for key in KEYS:
        if key not in item:
            return f"no key {key!r}, which the first item has (give all items coordinates, or none)"
    if not isinstance(item["chrom"], str | int):
        return "'chrom' must be a name or number of a chromosome"
    for key in ("start", "end"):
        if type(item[key]) is not int or not 0 <= item[key] < 2**62:
            return f"{key!r} must be an int from 0"
    if item["start"] >= item["end"]:
        return f"'start' {item['start']} is not below 'end' {item['end']} (counted from 0, end exclusive)"
    return None


def _merged(
    start_I: NDArray[np.int64], end_I: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The union as intervals that do not touch, ascending."""
    order = np.argsort(start_I, kind="stable")
    start_I, reach_I = start_I[order], np.maximum.accumulate(end_I[order])
    new_I = np.concatenate([[True], start_I[1:] > reach_I[:-1]])
    last_I = np.concatenate([new_I[1:], [True]])
    return start_I[new_I], reach_I[last_I]


def _bases_before(
    place_N: NDArray[np.int64],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    sums: NDArray[np.int64],
) -> NDArray[np.int64]:
    """How many bases of disjoint, sorted intervals lie below each place."""
    index_N = np.searchsorted(starts, place_N, side="right") - 1
    inside_N = np.minimum(place_N, ends[np.maximum(index_N, 0)]) - starts[np.maximum(index_N, 0)]
    return np.where(index_N < 0, 0, sums[np.maximum(index_N, 0)] + inside_N)
