"""An audit on disk: `audit.json`, a line an item of eval and test, and one short page for all data sets."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np

from seqbench.catalog.audit_records import AuditRecord, ItemMarks
from seqbench.core.atomic import atomic_write, check_free, remove_stale
from seqbench.core.spreadsheet import markdown_text
from seqbench.core.types import SplitName
from seqbench.errors import DataError

ItemFormat = Literal["jsonl", "parquet"]
FORMAT: Final = 1
"""Version of `audit.json` and of the items' keys."""
SUMMARY: Final = "audit.md"
_TOGETHER: Final = 4096
"""Items that are turned into values of Python at a time, some 700 bytes each."""

_ROWS: Final = {
    "copy_of": "copy_of_N",
    "reverse_copy_of": "reverse_copy_of_N",
    "reordered_copy_of": "reordered_copy_of_N",
    "near_duplicate_of": "near_of_N",
    "stretch_of": "stretch_of_N",
}


def as_json(record: AuditRecord) -> dict[str, Any]:
    """Everything but the marks of single items, ready for JSON."""
    return {
        "format": FORMAT,
        "dataset": record.dataset,
        "verdict": record.verdict,
        "sha256": record.sha256,
        "task": record.task.value,
        "alphabet": record.alphabet,
        "settings": dict(record.settings),
        "splits": {facts.split: facts.facts for facts in record.splits},
        "findings": [asdict(finding) for finding in record.findings],
        "controls": [asdict(control) for control in record.controls],
        "seconds": round(record.seconds, 3),
    }


def columns(marks: ItemMarks, split: SplitName, first: int = 0) -> dict[str, list[Any]]:
    """The marks of items by column; rows count items from `first`, None is what there is not."""
    n_items = len(marks.copy_of_N)
    found: dict[str, list[Any]] = {"split": [split] * n_items, "row": list(range(first, first + n_items))}
    for name, field in _ROWS.items():
        found[name] = [row if row >= 0 else None for row in getattr(marks, field).tolist()]
    found |= {
        "identity": _rounded(marks.identity_N),
        "near_duplicate_opposite": marks.near_opposite_N.tolist(),
        "stretch_share": _rounded(marks.stretch_share_N),
        "sequences_seen": marks.seen_N.tolist(),
        "overlap": _rounded(marks.overlap_N),
        "conflict": marks.conflict_N.tolist(),
        "repeat": marks.repeat_N.tolist(),
        "clean": marks.clean_N.tolist(),
    }
    return found


def check_writable(folder: Path, names: Sequence[str], items: ItemFormat) -> None:
    """See, before the work, that nothing is there yet and that the format can be written.

    What killed audits left half written in the folder goes.

    Raises:
        DataError: A file is there already, or pyarrow is not installed.
    """
    if items == "parquet" and find_spec("pyarrow") is None:
        raise DataError("pyarrow is not installed (pip install 'seqbench[export]', or --items jsonl)")
    remove_stale(folder, depth=2)  # <data set>/<target>
    for path in (folder / SUMMARY, *(folder / name for name in names)):
        check_free(path, "choose another --out, or remove it")


def write_audit(folder: Path, record: AuditRecord, items: ItemFormat) -> list[Path]:
    """Write `<folder>/<data set>/audit.json` and `items.jsonl` or `items.parquet`.

    Raises:
        DataError: A file can't be written.
    """
    place = folder / record.dataset
    writers: dict[Path, Callable[[Path], None]] = {}
    if items == "jsonl":
        writers[place / "items.jsonl"] = lambda path: _write_jsonl(path, record.marks)
    else:
        writers[place / "items.parquet"] = lambda path: _write_parquet(path, record.marks)
    text = json.dumps(as_json(record), indent=2, ensure_ascii=False) + "\n"
    writers[place / "audit.json"] = lambda path: _write_text(path, text)
    for path, write in writers.items():
        _whole(path, write)
    return list(writers)


def write_summary(folder: Path, records: Sequence[AuditRecord]) -> Path:
    """Write `audit.md`: a line a data set, then what is not green.

    Raises:
        DataError: It can't be written.
    """
    path = folder / SUMMARY
    _whole(path, lambda partial: _write_text(partial, markdown(records)))
    return path


def markdown(records: Sequence[AuditRecord]) -> str:
    """The page that `write_summary` writes."""
    lines = [
        "# Audit",
        "",
        "| data set | verdict | test items | clean | red | yellow |",
        "|---|---|---|---|---|---|",
    ]
    for record in records:
        test = next(facts for facts in record.splits if facts.split == "test")
        red, yellow = (
            ", ".join(each.check for each in record.findings if each.severity == kind) or "–"
            for kind in ("red", "yellow")
        )
        clean = f"{test.marks['clean']:,}"
        lines.append(
            f"| {record.dataset} | {record.verdict} | {test.n_items:,} | {clean} | {red} | {yellow} |"
        )
    for record in records:
        lines += [
            "",
            f"## {record.dataset}",
            "",
            "| check | severity | measured | in words |",
            "|---|---|---|---|",
        ]
        for each in record.findings:
            cells = map(markdown_text, (each.check, each.severity, each.measured, each.says))
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _rounded(values: Any) -> list[float | None]:
    return [None if np.isnan(value) else round(value, 6) for value in values.tolist()]


def _parts(marks: Mapping[SplitName, ItemMarks]) -> Iterator[dict[str, list[Any]]]:
    """The columns of some items at a time, splits one after the other."""
    for split, mine in marks.items():
        for start in range(0, len(mine.copy_of_N), _TOGETHER):
            yield columns(mine.part(start, start + _TOGETHER), split, start)


def _write_jsonl(path: Path, marks: Mapping[SplitName, ItemMarks]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for found in _parts(marks):
            for values in zip(*found.values(), strict=True):
                file.write(json.dumps(dict(zip(found, values, strict=True))) + "\n")


def _write_parquet(path: Path, marks: Mapping[SplitName, ItemMarks]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {"split": pa.string(), "row": pa.int64(), "sequences_seen": pa.int64()}
    kinds |= dict.fromkeys(_ROWS, pa.int64())
    kinds |= dict.fromkeys(("identity", "stretch_share", "overlap"), pa.float64())
    names = columns(next(iter(marks.values())).part(0, 0), "test")
    schema = pa.schema([(name, kinds.get(name, pa.bool_())) for name in names])
    with pq.ParquetWriter(path, schema) as writer:
        for found in _parts(marks):
            writer.write_table(pa.table(found, schema=schema))


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _whole(path: Path, write: Callable[[Path], None]) -> None:
    """Write beside, then rename: a file under its name is complete."""
    try:
        with atomic_write(path) as partial:
            write(partial)
    except OSError as error:
        raise DataError(f"{path}: can't be written: {error.strerror or error}") from error
