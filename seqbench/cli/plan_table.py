"""The table that `seqbench plan` prints."""

from typing import TYPE_CHECKING

from seqbench.core.progress import human

if TYPE_CHECKING:
    from rich.table import Table

    from seqbench.schedule.plan import Pair, Plan
    from seqbench.schedule.survey import Survey

COLUMNS = ("layers", "items", "to extract", "letters", "raw bytes", "probes", "to train")


def plan_table(found: "Survey", made: "Plan") -> "Table":
    """A row a model and data set, and a total.

    Letters are of what is to be extracted: tokens are only known once a tokenizer has made them. Bytes are
    those of all embeddings before compression.
    """
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, show_footer=True)
    table.add_column("model", "all", overflow="fold")
    table.add_column("data set", overflow="fold")
    total = [0] * len(COLUMNS)
    rows = []
    for pair in found.pairs:
        numbers = _numbers(pair, made)
        total = [so_far + number for so_far, number in zip(total, numbers, strict=True)]
        rows.append((pair.model, pair.dataset, *_texts(numbers)))
    for column, text in zip(COLUMNS, _texts(total), strict=True):
        table.add_column(column, text, justify="right")
    for row in rows:
        table.add_row(*row)
    return table


def labels_table(found: "Survey") -> "Table":
    """A row a data set: what is predicted, and the metric that ranks it."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in ("data set", "labels, ranked by"):
        table.add_column(column, overflow="fold")
    for dataset, labels in {pair.dataset: pair.labels for pair in found.pairs}.items():
        table.add_row(dataset, labels)
    return table


def _numbers(pair: "Pair", made: "Plan") -> list[int]:
    mine = [task for task in made.extract if (task.model, task.dataset) == (pair.model, pair.dataset)]
    items = sum(split.n_items for split in pair.splits)
    return [
        len(pair.layers),
        items,
        sum(task.items for task in mine),
        sum(task.letters for task in mine),
        items * pair.row_bytes * len(pair.layers),
        pair.probes,
        pair.probes - pair.probes_known,
    ]


def _texts(numbers: list[int]) -> list[str]:
    layers, items, missing, letters, size, probes, untrained = numbers
    return [
        str(layers),
        f"{items:,}",
        f"{missing:,}",
        human(letters),
        f"{human(size)}B",
        f"{probes:,}",
        f"{untrained:,}",
    ]
