"""What is in each split: lengths, letters, labels."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqbench.catalog.audit_records import AuditedSplit
from seqbench.core.alphabets import LETTERS, is_nucleic
from seqbench.core.missing import known, missing_values, positions
from seqbench.core.types import Task
from seqbench.datasets.dataset import Dataset, Split


def describe(dataset: Dataset, split: Split, marks: Mapping[str, int]) -> AuditedSplit:
    """Sum up a split from its index, without reading it again."""
    letters = split.index.letters
    total = max(1, int(letters.sum()))
    known = "ACGTU" if is_nucleic(dataset.alphabet) else LETTERS[dataset.alphabet]
    quantiles = np.quantile(split.lengths, (0, 0.25, 0.5, 0.75, 1)).tolist()
    acgt = _count(letters, "ACGTU")
    return AuditedSplit(
        split=split.name,
        n_items=len(split),
        letters=total,
        length_quantiles=(quantiles[0], quantiles[1], quantiles[2], quantiles[3], quantiles[4]),
        labels=_labels(dataset, split),
        unknown_letters=1 - _count(letters, known) / total,
        lower_case=int(letters[ord("a") : ord("z") + 1].sum()) / total,
        gc=_count(letters, "GC") / max(1, acgt) if is_nucleic(dataset.alphabet) else None,
        marks=dict(marks),
    )


def shift_of_labels(dataset: Dataset) -> float:
    """How far the labels of test are from those of train, 0 to 1.

    Classes: total variation distance of their shares. Labels: the largest difference of a label's share.
    Regression: the largest Kolmogorov-Smirnov distance of a target.
    """
    train, test = (_known(dataset, dataset.splits["train"]), _known(dataset, dataset.splits["test"]))
    if dataset.task is Task.CLASSIFICATION:
        shares = [np.bincount(part, minlength=len(dataset.classes)) / len(part) for part in (train, test)]
        return float(np.abs(shares[0] - shares[1]).sum() / 2)
    if dataset.task is Task.LABELS:
        shares_K = [(part == 1).sum(axis=0) / known(part).sum(axis=0) for part in (train, test)]
        return float(np.abs(shares_K[0] - shares_K[1]).max())
    from scipy.stats import ks_2samp

    return max(
        float(ks_2samp(one[known(one)], other[known(other)]).statistic)
        for one, other in zip(train.T, test.T, strict=True)
    )


def _known(dataset: Dataset, split: Split) -> NDArray[Any]:
    """The targets of what has a label: of items, or of letters."""
    found = split.index.known_labels
    return positions(found, np.asarray(dataset.classes)) if dataset.task is Task.CLASSIFICATION else found


def _labels(dataset: Dataset, split: Split) -> dict[str, float]:
    targets = _known(dataset, split)
    if dataset.task is Task.CLASSIFICATION:
        counts = np.bincount(targets, minlength=len(dataset.classes)).tolist()
        return {str(label): count for label, count in zip(dataset.classes, counts, strict=True)}
    if dataset.task is Task.LABELS:
        counts = (targets == 1).sum(axis=0, dtype=int).tolist()
        lacking = missing_values(targets) or ()
        return {str(label): count for label, count in enumerate(counts)} | {
            f"missing {label}": count for label, count in enumerate(lacking)
        }
    found: dict[str, float] = {}
    for target, values in enumerate(targets.T):
        found |= {f"mean {target}": float(np.nanmean(values)), f"sd {target}": float(np.nanstd(values))}
    return found | {f"missing {target}": n for target, n in enumerate(missing_values(targets) or ())}


def _count(letters: NDArray[np.int64], which: str) -> int:
    return sum(int(letters[ord(letter)] + letters[ord(letter.lower())]) for letter in which)
