"""The table that `seqbench plan` prints."""

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from seqbench.core.progress import human

if TYPE_CHECKING:
    from rich.table import Table

    from seqbench.schedule.plan import Plan, Quantity


def plan_table(made: "Plan") -> "Table":
    """A row a model and data set with what each stage says of it, and a total.

    Letters are of what is to be extracted: tokens are only known once a tokenizer has made them. Bytes are
    those of all embeddings before compression.
    """
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, show_footer=True)
    table.add_column("model", "all", overflow="fold")
    table.add_column("data set", overflow="fold")
    rows: dict[tuple[str, str], dict[str, Quantity]] = {}
    columns: dict[str, list[Quantity]] = {}
    for share in made.shares:
        row = rows.setdefault((share.model, share.dataset), {})
        for quantity in share.quantities:
            row[quantity.column] = quantity
            columns.setdefault(quantity.column, []).append(quantity)
    for column, quantities in columns.items():
        table.add_column(column, _total(quantities), justify="right")
    for names, row in rows.items():
        table.add_row(*names, *(_text(row[column]) if column in row else "" for column in columns))
    return table


def labels_table(made: "Plan") -> "Table":
    """A row a data set: what is predicted, and the metric that ranks it."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in ("data set", "labels, ranked by"):
        table.add_column(column, overflow="fold")
    for dataset, labels in {share.dataset: share.labels for share in made.shares if share.labels}.items():
        table.add_row(dataset, labels)
    return table


def _total(quantities: "Iterable[Quantity]") -> str:
    known = [quantity for quantity in quantities if quantity.amount is not None]
    return _text(replace(known[0], amount=sum(each.amount or 0 for each in known))) if known else "?"


def _text(quantity: "Quantity") -> str:
    if quantity.amount is None:
        return "?"
    if quantity.form == "bytes":
        return f"{human(quantity.amount)}B"
    return human(quantity.amount) if quantity.form == "short" else f"{quantity.amount:,}"
