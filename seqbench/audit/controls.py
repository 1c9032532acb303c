"""Shortcut controls: how far a linear head gets on what should not be enough.

Fitted on train, its strength chosen on eval, scored once on test, as a probe is.

Shape letters: N items, S sequences an item, C columns or classes, K labels or targets.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from seqbench.audit.control_heads import (
    MAJORITY,
    PARTS,
    DrawnItems,
    left_out,
    majority_control,
    shuffled_control,
    train_control,
)
from seqbench.audit.features import Counted, Features, binned, count, target_means
from seqbench.audit.identical import Digests
from seqbench.audit.settings import AuditSettings
from seqbench.catalog.audit_records import ControlScore
from seqbench.core.alphabets import is_nucleic
from seqbench.core.missing import known as known_labels
from seqbench.core.progress import Advance
from seqbench.core.types import SplitName, Task
from seqbench.datasets.dataset import Dataset
from seqbench.errors import ProbeError
from seqbench.stratification.holdout import holdout

KMERS: Final = "k-mers alone"
_TINY: Final = 1e-9


_Made = list[Features] | str
"""Features of train, eval and test; or why there are none."""


def run_controls(
    dataset: Dataset, sequences: Mapping[SplitName, Digests], settings: AuditSettings, advance: Advance
) -> tuple[ControlScore, ...]:
    """Train every control that applies, the majority class or mean first.

    Args:
        dataset: With at least a few items a split.
        sequences: Digests (N, S) of each split's sequences.
        settings: How many items, resamples, which seed.
        advance: Told the letters read: each split once.

    Raises:
        DataError: A file was changed since it was indexed.
    """
    try:
        drawn = _draw(dataset, settings, advance)
    except ProbeError as error:
        return (left_out(dataset, MAJORITY, "the labels of train", str(error)),)
    found = [majority_control(dataset, drawn, settings)]
    for name, knows, make in _controls(dataset, drawn, sequences, settings):
        made = make()
        if isinstance(made, str):
            found.append(left_out(dataset, name, knows, made))
        else:
            found.append(train_control(dataset, drawn, settings, name, knows, made))
    return (*found, shuffled_control(dataset, drawn, settings))


def _controls(
    dataset: Dataset, drawn: DrawnItems, sequences: Mapping[SplitName, Digests], settings: AuditSettings
) -> list[tuple[str, str, Callable[[], _Made]]]:
    parts = [drawn.counted[name] for name in PARTS]
    return [
        ("length alone", "how many letters", lambda: _curve([part.length_NS for part in parts])),
        (
            "case and unknown letters alone",
            "shares of lower case and of letters outside the alphabet",
            lambda: _curve([part.written_NC for part in parts]),
        ),
        ("GC alone", "share of G and C", lambda: _gc(dataset, parts)),
        (
            "composition alone",
            "share of each letter, in any order",
            lambda: [part.letters_NC for part in parts],
        ),
        (KMERS, "counts of short words", lambda: [part.kmers_NC for part in parts]),
        (
            "sequence identity alone",
            "which sequences of train an item holds, not what is in them",
            lambda: _identity(dataset, drawn, sequences, settings.seed),
        ),
    ]


def _draw(dataset: Dataset, settings: AuditSettings, advance: Advance) -> DrawnItems:
    random = np.random.default_rng(settings.seed)
    rows: dict[SplitName, NDArray[np.int64]] = {
        name: known_N[np.sort(random.permutation(len(known_N))[: settings.control_items])]
        for name, split in dataset.splits.items()
        for known_N in [np.flatnonzero(split.labelled)]
    }
    targets: dict[SplitName, NDArray[Any]] = {
        name: np.asarray(dataset.splits[name].targets)[chosen] for name, chosen in rows.items()
    }
    source: dict[SplitName, SplitName] = {name: name for name in rows}
    counted = {name: count(dataset, dataset.splits[name], chosen, advance) for name, chosen in rows.items()}
    if "eval" not in rows:
        groups = dataset.splits["train"].groups
        kept, held = holdout(
            targets["train"],
            dataset.task,
            settings.seed,
            groups_N=None if groups is None else groups[rows["train"]],
        )
        source["eval"] = "train"
        rows["eval"], rows["train"] = rows["train"][held], rows["train"][kept]
        targets["eval"], targets["train"] = targets["train"][held], targets["train"][kept]
        whole = counted["train"]
        counted["eval"], counted["train"] = _take(whole, held), _take(whole, kept)
    return DrawnItems(rows=rows, source=source, targets=targets, counted=counted)


def _take(counted: Counted, rows: NDArray[np.int64]) -> Counted:
    return Counted(**{name: getattr(counted, name)[rows] for name in Counted.__slots__})


def _curve(columns: Sequence[Features]) -> _Made:
    if (np.ptp(columns[0], axis=0) < _TINY).all():
        return "the same for all items of train"
    return binned(columns[0], columns[1:])


def _gc(dataset: Dataset, parts: Sequence[Counted]) -> _Made:
    if is_nucleic(dataset.alphabet):
        return _curve([each.gc_NS for each in parts])
    return "proteins have none" if dataset.alphabet == "protein" else "text has none"


def _identity(
    dataset: Dataset, drawn: DrawnItems, sequences: Mapping[SplitName, Digests], seed: int
) -> _Made:
    if dataset.n_seqs == 1:
        return "items have one sequence"
    known = sequences["train"]
    if not np.isin(sequences["test"], known).any():
        return "no sequence of test occurs in train"
    if "eval" not in sequences:
        # What is held out must not tell of itself.
        return "there is no eval split"
    known_N = np.flatnonzero(dataset.splits["train"].labelled)
    targets = np.asarray(dataset.splits["train"].targets)[known_N]
    if dataset.task is Task.CLASSIFICATION:
        targets = np.eye(len(dataset.classes))[targets]
    else:
        is_known_NK = known_labels(targets)
        values_NK = np.where(is_known_NK, targets, np.nan)
        targets = np.where(is_known_NK, targets, np.nanmean(values_NK, axis=0))
    others = [sequences[name][drawn.rows[name]] for name in ("eval", "test")]
    rows = np.searchsorted(known_N, drawn.rows["train"])
    return target_means(known[known_N], targets.astype(np.float64), rows, others, seed)
