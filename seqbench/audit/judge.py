"""From numbers to findings: each check of an audit with its severity and a sentence.

Shape letters: N items of test.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from seqbench.audit.control_heads import MAJORITY
from seqbench.audit.controls import KMERS
from seqbench.audit.describe import shift_of_labels
from seqbench.audit.settings import FEWEST, OF_KMERS, THRESHOLDS, AuditSettings
from seqbench.catalog.audit_records import AuditedSplit, ControlScore, Finding, ItemMarks
from seqbench.core.alphabets import is_nucleic
from seqbench.core.types import Severity, SplitName, Task
from seqbench.datasets.dataset import Dataset

_ALIKE: Final = {"GC alone": "composition alone", MAJORITY: KMERS}
"""Controls that are judged by another's thresholds; majority is told only where none could be trained."""
SHOWN: Final = ("accuracy", "roc_auc", "spearmanr", "r2")
"""Metrics that a control's line names."""


def judge(
    dataset: Dataset,
    settings: AuditSettings,
    splits: Sequence[AuditedSplit],
    marks: Mapping[SplitName, ItemMarks],
    controls: Sequence[ControlScore],
    *,
    intervals: bool,
) -> tuple[Finding, ...]:
    """All findings, in the order in which a reader wants them: leaks, labels, writing, shortcuts.

    Args:
        dataset: What was audited.
        settings: How.
        splits: Facts of each split.
        marks: Of eval and test.
        controls: Their scores; none where they were not asked for.
        intervals: Whether items have coordinates.
    """
    test = marks["test"]
    findings = [_copies(dataset, test), _copies_of_a_class(dataset, test)]
    if settings.near < 1:
        findings.append(_near(test, settings))
    findings.append(_stretches(dataset, test, settings))
    if dataset.n_seqs > 1:
        findings.append(_seen(dataset, test))
    if intervals:
        findings.append(_overlap(test))
    findings += [_conflicts(test), _repeats(test)]
    if "eval" in marks:
        findings.append(_eval_copies(marks["eval"]))
    findings += [_balance(dataset), *_writing(splits)]
    kmers = next((each for each in controls if each.control == KMERS), None)
    findings += [_control(each, kmers) for each in controls if each.control != MAJORITY or each.reason]
    return tuple(findings)


def _severity(check: str, share: float, count: int | None = None) -> Severity:
    limits = THRESHOLDS[check]
    if limits.red is not None and share >= limits.red and (count is None or count >= FEWEST):
        return "red"
    return "yellow" if share > 0 and share >= limits.yellow else "green"


def _finding(
    check: str, share: float, measured: str, says: str, count: int | None = None, *, of: str | None = None
) -> Finding:
    limits = THRESHOLDS[of or check]
    return Finding(
        check=check,
        severity=_severity(of or check, share, count),
        measured=measured,
        share=share,
        yellow=limits.yellow,
        red=limits.red,
        says=says,
    )


def _share(check: str, mark_N: NDArray[np.bool_], what: str, says: str) -> Finding:
    count = int(mark_N.sum())
    share = count / len(mark_N)
    return _finding(check, share, f"{count:,} of {len(mark_N):,} {what} ({share:.1%})", says, count)


def _any_copy(marks: ItemMarks) -> NDArray[np.bool_]:
    copies: NDArray[np.bool_] = (
        np.maximum.reduce([marks.copy_of_N, marks.reverse_copy_of_N, marks.reordered_copy_of_N]) >= 0
    )
    return copies


def _copies(dataset: Dataset, test: ItemMarks) -> Finding:
    kinds = [f"{int((test.copy_of_N >= 0).sum()):,} exact"]
    if is_nucleic(dataset.alphabet):
        kinds.append(f"{int((test.reverse_copy_of_N >= 0).sum()):,} reverse complements")
    if dataset.n_seqs > 1:
        kinds.append(f"{int((test.reordered_copy_of_N >= 0).sum()):,} in another order")
    says = f"copies of train items: {', '.join(kinds)}; memory answers them"
    return _share("copies", _any_copy(test), "test items", says)


def _copies_of_a_class(dataset: Dataset, test: ItemMarks) -> Finding:
    """The class, or label, whose items are copies most often."""
    check, copied_N = "copies of a class", _any_copy(test)
    targets = np.asarray(dataset.splits["test"].targets)
    if dataset.task is Task.REGRESSION:
        return _finding(check, 0.0, "–", "targets have no classes")
    if (letters := dataset.splits["test"].letters) is not None:  # items that have the class anywhere
        members_NC = letters.occurring(dataset.classes)
    elif targets.ndim == 1:
        members_NC = targets[:, None] == np.arange(len(dataset.classes))
    else:
        members_NC = targets == 1
    counts_C = (members_NC & copied_N[:, None]).sum(axis=0)
    share_C = counts_C / np.maximum(members_NC.sum(axis=0), 1)
    worst = int(np.argmax(np.where(counts_C >= FEWEST, share_C, share_C / 1e6)))
    name = dataset.classes[worst] if dataset.classes else worst
    kind = "class" if dataset.classes else "label"
    count, members = int(counts_C[worst]), int(members_NC[:, worst].sum())
    measured = f"{count:,} of {members:,} of {kind} {name} ({share_C[worst]:.1%})"
    says = f"the {kind} whose test items are most often copies of train items"
    return _finding(check, float(share_C[worst]), measured, says, count)


