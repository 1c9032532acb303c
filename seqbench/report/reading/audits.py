"""What the catalog holds of audits of the data sets."""

import json
from collections import defaultdict
from typing import Any

from seqbench.catalog.audit_records import Finding
from seqbench.core.types import SPLITS
from seqbench.report.reading.current import Reader
from seqbench.report.subjects import AuditControl, AuditSplit, DatasetAudit

_AUDITS = """
SELECT dataset, is_current, verdict, recorded_at FROM audit WHERE list_contains($datasets, dataset)
"""
_FINDINGS = """
SELECT f.dataset, check_name, severity, measured, share, f.yellow, f.red, says
FROM audit_findings f JOIN audit a ON (a.dataset, a.sha256) = (f.dataset, f.sha256)
WHERE list_contains($datasets, f.dataset)
ORDER BY number
"""
_SPLITS = """
SELECT s.dataset, split, n_items, marks
FROM audit_splits s JOIN audit a ON (a.dataset, a.sha256) = (s.dataset, s.sha256)
WHERE list_contains($datasets, s.dataset)
"""
_CONTROLS = """
SELECT c.dataset, control, knows, judged, value, low, high, way, certain, reason
FROM audit_controls c JOIN audit a ON (a.dataset, a.sha256) = (c.dataset, c.sha256)
WHERE list_contains($datasets, c.dataset)
ORDER BY number
"""


def read_audits(reader: Reader) -> tuple[DatasetAudit, ...]:
    """Read the audits of the selection's data sets, in their order; see `Results.audits`."""
    audits = {row[0]: row for row in reader.named(_AUDITS)}
    if not audits:
        return ()
    findings, controls, splits = (_by_dataset(reader, sql) for sql in (_FINDINGS, _CONTROLS, _SPLITS))
    return tuple(
        DatasetAudit(
            dataset=name,
            is_current=audits[name][1] is not False,  # of data that were never used it is not known
            verdict=audits[name][2],
            recorded_at=audits[name][3],
            findings=tuple(_finding(*row) for row in findings[name]),
            splits=tuple(_split(*row) for row in sorted(splits[name], key=lambda row: SPLITS.index(row[0]))),
            controls=tuple(_control(*row) for row in controls[name]),
        )
        for name in reader.selection.datasets
        if name in audits
    )


def _by_dataset(reader: Reader, sql: str) -> dict[str, list[tuple[Any, ...]]]:
    found: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for name, *row in reader.named(sql):
        found[name].append(tuple(row))
    return found


def _finding(
    check: str,
    severity: Any,
    measured: str,
    share: float | None,
    yellow: float | None,
    red: float | None,
    says: str,
) -> Finding:
    return Finding(
        check=check, severity=severity, measured=measured, share=share, yellow=yellow, red=red, says=says
    )


def _split(split: Any, n_items: int, marks: str) -> AuditSplit:
    return AuditSplit(split=split, n_items=n_items, marks=json.loads(marks))


def _control(*row: Any) -> AuditControl:
    names = ("control", "knows", "judged", "value", "low", "high", "way", "certain", "reason")
    return AuditControl(**dict(zip(names, row, strict=True)))
