"""Audits for the tests of catalog and report: five test items, of which as many are clean as a test wants."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from seqbench.catalog.audit_records import (
    AuditedSplit,
    AuditRecord,
    CleanRecord,
    ControlScore,
    Finding,
    ItemMarks,
)
from seqbench.core.types import SplitName, Task
from seqbench.metrics import MetricScore

CLEAN = (True, False, True, False, True)


def marks(clean: Sequence[bool]) -> ItemMarks:
    """Items that are clean, or copies of the train row of their own number."""
    clean_N = np.array(clean, dtype=bool)
    none_N = np.full(len(clean_N), -1)
    unknown_N = np.full(len(clean_N), np.nan)
    false_N = np.zeros(len(clean_N), dtype=bool)
    return ItemMarks(
        copy_of_N=np.where(clean_N, -1, np.arange(len(clean_N))),
        reverse_copy_of_N=none_N,
        reordered_copy_of_N=none_N,
        near_of_N=none_N,
        identity_N=np.where(clean_N, np.nan, 1.0),
        near_opposite_N=false_N,
        stretch_share_N=np.where(clean_N, 0.25, 1.0),
        stretch_of_N=np.where(clean_N, 7, np.arange(len(clean_N))),
        seen_N=np.where(clean_N, 0, 1),
        overlap_N=unknown_N,
        conflict_N=false_N,
        repeat_N=false_N,
    )


def facts(split: SplitName, n_items: int, counts: Mapping[str, int]) -> AuditedSplit:
    return AuditedSplit(
        split=split,
        n_items=n_items,
        letters=60 * n_items,
        length_quantiles=(50.0, 55.5, 60.0, 64.5, 70.0),
        labels={"0": n_items - 2, "1": 2},
        unknown_letters=0.001,
        lower_case=0.0,
        gc=0.4,
        marks=counts,
    )


def finding(
    check: str = "copies", severity: Any = "red", share: float | None = 0.4, red: float | None = 0.05
) -> Finding:
    return Finding(
        check=check,
        severity=severity,
        measured="2 of 5 test items (40.0%)",
        share=share,
        yellow=0.0,
        red=red,
        says="memory answers them",
    )


FINDINGS = (
    finding(),
    finding("label balance", "yellow", 0.2, None),
    finding("repeats within test", "green", 0.0),
)
CONTROLS = (
    ControlScore(
        control="length alone",
        knows="the number of letters",
        n_train=10,
        n_test=5,
        metrics=(
            MetricScore(metric="accuracy", value=0.75, low=0.5, high=1.0, reason=None),
            MetricScore(metric="roc_auc", value=None, low=None, high=None, reason="one class"),
        ),
        way=0.5,
        judged="accuracy",
        certain=True,
    ),
    ControlScore(
        control="sequence identity alone",
        knows="how often each sequence was positive",
        n_train=0,
        n_test=0,
        metrics=(),
        way=None,
        judged="roc_auc",
        certain=False,
        reason="items have one sequence",
    ),
)


def audit_record(
    dataset: str = "splice", sha256: str = "s", clean: Sequence[bool] = CLEAN, **changed: Any
) -> AuditRecord:
    """An audit that found those test items to be copies that are not clean."""
    found: dict[SplitName, ItemMarks] = {"eval": marks(CLEAN[:3]), "test": marks(clean)}
    given: dict[str, Any] = {
        "task": Task.CLASSIFICATION,
        "alphabet": "dna",
        "settings": {"near": 0.9, "k": 6, "stretch": None},
        "splits": (
            facts("train", 10, {"repeat": 1, "conflict": 0}),
            *(facts(split, len(each.copy_of_N), each.counts()) for split, each in found.items()),
        ),
        "findings": FINDINGS,
        "controls": CONTROLS,
        "marks": found,
        "seconds": 1.5,
        "method": 1,
    }
    return AuditRecord(dataset=dataset, sha256=sha256, **given | changed)


def clean_record(audit: AuditRecord, probe_id: int, **scores: float | None) -> CleanRecord:
    """Scores of a probe on the clean items of an audit."""
    clean_N = audit.marks["test"].clean_N
    return CleanRecord(
        dataset=audit.dataset,
        probe_id=probe_id,
        marks_sha256=audit.marks_sha256,
        n_resamples=1000,
        n_items=len(clean_N),
        n_clean=int(clean_N.sum()),
        metrics=tuple(
            MetricScore(
                metric=metric, value=value, low=value, high=value, reason=None if value else "undefined"
            )
            for metric, value in scores.items()
        ),
    )


def same(one: AuditRecord, other: AuditRecord) -> bool:
    """Whether two audits hold the same; arrays are compared by their cells."""
    plain = [name for name in AuditRecord.__slots__ if name != "marks"]
    fields = ItemMarks.__slots__
    return (
        all(getattr(one, name) == getattr(other, name) for name in plain)
        and list(one.marks) == list(other.marks)
        and all(
            np.array_equal(getattr(one.marks[split], name), getattr(other.marks[split], name), equal_nan=True)
            for split in one.marks
            for name in fields
        )
    )