def _near(test: ItemMarks, settings: AuditSettings) -> Finding:
    near_N = test.near_of_N >= 0
    most = f", the median at {np.median(test.identity_N[near_N]):.1%}" if near_N.any() else ""
    says = f"no copies, but at least {settings.near:.0%} identical to a train item{most}"
    return _share("near-duplicates", near_N, "test items", says)


def _stretches(dataset: Dataset, test: ItemMarks, settings: AuditSettings) -> Finding:
    check = "shared stretches"
    if int(dataset.splits["test"].lengths.max()) < (settings.stretch or 0):
        return _finding(check, 0.0, "–", f"no test sequence has {settings.stretch} letters")
    # Copies share all of theirs, which is told already.
    shared_N = (test.stretch_share_N > 0) & ~test.leaked_N
    most = int((shared_N & (test.stretch_share_N >= 0.5)).sum())
    says = (
        f"no copies or near-duplicates, but with an exact stretch of {settings.stretch} letters from train; "
        f"{most:,} share over half of theirs"
    )
    found = _share(check, shared_N, "test items", says)
    # Items of several sequences share whole ones as a rule, of which `sequences seen` tells.
    several = dataset.n_seqs > 1 and found.severity == "red"
    return replace(found, severity="yellow", red=None) if several else found


def _seen(dataset: Dataset, test: ItemMarks) -> Finding:
    every = int((test.seen_N == dataset.n_seqs).sum())
    says = f"hold a sequence that train holds; of {every:,} all {dataset.n_seqs} occur there"
    return _share("sequences seen", test.seen_N > 0, "test items", says)


def _overlap(test: ItemMarks) -> Finding:
    says = "their coordinates overlap an interval of train"
    return _share("overlapping intervals", np.nan_to_num(test.overlap_N) > 0, "test items", says)


def _conflicts(test: ItemMarks) -> Finding:
    says = "an equal item, in any split, has another label, so not all can be answered rightly"
    return _share("conflicting labels", test.conflict_N, "test items", says)


def _repeats(test: ItemMarks) -> Finding:
    return _share("repeats within test", test.repeat_N, "test items", "stood in test before, and count again")


def _eval_copies(marks: ItemMarks) -> Finding:
    """What is chosen on such an eval split is chosen by memory; it spoils choices, not the test score."""
    leaked_N = marks.leaked_N
    share = float(leaked_N.mean())
    return Finding(
        check="eval leaks",
        severity="yellow" if share >= THRESHOLDS["near-duplicates"].yellow else "green",
        measured=f"{int(leaked_N.sum()):,} of {len(leaked_N):,} eval items ({share:.1%})",
        share=share,
        yellow=THRESHOLDS["near-duplicates"].yellow,
        red=None,
        says="copies or near-duplicates of train items; epochs and layers chosen there favour memory",
    )


def _balance(dataset: Dataset) -> Finding:
    shift = shift_of_labels(dataset)
    what = {
        Task.CLASSIFICATION: "shares of the classes in train and test differ by so much in total",
        Task.LABELS: "the label whose share in train and test differs most",
        Task.REGRESSION: "distance of the targets' distributions in train and test (Kolmogorov-Smirnov)",
    }[dataset.task]
    return _finding("label balance", shift, f"{shift:.1%}", what)


def _writing(splits: Sequence[AuditedSplit]) -> list[Finding]:
    unknown = max(facts.unknown_letters for facts in splits)
    lower = max(facts.lower_case for facts in splits)
    return [
        _finding(
            "unknown letters", unknown, f"{unknown:.2%} of the letters",
            "outside the alphabet (N and other ambiguity codes), in the split with most",
        ),
        _finding("lower case", lower, f"{lower:.2%} of the letters", "in the split with most"),
    ]  # fmt: skip


def _control(control: ControlScore, kmers: ControlScore | None) -> Finding:
    of = _ALIKE.get(control.control, control.control)
    limits = THRESHOLDS[of]
    if control.reason is not None or control.way is None:
        reason = control.reason or f"{control.judged} is undefined on test"
        return Finding(
            check=control.control, severity="green", measured="–", share=None,
            yellow=limits.yellow, red=limits.red, says=f"not applicable: {reason}",
        )  # fmt: skip
    values = [(metric, control.value(metric)) for metric in SHOWN]
    shown = [f"{metric} {value:.3f}" for metric, value in values if value is not None]
    way = max(0.0, control.way) if control.certain else 0.0
    shown.append(f"{way:.0%} of the way")
    finding = _finding(control.control, way, ", ".join(shown), f"given only {control.knows}", of=of)
    if finding.severity != "green":
        finding = replace(finding, says=f"{finding.says}; {limits.why}")
    if control.control == "length alone" and finding.severity == "yellow" and kmers is not None:
        best = kmers.way or 0.0
        if best > 0 and way >= OF_KMERS * best:
            says = f"given only {control.knows} it does {way / best:.0%} of what k-mer counts do"
            return replace(finding, severity="red", says=says)
    return finding
