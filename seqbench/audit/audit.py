"""One data set's audit, from its files to a record.

Shape letters: N items of a split.
"""

import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, replace

import numpy as np
from numpy.typing import NDArray

from seqbench.audit.control_heads import MAJORITY, left_out
from seqbench.audit.controls import run_controls
from seqbench.audit.describe import describe
from seqbench.audit.identical import Digests, Fingerprints, conflicting, fingerprint, partners, repeats
from seqbench.audit.intervals import has_intervals, overlaps
from seqbench.audit.judge import judge
from seqbench.audit.letters import largest_k
from seqbench.audit.near import Signed, default_k, sign_items
from seqbench.audit.nearest import nearest_in_train
from seqbench.audit.settings import METHOD, AuditSettings
from seqbench.audit.stretches import (
    DEFAULT_WIDTH,
    OfLetters,
    SharedStretches,
    letters_to_read,
    shared_stretches,
)
from seqbench.audit.verify import need_rapidfuzz
from seqbench.catalog.audit_records import AuditRecord, ControlScore, ItemMarks
from seqbench.core.alphabets import is_nucleic
from seqbench.core.progress import Advance, Reporter
from seqbench.core.types import SplitName
from seqbench.datasets.dataset import Dataset, open_dataset
from seqbench.datasets.spec import DatasetSpec
from seqbench.errors import ConfigError

_Near = tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.bool_]]
"""Row of train, identity, and whether on the other strand, (N,) each."""


def audit_dataset(spec: DatasetSpec, settings: AuditSettings, reporter: Reporter) -> AuditRecord:
    """Look for copies, leaks, contradictions and shortcuts.

    The files are read a few times, a stretch at a time. Memory is some 150 bytes an item, 120 MB, and what
    controls see of 20,000 items a split (up to 100 MB); signatures and stretches lie in scratch files.

    Args:
        spec: Where the data set lies.
        settings: What is compared how.
        reporter: Shows a bar, in letters.

    Raises:
        DataError: The data set can't be read, a line is at fault, or near-duplicates are asked for and
            rapidfuzz is not installed.
        ConfigError: A stretch is too long for the alphabet.
    """
    dataset = open_dataset(spec, reporter=reporter)
    return audit_opened(dataset, resolved(dataset, settings), reporter)


def audit_opened(dataset: Dataset, settings: AuditSettings, reporter: Reporter) -> AuditRecord:
    """The same of a data set that is open, with settings as `resolved` gives them."""
    if settings.near < 1:
        need_rapidfuzz()
    began = time.monotonic()
    letters = sum(int(split.lengths.sum()) for split in dataset.splits.values())
    passes = 1 + (settings.near < 1) + settings.controls
    total = letters * passes + letters_to_read(dataset)
    with reporter.task(f"audit {dataset.spec.name}", total, "letters") as advance:
        return _audit(dataset, settings, advance, began)


def _audit(dataset: Dataset, settings: AuditSettings, advance: Advance, began: float) -> AuditRecord:
    prints = fingerprint(dataset, advance)
    near: dict[SplitName, _Near] = {}
    if settings.k is not None:
        digests = {name: each.either_N for name, each in prints.items()}
        with closing(sign_items(dataset, digests, settings.k, advance)) as signed:
            near = _near(dataset, digests, signed, settings)
    stretches = shared_stretches(
        dataset, OfLetters(width=settings.stretch or 0, alphabet=dataset.alphabet), advance
    )
    controls: tuple[ControlScore, ...] = ()
    if settings.controls and dataset.level == "token":
        reason = "labels are of letters (level: token), and controls learn those of items"
        controls = (left_out(dataset, MAJORITY, "the labels of train", reason),)
    elif settings.controls:
        sequences = {name: each.sequence_NS for name, each in prints.items()}
        controls = run_controls(dataset, sequences, settings, advance)
    intervals = has_intervals(dataset)
    conflict = conflicting(dataset, {name: each.item_N for name, each in prints.items()})
    marks = _marks(dataset, prints, near, stretches, conflict, intervals=intervals)
    within = {"repeat": int(repeats(prints["train"].item_N).sum()), "conflict": int(conflict["train"].sum())}
    splits = tuple(
        describe(dataset, split, marks[name].counts() if name in marks else within)
        for name, split in dataset.splits.items()
    )
    return AuditRecord(
        dataset=dataset.spec.name,
        sha256=dataset.sha256,
        task=dataset.task,
        alphabet=dataset.alphabet,
        settings=asdict(settings),
        splits=splits,
        findings=judge(dataset, settings, splits, marks, controls, intervals=intervals),
        controls=controls,
        marks=marks,
        seconds=time.monotonic() - began,
        method=METHOD,
    )


