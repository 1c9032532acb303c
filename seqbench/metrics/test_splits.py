"""What is wrong with a test split that scores can't show: too few items, or nothing that varies."""

from collections.abc import Sequence

from seqbench.core.types import Task
from seqbench.metrics.small_samples import least_items

MIN_TEST_ITEMS = 30
"""Test items below which a split is called tiny: of 30, the 95 % interval of a share is up to ±0.17 wide."""


def remarks_on_test(
    task: Task,
    n_items: int,
    counts: Sequence[int] | None,
    *,
    names: Sequence[str] = (),
    missing: Sequence[int] | None = None,
    varies: bool = True,
    n_sequences: int | None = None,
) -> list[str]:
    """Tell what scores on a test split can't tell, each in a sentence without its full stop.

    Args:
        task: What the labels are.
        n_items: Of test.
        counts: Items of each class, or items that carry each label; None for regression or where unknown.
        names: Of the classes; without them a class is not named.
        missing: Items of which each label is not known, none of them among `n_items` without any; None: of
            none.
        varies: Whether any target of a regression does.
        n_sequences: Where labels are of letters, which `n_items` and counts then are of: how many sequences
            have any, which intervals are drawn by.
    """
    said = []
    if counts is not None and n_items:
        unit = "item" if n_sequences is None else "letter"
        said += _of_classes(n_items, counts, names, unit) if task is Task.CLASSIFICATION else []
        lacking = missing or [0] * len(counts)
        pairs = zip(counts, lacking, strict=True)
        if task is Task.LABELS and all(count in (0, n_items - unknown) for count, unknown in pairs):
            said.append("no label varies in test, so scores on it do not tell models apart")
    if not varies:
        said.append("no target varies in test, so scores on it do not tell models apart")
    n_drawn, unit = (n_items, "item") if n_sequences is None else (n_sequences, "sequence")
    if n_drawn < MIN_TEST_ITEMS:
        said.append(f"test has {_some(n_drawn, unit)}, too few to tell models apart")
    return said


def _some(count: int, unit: str) -> str:
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


def _of_classes(n_items: int, counts: Sequence[int], names: Sequence[str], unit: str) -> list[str]:
    present = [index for index, count in enumerate(counts) if count]
    if len(present) == 1:
        which = f"class {names[present[0]]}" if names else "one class"
        items = f"all {n_items:,} {unit}s of test are" if n_items > 1 else f"the one {unit} of test is"
        return [f"{items} of {which}, so scores on it do not tell models apart"]
    rarer = min(present, key=lambda index: counts[index], default=None)
    if len(counts) == 2 and rarer is not None and counts[rarer] < least_items(0.95):
        which = f"class {names[rarer]}" if names else "the rarer class"
        return [f"test has {_some(counts[rarer], unit)} of {which}, too few for intervals of most scores"]
    return []
