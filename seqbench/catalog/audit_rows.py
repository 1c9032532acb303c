"""Audits, and scores on clean items, as columns of their tables.

Shape letters: N items of a split.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqbench.catalog.audit_records import AuditRecord, CleanRecord, ControlScore, ItemMarks
from seqbench.catalog.columns import Columns, integers, lists, now, numbers, objects, texts
from seqbench.metrics import MetricScore

ROWS_OF_TRAIN = {
    "copy_of": "copy_of_N",
    "reverse_copy_of": "reverse_copy_of_N",
    "reordered_copy_of": "reordered_copy_of_N",
    "near_duplicate_of": "near_of_N",
    "stretch_of": "stretch_of_N",
}
"""Columns that hold rows of train, and the marks that they are."""
SHARES = {"identity": "identity_N", "stretch_share": "stretch_share_N", "overlap": "overlap_N"}
"""Columns that hold shares."""
AS_THEY_ARE = {
    "near_duplicate_opposite": "near_opposite_N",
    "sequences_seen": "seen_N",
    "conflict": "conflict_N",
    "repeat": "repeat_N",
}
"""Columns that always hold something."""


def audit_columns(records: Sequence[AuditRecord]) -> Columns:
    """The rows of `audits`."""
    return {
        **_keys(records),
        "task": texts(str(r.task) for r in records),
        "alphabet": texts(r.alphabet for r in records),
        "verdict": texts(r.verdict for r in records),
        "settings": objects(r.settings for r in records),
        "method": integers(r.method for r in records),
        "marks_sha256": texts(r.marks_sha256 for r in records),
        "seconds": numbers(r.seconds for r in records),
        "recorded_at": now(len(records)),
    }


def split_columns(records: Sequence[AuditRecord]) -> Columns:
    """The rows of `audit_splits`."""
    pairs = [(record, facts) for record in records for facts in record.splits]
    return {
        **_keys([record for record, _ in pairs]),
        "split": texts(facts.split for _, facts in pairs),
        "n_items": integers(facts.n_items for _, facts in pairs),
        "letters": integers(facts.letters for _, facts in pairs),
        "length_quantiles": lists(facts.length_quantiles for _, facts in pairs),
        "labels": objects(dict(facts.labels) for _, facts in pairs),
        "unknown_letters": numbers(facts.unknown_letters for _, facts in pairs),
        "lower_case": numbers(facts.lower_case for _, facts in pairs),
        "gc": numbers(facts.gc for _, facts in pairs),
        "marks": objects(dict(facts.marks) for _, facts in pairs),
    }


def finding_columns(records: Sequence[AuditRecord]) -> Columns:
    """The rows of `audit_findings`."""
    rows = [(r, number, finding) for r in records for number, finding in enumerate(r.findings)]
    return {
        **_keys([record for record, _, _ in rows]),
        "number": integers(number for _, number, _ in rows),
        "check_name": texts(finding.check for _, _, finding in rows),
        "severity": texts(finding.severity for _, _, finding in rows),
        "measured": texts(finding.measured for _, _, finding in rows),
        "share": numbers(finding.share for _, _, finding in rows),
        "yellow": numbers(finding.yellow for _, _, finding in rows),
        "red": numbers(finding.red for _, _, finding in rows),
        "says": texts(finding.says for _, _, finding in rows),
    }


def control_columns(records: Sequence[AuditRecord]) -> Columns:
    """The rows of `audit_controls`."""
    rows = [(r, number, control) for r in records for number, control in enumerate(r.controls)]
    judged = [_judged(control) for _, _, control in rows]
    return {
        **_keys([record for record, _, _ in rows]),
        "number": integers(number for _, number, _ in rows),
        "control": texts(control.control for _, _, control in rows),
        "knows": texts(control.knows for _, _, control in rows),
        "n_train": integers(control.n_train for _, _, control in rows),
        "n_test": integers(control.n_test for _, _, control in rows),
        "judged": texts(control.judged for _, _, control in rows),
        "value": numbers(score.value for score in judged),
        "low": numbers(score.low for score in judged),
        "high": numbers(score.high for score in judged),
        "way": numbers(control.way for _, _, control in rows),
        "certain": np.array([control.certain for _, _, control in rows], dtype=bool),
        "reason": texts(control.reason for _, _, control in rows),
        "metrics": objects(_by_metric(control.metrics) for _, _, control in rows),
    }


def item_columns(records: Sequence[AuditRecord]) -> Columns:
    """The rows of `audit_items`: 200,000 are made in 0.05 s."""
    parts = [_items(record, split, marks) for record in records for split, marks in record.marks.items()]
    return {name: _joined([part[name] for part in parts]) for name in parts[0]} if parts else {}


def clean_columns(records: Mapping[str, CleanRecord]) -> Columns:
    """The rows of `clean_metrics`, from records by their key."""
    rows = [(key, record, score) for key, record in records.items() for score in record.metrics]
    return {
        "key": texts(key for key, _, _ in rows),
        "dataset": texts(record.dataset for _, record, _ in rows),
        "probe_id": integers(record.probe_id for _, record, _ in rows),
        "marks_sha256": texts(record.marks_sha256 for _, record, _ in rows),
        "n_resamples": integers(record.n_resamples for _, record, _ in rows),
        "n_items": integers(record.n_items for _, record, _ in rows),
        "n_clean": integers(record.n_clean for _, record, _ in rows),
        "metric": texts(score.metric for _, _, score in rows),
        "value": numbers(score.value for _, _, score in rows),
        "low": numbers(score.low for _, _, score in rows),
        "high": numbers(score.high for _, _, score in rows),
        "reason": texts(score.reason for _, _, score in rows),
        "recorded_at": now(len(rows)),
    }


def _keys(records: Sequence[AuditRecord]) -> Columns:
    return {"dataset": texts(r.dataset for r in records), "sha256": texts(r.sha256 for r in records)}


_UNKNOWN = MetricScore(metric="", value=None, low=None, high=None, reason=None)


def _judged(control: ControlScore) -> MetricScore:
    return next((score for score in control.metrics if score.metric == control.judged), _UNKNOWN)


def _by_metric(scores: Iterable[MetricScore]) -> dict[str, object]:
    made = {score.metric: asdict(score) for score in scores}
    return {metric: {key: each[key] for key in each if key != "metric"} for metric, each in made.items()}


def _joined(columns: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """One column of several; NumPy's own `concatenate` forgets what is masked."""
    join = np.ma.concatenate if isinstance(columns[0], np.ma.MaskedArray) else np.concatenate
    joined: NDArray[Any] = join(columns)
    return joined


def _items(record: AuditRecord, split: str, marks: ItemMarks) -> dict[str, NDArray[Any]]:
    n_items = len(marks.copy_of_N)
    given = {"dataset": record.dataset, "sha256": record.sha256, "split": split}
    found: dict[str, NDArray[Any]] = {
        name: np.full(n_items, text, dtype=object) for name, text in given.items()
    }
    found["item"] = np.arange(n_items, dtype=np.int32)
    for name, field in ROWS_OF_TRAIN.items():
        row_N = getattr(marks, field)
        found[name] = np.ma.masked_array(row_N.astype(np.int32), mask=row_N < 0)
    for name, field in SHARES.items():
        share_N = getattr(marks, field)
        found[name] = np.ma.masked_array(share_N.astype(np.float64), mask=np.isnan(share_N))
    found |= {name: getattr(marks, field) for name, field in AS_THEY_ARE.items()}
    return found | {"clean": marks.clean_N}