def resolved(dataset: Dataset, settings: AuditSettings) -> AuditSettings:
    """The settings with what is left open chosen; k is None where no near-duplicates are sought.

    Raises:
        ConfigError: A stretch is too long for the alphabet.
    """
    width = settings.stretch or DEFAULT_WIDTH[dataset.alphabet]
    longest = largest_k(dataset.alphabet)
    if width > longest:
        raise ConfigError(f"--stretch: at most {longest} letters of {dataset.alphabet}, got {width}")
    k = (settings.k or default_k(dataset)) if settings.near < 1 else None
    return replace(settings, stretch=width, k=k)


def _marks(
    dataset: Dataset,
    prints: Mapping[SplitName, Fingerprints],
    near: Mapping[SplitName, _Near],
    stretches: Mapping[SplitName, SharedStretches],
    conflict: Mapping[SplitName, NDArray[np.bool_]],
    *,
    intervals: bool,
) -> dict[SplitName, ItemMarks]:
    covered = overlaps(dataset) if intervals else {}
    train = prints["train"]
    found: dict[SplitName, ItemMarks] = {}
    for name, mine in prints.items():
        if name == "train":
            continue
        copy_N = partners(mine.item_N, train.item_N)
        reverse_N = _only(partners(mine.opposite_N, train.item_N), copy_N, is_nucleic(dataset.alphabet))
        other_N = _only(partners(mine.unordered_N, train.unordered_N), copy_N, dataset.n_seqs > 1)
        nothing = (np.full(len(copy_N), -1), np.full(len(copy_N), np.nan), np.zeros(len(copy_N), bool))
        near_N, identity_N, opposite_N = near.get(name, nothing)
        is_copy = (copy_N >= 0) | (reverse_N >= 0)
        found[name] = ItemMarks(
            copy_of_N=copy_N,
            reverse_copy_of_N=reverse_N,
            reordered_copy_of_N=other_N,
            near_of_N=np.where(is_copy, -1, near_N),
            identity_N=np.where(is_copy, 1.0, identity_N),
            near_opposite_N=opposite_N & ~is_copy,
            stretch_share_N=stretches[name].share_N,
            stretch_of_N=stretches[name].partner_N,
            seen_N=np.isin(mine.sequence_NS, train.sequence_NS).sum(axis=1),
            overlap_N=covered.get(name, np.full(len(copy_N), np.nan)),
            conflict_N=conflict[name],
            repeat_N=repeats(mine.item_N),
        )
    return found


def _only(partner_N: NDArray[np.int64], copy_N: NDArray[np.int64], applies: bool) -> NDArray[np.int64]:
    """Partners of items that are no exact copies."""
    return np.where((copy_N >= 0) | (not applies), -1, partner_N)


def _near(
    dataset: Dataset, digests: Mapping[SplitName, Digests], signed: Signed, settings: AuditSettings
) -> dict[SplitName, _Near]:
    """Row of train, identity and strand of each item's near-duplicate; equal items have the same."""
    pairs = nearest_in_train(dataset, signed, signed.split_N == 0, settings.near, settings.seed)
    names = list(dataset.splits)
    mine = np.empty(len(pairs.one_C), dtype=np.uint64)
    for number, name in enumerate(names):
        here = signed.split_N[pairs.one_C] == number
        mine[here] = digests[name][signed.row_N[pairs.one_C[here]]]
    found: dict[SplitName, _Near] = {}
    for name in names[1:]:
        if not len(mine):
            continue
        place_N = partners(digests[name], mine)
        there_N = place_N >= 0
        found[name] = (
            np.where(there_N, signed.row_N[pairs.other_C[place_N]], -1),
            np.where(there_N, pairs.identity_C[place_N], np.nan),
            pairs.opposite_C[place_N] & there_N,
        )
    return found
