"""Audits, and scores on clean items, as they come back from the catalog."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
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
from seqbench.catalog.audit_rows import AS_THEY_ARE, ROWS_OF_TRAIN, SHARES
from seqbench.core.types import SPLITS, SplitName, Task
from seqbench.metrics import MetricScore

Rows = list[tuple[Any, ...]]
Ask = Callable[[str, Sequence[object]], Rows]
"""Runs a query with its parameters."""

_OF = "WHERE dataset = ? AND sha256 = ?"
_AUDIT = f"SELECT task, alphabet, settings, method, seconds, recorded_at FROM audits {_OF}"  # noqa: S608
_FACTS = (
    "split",
    "n_items",
    "letters",
    "length_quantiles",
    "labels",
    "unknown_letters",
    "lower_case",
    "gc",
    "marks",
)
_FINDING = ("check_name", "severity", "measured", "share", "yellow", "red", "says")
_CONTROL = ("control", "knows", "n_train", "n_test", "judged", "way", "certain", "reason", "metrics")
_MARKS = ROWS_OF_TRAIN | SHARES | AS_THEY_ARE
_LISTS = ", ".join(
    [
        *(f"list(coalesce({name}, -1) ORDER BY item)" for name in ROWS_OF_TRAIN),
        *(f"list(coalesce({name}, 'nan'::DOUBLE) ORDER BY item)" for name in SHARES),
        *(f"list({name} ORDER BY item)" for name in AS_THEY_ARE),
    ]
)
_ITEMS = f"SELECT split, {_LISTS} FROM audit_items {_OF} GROUP BY split"  # noqa: S608
KNOWN_CLEAN = """
SELECT key, dataset, probe_id, marks_sha256, n_resamples, n_items, n_clean, metric, value, low, high, reason
FROM clean_metrics
WHERE key IN (SELECT unnest(?))
ORDER BY key
"""


def read_audit(ask: Ask, dataset: str, sha256: str) -> tuple[AuditRecord, datetime] | None:
    """The audit of a data set of that content, and when it was recorded (UTC).

    None where there is none, or not all of it: a catalog may come from an export of some tables.
    """
    key = (dataset, sha256)
    found = ask(_AUDIT, key)
    if not found:
        return None
    task, alphabet, settings, method, seconds, recorded_at = found[0]
    record = AuditRecord(
        dataset=dataset,
        sha256=sha256,
        task=Task(task),
        alphabet=alphabet,
        settings=json.loads(settings),
        method=method,
        seconds=seconds,
        splits=_splits(ask(_select(_FACTS, "audit_splits"), key)),
        findings=tuple(map(_finding, ask(_select(_FINDING, "audit_findings", "number"), key))),
        controls=tuple(map(_control, ask(_select(_CONTROL, "audit_controls", "number"), key))),
        marks=_marks(ask(_ITEMS, key)),
    )
    return (record, recorded_at) if _is_whole(record) else None


def _is_whole(record: AuditRecord) -> bool:
    """Whether each item of eval and test is marked."""
    marked = {split: len(marks.copy_of_N) for split, marks in record.marks.items()}
    wanted = {facts.split: facts.n_items for facts in record.splits if facts.split != "train"}
    return bool(record.splits) and marked == wanted


def clean_records(rows: Rows) -> dict[str, CleanRecord]:
    """Rows of `KNOWN_CLEAN` as the records that they came from, by key."""
    together: dict[str, list[tuple[Any, ...]]] = {}
    for row in rows:
        together.setdefault(row[0], []).append(row)
    return {key: _clean(found) for key, found in together.items()}


def _select(columns: Sequence[str], table: str, order: str = "ALL") -> str:
    return f"SELECT {', '.join(columns)} FROM {table} {_OF} ORDER BY {order}"  # noqa: S608


def _splits(rows: Rows) -> tuple[AuditedSplit, ...]:
    found = []
    for row in rows:
        given = dict(zip(_FACTS, row, strict=True))
        given |= {name: json.loads(given[name]) for name in ("labels", "marks")}
        found.append(AuditedSplit(**given | {"length_quantiles": tuple(given["length_quantiles"])}))
    return tuple(sorted(found, key=lambda facts: SPLITS.index(facts.split)))


def _finding(row: tuple[Any, ...]) -> Finding:
    check, *rest = row
    return Finding(check=check, **dict(zip(_FINDING[1:], rest, strict=True)))


def _control(row: tuple[Any, ...]) -> ControlScore:
    given = dict(zip(_CONTROL, row, strict=True))
    by_metric: Mapping[str, Mapping[str, Any]] = json.loads(given.pop("metrics"))
    scores = tuple(MetricScore(metric=metric, **score) for metric, score in by_metric.items())
    return ControlScore(**given, metrics=scores)


def _marks(rows: Rows) -> dict[SplitName, ItemMarks]:
    """Of a row a split, with a list a column."""
    by_split = {
        split: ItemMarks(
            **{field: np.array(cells) for field, cells in zip(_MARKS.values(), lists, strict=True)}
        )
        for split, *lists in rows
    }
    return {split: by_split[split] for split in SPLITS if split in by_split}


def _clean(rows: Rows) -> CleanRecord:
    _, dataset, probe_id, marks_sha256, n_resamples, n_items, n_clean, *_ = rows[0]
    scores = tuple(
        MetricScore(metric=metric, value=value, low=low, high=high, reason=reason)
        for *_, metric, value, low, high, reason in rows
    )
    return CleanRecord(
        dataset=dataset,
        probe_id=probe_id,
        marks_sha256=marks_sha256,
        n_resamples=n_resamples,
        n_items=n_items,
        n_clean=n_clean,
        metrics=scores,
    )
