"""The leaderboard as a Rich table, for the end of a run."""

from collections.abc import Mapping, Sequence
from itertools import groupby, zip_longest
from typing import TYPE_CHECKING

from seqbench.report.leaderboard import LeaderRow
from seqbench.report.tables.table import MISSING, readable

if TYPE_CHECKING:
    from rich.table import Table

WIDE_COLUMNS = 110
"""From this width on there is room for the oracle and the number of probes."""
_DIGITS = 3
_NARROW = ("model", "head", "layer", "test", "gap")
_WIDE = ("model", "head", "layer", "test ± interval", "oracle", "gap", "probes")
_LEFT = ("model", "head")


def leaderboard_table(
    rows: Sequence[LeaderRow], ceilings: Mapping[str, float | None], columns: int
) -> "Table":
    """Lay out the leaderboard for a terminal: a block of lines a data set, controls dimmed.

    A layer stands as 4/6: layer 4 of a model whose last is 6; the score has half the width of its interval.

    Args:
        rows: From `leaderboard`.
        ceilings: By data set, the best attainable score by the data set's metric in `rows`.
        columns: Width of the terminal in letters; from 110 on, oracle and number of probes are shown too.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    heads = _WIDE if columns >= WIDE_COLUMNS else _NARROW
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    table.add_column("data set", overflow="fold")
    for head in heads:
        left = head in _LEFT
        table.add_column(head, justify="left" if left else "right", no_wrap=head != "model", overflow="fold")
    for dataset, group in groupby(rows, key=lambda row: row.dataset):
        members = list(group)
        lines = [(_cells(row), "dim" if row.control else "") for row in members]
        ceiling = ceilings.get(dataset)
        if ceiling is not None:
            lines.append(({"model": "ceiling", "test": readable(ceiling, _DIGITS)}, "dim italic"))
        titles = (Text(dataset, style="bold"), Text(members[0].metric, style="dim"))
        block = list(zip_longest(titles, lines))
        for index, (title, line) in enumerate(block):
            cells, style = line or ({}, "")
            texts = (Text(cells.get(head.split(" ")[0], ""), style=style) for head in heads)
            table.add_row(title or "", *texts, end_section=index == len(block) - 1)
    return table


def _cells(row: LeaderRow) -> dict[str, str]:
    """What stands below each heading (its first word)."""
    choice = row.choice
    has_layers = row.n_layers > 1
    oracle = f"{readable(choice.oracle_score, _DIGITS)} @ {choice.oracle_layer}"
    return {
        "model": row.model,
        "head": row.head,
        "layer": f"{choice.layer}/{row.n_layers - 1}" if has_layers else MISSING,
        "test": _score(row),
        "oracle": oracle if has_layers and choice.oracle_layer is not None else MISSING,
        "gap": readable(choice.gap, _DIGITS) if has_layers else MISSING,
        "probes": str(choice.test.n_probes),
    }


def _score(row: LeaderRow) -> str:
    test = row.choice.test
    score = readable(test.value, _DIGITS)
    if test.low is None or test.high is None:
        return score
    return f"{score} ±{readable((test.high - test.low) / 2, _DIGITS)}"
