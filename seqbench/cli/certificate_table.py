"""The table that `seqbench models check` prints: a line a check, then what is wrong and what to do."""

from typing import TYPE_CHECKING

from seqbench.core.progress import human

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from seqbench.models.preflight import Certificate, Check

WIDE = 150
"""Columns from which each check's sentence stands in its line."""

COLOURS = {"pass": "green", "warn": "yellow", "fail": "red"}


def print_certificate(certificate: "Certificate", out: "Console") -> None:
    """Print one model's checks, what to do about those that did not pass, and the verdict."""
    place = f" on {certificate.device}" if certificate.device else ""
    out.print(f"{certificate.model}, {certificate.dtype}{place}", style="bold", markup=False, highlight=False)
    wide = out.width >= WIDE
    out.print(_table(certificate, wide=wide))
    for check in certificate.checks:
        if check.advice:
            where = f" on {check.dataset}" if check.dataset else ""
            told = check.advice if wide else f"{check.says} {check.advice}"
            out.print(f"{check.verdict.value}: {check.name}{where}: {told}", markup=False, highlight=False)
    out.print(_verdict(certificate), markup=False, highlight=False)


def _table(certificate: "Certificate", *, wide: bool) -> "Table":
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("check", overflow="fold")
    table.add_column("", no_wrap=True)
    table.add_column("measured", overflow="fold")
    table.add_column("passes up to", no_wrap=True, justify="right")
    if wide:
        table.add_column("in words", overflow="fold")
    dataset = None
    for check in certificate.checks:
        if check.dataset != dataset:
            dataset = check.dataset
            table.add_row(Text(f"on {dataset}", style="bold"))
        table.add_row(
            Text(f"  {check.name}" if dataset else check.name),
            Text(check.verdict.value, style=COLOURS[check.verdict.value]),
            Text(check.measured),
            _tolerance(check),
            *([Text(check.says)] if wide else []),
        )
    return table


def _tolerance(check: "Check") -> str:
    if check.tolerance is None:
        return ""
    return f"{human(check.tolerance)}B" if check.name == "memory" else f"{check.tolerance:.2g}"


def _verdict(certificate: "Certificate") -> str:
    counts = [
        f"{sum(check.verdict.value == kind for check in certificate.checks)} {word}"
        for kind, word in (("pass", "passed"), ("warn", "warned"), ("fail", "failed"))
        if any(check.verdict.value == kind for check in certificate.checks)
    ]
    return f"verdict: {certificate.verdict.value} ({', '.join(counts)})"
