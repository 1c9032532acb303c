"""What `seqbench datasets audit` prints: the splits, a line a check, and what is not green in words."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from seqbench.catalog.audit_records import AuditedSplit, AuditRecord

WIDE = 150
"""Columns from which each check's sentence stands in its line."""
MARKS = {"red": "RED", "yellow": "yellow", "green": "green"}
"""Red is told without colours as well."""
_MOST_LABELS = 6


def print_audit(record: "AuditRecord", out: "Console") -> None:
    """Print one data set's audit."""
    wide = out.width >= WIDE
    out.print(
        f"{record.dataset}, {record.alphabet}, {record.task.value}",
        style="bold",
        markup=False,
        highlight=False,
    )
    out.print(_splits(record, wide=wide))
    out.print(_checks(record, wide=wide))
    if not wide:
        for finding in record.findings:
            if finding.severity != "green":
                out.print(
                    f"{MARKS[finding.severity]}: {finding.check}: {finding.measured}; {finding.says}",
                    style=finding.severity, markup=False, highlight=False,
                )  # fmt: skip
    out.print(_verdict(record), style=record.verdict, markup=False, highlight=False)


def _table() -> "Table":
    from rich import box
    from rich.table import Table

    return Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)


def _splits(record: "AuditRecord", *, wide: bool) -> "Table":
    from rich.text import Text

    table = _table()
    table.add_column("split")
    for name in ("items", "clean", "length"):
        table.add_column(name, justify="right", overflow="fold")
    table.add_column("labels", overflow="fold")
    if wide:
        for name in ("median", "GC", "unknown", "lower case"):
            table.add_column(name, justify="right")
    for facts in record.splits:
        table.add_row(*(Text(text) for text in _split(facts, wide=wide)))
    return table


def _split(facts: "AuditedSplit", *, wide: bool) -> list[str]:
    shortest, _, median, _, longest = facts.length_quantiles
    length = f"{shortest:,.0f}" if shortest == longest else f"{shortest:,.0f}–{longest:,.0f}"
    labels = [f"{name}: {value:,.4g}" for name, value in list(facts.labels.items())[:_MOST_LABELS]]
    if len(facts.labels) > _MOST_LABELS:
        labels.append(f"… {len(facts.labels) - _MOST_LABELS} more")
    clean = f"{facts.marks['clean']:,}" if "clean" in facts.marks else ""
    row = [facts.split, f"{facts.n_items:,}", clean, length, "  ".join(labels)]
    if wide:
        gc = "" if facts.gc is None else f"{facts.gc:.1%}"
        row += [f"{median:,.0f}", gc, f"{facts.unknown_letters:.2%}", f"{facts.lower_case:.2%}"]
    return row


def _checks(record: "AuditRecord", *, wide: bool) -> "Table":
    from rich.text import Text

    table = _table()
    table.add_column("check", overflow="fold")
    table.add_column("", no_wrap=True)
    table.add_column("measured", overflow="fold")
    table.add_column("yellow from", justify="right", no_wrap=True)
    table.add_column("red from", justify="right", no_wrap=True)
    if wide:
        table.add_column("in words", overflow="fold")
    for finding in record.findings:
        table.add_row(
            Text(finding.check),
            Text(MARKS[finding.severity], style=finding.severity),
            Text(finding.measured),
            Text(_limit(finding.yellow)),
            Text(_limit(finding.red)),
            *([Text(finding.says)] if wide else []),
        )
    return table


def _limit(share: float | None) -> str:
    if share is None:
        return "–"
    return "any" if share == 0 else f"{100 * share:.3g}%"


def _verdict(record: "AuditRecord") -> str:
    counts = [
        f"{sum(each.severity == kind for each in record.findings)} {kind}"
        for kind in ("red", "yellow", "green")
    ]
    return f"verdict: {MARKS[record.verdict]} ({', '.join(counts)}), in {record.seconds:.1f} s"
